// Everything that the app needs, in one resource group of its own.  `azd up` deploys it; `azd down --purge` removes it.
// Only plain resources: parsers that work offline read every line, and tests/infra check it.
targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('Name of the azd environment; names of resources are derived from it.')
param environmentName string

@minLength(1)
@description('Region of the app and its storage. It must offer Flex Consumption.')
param location string

@minLength(1)
@description('Client id of the Entra application that people sign in to. The pre-provision hook makes it, or your directory team does.')
param authClientId string

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

@description('Object id of the Entra group that drops datasets; empty: assign the role yourself.')
param datasetWriterGroupId string = ''

@description('Object id of the Entra group that writes pipeline files, which spend money; empty: assign the role yourself.')
param pipelineWriterGroupId string = ''

@description('Where alerts are sent; empty: they show in the portal only.')
param alertEmail string = ''

@minValue(1)
@description('Monthly budget of the resource group, in the currency of the subscription. It warns, it stops nothing.')
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

@description('First day of the budget; the first of this month.')
param budgetStart string = '${utcNow('yyyy-MM')}-01T00:00:00Z'

var suffix = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var addressRanges = empty(allowedAddressRanges) ? [] : split(replace(allowedAddressRanges, ' ', ''), ',')
var hasFoundry = !empty(existingFoundryAccountName)
var foundryAccountName = hasFoundry ? existingFoundryAccountName : 'aif-${suffix}'
var foundryProjectName = hasFoundry ? existingFoundryProjectName : 'fine-tuning'
var foundryResourceGroup = hasFoundry ? existingFoundryResourceGroup : group.name

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
    hostPrincipalId: identities.outputs.hostPrincipalId
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  name: 'host-storage'
  scope: group
  params: {
    name: 'sthost${suffix}'
    location: location
    tags: tags
    sku: storageSku
    isPrivate: privateNetwork
    hostPrincipalId: identities.outputs.hostPrincipalId
  }
}

module dataStorage 'modules/data-storage.bicep' = {
  name: 'data-storage'
  scope: group
  params: {
    name: 'stdata${suffix}'
    location: location
    tags: tags
    sku: storageSku
    isPrivate: privateNetwork
    addressRanges: addressRanges
    hostPrincipalId: identities.outputs.hostPrincipalId
    blobTriggerOwnsDatasets: blobTriggerOwnsDatasets
    datasetWriterGroupId: datasetWriterGroupId
    pipelineWriterGroupId: pipelineWriterGroupId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module events 'modules/events.bicep' = {
  name: 'events'
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
    storageAccountName: dataStorage.outputs.name
    deadLetterContainerName: dataStorage.outputs.deadLetterContainerName
    workspaceId: monitoring.outputs.workspaceId
  }
}

module foundry 'modules/foundry.bicep' = if (!hasFoundry) {
  name: 'foundry'
  scope: group
  params: {
    accountName: foundryAccountName
    projectName: foundryProjectName
    location: foundryLocation
    tags: tags
    isPrivate: privateNetwork
    workspaceId: monitoring.outputs.workspaceId
  }
}

module deploymentRole 'modules/deployment-role.bicep' = if (empty(existingDeploymentRoleId)) {
  name: 'deployment-role-${suffix}'
  scope: resourceGroup(foundryResourceGroup)
  params: {
    suffix: suffix
  }
}

module foundryAccess 'modules/foundry-access.bicep' = {
  name: 'foundry-access-${suffix}'
  scope: resourceGroup(foundryResourceGroup)
  params: {
    accountName: foundryAccountName
    projectName: foundryProjectName
    hostPrincipalId: identities.outputs.hostPrincipalId
    deployerPrincipalId: identities.outputs.deployerPrincipalId
    deploymentRoleId: empty(existingDeploymentRoleId) ? deploymentRole!.outputs.roleId : existingDeploymentRoleId
  }
  dependsOn: [
    foundry
  ]
}

module endpoints 'modules/private-endpoints.bicep' = if (privateNetwork) {
  name: 'private-endpoints'
  scope: group
  params: {
    location: location
    tags: tags
    subnetId: network!.outputs.endpointSubnetId
    networkId: network!.outputs.networkId
    hostStorageId: hostStorage.outputs.id
    dataStorageId: dataStorage.outputs.id
    foundryAccountId: resourceId(subscription().subscriptionId, foundryResourceGroup, 'Microsoft.CognitiveServices/accounts', foundryAccountName)
  }
  dependsOn: [
    foundry
  ]
}

// Roles first: a host that starts before its roles have spread fails, and Flex shows little of why.
module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
    hostIdentityId: identities.outputs.hostId
    hostClientId: identities.outputs.hostClientId
    deployerIdentityId: identities.outputs.deployerId
    deployerClientId: identities.outputs.deployerClientId
    hostBlobEndpoint: hostStorage.outputs.blobEndpoint
    hostQueueEndpoint: hostStorage.outputs.queueEndpoint
    hostTableEndpoint: hostStorage.outputs.tableEndpoint
    packageContainerName: hostStorage.outputs.packageContainerName
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
    alwaysReadyBlobInstances: alwaysReadyBlobInstances
    subnetId: privateNetwork ? network!.outputs.functionSubnetId : ''
  }
  dependsOn: [
    endpoints
  ]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    systemTopicId: events.outputs.systemTopicId
    alertEmail: alertEmail
    monthlyBudget: monthlyBudget
    budgetStart: budgetStart
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

// Names for azd, for the hooks and for people.  No secret is among them.
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_TENANT_ID string = tenant().tenantId
output AUTH_CLIENT_ID string = authClientId
output FUNCTION_APP_NAME string = app.outputs.name
output FUNCTION_APP_URL string = app.outputs.url
output HOST_PRINCIPAL_ID string = identities.outputs.hostPrincipalId
output SYSTEM_TOPIC_NAME string = events.outputs.systemTopicName
output DATA_STORAGE_NAME string = dataStorage.outputs.name
output DEAD_LETTER_CONTAINER string = dataStorage.outputs.deadLetterContainerName
output FOUNDRY_ACCOUNT_NAME string = foundryAccountName
output FOUNDRY_PROJECT_NAME string = foundryProjectName
output FOUNDRY_RESOURCE_GROUP string = foundryResourceGroup
output FOUNDRY_IS_OURS bool = !hasFoundry
