// Who is told what.  The queries are in alerts.json; docs/operate.md says what each alert means and what to do.

@description('What makes names unique.')
param suffix string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Log Analytics workspace that is asked.')
param workspaceId string

@description('System topic whose dead letters are counted.')
param systemTopicId string

@description('Where alerts are sent, or empty.')
param alertEmail string

@description('Whether the activity log reaches the workspace.')
param watchDeployments bool

@description('Principal id of the identity that alone may write deployments.')
param deployerPrincipalId string

@description('Its client id.')
param deployerClientId string

@description('The Foundry account.')
param foundryAccountId string

@description('Monthly budget of the resource group; 0: none.')
param monthlyBudget int

@description('First day of the budget; empty: no budget in this deployment, one that exists stays.')
param budgetStart string

var logAlerts = filter(
  loadJsonContent('../alerts.json'),
  alert => watchDeployments || !contains(join(alert.query, ''), 'AzureActivity')
)

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'finetuning'
    enabled: true
    emailReceivers: empty(alertEmail)
      ? []
      : [
          {
            name: 'operators'
            emailAddress: alertEmail
            useCommonAlertSchema: true
          }
        ]
  }
}

resource logAlert 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in logAlerts: {
    name: 'alert-${alert.name}-${suffix}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: alert.title
      description: 'docs/operate.md#${alert.name}'
      severity: alert.severity
      enabled: true
      scopes: [
        workspaceId
      ]
      evaluationFrequency: alert.every
      windowSize: alert.window
      criteria: {
        allOf: [
          {
            query: contains(join(alert.query, ''), '{deployer}')
              ? replace(
                  replace(replace(join(alert.query, '\n'), '{account}', foundryAccountId), '{client}', deployerClientId),
                  '{deployer}',
                  deployerPrincipalId
                )
              : join(alert.query, '\n')
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      autoMitigate: true
      // The tables are made by the first record; a new workspace has none.
      skipQueryValidation: true
      actions: {
        actionGroups: [
          people.id
        ]
      }
    }
  }
]

resource deadLettered 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-dead-letters-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    description: 'docs/operate.md#dead-letters'
    severity: 3
    enabled: true
    scopes: [
      systemTopicId
    ]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'dead-lettered'
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: 'DeadLetteredCount'
          operator: 'GreaterThan'
          // Event Grid repeats no 401, and the first events after a pause may get one: a few are no fault, and the timer finds the uploads.
          threshold: 10
          timeAggregation: 'Total'
        }
      ]
    }
    autoMitigate: true
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}

resource undelivered 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-undelivered-events-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    description: 'docs/operate.md#undelivered-events'
    severity: 3
    enabled: true
    scopes: [
      systemTopicId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT30M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'delivery-failures'
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: 'DeliveryAttemptFailCount'
          operator: 'GreaterThan'
          threshold: 5
          timeAggregation: 'Total'
        }
      ]
    }
    autoMitigate: true
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}

resource budget 'Microsoft.Consumption/budgets@2023-11-01' = if (monthlyBudget > 0 && !empty(budgetStart)) {
  name: 'budget-${suffix}'
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: budgetStart
    }
    notifications: {
      actual: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: empty(alertEmail)
          ? []
          : [
              alertEmail
            ]
        contactGroups: [
          people.id
        ]
      }
      forecast: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: empty(alertEmail)
          ? []
          : [
              alertEmail
            ]
        contactGroups: [
          people.id
        ]
      }
    }
  }
}
