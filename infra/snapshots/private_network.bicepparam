using '../main.bicep'

// A virtual network with private endpoints, and addresses that may call the app.
param environmentName = 'dev'
param location = 'swedencentral'
param authClientId = '00000000-0000-0000-0000-00000000000a'
param budgetStart = '2026-11-01T00:00:00Z'
param privateNetwork = true
param allowedAddressRanges = '192.0.2.0/24, 198.51.100.7'
