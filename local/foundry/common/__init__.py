"""What several rooms use: the time, the state, the models and their offer, rows, token counts, errors."""
