// Two identities.  `host` runs the app: storage, files, jobs, questions to models, telemetry.  `deployer` alone may write
// deployments, and only the adapter for deployments asks for its token (docs/adr/0010-two-identities.md).

@description('What makes names unique.')
param suffix string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

resource host 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-host-${suffix}'
  location: location
  tags: tags
}

resource deployer 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-deployer-${suffix}'
  location: location
  tags: tags
}

output hostId string = host.id
output hostClientId string = host.properties.clientId
output hostPrincipalId string = host.properties.principalId
output deployerId string = deployer.id
output deployerClientId string = deployer.properties.clientId
output deployerPrincipalId string = deployer.properties.principalId
