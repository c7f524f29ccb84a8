using '../main.bicep'

// After `azd down` without `--purge`: our deleted account is brought back.
param environmentName = 'dev'
param location = 'swedencentral'
param authClientId = '00000000-0000-0000-0000-00000000000a'
param budgetStart = '2026-11-01T00:00:00Z'
param restoreFoundry = true
