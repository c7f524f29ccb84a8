"""What happens to a job: checks of its files, the fit, `results.csv`, checkpoints."""
