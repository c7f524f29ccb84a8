using '../main.bicep'

// The first deployment: nothing is set but what has to be.
param environmentName = 'dev'
param location = 'swedencentral'
param authClientId = '00000000-0000-0000-0000-00000000000a'
param budgetStart = '2026-11-01T00:00:00Z'
