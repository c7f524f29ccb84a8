"""The data plane: files, jobs and the routes under `/openai/v1`."""
