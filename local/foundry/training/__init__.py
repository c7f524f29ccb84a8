"""The life of a job: checks of its files, the fit, checkpoints, `results.csv`."""
