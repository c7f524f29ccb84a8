"""What a promotion rule asks for, and how a score stands beside guessing: in words, for whoever decides."""

from __future__ import annotations

from typing import Final

from shared.core.evaluation.differences import is_above
from shared.core.evaluation.measures import ACCURACY
from shared.core.run import EvaluationSummary
from shared.core.spec import PromoteRule

#: So much above guessing is about as much, however many examples there are.
_ABOUT: Final = 0.05
#: And this share of the way from guessing to all right, where the range of the score reaches down to guessing: of a few examples
#: any range does, also that of a score that is far above.
_WAY: Final = 0.25


def asked_for(rule: PromoteRule) -> str:
    """The gain that the lower bound is held against, as a part of a sentence."""
    if rule.not_worse_by is not None:
        return f"the rule allows a loss of at most {rule.not_worse_by:g} (not_worse_by)"
    if is_above(rule):
        return "the rule asks for more than 0 (superior_by)"
    name = "superior_by" if rule.superior_by is not None else "min_gain"
    return f"the rule asks for at least {rule.line:+.3f} ({name})"


def with_the_rule(rule: PromoteRule) -> str:
    """That what the rule asks for is in a smallest gain, with a comma before it; empty where it asks for any gain."""
    if rule.line > 0:
        return f", the {rule.line:+g} that the rule asks for included"
    if rule.line < 0:
        return f", with the loss of {-rule.line:g} that the rule allows taken off"
    return ""


def is_guessing(seen: EvaluationSummary, chance: float | None, side: str = "candidate") -> bool:
    """Whether a side scores about as much as answers to other examples do, as far as both are known.

    Args:
        seen: the evaluation.
        chance: what the references of other examples score on average.
        side: `candidate` or `baseline`.
    """
    score = seen.candidate_score if side == "candidate" else seen.baseline_score
    if score is None or chance is None:
        return False
    found = next((measure for measure in seen.measures if measure.name == ACCURACY), None)
    interval = found and (found.candidate if side == "candidate" else found.baseline)
    low = interval.low if interval else None
    is_near = score <= chance + _WAY * (1 - chance)
    return score <= chance + _ABOUT or (is_near and low is not None and low <= chance)
