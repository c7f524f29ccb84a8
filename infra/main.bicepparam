using 'main.bicep'

// What azd passes.  An empty variable means the default: the workflow sets every variable, and one that is not there is empty.

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')

// Set by the pre-provision hook (infra/hooks), which asks Azure each time.  azd reads this file again after the hook has run.
param authClientId = readEnvironmentVariable('AUTH_CLIENT_ID', '')
param budgetStart = readEnvironmentVariable('BUDGET_START', '')
param existingSystemTopicName = readEnvironmentVariable('EXISTING_SYSTEM_TOPIC', '')
param existingSystemTopicPrincipalId = readEnvironmentVariable('EXISTING_SYSTEM_TOPIC_PRINCIPAL', '')
param restoreFoundry = toLower(readEnvironmentVariable('RESTORE_FOUNDRY', '')) == 'true'

// Set by people.
var reader = readEnvironmentVariable('READER_ROLE', '')
var approver = readEnvironmentVariable('APPROVER_ROLE', '')
var operator = readEnvironmentVariable('OPERATOR_ROLE', '')
var region = readEnvironmentVariable('FOUNDRY_LOCATION', '')
var budget = readEnvironmentVariable('MONTHLY_BUDGET', '')
var sku = readEnvironmentVariable('STORAGE_SKU', '')
var instances = readEnvironmentVariable('ALWAYS_READY_BLOB_INSTANCES', '')
var strategy = readEnvironmentVariable('SITE_UPDATE_STRATEGY', '')
param readerRole = empty(reader) ? 'FineTune.Reader' : reader
param approverRole = empty(approver) ? 'FineTune.Approver' : approver
param operatorRole = empty(operator) ? 'FineTune.Operator' : operator
param dataRole = readEnvironmentVariable('DATA_ROLE', '')
param foundryLocation = empty(region) ? 'swedencentral' : region
param existingFoundryAccountName = readEnvironmentVariable('EXISTING_FOUNDRY_ACCOUNT', '')
param existingFoundryResourceGroup = readEnvironmentVariable('EXISTING_FOUNDRY_RESOURCE_GROUP', '')
param existingFoundryProjectName = readEnvironmentVariable('EXISTING_FOUNDRY_PROJECT', '')
param existingDeploymentRoleId = readEnvironmentVariable('EXISTING_DEPLOYMENT_ROLE_ID', '')
param existingQuotaRoleId = readEnvironmentVariable('EXISTING_QUOTA_ROLE_ID', '')
param existingInferenceRoleId = readEnvironmentVariable('EXISTING_INFERENCE_ROLE_ID', '')
param existingTrainingRoleId = readEnvironmentVariable('EXISTING_TRAINING_ROLE_ID', '')
param datasetWriterGroupId = readEnvironmentVariable('DATASET_WRITER_GROUP_ID', '')
param pipelineWriterGroupId = readEnvironmentVariable('PIPELINE_WRITER_GROUP_ID', '')
param allowedApplications = readEnvironmentVariable('ALLOWED_APPLICATIONS', '')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param monthlyBudget = int(empty(budget) ? '500' : budget)
param privateNetwork = toLower(readEnvironmentVariable('PRIVATE_NETWORK', '')) == 'true'
param allowedAddressRanges = readEnvironmentVariable('ALLOWED_ADDRESS_RANGES', '')
param storageSku = empty(sku) ? 'Standard_ZRS' : sku
param blobTriggerOwnsDatasets = toLower(readEnvironmentVariable('BLOB_TRIGGER_OWNS_DATASETS', '')) == 'true'
param alwaysReadyBlobInstances = int(empty(instances) ? '0' : instances)
param siteUpdateStrategy = empty(strategy) ? 'Recreate' : strategy
param watchDeployments = toLower(readEnvironmentVariable('WATCH_DEPLOYMENTS', '')) != 'false'
