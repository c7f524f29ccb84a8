// Three identities.  `host` runs the app: storage, files, jobs, questions to models, telemetry.  `deployer` alone may write
// deployments, and only the adapter for deployments asks for its token (docs/adr/0010-two-identities.md).  `publisher` alone may
// write the package of the app: the platform uses it when a version is deployed, our code never.

@description('Name of each.')
param names { host: string, deployer: string, publisher: string }

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

resource host 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.host
  location: location
  tags: tags
}

resource deployer 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.deployer
  location: location
  tags: tags
}

resource publisher 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.publisher
  location: location
  tags: tags
}

output hostClientId string = host.properties.clientId
output hostPrincipalId string = host.properties.principalId
output deployerClientId string = deployer.properties.clientId
output deployerPrincipalId string = deployer.properties.principalId
output publisherPrincipalId string = publisher.properties.principalId
