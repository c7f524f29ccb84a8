"""What is known about the comparison of a run before anything is paid for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shared.core.evaluation.grading import Examined
from shared.core.evaluation.looks import ComingLook, error_of
from shared.core.evaluation.more_groups import Source, how_to_have
from shared.core.evaluation.outlook import Obstacle
from shared.core.evaluation.self_test import SelfTest
from shared.core.pipeline.file import line_of
from shared.core.spec import PipelineSpec, PromoteRule


class ExamAhead(msgspec.Struct, frozen=True, kw_only=True):
    """The held-out examples, before a candidate is trained.

    Attributes:
        groups: the group of each example, in their order.
        source: where they come from.
        to_candidate: groups that the candidate will be trained on: on rows of theirs, or nearly theirs.
        to_champion: groups that today's champion was trained on, if it is part of the comparison; None if that is not known.
        must_pass: place of an example that the candidate has to pass -> its line in the set.
    """

    groups: Sequence[int]
    source: Source
    to_candidate: frozenset[int] = frozenset()
    to_champion: frozenset[int] | None = frozenset()
    must_pass: Mapping[int, int] = {}

    @property
    def left_out(self) -> frozenset[int]:
        """Groups that are left out of some comparison, as far as that is known."""
        return self.to_candidate | (self.to_champion or frozenset())

    @property
    def compared(self) -> int:
        """The fewest groups that a comparison has."""
        return len(set(self.groups) - self.left_out)


class BaselinesAhead(msgspec.Struct, frozen=True, kw_only=True):
    """Which baselines could be measured now.

    Attributes:
        present: names of those that could.
        missing: those that could not, each with the reason.
        not_known: those of which that is not known, each with the reason.
    """

    present: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier comparisons of a pipeline tell.

    Attributes:
        coming: the look that the next comparison is.
        spread: standard deviation of the differences in the last comparison; None if there is none.
    """

    coming: ComingLook = ComingLook(number=1)
    spread: float | None = None


class Prospect(msgspec.Struct, frozen=True, kw_only=True):
    """All that an outlook follows from.

    Attributes:
        spec: of the pipeline.
        source: the pipeline file as it is.
        file: its name, for people.
        exam: what is held out.
        examined: by which grader it is graded.
        baselines: which ones could be measured now; None if nobody was asked.
        past: what earlier comparisons tell.
    """

    spec: PipelineSpec
    source: str
    file: str
    exam: ExamAhead
    examined: Examined
    baselines: BaselinesAhead | None = None
    past: Past = Past()

    @property
    def rule(self) -> PromoteRule:
        """The promotion rule."""
        return self.spec.evaluation.promote

    @property
    def is_automatic(self) -> bool:
        """Whether a model may be deployed without a person."""
        return self.spec.approval.mode == "automatic"

    @property
    def confidence(self) -> float:
        """Of the bound that decides: under `automatic` that of the coming look."""
        given = self.rule.confidence
        return 1 - error_of(given, self.past.coming.number) if self.is_automatic else given

    @property
    def decisive(self) -> dict[str, Any]:
        """The grader object that decides; empty if none does."""
        return self.examined.grading.decisive

    @property
    def test(self) -> SelfTest | None:
        """Its self-test."""
        tests = self.examined.grading.self_tests
        return next((shown for shown in tests if shown.grader == self.examined.grading.metric), None)

    def how_to_have(self, groups: int) -> str:
        """What to do for so many groups, in words."""
        return how_to_have(groups, self.exam.source, len(self.exam.groups), self.exam.compared)

    def obstacle(self, path: str, message: str, remedy: str) -> Obstacle:
        """An obstacle at its place in the pipeline file; the remedy is a sentence but for its capital and its full stop."""
        line = line_of(self.source, path)
        where = self.file if line is None else f"{self.file}:{line}"
        return Obstacle(where=where, path=path, message=message, remedy=f"{remedy[0].upper()}{remedy[1:]}.")


def groups_of(count: int) -> str:
    """So many groups, in words."""
    return f"{count:,} group{'' if count == 1 else 's'}"
