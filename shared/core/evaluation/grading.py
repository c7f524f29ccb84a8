"""How a run will be graded: chosen and tested on its held-out examples before anything is paid for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from shared.core.evaluation.detect import detect
from shared.core.evaluation.graders import Grader, compile_grader
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.seen import LOST_SHARE_MAX
from shared.core.evaluation.self_test import SelfTest, self_test
from shared.core.evaluation.templates import known_fields, missing_fields
from shared.core.spec import PipelineSpec


class Grading(msgspec.Struct, frozen=True, kw_only=True):
    """The graders of a run.

    Attributes:
        graders: grader objects; empty if nothing can decide.
        reason: why these, where the pipeline file names none; else empty.
        self_tests: one for each, in their order.
        metric: name of the one that decides; empty if none does.
    """

    graders: tuple[dict[str, Any], ...]
    reason: str = ""
    self_tests: tuple[SelfTest, ...] = ()
    metric: str = ""

    @property
    def decisive(self) -> dict[str, Any]:
        """The grader object that decides; empty if none does."""
        return next((grader for grader in self.graders if grader.get("name") == self.metric), {})

    @property
    def sentences(self) -> Iterator[str]:
        """What people should know before they pay."""
        if self.reason:
            yield self.reason
        for shown in self.self_tests:
            if shown.grader == self.metric:
                outcome = "passed" if shown.passed else "has not passed"
                yield f"{shown.grader} decides; it {outcome} its self-test: {shown.reason}."


def grading_of(spec: PipelineSpec, items: Sequence[EvaluationItem]) -> Grading:
    """The graders that a pipeline file names, or those that fit the held-out examples; and what they show of themselves."""
    graders, reason = spec.evaluation.graders, ""
    if not graders:
        found = detect(items, spec.method.type, spec.method.grader)
        graders, reason = found.graders, found.reason
    tests = tuple(self_test(compile_grader(grader), items) for grader in graders)
    metric = spec.evaluation.promote.metric or (graders[0]["name"] if graders else "")
    return Grading(graders=graders, reason=reason, self_tests=tests, metric=metric)


class Unresolved(NamedTuple):
    """A grader that cannot grade many of the held-out examples.

    Attributes:
        at: its place among the graders.
        key: of the template; None if the fault is of no single one.
        message: what is wrong.
        decides: whether it is the one that decides.
    """

    at: int
    key: str | None
    message: str
    decides: bool


def unresolved(grading: Grading, items: Sequence[EvaluationItem]) -> Iterator[Unresolved]:
    """Graders that so many examples cannot be graded by that the verdict would be unproven: better to know before the spend."""
    for at, grader in enumerate(map(compile_grader, grading.graders)):
        for key, message in _faults(grader, items):
            yield Unresolved(at, key, message, grader.name == grading.metric)


def _faults(grader: Grader, items: Sequence[EvaluationItem]) -> Iterator[tuple[str | None, str]]:
    for key, template in (("input", grader.input), ("reference", grader.reference)):
        lacking = [item for item in items if missing_fields(template, item)]
        if len(lacking) > LOST_SHARE_MAX * len(items):
            slots = ", ".join(f"{{{{{slot}}}}}" for slot in missing_fields(template, lacking[0]))
            has = ", ".join(known_fields(lacking[0])) or "no field"
            yield (
                key,
                f"{len(lacking)} of {len(items)} held-out rows have nothing for {slots}; the first of them has {has}",
            )
    empty = sum(1 for item in items if grader.is_empty(item))
    if empty > LOST_SHARE_MAX * len(items):
        kind = f"a {grader.kind} grader" if grader.kind else "the grader"
        yield None, f"{empty} of {len(items)} held-out rows have a reference that {kind} cannot compare with"
