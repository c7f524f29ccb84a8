"""Azure Resource Manager: deployments, models, SKUs and quotas."""
