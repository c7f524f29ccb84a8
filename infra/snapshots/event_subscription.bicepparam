using '../event-subscription.bicep'

// The topic is ours.
param functionAppName = 'func-x'
param systemTopicName = 'evgt-x'
param dataStorageName = 'stdatax'
param deadLetterContainerName = 'event-dead-letters'
