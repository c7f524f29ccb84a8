"""How a run will be graded: chosen and tested on its held-out examples before anything is paid for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from shared.core.dataset.findings import MESSAGE_CHARS_MAX, Finding
from shared.core.dataset.rulebook import Severity
from shared.core.evaluation.detect import detect
from shared.core.evaluation.graders import Grader, compile_grader
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.seen import LOST_SHARE_MAX
from shared.core.evaluation.self_test import SelfTest, self_test
from shared.core.evaluation.templates import known_fields, missing_fields
from shared.core.pipeline.file import line_of
from shared.core.shown import quoted
from shared.core.spec import PipelineSpec

#: So many rows show what the task is; more are not kept in memory.
_LOOKED_AT_MAX: Final = 1000
#: Code of findings about graders that rows have nothing for.
GRADER_FINDS_NOTHING: Final = "PF001"


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

    def compiled(self) -> tuple[list[Grader], Grader | None]:
        """The graders, ready to grade, and the one that decides; None if none does."""
        graders = [compile_grader(grader) for grader in self.graders]
        return graders, next((grader for grader in graders if grader.name == self.metric), None)

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


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """How a run will be graded, and what is wrong with that.

    Attributes:
        grading: its graders.
        findings: errors of the pipeline file.
        notes: sentences for people.
        ungraded: places, from 0, of examples that the deciding grader cannot grade, of those that were looked at.
    """

    grading: Grading
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    ungraded: frozenset[int] = frozenset()


def examine(items: Iterable[EvaluationItem], spec: PipelineSpec, source: str, file: str) -> Examined:
    """Choose, resolve and test the graders of a run.

    Args:
        items: its held-out examples; prompts are not kept, since they may be large.
        spec: of its pipeline.
        source: the pipeline file as it was.
        file: its name, for people.
    """
    kept = [msgspec.structs.replace(item, messages=[]) for item in islice(items, _LOOKED_AT_MAX)]
    grading = grading_of(spec, kept)
    findings: list[Finding] = []
    notes = list(grading.sentences)
    for fault in unresolved(grading, kept):
        if fault.decides and spec.evaluation.graders:
            findings.append(_finding(fault, source, file))
        else:
            name = grading.graders[fault.at].get("name")
            notes.append(f"{name}: {fault.message}.")
    _, decides = grading.compiled()
    return Examined(
        grading=grading,
        findings=tuple(findings),
        notes=tuple(notes),
        ungraded=frozenset(item.index for item in kept if decides and decides.missing(item)),
    )


def _finding(fault: Unresolved, source: str, file: str) -> Finding:
    grader = f"evaluation.graders[{fault.at}]"
    path = grader if fault.key is None else f"{grader}.{fault.key}"
    return Finding(
        code=GRADER_FINDS_NOTHING,
        severity=Severity.ERROR,
        file=file,
        line=line_of(source, path),
        path=path,
        message=quoted(fault.message, MESSAGE_CHARS_MAX),
        remedy="Correct the template, or choose a grader that fits the rows; nothing was paid for yet.",
    )
