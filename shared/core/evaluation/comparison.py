"""The comparison of a candidate with its baselines on held-out examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final

from shared.core.evaluation.answers import Answer, message_text
from shared.core.evaluation.graders import Grader
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.scorecard import CANDIDATE, Comparison, Contest, Outcome, Row, Target
from shared.core.evaluation.significance import paired
from shared.core.evaluation.templates import known_fields
from shared.core.evaluation.verdict import Measured, judge
from shared.core.spec import PromoteRule

__all__ = ["CANDIDATE", "Comparison", "Contest", "Outcome", "Row", "Target", "compare"]

_TEXT_MAX: Final = 2000

type _Scores = dict[str, dict[str, list[float]]]
"""Scores by target, then by grader, in the order of the items."""


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
        answers: target -> one answer per example, in the order of the items; `candidate` is the tuned model.
        graders: at least one.
        rule: of the pipeline file; without a metric, the first grader decides.
        labels: target -> name for people.
        deployments: target -> deployment.
        skipped: baselines that could not be measured, with the reason.

    Raises:
        ValueError: if a target's answers are not those of the items, one each in their order.
    """
    _check_order(items, answers)
    metric = rule.metric or graders[0].name
    scores: _Scores = {
        target: {
            grader.name: [grader.grade(item, answer) for item, answer in zip(items, given, strict=True)]
            for grader in graders
        }
        for target, given in answers.items()
    }
    targets = tuple(
        _target(name, labels[name], deployments[name], given, scores[name]) for name, given in answers.items()
    )
    contests = tuple(
        Contest(
            baseline=name,
            paired=paired(scores[CANDIDATE][metric], scores[name][metric], rule.confidence),
            cost_ratio=_cost_ratio(answers[CANDIDATE], given),
        )
        for name, given in answers.items()
        if name != CANDIDATE and items
    )
    ungraded = {grader.name: [item for item in items if grader.missing(item)] for grader in graders}
    measured = Measured(
        metric=metric,
        examples=len(items),
        ungraded=len(ungraded[metric]),
        targets=targets,
        contests=contests,
        skipped=skipped,
    )
    verdict = judge(measured, rule)
    return Comparison(
        metric=metric,
        examples=len(items),
        confidence=rule.confidence,
        targets=targets,
        contests=contests,
        skipped=tuple(skipped),
        outcome=verdict.outcome,
        reason=verdict.reason,
        rows=tuple(_row(item, number, answers, scores) for number, item in enumerate(items)),
        decided_by=verdict.decided_by,
        notes=tuple(
            _note(grader, found, len(items)) for grader in graders if (found := ungraded[grader.name])
        ),
    )


def _check_order(items: Sequence[EvaluationItem], answers: Mapping[str, Sequence[Answer]]) -> None:
    """A score under the wrong example would be a silent lie."""
    asked = [item.index for item in items]
    for name, given in answers.items():
        if [answer.index for answer in given] != asked:
            msg = f"the {len(given)} answers of {name} are not those of the {len(asked)} examples, one each in their order"
            raise ValueError(msg)


def _cost_ratio(ours: Sequence[Answer], theirs: Sequence[Answer]) -> float | None:
    base = sum(answer.completion_tokens for answer in theirs)
    return sum(answer.completion_tokens for answer in ours) / base if base else None


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
        errors=sum(1 for answer in answers if answer.is_missing),
    )


def _note(grader: Grader, ungraded: Sequence[EvaluationItem], examples: int) -> str:
    first = ungraded[0]
    return (
        f"{grader.name} scores 0 on {len(ungraded)} of {examples} examples for every model: example {first.index} has no "
        f"{', '.join(grader.missing(first))}; it has {', '.join(known_fields(first)) or 'no field'}."
    )


def _row(item: EvaluationItem, number: int, answers: Mapping[str, Sequence[Answer]], scores: _Scores) -> Row:
    return Row(
        index=item.index,
        prompt=_clip(message_text(item.messages[-1])) if item.messages else "",
        reference=_clip(item.reference or ""),
        answers={name: _clip(given[number].shown) for name, given in answers.items()},
        scores={
            name: {grader: round(values[number], 6) for grader, values in by_grader.items()}
            for name, by_grader in scores.items()
        },
    )


def _clip(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - 1] + "…"
