using '../event-subscription.bicep'

// The topic is somebody else's, without an identity.
param functionAppName = 'func-x'
param systemTopicName = 'stdata-defender'
param dataStorageName = 'stdatax'
param deadLetterContainerName = 'event-dead-letters'
param hasDeadLetters = false
