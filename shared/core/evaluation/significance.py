"""Is the difference real?  Paired comparison of two models on the same examples."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import NormalDist, fmean
from typing import Final

import msgspec

_RESAMPLES: Final = 2000
_SEED: Final = 20_240_229  # any fixed number: the same answers give the same bounds for ever
_NORMAL: Final = NormalDist()


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """A paired comparison.

    Attributes:
        examples: number of pairs.
        gain: mean of (candidate - baseline); 0 without pairs.
        lower_bound: one-sided lower confidence bound of the gain; None with fewer than two pairs.
        wins: pairs in which the candidate scored higher.
        losses: pairs in which it scored lower.
        p_value: chance of as many wins if each side won equally often: one-sided exact sign test, ties left out; 1.0 if
            all are ties.  It counts wins, not their size, so it can disagree with the bound.
    """

    examples: int
    gain: float
    lower_bound: float | None
    wins: int
    losses: int
    p_value: float


def paired(candidate: Sequence[float], baseline: Sequence[float], confidence: float) -> Paired:
    """Compare scores of the same examples.

    The bound is the expanded percentile bootstrap of the mean difference with 2,000 seeded resamples (Hesterberg 2015, "What
    Teachers Should Know About the Bootstrap"): a plain percentile is too narrow for few examples, so the quantile is widened to
    what Student's t and the divisor n - 1 would ask for.  If all differences are equal, the bound is that difference.

    How often equal models get a bound above 0 at 95 %: with right-or-wrong scores, exactly and at the worst share of ties, 3.6 to
    7.2 % with 5 to 30 examples; with normal differences 4.6 to 5.9 % with 5 to 100 (1,500 trials per count), where the plain
    percentile gives 11 % with 5 and 8 % with 10.  Rare big losses among small wins hide from any bound when examples are few.

    Args:
        candidate: scores, one per example.
        baseline: scores of the same examples in the same order.
        confidence: of the bound, at least 0.5, below 1.

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
    generator, count = random.Random(_SEED), len(differences)  # noqa: S311  # a resampling, not a secret
    means = sorted(sum(generator.choices(differences, k=count)) / count for _ in range(_RESAMPLES))
    return means[max(0, round(_expanded_tail(count, confidence) * _RESAMPLES) - 1)]


def _expanded_tail(count: int, confidence: float) -> float:
    """The share of resamples below the bound: smaller than `1 - confidence`, and nearing it as examples grow."""
    return _NORMAL.cdf(-math.sqrt(count / (count - 1)) * _student_quantile(confidence, count - 1))


def _student_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t by Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5).

    Within 0.1 % of the tables from 4 degrees of freedom on at 95 %, the fewest that a verdict is given on.
    """
    x = _NORMAL.inv_cdf(probability)
    terms = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92_160,
    )
    return x + sum(term / float(freedom) ** power for power, term in enumerate(terms, start=1))


def _sign_test(wins: int, losses: int) -> float:
    """Chance of at least `wins` heads in `wins + losses` tosses of a fair coin."""
    tosses = wins + losses
    ways = total = math.comb(tosses, wins)
    for heads in range(wins, tosses):
        ways = ways * (tosses - heads) // (heads + 1)
        total += ways
    return float(total / 2**tosses)
