// The dashboard of operators: what runs do, how long, what it costs, what fails.

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Log Analytics workspace that it asks.')
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'fine-tuning')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Fine-tuning'
    category: 'workbook'
    sourceId: workspaceId
    version: '1.0'
    serializedData: string(loadJsonContent('../workbook.json'))
  }
}
