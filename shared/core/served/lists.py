"""Answers that are pages of a list.  A page may be empty although another one follows: `next` alone says where the list ends."""

from __future__ import annotations

from shared.core.served.app import Champion
from shared.core.served.base import Answer, Time
from shared.core.served.gates import Gate
from shared.core.served.runs import Event
from shared.core.status import Status


class PipelineRow(Answer, frozen=True, kw_only=True):
    """A pipeline in a listing.

    Attributes:
        name: of the pipeline.
        champion: the deployment in use; null before the first.
    """

    name: str
    champion: Champion | None


class Pipelines(Answer, frozen=True, kw_only=True):
    """A page of the pipelines that have a file, by name.

    Attributes:
        pipelines: at most nine.
        next: `after` of the next page; null at the end.
    """

    pipelines: tuple[PipelineRow, ...]
    next: str | None


class WaitingRun(Answer, frozen=True, kw_only=True):
    """A run that waits for a person.

    Attributes:
        id: of the run.
        pipeline: name of its pipeline.
        dataset: name of its training blob.
        status: where it is.
        status_since: since when.
        gate: what a person is asked; its `outlook` and `azure` are left to the run itself.
        links: paths: `self`, `gate`.
    """

    id: str
    pipeline: str
    dataset: str
    status: Status
    status_since: Time
    gate: Gate
    links: dict[str, str]


class Waiting(Answer, frozen=True, kw_only=True):
    """A page of the runs that wait for a person, the one that waits longest first.

    Attributes:
        waiting: at most four.
        next: `after` of the next page; null at the end.
    """

    waiting: tuple[WaitingRun, ...]
    next: str | None


class History(Answer, frozen=True, kw_only=True):
    """A page of a run's history, oldest first.

    Attributes:
        run: its id.
        history: at most as many lines as were asked for.
        next: `after` of the next page; null at the end.
    """

    run: str
    history: tuple[Event, ...]
    next: str | None


class DecisionRow(Answer, frozen=True, kw_only=True):
    """What a person said at a gate, for audits.

    Attributes:
        at: when.
        run: id of the run.
        pipeline: name of its pipeline; null if the run cannot be read, since a newer release wrote it.
        dataset: name of its training blob; null likewise.
        gate: `spend` or `deployment`.
        decision: `approve`, `reject`, `withdraw`, or `hold`, which is not a vote.
        digest: of exactly what was decided on.
        person: object id; null in what 0.1.0 and 0.2.0 wrote, if the run does not know it any more.
        name: of the person.
        role: the app role that it was cast with; null: not known, in what releases before 0.3.0 wrote.
        comment: why; null in what releases before 0.3.0 wrote, if the run does not know it any more.
        app_version: of the app that recorded it; null in what 0.1.0 wrote.
        pipeline_file: SHA-256 of the pipeline file that the run was pinned to first; null before, and likewise.
    """

    at: Time
    run: str
    pipeline: str | None
    dataset: str | None
    gate: str
    decision: str
    digest: str
    person: str | None
    name: str
    role: str | None
    comment: str | None
    app_version: str | None
    pipeline_file: str | None


class Decisions(Answer, frozen=True, kw_only=True):
    """A page of what people decided in a period: newest run first, and of each run the oldest decision first.

    Attributes:
        decisions: at most as many as were asked for.
        next: `after` of the next page; null at the end.
    """

    decisions: tuple[DecisionRow, ...]
    next: str | None
