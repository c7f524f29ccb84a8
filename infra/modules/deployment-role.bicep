// Exactly what shared/adapters/deployments.py calls, and no key: every built-in role that may deploy may do far more.

@description('What makes the name unique in the tenant.')
param suffix string

var here = resourceGroup().id

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(here, suffix, 'foundry-deployments')
  properties: {
    roleName: 'Foundry deployments (${suffix})'
    description: 'Reads, writes and deletes model deployments of a Foundry account. Nothing else; no keys.'
    type: 'CustomRole'
    assignableScopes: [
      here
    ]
    permissions: [
      {
        actions: [
          'Microsoft.CognitiveServices/accounts/deployments/read'
          'Microsoft.CognitiveServices/accounts/deployments/write'
          'Microsoft.CognitiveServices/accounts/deployments/delete'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

output roleId string = role.name
