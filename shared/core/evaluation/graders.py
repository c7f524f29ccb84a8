"""OpenAI grader objects, as functions from item and answer to a score between 0 and 1."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from shared.core.evaluation.answers import Answer
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.similarity import METRICS, has_something_to_count
from shared.core.evaluation.templates import mentions_sample, missing_fields, problems, render


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


class Grader(msgspec.Struct, frozen=True, kw_only=True):
    """A grader that can be run here.

    Attributes:
        name: the name of its metric.
        input: template of what is graded.
        reference: template of what it is compared with.
        score: from (input, reference) to 0..1.
        has_evidence: whether a reference has anything that the score counts; if not, every answer scores 0.
    """

    name: str
    input: str
    reference: str
    score: Callable[[str, str], float]
    has_evidence: Callable[[str], bool] = lambda _: True

    def grade(self, item: EvaluationItem, answer: Answer) -> float:
        """The score of an answer, 0 to 1.

        No answer scores 0 whatever is asked (`ne` too): a refusal is never a success.  So does an answer without the part that a
        template names (`sample.output_json.x`), and any answer to an item without a field that is named (see `missing`).
        """
        if answer.is_missing:
            return 0.0
        given, reference = render(self.input, item, answer), render(self.reference, item, answer)
        return 0.0 if given is None or reference is None else self.score(given, reference)

    def missing(self, item: EvaluationItem) -> tuple[str, ...]:
        """Fields that the templates name and the item lacks: no answer to it can be graded."""
        return (*missing_fields(self.input, item), *missing_fields(self.reference, item))

    def is_empty(self, item: EvaluationItem) -> bool:
        """Whether the item's reference is there, but has nothing to compare an answer with."""
        if mentions_sample(self.reference) or self.missing(item):
            return False
        reference = render(self.reference, item, Answer(index=item.index, text=None))
        return reference is not None and not self.has_evidence(reference)


def grader_problems(grader: dict[str, Any]) -> list[GraderProblem]:
    """What keeps a grader object from being run here; empty if nothing does."""
    kind = grader.get("type")
    if kind == "string_check":
        choice, known = "operation", tuple(OPERATIONS)
    elif kind == "text_similarity":
        choice, known = "evaluation_metric", tuple(METRICS)
    else:
        return [GraderProblem("type", f"{kind!r} cannot be run here; string_check and text_similarity can")]
    found = [
        GraderProblem(key, "must be text that is not empty")
        for key in ("name", "input", "reference")
        if not (isinstance(grader.get(key), str) and grader[key])
    ]
    if grader.get(choice) not in known:
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
    name, given, reference = grader["name"], grader["input"], grader["reference"]
    if grader["type"] == "string_check":
        holds = OPERATIONS[grader["operation"]]
        return Grader(name=name, input=given, reference=reference, score=lambda a, b: float(holds(a, b)))
    metric = grader["evaluation_metric"]
    return Grader(
        name=name,
        input=given,
        reference=reference,
        score=METRICS[metric],
        has_evidence=partial(has_something_to_count, metric),
    )
