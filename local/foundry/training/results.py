"""What was measured, by the service's names: for results.csv and for checkpoints."""

from __future__ import annotations

import csv
import io
from typing import Final

from local.foundry.learning.language_model import Step
from local.foundry.learning.preference import REWARD_NAMES
from local.foundry.learning.reinforcement import RewardStep

#: As checkpoints name them; the documentation of results.csv calls the fifth one `validation_mean_token_accuracy`.
LOSSES: Final = (
    "step",
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
)
#: Losses, and the implicit rewards of preference optimisation.
PREFERENCES: Final = (
    *LOSSES,
    *(f"{part}_{name}" for part in ("train", "valid", "full_valid") for name in REWARD_NAMES),
)
#: As microsoft/azure-skills and OpenAI's guide name them.
REWARDS: Final = (
    "step",
    "train_mean_reward",
    "full_valid_mean_reward",
    "completion_tokens_mean",
    "reasoning_tokens_mean",
    "mean_unresponsive_rewards",
    "full_valid_mean_parse_error",
)
Metrics = dict[str, float | int]


def losses(step: Step) -> Metrics:
    """What was measured at a step; names without a value are absent."""
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
    return {
        name: value for name, value in zip(LOSSES, measured, strict=True) if value is not None
    } | step.more


def rewards(step: RewardStep) -> Metrics:
    """What was measured at a step of reinforcement; the stand-in never reasons, so those tokens are 0."""
    unresponsive = sum(grade.has_failed for grade in step.train.grades) / max(1, len(step.train.grades))
    found: Metrics = {
        "step": step.number,
        "train_mean_reward": step.train.reward,
        "completion_tokens_mean": step.train.tokens_mean,
        "reasoning_tokens_mean": 0.0,
        "mean_unresponsive_rewards": unresponsive,
    }
    if step.valid is not None:
        found["full_valid_mean_reward"] = step.valid.reward
        found["full_valid_mean_parse_error"] = step.valid.error_share("sample_parse_error")
    return found


class Results:
    """The rows of results.csv, one per step; a cell is empty where nothing was measured."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._out = io.StringIO()
        self._writer = csv.DictWriter(self._out, columns, restval="", lineterminator="\n")
        self._writer.writeheader()

    def add(self, measured: Metrics) -> None:
        """Append a row."""
        self._writer.writerow(measured)

    def csv(self) -> bytes:
        """The file so far."""
        return self._out.getvalue().encode()
