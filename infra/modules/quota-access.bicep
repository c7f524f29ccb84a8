// What the deployer may read in the subscription: which models a region has, and how much of its quota is left.
targetScope = 'subscription'

@description('What makes the name of the role unique in the tenant.')
param suffix string

@description('Principal id of the identity that deploys.')
param deployerPrincipalId string

@description('Id (GUID) of a role that exists; empty: defined here.')
param existingQuotaRoleId string

var custom = loadJsonContent('../custom-roles.json')
var here = subscription().id
var ourRoleId = guid(here, suffix, 'foundry-quota')
var roleId = empty(existingQuotaRoleId) ? ourRoleId : existingQuotaRoleId

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (empty(existingQuotaRoleId)) {
  name: ourRoleId
  properties: {
    roleName: 'Foundry quota (${suffix})'
    description: 'Reads models, quota and capacity of Foundry in a subscription. Nothing else.'
    type: 'CustomRole'
    assignableScopes: [
      here
    ]
    permissions: [
      {
        actions: custom.quota.actions
        notActions: []
        dataActions: custom.quota.dataActions
        notDataActions: []
      }
    ]
  }
}

resource read 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(here, deployerPrincipalId, roleId)
  properties: {
    principalId: deployerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleId)
  }
  dependsOn: [
    role
  ]
}
