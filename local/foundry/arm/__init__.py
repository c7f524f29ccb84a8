"""Azure Resource Manager: the account, its deployments, models, SKUs and quotas."""
