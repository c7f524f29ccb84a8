"""Grader objects, OpenAI's and the ready ones of this app, as functions from item and answer to a score between 0 and 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Final

import msgspec

from shared.core.evaluation.answers import Answer
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.json_match import is_json, json_by_field, json_match
from shared.core.evaluation.labels import label_match, macro_f1, normalised
from shared.core.evaluation.similarity import METRICS, has_something_to_count
from shared.core.evaluation.templates import item_slots, mentions_sample, missing_fields, problems, render
from shared.core.evaluation.tool_calls import are_calls, tool_call_match, tool_names


class GraderProblem(msgspec.Struct, frozen=True):
    """What is wrong with a grader object, and where."""

    path: str
    message: str


#: string_check operations on (input, reference).  `like` asks whether the input contains the reference.
OPERATIONS: Final[dict[str, Callable[[str, str], bool]]] = {
    "eq": lambda given, reference: given == reference,
    "ne": lambda given, reference: given != reference,
    "like": lambda given, reference: reference in given,
    "ilike": lambda given, reference: reference.casefold() in given.casefold(),
}


class _Ready(msgspec.Struct, frozen=True):
    """A grader that needs no templates.

    Attributes:
        score: from (input, reference) to 0 or 1.
        is_reference: whether a text can be a reference.
        input: template that is used unless another is given.
        reference: likewise.
        shown: measures of the same texts that are shown beside it: end of their name -> score.
    """

    score: Callable[[str, str], float]
    is_reference: Callable[[str], bool]
    input: str = "{{sample.output_text}}"
    reference: str = "{{item.reference}}"
    shown: dict[str, Callable[[str, str], float]] = {}


#: Types of graders that this app has beside OpenAI's.
READY: Final[dict[str, _Ready]] = {
    "label_match": _Ready(label_match, lambda text: bool(normalised(text))),
    "json_match": _Ready(json_match, is_json, shown={"by_field": json_by_field}),
    "tool_call_match": _Ready(
        tool_call_match,
        are_calls,
        "{{sample.output_tools}}",
        "{{item.reference_tools}}",
        {"by_name": tool_names},
    ),
}


def completed(grader: dict[str, Any]) -> dict[str, Any]:
    """A grader object with all its keys: a ready one needs only its type."""
    ready = READY.get(str(grader.get("type")))
    if ready is None:
        return grader
    kind = grader["type"]
    return {"type": kind, "name": kind, "input": ready.input, "reference": ready.reference} | grader


class Grader(msgspec.Struct, frozen=True, kw_only=True):
    """A grader that can be run here.

    Attributes:
        name: the name of its metric.
        kind: type of the grader object.
        input: template of what is graded.
        reference: template of what it is compared with.
        score: from (input, reference) to 0..1.
        has_evidence: whether a reference has anything that the score counts; if not, every answer scores 0.
    """

    name: str
    kind: str
    input: str
    reference: str
    score: Callable[[str, str], float]
    has_evidence: Callable[[str], bool] = lambda _: True

    def grade(self, item: EvaluationItem, answer: Answer) -> float:
        """The score of an answer, 0 to 1.

        No answer scores 0 whatever is asked (`ne` too): a refusal is never a success.  So does an answer without the part that a
        template names (`sample.output_json.x`), and any answer to an item without a field that is named (see `missing`).
        """
        given, reference = self.texts(item, answer)
        return 0.0 if given is None or reference is None else self.score(given, reference)

    def of_every_pair(self, items: Sequence[EvaluationItem], answers: Sequence[Answer]) -> list[list[float]]:
        """The scores of all answers to all examples, as `grade` gives them: a row for each example.

        A text that only one side of a pair decides is rendered once, and equal texts are compared once.
        """
        by_item, by_answer = bool(item_slots(self.input)), mentions_sample(self.reference)
        text = cache(lambda template, at, to: render(template, items[at], answers[to]))
        score = cache(self.score)

        def one(at: int, to: int) -> float:
            given = text(self.input, at if by_item else 0, to)
            reference = text(self.reference, at, to if by_answer else 0)
            return 0.0 if given is None or reference is None else score(given, reference)

        is_missing = [answer.is_missing for answer in answers]
        return [
            [0.0 if is_missing[to] else one(at, to) for to in range(len(answers))] for at in range(len(items))
        ]

    def texts(self, item: EvaluationItem, answer: Answer) -> tuple[str | None, str | None]:
        """What is compared: of the answer, None if there is none, and the reference."""
        given = None if answer.is_missing else render(self.input, item, answer)
        return given, render(self.reference, item, answer)

    @property
    def is_similarity(self) -> bool:
        """Whether it compares wording."""
        return self.kind == "text_similarity"

    def missing(self, item: EvaluationItem) -> tuple[str, ...]:
        """Fields that the templates name and the item lacks: no answer to it can be graded."""
        return (*missing_fields(self.input, item), *missing_fields(self.reference, item))

    def is_empty(self, item: EvaluationItem) -> bool:
        """Whether the item's reference is there, but has nothing to compare an answer with."""
        if mentions_sample(self.reference) or self.missing(item):
            return False
        reference = render(self.reference, item, Answer(index=item.index, text=None))
        return reference is not None and not self.has_evidence(reference)

    @property
    def beside(self) -> tuple[Grader, ...]:
        """Graders of the same texts that are shown beside it and decide nothing."""
        ready = READY.get(self.kind)
        return tuple(
            msgspec.structs.replace(self, name=f"{self.name}_{end}", kind="", score=score)
            for end, score in (ready.shown.items() if ready else ())
        )

    def of_all(self, pairs: Sequence[tuple[EvaluationItem, Answer]]) -> dict[str, float]:
        """Measures of all answers together that are shown beside the mean: name -> 0 to 1."""
        if self.kind != "label_match":
            return {}
        texts = (self.texts(item, answer) for item, answer in pairs)
        known = [(given, reference) for given, reference in texts if reference is not None]
        return {f"{self.name}_macro_f1": macro_f1(known)}


#: Key of an OpenAI grader that says how it compares, and what may stand there.
_CHOICES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "string_check": ("operation", tuple(OPERATIONS)),
    "text_similarity": ("evaluation_metric", tuple(METRICS)),
}


def grader_problems(grader: dict[str, Any]) -> list[GraderProblem]:
    """What keeps a grader object from being run here; empty if nothing does."""
    grader, kind = completed(grader), grader.get("type")
    choice, known = _CHOICES.get(str(kind), ("", ()))
    if not choice and kind not in READY:
        can = ", ".join((*_CHOICES, *READY))
        return [GraderProblem("type", f"{kind!r} cannot be run here; these can: {can}")]
    found = [
        GraderProblem(key, "must be text that is not empty")
        for key in ("name", "input", "reference")
        if not (isinstance(grader.get(key), str) and grader[key])
    ]
    if choice and grader.get(choice) not in known:
        found.append(GraderProblem(choice, f"{grader.get(choice)!r} is not one of {', '.join(known)}"))
    for key in ("input", "reference"):
        if isinstance(grader.get(key), str):
            found += [GraderProblem(key, problem) for problem in problems(grader[key])]
    if not found and not any(mentions_sample(grader[key]) for key in ("input", "reference")):
        found.append(
            GraderProblem(
                "input", "does not name {{sample.output_text}}, so every answer would score the same"
            )
        )
    return found


def compile_grader(grader: dict[str, Any]) -> Grader:
    """The grader that an object describes.

    Raises:
        ValueError: if `grader_problems` finds something; pipeline files are checked with it before.
    """
    if found := grader_problems(grader):
        msg = "; ".join(f"{problem.path}: {problem.message}" for problem in found)
        raise ValueError(msg)
    grader = completed(grader)
    score, has_evidence = _scoring(grader)
    return Grader(
        name=grader["name"],
        kind=grader["type"],
        input=grader["input"],
        reference=grader["reference"],
        score=score,
        has_evidence=has_evidence,
    )


def _scoring(grader: dict[str, Any]) -> tuple[Callable[[str, str], float], Callable[[str], bool]]:
    """The score of a grader object, and whether it can be above 0 for a reference."""
    if ready := READY.get(grader["type"]):
        return ready.score, ready.is_reference
    if grader["type"] == "string_check":
        holds = OPERATIONS[grader["operation"]]
        return (lambda given, reference: float(holds(given, reference))), (lambda _: True)
    metric = grader["evaluation_metric"]
    return METRICS[metric], partial(has_something_to_count, metric)
