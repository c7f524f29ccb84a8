"""What deployments answer: chat completions and responses."""
