using '../main.bicep'

// The longest name of an environment.
param environmentName = 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee'
param location = 'swedencentral'
param authClientId = '00000000-0000-0000-0000-00000000000a'
param budgetStart = '2026-11-01T00:00:00Z'
