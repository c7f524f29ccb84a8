// Everything that the app needs, in one resource group of its own.  `azd up` deploys it; `azd down --purge` removes it.
// What it would send in each kind of deployment stands in infra/snapshots, which tests/infra read.
targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('Name of the azd environment; names of resources are derived from it.')
param environmentName string

@minLength(1)
@description('Region of the app and its storage. It must offer Flex Consumption.')
param location string

// With a default: azd compiles this before the hook that makes the application has run.  The hook refuses to go on without it.
@description('Client id of the Entra application that people sign in to. The pre-provision hook makes it, or your directory team does.')
param authClientId string = ''

@description('Entra app role that may read runs and their evidence.')
param readerRole string = 'FineTune.Reader'

@description('Entra app role that may decide gates, cancel, retry and judge again.')
param approverRole string = 'FineTune.Approver'

@description('Entra app role that may cancel, retry and judge again.')
param operatorRole string = 'FineTune.Operator'

@description('Which of these app roles may read rows of datasets, and answers to them; empty: the same as `approverRole`.')
param dataRole string = ''

@description('Region of a new Foundry account. Which models can be tuned where is in the documentation of Foundry; it is not the region of the app.')
param foundryLocation string = 'swedencentral'

@description('Name of a Foundry account that exists already; empty: a new one is made.')
param existingFoundryAccountName string = ''

@description('Resource group of the existing account, in this subscription.')
param existingFoundryResourceGroup string = ''

@description('Project in the existing account.')
param existingFoundryProjectName string = ''

@description('Id (GUID) of a custom role for deployments that exists already, if whoever deploys may not define roles; empty: it is defined.')
param existingDeploymentRoleId string = ''

@description('The same for the custom role that reads quota in the subscription; `none`: the app does not ask for quota.')
param existingQuotaRoleId string = ''

@description('The same for the custom role that asks tuned open models; `none`: they cannot be asked.')
param existingInferenceRoleId string = ''

@description('Id (GUID) of a role on the project, narrower than Foundry User, for files and jobs; empty: Foundry User.')
param existingTrainingRoleId string = ''

@description('A deleted account of ours still holds its name: bring it back. The pre-provision hook finds out.')
param restoreFoundry bool = false

@description('Name of the system topic that somebody else made for the data account, in our resource group; empty: ours. The pre-provision hook finds out.')
param existingSystemTopicName string = ''

@description('Principal id of its identity; empty: it has none, and events that cannot be delivered are dropped.')
param existingSystemTopicPrincipalId string = ''

@description('Comma-separated client ids of applications that may call the app, with an app role.')
param allowedApplications string = ''

@description('Object id of the Entra group that drops datasets; empty: assign the role yourself.')
param datasetWriterGroupId string = ''

@description('Object id of the Entra group that writes pipeline files, which spend money; empty: assign the role yourself.')
param pipelineWriterGroupId string = ''

@description('Where alerts are sent; empty: they show in the portal only.')
param alertEmail string = ''

@minValue(0)
@description('Monthly budget of the resource group, in the currency of the subscription. It warns, it stops nothing. 0: none.')
param monthlyBudget int = 500

@description('Virtual network with private endpoints for storage and Foundry.')
param privateNetwork bool = false

@description('Comma-separated IPv4 ranges that may call the app and, with a private network, drop datasets; empty: all, or with a private network nobody but Event Grid.')
param allowedAddressRanges string = ''

@description('Give the host Storage Blob Data Owner on the container of datasets, as the documentation of the blob trigger asks, instead of Reader.')
param blobTriggerOwnsDatasets bool = false

@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GZRS'
])
@description('Redundancy of both storage accounts; a region without zones takes Standard_LRS only.')
param storageSku string = 'Standard_ZRS'

@minValue(0)
@description('Instances for blob events that are kept warm, and paid for; 0: the first event after a pause waits for a cold start.')
param alwaysReadyBlobInstances int = 0

@description('First day of the budget. The pre-provision hook asks Azure: it may not change. Empty: no budget in this deployment.')
param budgetStart string = ''

@allowed([
  'Recreate'
  'RollingUpdate'
])
@description('Recreate ends what runs, which the app survives. RollingUpdate lets it finish, and is a preview that is not for production.')
param siteUpdateStrategy string = 'Recreate'

@description('Send the activity log of the subscription to the workspace, and tell of deployments of models that the app did not make.')
param watchDeployments bool = true

var suffix = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var addressRanges = empty(allowedAddressRanges) ? [] : split(replace(allowedAddressRanges, ' ', ''), ',')
var applications = empty(allowedApplications) ? [] : split(replace(allowedApplications, ' ', ''), ',')
// Names are made here once and passed on: a name that comes out of a module makes what-if blind.
var dataStorageName = 'stdata${suffix}'
var deadLetterContainerName = 'event-dead-letters'
var packageContainerName = 'app-package'
var systemTopicName = empty(existingSystemTopicName) ? 'evgt-${suffix}' : existingSystemTopicName
var identityNames = {
  host: 'id-host-${suffix}'
  deployer: 'id-deployer-${suffix}'
  publisher: 'id-publisher-${suffix}'
}
// So are ids.
var identityIds = mapValues(
  identityNames,
  name =>
    resourceId(subscription().subscriptionId, group.name, 'Microsoft.ManagedIdentity/userAssignedIdentities', name)
)
var hasFoundry = !empty(existingFoundryAccountName)
var foundryAccountName = hasFoundry ? existingFoundryAccountName : 'aif-${suffix}'
var foundryProjectName = hasFoundry ? existingFoundryProjectName : 'fine-tuning'
var foundryResourceGroup = hasFoundry ? existingFoundryResourceGroup : group.name
var foundryAccountId = resourceId(
  subscription().subscriptionId,
  foundryResourceGroup,
  'Microsoft.CognitiveServices/accounts',
  foundryAccountName
)

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identities 'modules/identities.bicep' = {
  scope: group
  params: {
    names: identityNames
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
    // The id, not the name: with an account of others, the role of a deleted identity must not be taken for that of the next.
    #disable-next-line what-if-short-circuiting
    hostPrincipalId: identities.outputs.hostPrincipalId
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  scope: group
  params: {
    name: 'sthost${suffix}'
    location: location
    tags: tags
    sku: storageSku
    isPrivate: privateNetwork
    // The id, not the name: with an account of others, the role of a deleted identity must not be taken for that of the next.
    #disable-next-line what-if-short-circuiting
    hostPrincipalId: identities.outputs.hostPrincipalId
  }
}

module dataStorage 'modules/data-storage.bicep' = {
  scope: group
  params: {
    name: dataStorageName
    location: location
    tags: tags
    sku: storageSku
    isPrivate: privateNetwork
    addressRanges: addressRanges
    // The id, not the name: with an account of others, the role of a deleted identity must not be taken for that of the next.
    #disable-next-line what-if-short-circuiting
    hostPrincipalId: identities.outputs.hostPrincipalId
    blobTriggerOwnsDatasets: blobTriggerOwnsDatasets
    datasetWriterGroupId: datasetWriterGroupId
    pipelineWriterGroupId: pipelineWriterGroupId
    workspaceId: monitoring.outputs.workspaceId
    deadLetterContainerName: deadLetterContainerName
    packageContainerName: packageContainerName
    #disable-next-line what-if-short-circuiting // as above
    publisherPrincipalId: identities.outputs.publisherPrincipalId
  }
}

module events 'modules/events.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    storageAccountName: dataStorageName
    deadLetterContainerName: deadLetterContainerName
    topicName: systemTopicName
    isOurs: empty(existingSystemTopicName)
    existingTopicPrincipalId: existingSystemTopicPrincipalId
    workspaceId: monitoring.outputs.workspaceId
  }
  dependsOn: [
    dataStorage
  ]
}

module foundry 'modules/foundry.bicep' = if (!hasFoundry) {
  scope: group
  params: {
    accountName: foundryAccountName
    projectName: foundryProjectName
    location: foundryLocation
    tags: tags
    isPrivate: privateNetwork
    isRestored: restoreFoundry
    workspaceId: monitoring.outputs.workspaceId
  }
}

module foundryAccess 'modules/foundry-access.bicep' = {
  scope: resourceGroup(foundryResourceGroup)
  params: {
    suffix: suffix
    accountName: foundryAccountName
    projectName: foundryProjectName
    // The id, not the name: with an account of others, the role of a deleted identity must not be taken for that of the next.
    #disable-next-line what-if-short-circuiting
    hostPrincipalId: identities.outputs.hostPrincipalId
    #disable-next-line what-if-short-circuiting // as above
    deployerPrincipalId: identities.outputs.deployerPrincipalId
    existingDeploymentRoleId: existingDeploymentRoleId
    existingInferenceRoleId: existingInferenceRoleId
    existingTrainingRoleId: existingTrainingRoleId
  }
  dependsOn: [
    foundry
  ]
}

module quotaAccess 'modules/quota-access.bicep' = if (existingQuotaRoleId != 'none') {
  params: {
    suffix: suffix
    #disable-next-line what-if-short-circuiting // as above
    deployerPrincipalId: identities.outputs.deployerPrincipalId
    existingQuotaRoleId: existingQuotaRoleId
  }
}

module endpoints 'modules/private-endpoints.bicep' = if (privateNetwork) {
  scope: group
  params: {
    location: location
    tags: tags
    subnetId: network!.outputs.endpointSubnetId
    networkId: network!.outputs.networkId
    hostStorageId: hostStorage.outputs.id
    dataStorageId: dataStorage.outputs.id
    foundryAccountId: foundryAccountId
  }
  dependsOn: [
    foundry
  ]
}

// Roles first: a host that starts before its roles have spread fails, and Flex shows little of why.
module app 'modules/app.bicep' = {
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
    hostIdentityId: identityIds.host
    hostClientId: identities.outputs.hostClientId
    deployerIdentityId: identityIds.deployer
    deployerClientId: identities.outputs.deployerClientId
    hostBlobEndpoint: hostStorage.outputs.blobEndpoint
    hostQueueEndpoint: hostStorage.outputs.queueEndpoint
    hostTableEndpoint: hostStorage.outputs.tableEndpoint
    publisherIdentityId: identityIds.publisher
    packageContainerName: packageContainerName
    dataBlobEndpoint: dataStorage.outputs.blobEndpoint
    dataQueueEndpoint: dataStorage.outputs.queueEndpoint
    dataTableEndpoint: dataStorage.outputs.tableEndpoint
    foundryAccountName: foundryAccountName
    foundryProjectEndpoint: foundryAccess.outputs.projectEndpoint
    foundryResourceGroup: foundryResourceGroup
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    workspaceId: monitoring.outputs.workspaceId
    authClientId: authClientId
    readerRole: readerRole
    approverRole: approverRole
    operatorRole: operatorRole
    dataRole: dataRole
    addressRanges: addressRanges
    isPrivate: privateNetwork
    applications: applications
    alwaysReadyBlobInstances: alwaysReadyBlobInstances
    siteUpdateStrategy: siteUpdateStrategy
    subnetId: privateNetwork ? network!.outputs.functionSubnetId : ''
  }
  dependsOn: [
    endpoints
  ]
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    systemTopicId: resourceId(
      subscription().subscriptionId,
      group.name,
      'Microsoft.EventGrid/systemTopics',
      systemTopicName
    )
    alertEmail: alertEmail
    watchDeployments: watchDeployments
    deployerPrincipalId: identities.outputs.deployerPrincipalId
    deployerClientId: identities.outputs.deployerClientId
    foundryAccountId: foundryAccountId
    monthlyBudget: monthlyBudget
    budgetStart: budgetStart
  }
  dependsOn: [
    events
  ]
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

// Who writes what in the subscription.  Only the deployments of the Foundry account are looked at (alerts.json).
resource activity 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (watchDeployments) {
  name: 'fine-tuning-${suffix}'
  properties: {
    workspaceId: monitoring.outputs.workspaceId
    logs: [
      {
        category: 'Administrative'
        enabled: true
      }
    ]
  }
}

// Names for azd, for the hooks and for people.  No secret is among them.
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_TENANT_ID string = tenant().tenantId
output AUTH_CLIENT_ID string = authClientId
output FUNCTION_APP_NAME string = app.outputs.name
output FUNCTION_APP_URL string = app.outputs.url
output HOST_PRINCIPAL_ID string = identities.outputs.hostPrincipalId
output SYSTEM_TOPIC_NAME string = systemTopicName
output EXISTING_SYSTEM_TOPIC string = existingSystemTopicName
output EXISTING_SYSTEM_TOPIC_PRINCIPAL string = existingSystemTopicPrincipalId
output DATA_STORAGE_NAME string = dataStorageName
output DEAD_LETTER_CONTAINER string = deadLetterContainerName
output FOUNDRY_ACCOUNT_NAME string = foundryAccountName
output FOUNDRY_PROJECT_NAME string = foundryProjectName
output FOUNDRY_RESOURCE_GROUP string = foundryResourceGroup
