// What the two identities may do in the Foundry account.  `host`: files and jobs of one project, and questions to deployments.
// `deployer`: deployments, and what Azure says of models and quota.  Neither reads keys: every built-in role that may deploy may do
// far more.

@description('What makes names of roles unique in the tenant.')
param suffix string

@description('Name of the account.')
param accountName string

@description('Name of the project in it.')
param projectName string

@description('Principal id of the identity that the app runs as.')
param hostPrincipalId string

@description('Principal id of the identity that deploys.')
param deployerPrincipalId string

@description('Id (GUID) of a role for deployments that exists; empty: defined here.')
param existingDeploymentRoleId string

@description('Id (GUID) of a role to ask deployments with that exists; empty: defined here; none: left out.')
param existingInferenceRoleId string

@description('Id (GUID) of a role for files and jobs instead of Foundry User, or empty.')
param existingTrainingRoleId string

var roles = loadJsonContent('../roles.json')
var custom = loadJsonContent('../custom-roles.json')
var here = resourceGroup().id
var asksOpenModels = existingInferenceRoleId != 'none'
var trainingRoleId = empty(existingTrainingRoleId) ? roles.foundryUser : existingTrainingRoleId
var ourDeploymentRoleId = guid(here, suffix, 'foundry-deployments')
var ourInferenceRoleId = guid(here, suffix, 'foundry-inference')
var deploymentRoleId = empty(existingDeploymentRoleId) ? ourDeploymentRoleId : existingDeploymentRoleId
var inferenceRoleId = empty(existingInferenceRoleId) ? ourInferenceRoleId : existingInferenceRoleId

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' existing = {
  name: accountName
}

resource project 'Microsoft.CognitiveServices/accounts/projects@2025-06-01' existing = {
  parent: account
  name: projectName
}

resource deploymentRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (empty(existingDeploymentRoleId)) {
  name: ourDeploymentRoleId
  properties: {
    roleName: 'Foundry deployments (${suffix})'
    description: 'Reads, writes and deletes model deployments of a Foundry account, and reads its models and quota. Nothing else; no keys.'
    type: 'CustomRole'
    assignableScopes: [
      here
    ]
    permissions: [
      {
        actions: custom.deployments.actions
        notActions: []
        dataActions: custom.deployments.dataActions
        notDataActions: []
      }
    ]
  }
}

// Tuned open models answer at the account only, not at the project.
resource inferenceRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (empty(existingInferenceRoleId)) {
  name: ourInferenceRoleId
  properties: {
    roleName: 'Foundry inference (${suffix})'
    description: 'Asks deployments of a Foundry account for chat completions. Nothing else.'
    type: 'CustomRole'
    assignableScopes: [
      here
    ]
    permissions: [
      {
        actions: custom.inference.actions
        notActions: []
        dataActions: custom.inference.dataActions
        notDataActions: []
      }
    ]
  }
}

// On the project: on the account, Foundry User holds the data actions of deployments and the keys.
resource tune 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(project.id, hostPrincipalId, trainingRoleId)
  scope: project
  properties: {
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', trainingRoleId)
  }
}

resource ask 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (asksOpenModels) {
  name: guid(account.id, hostPrincipalId, inferenceRoleId)
  scope: account
  properties: {
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', inferenceRoleId)
  }
  dependsOn: [
    inferenceRole
  ]
}

resource deploy 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, deployerPrincipalId, deploymentRoleId)
  scope: account
  properties: {
    principalId: deployerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', deploymentRoleId)
  }
  dependsOn: [
    deploymentRole
  ]
}

// The subdomain of an account that exists already may differ from its name.
output projectEndpoint string = 'https://${account.properties.customSubDomainName}.services.ai.azure.com/api/projects/${projectName}'
