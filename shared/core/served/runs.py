"""Answers about runs."""

from __future__ import annotations

from shared.core.served.app import Route
from shared.core.served.base import Answer, Time
from shared.core.served.datasets import Dataset, Finding, Outlook, Report
from shared.core.served.evaluation import Evaluation, JudgedAgain
from shared.core.served.gates import Gate
from shared.core.status import Status


class RunRow(Answer, frozen=True, kw_only=True):
    """A run in a listing.

    Attributes:
        id: of the run.
        pipeline: name of its pipeline.
        dataset: name of its training blob.
        status: where it is.
        status_since: since when.
        created_at: when the dataset was recorded.
        job_id: of its job in Foundry; null before there is one.
        job_status: of the job, as Foundry reports it.
    """

    id: str
    pipeline: str
    dataset: str
    status: Status
    status_since: Time
    created_at: Time
    job_id: str | None
    job_status: str | None


class Runs(Answer, frozen=True, kw_only=True):
    """A page of runs, newest first.

    Attributes:
        runs: at most as many as were asked for.
        next: `after` of the next page; null at the end.
    """

    runs: tuple[RunRow, ...]
    next: str | None


class Job(Answer, frozen=True, kw_only=True):
    """The fine-tuning job in Foundry.

    Attributes:
        id: of the job.
        status: as Foundry reports it.
        model: name of the tuned model; null before there is one.
        trained_tokens: as Foundry reports them.
    """

    id: str
    status: str | None
    model: str | None
    trained_tokens: int | None


class Wish(Answer, frozen=True, kw_only=True):
    """Who asked for something, and when.

    Attributes:
        name: of the person.
        at: when.
    """

    name: str
    at: Time


class Deployments(Answer, frozen=True, kw_only=True):
    """Names of a run's deployments.

    Attributes:
        candidate: Name of the one that was made for the evaluation only; null before there is one.
        production: Name of the one that clients ask; null before there is one.
        route: How clients ask it; null before the run is `deployed`. Which deployment they should use today, the pipeline says.
    """

    candidate: str | None
    production: str | None
    route: Route | None


class Failure(Answer, frozen=True, kw_only=True):
    """Why a run ended without success.

    Attributes:
        step: the status in which it ended.
        code: of the error or ending.
        message: what happened.
        remedy: what to do.
        can_retry: whether a retry can mend it.
    """

    step: str
    code: str
    message: str
    remedy: str
    can_retry: bool


class Event(Answer, frozen=True, kw_only=True):
    """A line of a run's history.

    Attributes:
        sequence: number of the line in its history, from 1.
        at: when.
        kind: `status`, `job`, `attempt`, `trouble`, `decision`, `hold`, `cancel`, `warning` or `note`.
        before: what it was, of a change.
        after: what it became.
        detail: the rest, in words.
        app_version: of the app that wrote the line; null in what 0.1.0 wrote.
        role: of a decision or hold, the app role that it was cast with; null: not known, in what releases before 0.3.0 wrote.
        comment: of a decision or hold, why; null in what releases before 0.3.0 wrote.
    """

    sequence: int
    at: Time
    kind: str
    before: str | None
    after: str | None
    detail: str | None
    app_version: str | None
    role: str | None
    comment: str | None


class Evidence(Answer, frozen=True, kw_only=True):
    """What of the evidence is not as the run stored it.

    Attributes:
        changed: what people decide on and is not there as it was stored.
        not_checked: artifacts of which the run has no SHA-256.
    """

    changed: tuple[str, ...]
    not_checked: tuple[str, ...]


class Run(Answer, frozen=True, kw_only=True):
    """Everything about a run.

    Attributes:
        id: of the run.
        pipeline: name of its pipeline.
        status: where it is.
        status_since: since when.
        created_at: when the dataset was recorded.
        updated_at: when it changed last.
        is_finished: whether it has ended.
        app_version: of the app that moved it last; null for what 0.1.0 wrote.
        dataset: what it is about.
        job: null before there is one.
        report: null before validation.
        findings: the first 50.
        pipeline_notes: what is unusual about the pipeline file.
        outlook: null before validation, and where the dataset has errors.
        azure: what Azure said of model, quota and limits while the dataset was validated, and what it did not say, as sentences.
        warnings: what was done otherwise than asked, what Azure says against model, quota or limits, and votes that do not count.
        trouble: the last error while it keeps the run waiting: `code: words`.
        failure: null unless it ended without success.
        duplicate_of: the run that does the same work.
        evaluation: null before.
        judged_again: null unless it was.
        cancel: who asked last to stop it.
        retry: who asked last to try it again.
        gate: the one that is open now.
        deployment: names of its deployments.
        history: all lines, oldest first.
        artifacts: names of the files of its evidence.
        evidence: what of it is not as it was stored.
        links: paths: `self`, the open `gate`, `duplicate_of`.
    """

    id: str
    pipeline: str
    status: Status
    status_since: Time
    created_at: Time
    updated_at: Time
    is_finished: bool
    app_version: str | None
    dataset: Dataset
    job: Job | None
    report: Report | None
    findings: tuple[Finding, ...]
    pipeline_notes: tuple[str, ...]
    outlook: Outlook | None
    azure: tuple[str, ...]
    warnings: tuple[str, ...]
    trouble: str | None
    failure: Failure | None
    duplicate_of: str | None
    evaluation: Evaluation | None
    judged_again: JudgedAgain | None
    cancel: Wish | None
    retry: Wish | None
    gate: Gate | None
    deployment: Deployments
    history: tuple[Event, ...]
    artifacts: tuple[str, ...]
    evidence: Evidence
    links: dict[str, str]


class Accepted(Answer, frozen=True, kw_only=True):
    """That a wish is recorded; the run goes on by itself.

    Attributes:
        run: its id.
        status: where it is now.
    """

    run: str
    status: Status


class Rejudged(Answer, frozen=True, kw_only=True):
    """That a run is being judged again.

    Attributes:
        run: its id.
        status: where it is now.
        changed: keys of the pipeline file that differ from the judgement before.
        notes: what is to be known about it.
        answers_missing: how many answers will be asked for.
        estimated_usd: what these cost; null if no price is known.
        estimate_basis: the reckoning in words.
    """

    run: str
    status: Status
    changed: tuple[str, ...]
    notes: tuple[str, ...]
    answers_missing: int
    estimated_usd: float | None
    estimate_basis: str
