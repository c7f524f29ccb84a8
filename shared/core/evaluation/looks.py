"""Looks: who compares often enough is `better` once by chance, unless each look may err less than the one before."""

from __future__ import annotations

import math

import msgspec


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Which look a comparison is.  Its numbers never change, also when the verdict is computed again.

    Attributes:
        set: number of this comparison among those of its pipeline on the same evaluation set, from 1.
        pipeline: number among all comparisons of its pipeline since the last promotion, from 1, whatever set they used.
    """

    set: int
    pipeline: int


class ComingLook(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the next comparison of a pipeline, if no other run is compared before it.

    Attributes:
        number: as `Look.pipeline`.
        last_run: the run that made the newest comparison; None before the first.
    """

    number: int
    last_run: str | None = None


def error_of(confidence: float, number: int) -> float:
    """The share of wrong promotions that look `number` may spend: (1 - confidence) * 6 / (pi^2 * number^2).

    1 + 1/4 + 1/9 + ... is pi^2 / 6.  So these sum to 1 - confidence over all looks: however often a pipeline without any gain
    is compared, it is promoted with no more than that chance.

    Args:
        confidence: of the pipeline's promotion rule, between 0 and 1.
        number: of the look since the last promotion, from 1.
    """
    return (1 - confidence) * 6 / (math.pi**2 * number**2)
