// The system topic of the data account.  Its subscription comes later (event-subscription.bicep): it needs a key that the host
// makes when it first runs the app.

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Account whose blob events are told.')
param storageAccountName string

@description('Container for events that could not be delivered.')
param deadLetterContainerName string

@description('Name of the topic.')
param topicName string

@description('We make it; otherwise somebody else made one for this account, of which Azure allows one only.')
param isOurs bool

@description('Principal id of the identity of a topic that is not ours, or empty.')
param existingTopicPrincipalId string

@description('Log Analytics workspace.')
param workspaceId string

var roles = loadJsonContent('../roles.json')

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageAccountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' existing = {
  parent: account
  name: 'default'
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' existing = {
  parent: blobs
  name: deadLetterContainerName
}

// One that exists is not written, whoever made it: not its identity, not its tags.
resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (isOurs) {
  name: topicName
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: account.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

resource writeDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (isOurs) {
  name: guid(deadLetters.id, topic.id, roles.storageBlobDataContributor)
  scope: deadLetters
  properties: {
    principalId: topic!.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.storageBlobDataContributor
    )
  }
}

resource theirDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(existingTopicPrincipalId)) {
  name: guid(deadLetters.id, existingTopicPrincipalId, roles.storageBlobDataContributor)
  scope: deadLetters
  properties: {
    principalId: existingTopicPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.storageBlobDataContributor
    )
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (isOurs) {
  name: 'diagnostics'
  scope: topic
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'DeliveryFailures'
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
