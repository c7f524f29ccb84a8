"""The data plane: the routes under `/openai/v1`, files, and what a job may ask for."""
