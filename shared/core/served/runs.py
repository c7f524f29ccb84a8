"""Answers about runs."""

from __future__ import annotations

from shared.core.served.app import Route
from shared.core.served.base import Answer, KindWord, Time
from shared.core.served.datasets import Dataset, Finding, Outlook, Report
from shared.core.served.evaluation import Evaluation, JudgedAgain
from shared.core.served.gates import Gate
from shared.core.status import Status


class RunRow(Answer, frozen=True, kw_only=True):
    """A run in a listing.

    Attributes:
        id: Id of the run.
        pipeline: Name of its pipeline.
        dataset: Name of its training blob.
        status: Where it is.
        status_since: Since when it is there.
        created_at: When the dataset was recorded.
        job_id: Id of its job in Foundry; null before there is one.
        job_status: Status of the job in the words of Foundry; null before it reported one.
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
        runs: The runs of the page, at most as many as were asked for.
        next: `after` of the next page; null at the end.
    """

    runs: tuple[RunRow, ...]
    next: str | None


class Job(Answer, frozen=True, kw_only=True):
    """The fine-tuning job in Foundry.

    Attributes:
        id: Id of the job in Foundry.
        status: Status of the job in the words of Foundry; null before it reported one.
        model: name of the tuned model; null before there is one.
        trained_tokens: Number of tokens that were trained, as Foundry reports it; null before.
    """

    id: str
    status: str | None
    model: str | None
    trained_tokens: int | None


class Wish(Answer, frozen=True, kw_only=True):
    """Who asked for something, and when.

    Attributes:
        name: Name of the person.
        at: When they asked.
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
        step: The status in which it ended.
        code: Code of the error or ending, as docs/errors.md explains it.
        message: What happened, with names and numbers.
        remedy: What to do about it.
        can_retry: Whether a retry can mend it.
    """

    step: str
    code: str
    message: str
    remedy: str
    can_retry: bool


class Event(Answer, frozen=True, kw_only=True):
    """A line of a run's history.

    Attributes:
        sequence: Number of the line in the history of its run, from 1.
        at: When it was written.
        kind: What the line is about.
        before: What the status or the job was before; null where neither changed.
        after: What it became; of a decision or hold, what was said; null where nothing changed.
        detail: The rest in words, for people; their form may change. Null if there is nothing to say.
        app_version: Version of the app that wrote the line; null in what 0.1.0 wrote.
        role: The app role by which a person did what the line tells; null elsewhere, and where a release before 0.3.0 wrote the
            line.
        comment: Why a person did what the line tells (a decision, hold or cancel, or the `status` line with which a retry or
            another judgement begins); empty if they did not say; null elsewhere, and where a release before 0.3.0 wrote the line.
    """

    sequence: int
    at: Time
    kind: KindWord
    before: str | None
    after: str | None
    detail: str | None
    app_version: str | None
    role: str | None
    comment: str | None


class Evidence(Answer, frozen=True, kw_only=True):
    """What of the evidence is not as the run stored it.

    Attributes:
        changed: Names of what people decide on that is not there as the run stored it.
        not_checked: Names of artifacts that the run holds no SHA-256 of, so that nobody can say whether they are as they were
            stored.
    """

    changed: tuple[str, ...]
    not_checked: tuple[str, ...]


class Run(Answer, frozen=True, kw_only=True):
    """Everything about a run.

    Attributes:
        id: Id of the run.
        pipeline: Name of its pipeline.
        status: Where it is.
        status_since: Since when it is there.
        created_at: When the dataset was recorded.
        updated_at: When the run changed last.
        is_finished: Whether it has ended.
        app_version: Version of the app that moved it last; null for what 0.1.0 wrote.
        dataset: The version of the blob that it is about.
        job: The job in Foundry; null before there is one.
        report: What validation found, in numbers; null before that.
        findings: The first 50 findings of validation.
        pipeline_notes: Sentences about what is unusual in the pipeline file.
        outlook: What the comparison will be able to show; null before validation, and where the dataset has errors.
        azure: Sentences about what Azure said of model, quota and limits while the dataset was validated, and what it did not
            say.
        warnings: Sentences about what was done otherwise than asked, what Azure says against model, quota or limits, and votes
            that do not count.
        trouble: The last error while it keeps the run waiting, as `code: words`; null while nothing does.
        failure: Why it ended without success; null otherwise.
        duplicate_of: Id of the run that does the same work; null if there is none.
        evaluation: What was measured; null before that.
        judged_again: That a person had it judged again; null if nobody did.
        cancel: Who asked first to stop it since it was begun, or tried or judged again; null if nobody did.
        retry: Who asked last to try it again; null if nobody did.
        gate: The gate that is open now; null if none is.
        deployment: Its deployments.
        history: All lines of its history, oldest first.
        artifacts: Names of the files of its evidence.
        evidence: What of the evidence is not as it was stored.
        links: Paths of what is near, by name: `self`, the open `gate`, `duplicate_of`.
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
        run: Id of the run.
        status: Status of the run now; of a wish to cancel, mostly the one it had, since the job is cancelled first.
    """

    run: str
    status: Status


class Rejudged(Answer, frozen=True, kw_only=True):
    """That a run is being judged again.

    Attributes:
        run: Id of the run.
        status: Status of the run now.
        changed: keys of the pipeline file that differ from the judgement before.
        notes: Sentences about the grader, and about what of today's pipeline file is not used.
        answers_missing: How many answers will be asked for.
        estimated_usd: What these answers cost in US dollars; null if no price is known.
        estimate_basis: How that was reckoned, in words.
    """

    run: str
    status: Status
    changed: tuple[str, ...]
    notes: tuple[str, ...]
    answers_missing: int
    estimated_usd: float | None
    estimate_basis: str
