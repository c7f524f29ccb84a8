"""Answers that are pages of a list.  A page may be empty although another one follows: `next` alone says where the list ends."""

from __future__ import annotations

from shared.core.served.app import Champion
from shared.core.served.base import Answer, DoneWord, GateWord, Time
from shared.core.served.gates import Gate
from shared.core.served.runs import Event
from shared.core.status import Status


class PipelineRow(Answer, frozen=True, kw_only=True):
    """A pipeline in a listing.

    Attributes:
        name: Name of the pipeline.
        champion: the deployment in use; null before the first.
    """

    name: str
    champion: Champion | None


class Pipelines(Answer, frozen=True, kw_only=True):
    """A page of the pipelines that have a file, by name.

    Attributes:
        pipelines: The pipelines of the page, at most nine whatever `limit` is.
        next: `after` of the next page; null at the end.
    """

    pipelines: tuple[PipelineRow, ...]
    next: str | None


class WaitingRun(Answer, frozen=True, kw_only=True):
    """A run that waits for a person.

    Attributes:
        id: Id of the run.
        pipeline: Name of its pipeline.
        dataset: Name of its training blob.
        status: Where it is.
        status_since: Since when it is there.
        gate: what a person is asked; its `outlook` and `azure` are left to the run itself.
        links: Paths of what is near, by name: `self` and `gate`.
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
        waiting: The runs of the page, at most eight whatever `limit` is, and four where people have said something.
        next: `after` of the next page; null at the end.
    """

    waiting: tuple[WaitingRun, ...]
    next: str | None


class History(Answer, frozen=True, kw_only=True):
    """A page of a run's history, oldest first.

    Attributes:
        run: Id of the run.
        history: The lines, at most as many as were asked for.
        next: `after` of the next page; null at the end.
    """

    run: str
    history: tuple[Event, ...]
    next: str | None


class DecisionRow(Answer, frozen=True, kw_only=True):
    """What a person did about a run, for audits: what they said at a gate, or that they asked for something else.

    Attributes:
        at: When it was recorded.
        run: Id of the run.
        pipeline: Name of its pipeline; null if the run cannot be read, since a newer release wrote it.
        dataset: Name of its training blob; null likewise.
        gate: The gate; null where it was at none, which is so of `cancel`, `retry` and `rejudge`.
        decision: What they did: the votes `approve`, `reject` and `withdraw`; `hold`, which asks or answers at a gate and is not
            a vote; `cancel`, `retry` and `rejudge`, for which they asked.
        digest: Digest of exactly what was decided on; null at no gate.
        evaluation: Digest of the evaluation that was decided on at the deployment gate; null elsewhere, and where the run has
            another one by now.
        person: Object id of the person; null in what 0.1.0 and 0.2.0 wrote, if the run does not know it any more.
        name: Name of the person.
        role: The app role by which they did it; null in what releases before 0.3.0 wrote, where it is not known.
        comment: Why, in their words, which may be empty; null in what releases before 0.3.0 wrote, if the run does not know it
            any more.
        app_version: Version of the app that recorded it; null in what 0.1.0 wrote.
        pipeline_file: SHA-256 of the pipeline file that the run was pinned to first; null before that, and where the run cannot
            be read.
    """

    at: Time
    run: str
    pipeline: str | None
    dataset: str | None
    gate: GateWord | None
    decision: DoneWord
    digest: str | None
    evaluation: str | None
    person: str | None
    name: str
    role: str | None
    comment: str | None
    app_version: str | None
    pipeline_file: str | None


class Decisions(Answer, frozen=True, kw_only=True):
    """A page of what people decided in a period: newest run first, and of each run the oldest decision first.

    A page may be empty although others follow: only `next: null` ends the list.  Its order and content are stable for a `to` in
    the
    past; without one, what is decided meanwhile about runs that were shown already is missing.

    Attributes:
        decisions: At most as many as were asked for; perhaps none.
        next: `after` of the next page; null at the end of the list, and only there.
    """

    decisions: tuple[DecisionRow, ...]
    next: str | None
