// A Foundry account with one project.  No deployments: those are what the app makes, and a template would fight it.

@description('Name of the account; also its subdomain.')
param accountName string

@description('Name of the project.')
param projectName string

@description('Region; which models can be tuned depends on it.')
param location string

@description('Tags of every resource.')
param tags object

@description('Reachable through a private endpoint only.')
param isPrivate bool

@description('The account was deleted and still holds its name: bring it back. Azure refuses this where nothing was deleted.')
param isRestored bool

@description('Log Analytics workspace.')
param workspaceId string

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: accountName
  location: location
  tags: tags
  kind: 'AIServices'
  sku: {
    name: 'S0'
  }
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    allowProjectManagement: true
    customSubDomainName: accountName
    disableLocalAuth: true
    ...(isRestored ? { restore: true } : {})
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

resource project 'Microsoft.CognitiveServices/accounts/projects@2025-06-01' = {
  parent: account
  name: projectName
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    displayName: 'Fine-tuning'
    description: 'Datasets, jobs and models of the fine-tuning automation.'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'diagnostics'
  scope: account
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'Audit'
        enabled: true
      }
      {
        category: 'RequestResponse'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}
