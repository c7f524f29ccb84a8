"""The comparison of a candidate with its baselines on held-out examples."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from statistics import fmean, median
from typing import Final

from shared.core.evaluation.answers import Answer, message_text, outcomes_of
from shared.core.evaluation.contest import Contest
from shared.core.evaluation.evidence import Basis
from shared.core.evaluation.exam import CANDIDATE, Exam, Score
from shared.core.evaluation.graders import Grader
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.measures import measured
from shared.core.evaluation.scorecard import UNGRADABLE, Comparison, Row, Target
from shared.core.evaluation.slices import slices_of
from shared.core.evaluation.templates import known_fields
from shared.core.evaluation.verdict import Outcome, Verdict
from shared.core.shown import clipped

__all__ = ["CANDIDATE", "Comparison", "Contest", "Outcome", "Row", "Target", "compare", "exam_from"]

_TEXT_MAX: Final = 2000
#: Of all texts of a comparison, which is read whole wherever it is shown: of 10,000 examples only the beginnings are kept.
_TEXTS_MAX: Final = 8_000_000
#: So many examples are named in a sentence; all of them stand in `scores.jsonl`.
_NAMED_MAX: Final = 20
#: Answers are far longer than the references if they are so many times as long, and longer by so many characters.
_LONG: Final = 3
_LONG_BY: Final = 20

type _Scores = dict[str, dict[str, list[float]]]
"""Scores by target, then by grader, in the order of the items; no answer scores 0."""


def exam_from(
    items: Sequence[EvaluationItem],
    groups: Sequence[int],
    answers: Mapping[str, Sequence[Answer]],
    grader: Grader | None,
    labels: Mapping[str, str],
    *,
    known: Mapping[str, Collection[int]] = {},
    must_pass: Mapping[int, int] = {},
) -> Exam:
    """The scores of the deciding grader.

    Args:
        items: the held-out examples.
        groups: the group of each, as a number.
        answers: target -> one answer per example, in the order of the items; `candidate` is the tuned model.
        grader: the deciding one; None if there is none.
        labels: target -> name for people.
        known: target -> places, from 0, of the examples that its model was trained on.
        must_pass: place of an example that the candidate has to get right -> its line in `evaluation.set`.

    Raises:
        ValueError: if a target's answers are not those of the items, one each in their order.
    """
    _check_order(items, answers)
    ordered = [CANDIDATE, *(name for name in answers if name != CANDIDATE)]
    return Exam(
        groups=[f"g{group}" for group in groups],
        labels={name: labels[name] for name in ordered},
        scores={
            name: [
                _score(item, answer, grader, is_known=place in known.get(name, ()))
                for place, (item, answer) in enumerate(zip(items, answers[name], strict=True))
            ]
            for name in ordered
        },
        slices=slices_of(items),
        must_pass=must_pass,
    )


def _score(item: EvaluationItem, answer: Answer, grader: Grader | None, *, is_known: bool) -> Score:
    gradable = grader if grader and not grader.missing(item) else None
    is_billed = answer.prompt_tokens > 0  # a prompt without tokens is one that nobody counted
    return Score(
        value=gradable.grade(item, answer) if gradable and not answer.is_missing else None,
        outcome=answer.outcome,
        is_gradable=gradable is not None,
        prompt_tokens=answer.prompt_tokens if is_billed else None,
        completion_tokens=answer.completion_tokens if is_billed else None,
        is_known=is_known,
        cached_tokens=answer.cached_tokens,
        reasoning_tokens=answer.reasoning_tokens,
        latency_ms=answer.latency_ms or None,
    )


def compare(
    items: Sequence[EvaluationItem],
    answers: Mapping[str, Sequence[Answer]],
    graders: Sequence[Grader],
    exam: Exam,
    basis: Basis,
    *,
    verdict: Verdict,
    deployments: Mapping[str, str],
    remarks: Sequence[str] = (),
) -> Comparison:
    """Grade all answers for people to read, beside the verdict by the scores that decide.

    Args:
        items: the held-out examples.
        answers: target -> one answer per example, in the order of the items.
        graders: one of them made the exam, unless there are none.
        exam: the scores that decide.
        basis: what the candidate is judged by.
        verdict: that follows from these two.
        deployments: target -> deployment.
        remarks: what a reader should know before all notes.
    """
    decided = {grader.name for grader in graders}
    beside = [other for grader in graders for other in grader.beside if other.name not in decided]
    scores: _Scores = {
        target: {
            grader.name: [grader.grade(item, answer) for item, answer in zip(items, given, strict=True)]
            for grader in (*graders, *beside)
        }
        for target, given in answers.items()
    }
    text_max = min(_TEXT_MAX, _TEXTS_MAX // ((2 + len(answers)) * max(1, len(items))))
    return Comparison(
        metric=basis.metric,
        examples=len(items),
        groups=len(set(exam.groups)),
        rule=basis.rule,
        look=basis.look,
        targets=tuple(
            _target(
                name,
                basis.labels[name],
                deployments[name],
                given,
                scores[name],
                shown=_shown(graders, items, given),
            )
            for name, given in answers.items()
        ),
        contests=verdict.contests,
        skipped=basis.skipped,
        outcome=verdict.outcome,
        reason=verdict.reason,
        rows=tuple(
            _row(item, number, answers, scores, exam, text_max=text_max) for number, item in enumerate(items)
        ),
        decided_by=verdict.decided_by,
        doubts=verdict.doubts,
        notes=(
            *remarks,
            *_notes(graders, items),
            *_trained_on(exam),
            *_left_out(answers, basis.labels),
            *_long_answers(items, answers, basis.labels),
        ),
        measured=tuple(
            measured(exam, side, basis.rule, indices=[item.index for item in items])
            for side in _contested(verdict)
        ),
    )


def _contested(verdict: Verdict) -> Sequence[str | None]:
    """The baseline of each contest; None where the candidate is alone."""
    return [contest.baseline for contest in verdict.contests] or [None]


def _check_order(items: Sequence[EvaluationItem], answers: Mapping[str, Sequence[Answer]]) -> None:
    """A score under the wrong example would be a silent lie."""
    asked = [item.index for item in items]
    for name, given in answers.items():
        if [answer.index for answer in given] != asked:
            msg = f"the {len(given)} answers of {name} are not those of the {len(asked)} examples, one each in their order"
            raise ValueError(msg)


def _target(
    name: str,
    label: str,
    deployment: str,
    answers: Sequence[Answer],
    scores: Mapping[str, list[float]],
    *,
    shown: dict[str, float],
) -> Target:
    return Target(
        name=name,
        label=label,
        deployment=deployment,
        means={grader: fmean(values) if values else 0.0 for grader, values in scores.items()},
        completion_tokens=sum(answer.completion_tokens for answer in answers),
        mean_latency_ms=round(fmean(answer.latency_ms for answer in answers)) if answers else 0,
        errors=sum(1 for answer in answers if answer.is_missing),
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        outcomes={str(outcome): count for outcome, count in outcomes_of(answers).items()},
        shown=shown,
    )


def _shown(
    graders: Sequence[Grader], items: Sequence[EvaluationItem], answers: Sequence[Answer]
) -> dict[str, float]:
    pairs = list(zip(items, answers, strict=True))
    return {name: value for grader in graders for name, value in grader.of_all(pairs).items()}


def _notes(graders: Sequence[Grader], items: Sequence[EvaluationItem]) -> Iterator[str]:
    """Examples on which a grader cannot tell one answer from another."""
    for grader in graders:
        if lacking := [item for item in items if grader.missing(item)]:
            first = lacking[0]
            why = f"no {', '.join(grader.missing(first))}; it has {', '.join(known_fields(first)) or 'no field'}"
            yield _zeros(grader, lacking, items, why)
        if empty := [item for item in items if grader.is_empty(item)]:
            yield _zeros(grader, empty, items, "nothing in its reference that could be compared")


def _left_out(answers: Mapping[str, Sequence[Answer]], labels: Mapping[str, str]) -> Iterator[str]:
    """Sides that were not asked as the candidate was trained."""
    for name, given in answers.items():
        for key in ("response_format", "parallel_tool_calls"):
            if count := sum(1 for answer in given if key in answer.left_out):
                yield f"{labels[name]} does not take {key}, so it was asked {count} questions without it."


def _long_answers(
    items: Sequence[EvaluationItem], answers: Mapping[str, Sequence[Answer]], labels: Mapping[str, str]
) -> Iterator[str]:
    """Sides whose answers are far longer than the references: some graders reward whoever says everything."""
    for name, given in answers.items():
        pairs = [
            (len(answer.text or ""), len(item.reference))
            for item, answer in zip(items, given, strict=True)
            if item.reference and not answer.is_missing
        ]
        if not pairs:
            continue
        ours, theirs = (median(lengths) for lengths in zip(*pairs, strict=True))
        if ours > _LONG * theirs and ours > theirs + _LONG_BY:
            yield (
                f"Answers of {labels[name]} are {ours / theirs:.0f} times as long as the references (medians: {ours:,.0f} and "
                f"{theirs:,.0f} characters): read some before you trust a grader that looks for the reference in them."
            )


def _zeros(grader: Grader, found: Sequence[EvaluationItem], items: Sequence[EvaluationItem], why: str) -> str:
    return f"{grader.name} scores 0 on {len(found)} of {len(items)} examples for every model: example {found[0].index} has {why}."


def _trained_on(exam: Exam) -> Iterator[str]:
    """Which examples a model was trained on, a sentence for each side that has some."""
    for side, scores in exam.scores.items():
        known = [place for place, score in enumerate(scores) if score.is_known]
        if known:
            more = ", ..." if len(known) > _NAMED_MAX else ""
            named = ", ".join(map(str, known[:_NAMED_MAX]))
            yield (
                f"{exam.labels[side]} was trained on {len(known)} of {len(scores)} examples, on which it is not compared: "
                f"{named}{more}."
            )


def _row(
    item: EvaluationItem,
    number: int,
    answers: Mapping[str, Sequence[Answer]],
    scores: _Scores,
    exam: Exam,
    *,
    text_max: int,
) -> Row:
    return Row(
        index=item.index,
        prompt=clipped(message_text(item.messages[-1]), text_max) if item.messages else "",
        reference=clipped(item.reference or "", text_max),
        answers={name: clipped(given[number].shown, text_max) for name, given in answers.items()},
        scores={
            name: {grader: round(values[number], 6) for grader, values in by_grader.items()}
            for name, by_grader in scores.items()
        },
        group=exam.groups[number],
        unscored={
            name: str(given[number].outcome) if given[number].is_gradable else UNGRADABLE
            for name, given in exam.scores.items()
            if given[number].value is None
        },
        known_to=tuple(name for name, given in exam.scores.items() if given[number].is_known),
        slices=exam.slices[number] if exam.slices else (),
        must_pass=exam.must_pass.get(number),
        outcomes={name: str(given[number].outcome) for name, given in exam.scores.items()},
    )
