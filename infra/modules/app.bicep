// The function app on Flex Consumption, with App Service authentication in front of it.

@description('What makes names unique.')
param suffix string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Identity that the app runs as.')
param hostIdentityId string

@description('Its client id.')
param hostClientId string

@description('Identity that alone may write deployments.')
param deployerIdentityId string

@description('Its client id.')
param deployerClientId string

@description('Identity that the platform reads and writes the deployment package with.')
param publisherIdentityId string

@description('Blobs of the host account.')
param hostBlobEndpoint string

@description('Queues of the host account.')
param hostQueueEndpoint string

@description('Tables of the host account.')
param hostTableEndpoint string

@description('Container of the deployment package, in the data account.')
param packageContainerName string

@description('Blobs of the data account.')
param dataBlobEndpoint string

@description('Queues of the data account.')
param dataQueueEndpoint string

@description('Tables of the data account.')
param dataTableEndpoint string

@description('Foundry account that models are tuned and deployed in.')
param foundryAccountName string

@description('Endpoint of the project.')
param foundryProjectEndpoint string

@description('Resource group of the account.')
param foundryResourceGroup string

@description('Where telemetry is sent; names the place, opens nothing.')
param applicationInsightsConnectionString string

@description('Log Analytics workspace.')
param workspaceId string

@description('Client id of the Entra application that people sign in to.')
param authClientId string

@description('Entra app role that may read.')
param readerRole string

@description('Entra app role that may decide.')
param approverRole string

@description('Entra app role that may cancel, retry and judge again.')
param operatorRole string

@description('Which of these app roles may read rows of datasets; empty: the same as `approverRole`.')
param dataRole string

@description('IPv4 ranges that may call the app; empty: all, unless `isPrivate`.')
param addressRanges array

@description('Only Event Grid and `addressRanges` may call the app.')
param isPrivate bool

@description('Client ids of applications that may call the app besides the Azure CLI.')
param applications array

@description('Instances for blob events that are kept warm.')
param alwaysReadyBlobInstances int

@description('Subnet for outbound traffic, or empty.')
param subnetId string

@description('Schedule of the poller, NCRONTAB in UTC.')
param pollSchedule string = '0 * * * * *'

@description('What an update does with what runs.')
@allowed([
  'RollingUpdate'
  'Recreate'
])
param siteUpdateStrategy string

// The Azure CLI, so that approvers may call the API with `az account get-access-token`; its id is the same in every tenant.
var azureCliClientId = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
var isRestricted = isPrivate || !empty(addressRanges)
var eventGridRule = [
  {
    name: 'event-grid'
    description: 'Blob events; the path is guarded by a system key besides.'
    action: 'Allow'
    priority: 100
    tag: 'ServiceTag'
    ipAddress: 'AzureEventGrid'
  }
]
var clientRules = [
  for (addressRange, i) in addressRanges: {
    name: 'clients-${i}'
    description: 'allowedAddressRanges'
    action: 'Allow'
    priority: 200 + i
    tag: 'Default'
    ipAddress: contains(addressRange, '/') ? addressRange : '${addressRange}/32'
  }
]

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${suffix}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: 'func-${suffix}'
  location: location
  tags: union(tags, { 'azd-service-name': 'functions' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${hostIdentityId}': {}
      '${deployerIdentityId}': {}
      '${publisherIdentityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${dataBlobEndpoint}${packageContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: publisherIdentityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: 40
        alwaysReady: alwaysReadyBlobInstances == 0
          ? []
          : [
              {
                name: 'blob'
                instanceCount: alwaysReadyBlobInstances
              }
            ]
      }
      // A preview that no published type has, though the service takes it: sent, so that an app leaves the RollingUpdate of before.
      #disable-next-line BCP037
      siteUpdateStrategy: {
        type: siteUpdateStrategy
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      ipSecurityRestrictionsDefaultAction: isRestricted ? 'Deny' : 'Allow'
      ipSecurityRestrictions: isRestricted ? concat(eventGridRule, clientRules) : []
      appSettings: [
        { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
        { name: 'AzureWebJobsStorage__clientId', value: hostClientId }
        { name: 'AzureWebJobsStorage__blobServiceUri', value: hostBlobEndpoint }
        { name: 'AzureWebJobsStorage__queueServiceUri', value: hostQueueEndpoint }
        { name: 'AzureWebJobsStorage__tableServiceUri', value: hostTableEndpoint }
        { name: 'DATASETS__credential', value: 'managedidentity' }
        { name: 'DATASETS__clientId', value: hostClientId }
        { name: 'DATASETS__blobServiceUri', value: dataBlobEndpoint }
        { name: 'DATASETS__queueServiceUri', value: dataQueueEndpoint }
        { name: 'STATE__credential', value: 'managedidentity' }
        { name: 'STATE__clientId', value: hostClientId }
        { name: 'STATE__blobServiceUri', value: dataBlobEndpoint }
        { name: 'STATE__queueServiceUri', value: dataQueueEndpoint }
        { name: 'STATE__tableServiceUri', value: dataTableEndpoint }
        { name: 'DATASET_TRIGGER_SOURCE', value: 'EventGrid' }
        { name: 'POLL_SCHEDULE', value: pollSchedule }
        { name: 'FOUNDRY_PROJECT_ENDPOINT', value: foundryProjectEndpoint }
        { name: 'FOUNDRY_ACCOUNT_NAME', value: foundryAccountName }
        { name: 'AZURE_SUBSCRIPTION_ID', value: subscription().subscriptionId }
        { name: 'AZURE_RESOURCE_GROUP', value: foundryResourceGroup }
        { name: 'ARM_ENDPOINT', value: environment().resourceManager }
        { name: 'AZURE_CREDENTIAL', value: 'managed_identity' }
        { name: 'AZURE_CLIENT_ID', value: hostClientId }
        { name: 'DEPLOYER_CLIENT_ID', value: deployerClientId }
        { name: 'READER_ROLE', value: readerRole }
        { name: 'APPROVER_ROLE', value: approverRole }
        { name: 'OPERATOR_ROLE', value: operatorRole }
        { name: 'DATA_ROLE', value: dataRole }
        { name: 'REQUESTS_PER_MINUTE', value: '120' }
        { name: 'APP_ORIGIN', value: '' }
        { name: 'COMPANION_SETTLE_SECONDS', value: '60' }
        { name: 'START_WINDOW_SECONDS', value: '60' }
        { name: 'REQUEST_TIMEOUT_SECONDS', value: '30' }
        { name: 'UPLOAD_TIMEOUT_SECONDS', value: '600' }
        { name: 'LISTING_LAG_SECONDS', value: '600' }
        { name: 'RUNS_IN_FLIGHT_MAX', value: '20' }
        { name: 'CLOCK_SKEW_SECONDS', value: '60' }
        { name: 'EFFECT_LEASE_SECONDS', value: '960' }
        { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: applicationInsightsConnectionString }
        { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${hostClientId};Authorization=AAD' }
        { name: 'PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY', value: 'true' }
        { name: 'OTEL_PYTHON_DISABLED_INSTRUMENTATIONS', value: 'azure_sdk,requests,urllib,urllib3,httpx,httpx2' }
        { name: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID', value: hostClientId }
        { name: 'WEBSITE_AUTH_AAD_ALLOWED_TENANTS', value: tenant().tenantId }
      ]
    }
  }
}

resource ftpCredentials 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scmCredentials 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'scm'
  properties: {
    allow: false
  }
}

// Everybody signs in, but for two paths: Event Grid, which shows the system key of the blob extension, and health, which tells
// strangers nothing but whether all is well.  The page is never one of them: whether a principal that somebody made up is removed
// there is documented nowhere.  Browsers are led to the sign-in; what does not call itself one in User-Agent gets a 401.
resource authentication 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      excludedPaths: [
        '/runtime/webhooks/blobs'
        '/api/health'
      ]
    }
    httpSettings: {
      requireHttps: true
      routes: {
        apiPrefix: '/.auth'
      }
      forwardProxy: {
        convention: 'NoProxy'
      }
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: authClientId
          // No secret: the setting names the identity whose token Entra takes instead (federated credential).
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            authClientId
            'api://${authClientId}'
          ]
          defaultAuthorizationPolicy: {
            allowedApplications: union([authClientId, azureCliClientId], applications)
            allowedPrincipals: {}
          }
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
      cookieExpiration: {
        convention: 'FixedTime'
        timeToExpiration: '08:00:00'
      }
      nonce: {
        validateNonce: true
        nonceExpirationInterval: '00:05:00'
      }
    }
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'diagnostics'
  scope: site
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'FunctionAppLogs'
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

output name string = site.name
output url string = 'https://${site.properties.defaultHostName}'
