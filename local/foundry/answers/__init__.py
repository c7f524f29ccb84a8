"""What deployments answer, by chat completions and by responses."""
