"""What all rooms use: time, state, models and what is offered, rows, token counts, errors."""
