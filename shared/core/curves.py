"""Learning curves: what the results file of a job says, where validation was best, and whether it got worse after that."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from io import StringIO
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec

#: More lines of a results file are not read.
_LINES_MAX: Final = 100_000
#: Columns by what they measure: of the training batches, of validation batches, of the whole validation file.
_LOSS: Final = ("train_loss", "valid_loss", "full_valid_loss")
_REWARD: Final = ("train_mean_reward", "valid_mean_reward", "full_valid_mean_reward")
#: So much worse than its best is called overfitting: less is noise.
_WORSE: Final = 0.05
#: A batch says little: its numbers are looked at as means over so large a part of all of them.
_WINDOW: Final = 0.1

type Points = tuple[tuple[float, float], ...]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was kept on the way.

    Attributes:
        step: after which it was kept.
        model: its name.
        validation: loss or reward on the whole validation file; None if that is not known.
    """

    step: float
    model: str
    validation: float | None


class Curves(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured while a model was trained.

    Attributes:
        measure: `loss`, where less is better, or `reward`, where more is.
        train: step and number.
        validation: the same of validation batches.
        full_validation: of the whole validation file.
        checkpoints: in the order of their steps.
        best_step: where validation was best; None without validation.
        overfits: whether validation got clearly worse after its best.
        told: that in a sentence; empty without validation.
    """

    measure: str
    train: Points
    validation: Points
    full_validation: Points
    checkpoints: tuple[Checkpoint, ...]
    best_step: float | None
    overfits: bool
    told: str


def curves_of(results: bytes | None, checkpoints: Sequence[dict[str, Any]] = ()) -> Curves | None:
    """The curves of a job; None if there is nothing that can be drawn.

    Args:
        results: bytes of `results.csv`, as the service wrote them.
        checkpoints: as the service lists them.
    """
    columns = _columns(results or b"")
    names = _REWARD if _REWARD[0] in columns and _LOSS[0] not in columns else _LOSS
    train, validation, full = (columns.get(name, ()) for name in names)
    kept = _kept(checkpoints, names[2])
    if not (train or validation or full):
        return None
    is_reward = names is _REWARD
    looked_at = full if len(full) > 1 else _means(validation)
    best, overfits, told = _judged(looked_at, is_reward=is_reward)
    return Curves(
        measure="reward" if is_reward else "loss",
        train=train,
        validation=validation,
        full_validation=full,
        checkpoints=kept,
        best_step=best,
        overfits=overfits,
        told=told,
    )


def _columns(raw: bytes) -> dict[str, Points]:
    """Numbers by column, each with its step; what is not a number is left out."""
    rows = csv.reader(StringIO(raw.decode("utf-8-sig", "replace")))
    found: dict[str, list[tuple[float, float]]] = {}
    try:
        head = next(rows, [])
        at = head.index("step") if "step" in head else None
        places = [
            (head.index(name), found.setdefault(name, [])) for name in (*_LOSS, *_REWARD) if name in head
        ]
        for number, row in enumerate(rows, start=1):
            if number > _LINES_MAX:
                break
            step = None if at is None else _cell(row, at)
            for place, points in places:
                if (value := _cell(row, place)) is not None:
                    points.append((float(number) if step is None else step, value))
    except csv.Error:
        pass  # what could be read is shown
    return {name: tuple(sorted(points)) for name, points in found.items() if points}


def _cell(row: Sequence[str], place: int) -> float | None:
    return _number(row[place]) if place < len(row) and row[place] else None


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _kept(listed: Iterable[Any], measured: str) -> tuple[Checkpoint, ...]:
    found = []
    for one in listed:
        if not isinstance(one, dict) or (step := _number(one.get("step_number"))) is None:
            continue
        metrics = one.get("metrics")
        value = _number(metrics.get(measured)) if isinstance(metrics, dict) else None
        model = one.get("fine_tuned_model_checkpoint")
        found.append(Checkpoint(step=step, model=model if isinstance(model, str) else "", validation=value))
    return tuple(sorted(found, key=lambda kept: kept.step))


def _means(points: Points) -> Points:
    """Means over a tenth of all points around each."""
    reach = int(len(points) * _WINDOW / 2)
    if not reach:
        return points
    sums = [0.0, *accumulate(value for _, value in points)]
    means = []
    for place, (step, _) in enumerate(points):
        first, last = max(0, place - reach), min(len(points), place + reach + 1)
        means.append((step, (sums[last] - sums[first]) / (last - first)))
    return tuple(means)


class _Judged(NamedTuple):
    best: float | None
    overfits: bool
    told: str


def _judged(points: Points, *, is_reward: bool) -> _Judged:
    if len(points) < 2:
        return _Judged(None, overfits=False, told="")
    sign = -1.0 if is_reward else 1.0
    step, best = min(points, key=lambda point: sign * point[1])
    last_step, last = points[-1]
    what, word = ("reward", "highest") if is_reward else ("loss", "lowest")
    worse = sign * (last - best)
    where = f"Validation {what} was {word} at step {step:g} ({best:.4g})"
    if step == last_step or worse <= _WORSE * max(abs(best), 1e-9):
        return _Judged(step, overfits=False, told=f"{where}; no sign of overfitting.")
    moved = f"{'fell' if is_reward else 'rose'} to {last:.4g} by step {last_step:g}"
    told = f"{where} and {moved}: after its best the model learned its examples by heart."
    return _Judged(step, overfits=True, told=told)
