"""Is the difference real?  Paired comparison of two models on the same examples."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import fmean
from typing import Final

import msgspec

_RESAMPLES: Final = 2000
_SEED: Final = 20_240_229  # any fixed number: the same answers give the same bounds for ever


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """A paired comparison.

    Attributes:
        examples: number of pairs.
        gain: mean of (candidate - baseline).
        lower_bound: one-sided lower confidence bound of the gain; None with fewer than two pairs.
        wins: pairs in which the candidate scored higher.
        losses: pairs in which it scored lower.
        p_value: one-sided exact sign test of "not better", ties left out; 1.0 if all are ties.
    """

    examples: int
    gain: float
    lower_bound: float | None
    wins: int
    losses: int
    p_value: float


def paired(candidate: Sequence[float], baseline: Sequence[float], confidence: float) -> Paired:
    """Compare scores of the same examples.

    The bound is the percentile bootstrap of the mean difference (Efron and Tibshirani 1993) with 2,000 seeded resamples.

    Args:
        candidate: scores, one an example.
        baseline: scores of the same examples in the same order.
        confidence: of the bound, 0.5 to 1.

    Raises:
        ValueError: if the lengths differ.
    """
    differences = [ours - theirs for ours, theirs in zip(candidate, baseline, strict=True)]
    count = len(differences)
    wins = sum(1 for difference in differences if difference > 0)
    losses = sum(1 for difference in differences if difference < 0)
    return Paired(
        examples=count,
        gain=fmean(differences) if differences else 0.0,
        lower_bound=_lower_bound(differences, confidence) if count > 1 else None,
        wins=wins,
        losses=losses,
        p_value=_sign_test(wins, losses),
    )


def _lower_bound(differences: list[float], confidence: float) -> float:
    if min(differences) == max(differences):
        return differences[0]
    generator, count = random.Random(_SEED), len(differences)  # noqa: S311  # a resampling, no secret
    means = sorted(math.fsum(generator.choices(differences, k=count)) / count for _ in range(_RESAMPLES))
    return means[min(_RESAMPLES - 1, int((1 - confidence) * _RESAMPLES))]


def _sign_test(wins: int, losses: int) -> float:
    """Chance of at least `wins` heads in `wins + losses` tosses of a fair coin."""
    tosses = wins + losses
    return float(sum(math.comb(tosses, heads) for heads in range(wins, tosses + 1)) / 2**tosses)
