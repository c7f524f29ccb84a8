"""What the comparison of a run will be able to show: as it is stored with the run, served and shown."""

from __future__ import annotations

import msgspec


class Obstacle(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the way of a verdict, or of `automatic`.

    Attributes:
        where: pipeline file and line, such as `pipelines/support.yaml:12`; that of what the key belongs to if it is not there.
        path: key of the pipeline file that it is about.
        message: what cannot be had, with its numbers.
        remedy: what to write or to add.
    """

    where: str
    path: str
    message: str
    remedy: str

    def render(self) -> str:
        """It as one line."""
        return f"{self.where}: {self.path}: {self.message}. {self.remedy}"


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What the comparison of a run will be able to show, as things were when its dataset was validated.

    Attributes:
        examples: held out.
        groups: of these.
        compared_groups: of these, without groups that the candidate or today's champion was trained on.
        can_be_better: whether any answers could lead to `better` or `as_good`.
        smallest_gain: that the groups show with a chance of 90 %, about; None if they are not likely to show any.
        confidence: with which it is shown: under `automatic` that of the coming look.
        look: number of the coming comparison since the last promotion; None unless `automatic`.
        spread: standard deviation of the differences that this is reckoned with.
        is_spread_assumed: whether it is assumed, because the pipeline has no comparison yet.
        grader: name of the one that decides; empty if none does.
        has_passed: whether it passed its self-test.
        chance: what guessing scores by it, on average; None if that is not known.
        missing: baselines that could not be measured now, each with the reason.
        not_known: baselines of which that is not known, each with the reason.
        obstacles: what cannot be had so, with what to write.
        sentences: all of this for people, the most important first.
    """

    examples: int
    groups: int
    compared_groups: int
    can_be_better: bool
    smallest_gain: float | None
    confidence: float
    look: int | None
    spread: float
    is_spread_assumed: bool
    grader: str
    has_passed: bool
    chance: float | None
    missing: tuple[str, ...]
    not_known: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]
    sentences: tuple[str, ...] = ()
