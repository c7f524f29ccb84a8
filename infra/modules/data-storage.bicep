// What is ours: datasets (input), pipeline files, artifacts, the package of the app, the tables of state, the queue of runs.

@description('Name of the account.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Redundancy.')
param sku string

@description('Reachable through private endpoints, and from `addressRanges`, only.')
param isPrivate bool

@description('IPv4 ranges that datasets may be dropped from, if `isPrivate`.')
param addressRanges array

@description('Principal id of the identity that the app runs as.')
param hostPrincipalId string

@description('Storage Blob Data Owner on the container of datasets instead of Reader.')
param blobTriggerOwnsDatasets bool

@description('Object id of the group that drops datasets, or empty.')
param datasetWriterGroupId string

@description('Object id of the group that writes pipeline files, or empty.')
param pipelineWriterGroupId string

@description('Container for events that could not be delivered.')
param deadLetterContainerName string

@description('Container of the deployment package.')
param packageContainerName string

@description('Principal id of the identity that the platform publishes the app with.')
param publisherPrincipalId string

@description('Log Analytics workspace.')
param workspaceId string

var roles = loadJsonContent('../roles.json')
var datasetsRole = blobTriggerOwnsDatasets ? roles.storageBlobDataOwner : roles.storageBlobDataReader
var queueNames = [
  'runs-to-advance'
  'runs-to-advance-poison'
  'webjobs-blobtrigger-poison'
]

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    // Not `Disabled` in a private network: Event Grid writes dead letters as a trusted service, and people drop from `addressRanges`.
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
      // Only with a private network: without one the app itself comes from addresses that nobody knows.
      ipRules: [
        for addressRange in (isPrivate ? addressRanges : []): {
          action: 'Allow'
          value: addressRange
        }
      ]
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    deleteRetentionPolicy: {
      enabled: true
      days: 30
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 30
    }
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [
  for queueName in queueNames: {
    parent: queues
    name: queueName
  }
]

resource datasets 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: 'datasets'
  properties: {
    publicAccess: 'None'
  }
}

resource pipelines 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: 'pipelines'
  properties: {
    publicAccess: 'None'
  }
}

resource artifacts 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: 'artifacts'
  properties: {
    publicAccess: 'None'
  }
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: deadLetterContainerName
  properties: {
    publicAccess: 'None'
  }
}

// Here and not in the host's account, where `host` may write everything: it shall not write what it runs.
resource package 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: packageContainerName
  properties: {
    publicAccess: 'None'
  }
}

// Former versions and dead letters do not stay for ever; what is current stays until somebody deletes it.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'former-versions'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
              ]
            }
            actions: {
              version: {
                delete: {
                  daysAfterCreationGreaterThan: 90
                }
              }
            }
          }
        }
        {
          name: 'dead-letters'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                '${deadLetters.name}/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: 90
                }
              }
            }
          }
        }
      ]
    }
  }
}

// The app reads datasets and pipeline files, and writes artifacts.  It cannot write what starts it.
resource readDatasets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(datasets.id, hostPrincipalId, datasetsRole)
  scope: datasets
  properties: {
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', datasetsRole)
  }
}

resource readPipelines 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(pipelines.id, hostPrincipalId, roles.storageBlobDataReader)
  scope: pipelines
  properties: {
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataReader)
  }
}

resource writeArtifacts 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(artifacts.id, hostPrincipalId, roles.storageBlobDataContributor)
  scope: artifacts
  properties: {
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.storageBlobDataContributor
    )
  }
}

resource useTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, hostPrincipalId, roles.storageTableDataContributor)
  scope: account
  properties: {
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.storageTableDataContributor
    )
  }
}

resource useQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, hostPrincipalId, roles.storageQueueDataContributor)
  scope: account
  properties: {
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.storageQueueDataContributor
    )
  }
}

resource dropDatasets 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(datasetWriterGroupId)) {
  name: guid(datasets.id, datasetWriterGroupId, roles.storageBlobDataContributor)
  scope: datasets
  properties: {
    principalId: datasetWriterGroupId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.storageBlobDataContributor
    )
  }
}

resource writePipelines 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(pipelineWriterGroupId)) {
  name: guid(pipelines.id, pipelineWriterGroupId, roles.storageBlobDataContributor)
  scope: pipelines
  properties: {
    principalId: pipelineWriterGroupId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.storageBlobDataContributor
    )
  }
}

resource publish 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(package.id, publisherPrincipalId, roles.storageBlobDataContributor)
  scope: package
  properties: {
    principalId: publisherPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.storageBlobDataContributor
    )
  }
}

// Who read, wrote and deleted blobs.  Queues and tables are polled all day long; their logs would cost more than they tell.
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: blobs
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageRead'
        enabled: true
      }
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

output id string = account.id
output blobEndpoint string = account.properties.primaryEndpoints.blob
output queueEndpoint string = account.properties.primaryEndpoints.queue
output tableEndpoint string = account.properties.primaryEndpoints.table
