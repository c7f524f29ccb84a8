using '../main.bicep'

// Every parameter has another value than its default.
param environmentName = 'dev'
param location = 'swedencentral'
param authClientId = '00000000-0000-0000-0000-00000000000a'
param budgetStart = '2026-11-01T00:00:00Z'
param existingFoundryAccountName = 'their-account'
param existingFoundryResourceGroup = 'rg-theirs'
param existingFoundryProjectName = 'their-project'
param existingDeploymentRoleId = '00000000-0000-0000-0000-00000000001a'
param existingQuotaRoleId = '00000000-0000-0000-0000-00000000001b'
param existingInferenceRoleId = '00000000-0000-0000-0000-00000000001c'
param existingTrainingRoleId = '00000000-0000-0000-0000-00000000001d'
param restoreFoundry = true
param existingSystemTopicName = 'their-topic'
param existingSystemTopicPrincipalId = '00000000-0000-0000-0000-00000000001e'
param foundryLocation = 'eastus2'
param datasetWriterGroupId = '00000000-0000-0000-0000-00000000002a'
param pipelineWriterGroupId = '00000000-0000-0000-0000-00000000002b'
param allowedApplications = '00000000-0000-0000-0000-00000000003a, 00000000-0000-0000-0000-00000000003b'
param alertEmail = 'operators@example.com'
param monthlyBudget = 1200
param privateNetwork = true
param allowedAddressRanges = '192.0.2.0/24, 198.51.100.7'
param blobTriggerOwnsDatasets = true
param storageSku = 'Standard_LRS'
param alwaysReadyBlobInstances = 1
param siteUpdateStrategy = 'RollingUpdate'
param watchDeployments = false
param readerRole = 'Acme.Reader'
param approverRole = 'Acme.Approver'
param operatorRole = 'Acme.Operator'
param dataRole = 'Acme.Operator'
