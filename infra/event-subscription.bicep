// Tells the app about new datasets.  Deployed by the post-deploy hook, not by main.bicep: the key of the webhook exists only after
// the host has run the app, and Event Grid accepts the subscription only when the host answers.  Safe to repeat.
// The key never leaves the template: it is read here and sent to Event Grid, not printed, stored or passed on a command line.

@description('Name of the function app.')
param functionAppName string

@description('Name of the system topic.')
param systemTopicName string

@description('Storage account of dead letters.')
param dataStorageName string

@description('Container of dead letters.')
param deadLetterContainerName string

@description('Whether the topic has an identity, which writes the dead letters; without one, events that cannot be delivered are dropped.')
param hasDeadLetters bool = true

resource site 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: dataStorageName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: systemTopicName
}

resource uploads 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'dataset-uploaded'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        // Without `Host.Functions.` the host answers 202 and drops every event without a word.
        endpointUrl: 'https://${site.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.dataset_uploaded&code=${listKeys('${site.id}/host/default', '2024-04-01').systemKeys.blobs_extension}'
        maxEventsPerBatch: 1
        minimumTlsVersionAllowed: '1.2'
      }
    }
    filter: {
      includedEventTypes: [
        'Microsoft.Storage.BlobCreated'
      ]
      // With `/blobs/`: without it a container called `datasets-archive` would match too.
      subjectBeginsWith: '/blobServices/default/containers/datasets/blobs/'
      subjectEndsWith: '.jsonl'
      isSubjectCaseSensitive: false
      // Only finished blobs: a large upload or a hierarchical account tells of its first, empty block as well.
      advancedFilters: [
        {
          operatorType: 'StringIn'
          key: 'data.api'
          values: [
            'PutBlob'
            'PutBlockList'
            'CopyBlob'
            'FlushWithClose'
          ]
        }
      ]
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    ...(hasDeadLetters
      ? {
          deadLetterWithResourceIdentity: {
            identity: {
              type: 'SystemAssigned'
            }
            deadLetterDestination: {
              endpointType: 'StorageBlob'
              properties: {
                resourceId: account.id
                blobContainerName: deadLetterContainerName
              }
            }
          }
        }
      : {})
  }
}
