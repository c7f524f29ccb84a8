using '../main.bicep'

// Defender made the system topic of our storage, without an identity.
param environmentName = 'dev'
param location = 'swedencentral'
param authClientId = '00000000-0000-0000-0000-00000000000a'
param budgetStart = '2026-11-01T00:00:00Z'
param existingSystemTopicName = 'stdata-defender'
