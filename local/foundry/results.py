"""results.csv and the metrics of checkpoints: what was measured, in the service's columns."""

from __future__ import annotations

import csv
import io
from typing import Final

from local.foundry.learning import Step

#: As checkpoints name them; the documentation of results.csv says `validation_mean_token_accuracy` for the fifth.
COLUMNS: Final = (
    "step",
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
)


def metrics(step: Step) -> dict[str, float | int]:
    """What was measured at a step; names of what was not are absent."""
    valid, full = step.valid, step.full_valid
    measured = (
        step.number,
        step.train.loss,
        step.train.accuracy,
        valid.loss if valid else None,
        valid.accuracy if valid else None,
        full.loss if full else None,
        full.accuracy if full else None,
    )
    return {name: value for name, value in zip(COLUMNS, measured, strict=True) if value is not None}


class Results:
    """The rows of results.csv, one a step; cells stay empty where nothing was measured."""

    def __init__(self) -> None:
        self._out = io.StringIO()
        self._writer = csv.DictWriter(self._out, COLUMNS, restval="", lineterminator="\n")
        self._writer.writeheader()

    def add(self, step: Step) -> None:
        """Append a row."""
        self._writer.writerow(metrics(step))

    def csv(self) -> bytes:
        """The file so far."""
        return self._out.getvalue().encode()
