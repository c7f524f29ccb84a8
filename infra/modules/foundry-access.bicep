// What the two identities may do in the Foundry account.

@description('Name of the account.')
param accountName string

@description('Name of the project in it.')
param projectName string

@description('Principal id of the identity that the app runs as.')
param hostPrincipalId string

@description('Principal id of the identity that deploys.')
param deployerPrincipalId string

@description('Id (GUID) of the custom role for deployments.')
param deploymentRoleId string

var roles = loadJsonContent('../roles.json')

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' existing = {
  name: accountName
}

resource tune 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, hostPrincipalId, roles.foundryUser)
  scope: account
  properties: {
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.foundryUser)
  }
}

resource deploy 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, deployerPrincipalId, deploymentRoleId)
  scope: account
  properties: {
    principalId: deployerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', deploymentRoleId)
  }
}

// The subdomain of an account that exists already may differ from its name.
output projectEndpoint string = 'https://${account.properties.customSubDomainName}.services.ai.azure.com/api/projects/${projectName}'
