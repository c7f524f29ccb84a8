"""The limit on severe regressions: whether it is kept, and whether so few groups could show that it is."""

from __future__ import annotations

import math

from shared.core.evaluation.contest import Contest
from shared.core.evaluation.differences import NOISE
from shared.core.evaluation.exact import share_at_most
from shared.core.spec import PromoteRule


def can_exclude(contest: Contest, allowed: float, rule: PromoteRule) -> bool:
    """Whether so many groups could keep a limit on severe regressions at all."""
    return can_show(contest.groups, allowed, rule.confidence)


def can_show(groups: int, allowed: float, confidence: float) -> bool:
    """Whether so many groups, at least one, without any severe regression exclude a larger share of them."""
    return share_at_most(0, groups, 1 - confidence) <= allowed + NOISE


def excludes(contest: Contest, allowed: float) -> bool:
    """Whether a larger share of severe regressions is excluded."""
    bound = contest.severe.upper_bound
    return bound is not None and bound <= allowed + NOISE


def groups_for(allowed: float, confidence: float) -> int:
    """The fewest groups that can keep a limit on severe regressions below 1: with none seen."""
    return math.ceil(math.log(1 - confidence) / math.log1p(-allowed))
