"""The comparison of a candidate with its baselines, and the verdict by the pipeline's promotion rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from statistics import fmean
from typing import Final

import msgspec

from shared.core.evaluation.answers import Answer
from shared.core.evaluation.graders import Grader
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.statistics import Paired, paired
from shared.core.pipeline_types import PromoteRule

CANDIDATE: Final = "candidate"
_EXAMPLES_MIN: Final = 5  # below this no statistics help
_ERRORS_SHARE_MAX: Final = 0.2
_TEXT_MAX: Final = 2000


class Outcome(StrEnum):
    """What the measurement says about the candidate."""

    BETTER = "better"
    NOT_BETTER = "not_better"
    UNPROVEN = "unproven"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One side of the comparison.

    Attributes:
        name: `candidate`, `baseline-1`...
        label: its name for people.
        deployment: that answered.
        means: mean score by grader.
        completion_tokens: of all answers.
        mean_latency_ms: of all answers.
        errors: examples that the service refused.
    """

    name: str
    label: str
    deployment: str
    means: dict[str, float]
    completion_tokens: int
    mean_latency_ms: int
    errors: int


class Contest(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate against one baseline, on the deciding metric."""

    baseline: str
    paired: Paired
    cost_ratio: float | None
    """Completion tokens of the candidate over those of the baseline."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One example: what was asked for, what was answered, what it scored."""

    index: int
    prompt: str
    reference: str
    answers: dict[str, str]
    scores: dict[str, dict[str, float]]
    """Scores by target, then by grader."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured, and what follows from it."""

    metric: str
    examples: int
    confidence: float
    targets: tuple[Target, ...]
    contests: tuple[Contest, ...]
    skipped: tuple[str, ...]
    outcome: Outcome
    reason: str
    rows: tuple[Row, ...]

    @property
    def decisive(self) -> Contest | None:
        """The contest that is hardest to win: the one with the smallest gain."""
        return min(self.contests, key=lambda contest: contest.paired.gain, default=None)

    def target(self, name: str) -> Target:
        """A side by its name."""
        return next(target for target in self.targets if target.name == name)


def compare(
    items: Sequence[EvaluationItem],
    answers: Mapping[str, Sequence[Answer]],
    graders: Sequence[Grader],
    rule: PromoteRule,
    *,
    labels: Mapping[str, str],
    deployments: Mapping[str, str],
    skipped: Sequence[str] = (),
) -> Comparison:
    """Grade all answers and judge the candidate.

    Args:
        items: the held-out examples.
        answers: target -> one answer an example, in the order of the items; `candidate` is the tuned model.
        graders: at least one.
        rule: of the pipeline file; without a metric, the first grader decides.
        labels: target -> name for people.
        deployments: target -> deployment.
        skipped: baselines that could not be measured, with the reason.
    """
    metric = rule.metric or graders[0].name
    scores = {
        target: {
            grader.name: [grader.grade(i, a) for i, a in zip(items, given, strict=True)] for grader in graders
        }
        for target, given in answers.items()
    }
    contests = tuple(
        _contest(name, scores[CANDIDATE][metric], scores[name][metric], answers, rule)
        for name in answers
        if name != CANDIDATE and items
    )
    targets = tuple(
        _target(name, labels[name], deployments[name], answers[name], scores[name]) for name in answers
    )
    outcome, reason = _verdict(targets, contests, len(items), metric, rule, skipped)
    return Comparison(
        metric=metric,
        examples=len(items),
        confidence=rule.confidence,
        targets=targets,
        contests=contests,
        skipped=tuple(skipped),
        outcome=outcome,
        reason=reason,
        rows=tuple(_row(item, number, answers, scores) for number, item in enumerate(items)),
    )


def _contest(
    name: str,
    ours: list[float],
    theirs: list[float],
    answers: Mapping[str, Sequence[Answer]],
    rule: PromoteRule,
) -> Contest:
    spent = sum(answer.completion_tokens for answer in answers[CANDIDATE])
    base = sum(answer.completion_tokens for answer in answers[name])
    return Contest(
        baseline=name,
        paired=paired(ours, theirs, rule.confidence),
        cost_ratio=spent / base if base else None,
    )


def _target(
    name: str, label: str, deployment: str, answers: Sequence[Answer], scores: Mapping[str, list[float]]
) -> Target:
    return Target(
        name=name,
        label=label,
        deployment=deployment,
        means={grader: fmean(values) if values else 0.0 for grader, values in scores.items()},
        completion_tokens=sum(answer.completion_tokens for answer in answers),
        mean_latency_ms=round(fmean(answer.latency_ms for answer in answers)) if answers else 0,
        errors=sum(1 for answer in answers if answer.error is not None),
    )


def _verdict(  # noqa: PLR0917  # all that a verdict depends on
    targets: Sequence[Target],
    contests: Sequence[Contest],
    examples: int,
    metric: str,
    rule: PromoteRule,
    skipped: Sequence[str],
) -> tuple[Outcome, str]:
    """The outcome and a sentence with its numbers."""
    by_name = {target.name: target for target in targets}
    candidate = by_name[CANDIDATE]
    if examples and candidate.errors > _ERRORS_SHARE_MAX * examples:
        return (
            Outcome.NOT_BETTER,
            f"The candidate gave no answer to {candidate.errors} of {examples} examples.",
        )
    if examples < _EXAMPLES_MIN:
        return (
            Outcome.UNPROVEN,
            f"Only {examples} held-out examples: too few to prove anything ({_EXAMPLES_MIN} at least).",
        )
    if not contests:
        why = f" ({'; '.join(skipped)})" if skipped else ""
        mean = candidate.means[metric]
        return (
            Outcome.UNPROVEN,
            f"No baseline could be measured{why}; the candidate scores {mean:.3f} {metric}.",
        )
    for contest in contests:
        if objection := _objection(contest, rule):
            return Outcome.NOT_BETTER, f"{_numbers(contest, by_name, metric, rule)} {objection}"
    hardest = min(contests, key=lambda contest: contest.paired.gain)
    return Outcome.BETTER, _numbers(hardest, by_name, metric, rule)


def _objection(contest: Contest, rule: PromoteRule) -> str | None:
    """Why a contest is not won, or None."""
    bound = contest.paired.lower_bound
    if contest.paired.gain < rule.min_gain:
        return f"The pipeline asks for a gain of {rule.min_gain:g} at least."
    if bound is None or bound <= 0:
        return "The gain may be chance: its lower bound is not above 0."
    if rule.max_cost_ratio is not None and (contest.cost_ratio or 0.0) > rule.max_cost_ratio:
        return f"It uses {contest.cost_ratio:.2f} times the tokens, the pipeline allows {rule.max_cost_ratio:g} times."
    return None


def _numbers(contest: Contest, targets: Mapping[str, Target], metric: str, rule: PromoteRule) -> str:
    ours, theirs = targets[CANDIDATE].means[metric], targets[contest.baseline].means[metric]
    bound = contest.paired.lower_bound
    at_least = f"at least {bound:+.3f} with {rule.confidence:.0%} confidence, " if bound is not None else ""
    return (
        f"{metric}: {ours:.3f} against {theirs:.3f} of {targets[contest.baseline].label}, gain {contest.paired.gain:+.3f} "
        f"({at_least}{contest.paired.wins} wins and {contest.paired.losses} losses on {contest.paired.examples} examples)."
    )


def _row(
    item: EvaluationItem,
    number: int,
    answers: Mapping[str, Sequence[Answer]],
    scores: Mapping[str, Mapping[str, list[float]]],
) -> Row:
    said = {
        name: given[number].text or f"[{given[number].error or 'no answer'}]"
        for name, given in answers.items()
    }
    last = item.messages[-1].get("content") if item.messages else None
    return Row(
        index=item.index,
        prompt=_clip(last if isinstance(last, str) else msgspec.json.encode(last).decode()),
        reference=_clip(item.reference or ""),
        answers={name: _clip(text) for name, text in said.items()},
        scores={
            name: {grader: round(values[number], 6) for grader, values in by_grader.items()}
            for name, by_grader in scores.items()
        },
    )


def _clip(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - 1] + "…"
