"""App settings with which the app starts, and nothing else."""

GOOD = {
    "FOUNDRY_PROJECT_ENDPOINT": "https://x.services.ai.azure.com/api/projects/p",
    "AZURE_SUBSCRIPTION_ID": "s",
    "AZURE_RESOURCE_GROUP": "rg",
    "FOUNDRY_ACCOUNT_NAME": "x",
    "STATE": "UseDevelopmentStorage=true",
    "DATASETS": "UseDevelopmentStorage=true",
}
