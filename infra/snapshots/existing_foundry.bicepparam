using '../main.bicep'

// An account and a project of others, and custom roles that their owner defined.
param environmentName = 'dev'
param location = 'swedencentral'
param authClientId = '00000000-0000-0000-0000-00000000000a'
param budgetStart = '2026-11-01T00:00:00Z'
param existingFoundryAccountName = 'their-account'
param existingFoundryResourceGroup = 'rg-theirs'
param existingFoundryProjectName = 'their-project'
param existingDeploymentRoleId = '00000000-0000-0000-0000-00000000001a'
param existingQuotaRoleId = 'none'
param existingInferenceRoleId = 'none'
