"""The run: one dataset version going through one pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Self

import msgspec

from shared.core import artifacts
from shared.core.costs import PriceKind
from shared.core.endings import Ending
from shared.core.errors import Busy, IllegalTransition
from shared.core.evaluation.looks import Look
from shared.core.evaluation.measured import Measure
from shared.core.judging import Judging
from shared.core.naming import person_key
from shared.core.shown import words
from shared.core.smoke import SmokeResult
from shared.core.status import CANCELLABLE, FINISHED, IN_FLIGHT, STATUSES, TRANSITIONS, Status

#: What is imported here for others, beside what is defined here.
__all__ = ["CANCELLABLE", "FINISHED", "IN_FLIGHT", "TRANSITIONS", "Judging", "Status"]

#: Shape of the stored run.  It rises when an older release would lose something by writing the row; adapters read all shapes.
SCHEMA: Final = 3
_WARNINGS_MAX: Final = 50  # some tell numbers that change from look to look


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the parts of a run."""


class Companion(_Data, frozen=True, kw_only=True):
    """A validation or evaluation blob, pinned to the version that was seen."""

    role: str
    name: str
    etag: str
    size_bytes: int


class DatasetRef(_Data, frozen=True, kw_only=True):
    """The version of a training blob that a run is about."""

    container: str
    name: str
    etag: str
    size_bytes: int
    modified_at: datetime
    uploaded_by: str | None = None
    """Object id of the uploader, from the blob's metadata `uploaded_by`, if it was set."""


class Attempt(_Data, frozen=True, kw_only=True):
    """An effect that was intended: written before the effect, so that after a crash the app knows what to look for."""

    effect: str
    count: int
    at: datetime
    is_settled: bool = False
    """True when the service is known not to have applied it; then nothing has to be waited for."""


class DatasetSummary(_Data, frozen=True, kw_only=True):
    """What validation found, in numbers; the findings are in the report artifact."""

    examples: int
    validation_examples: int
    evaluation_examples: int
    tokens: int
    billable_tokens: int
    errors: int
    warnings: int
    fingerprint: str
    files: dict[str, str]
    """SHA-256 of each prepared file, by role."""
    estimated_usd: float | None = None
    estimate_basis: str = ""
    price: PriceKind | None = None
    """Whose price the estimate is made with; None: not stored by releases before 0.3.0, which took all they had for known."""


class EvaluationSummary(_Data, frozen=True, kw_only=True):
    """What the evaluation found, in numbers; the comparison is an artifact."""

    metric: str
    candidate_score: float | None
    baseline: str | None
    baseline_score: float | None
    gain: float | None
    lower_bound: float | None
    examples: int
    outcome: str
    """`better`, `as_good`, `not_better` or `unproven`."""
    reason: str
    digest: str
    """SHA-256 over the comparison artifact."""
    groups: int | None = None
    """Groups of examples, which the statistics count; None in what 0.2.0 wrote, where each example counted."""
    look: Look | None = None
    """Which look it was; None in what 0.2.0 wrote."""
    doubts: tuple[str, ...] = ()
    """What keeps `approval.mode: automatic` from deploying without a person."""
    champion: str | msgspec.UnsetType | None = msgspec.UNSET
    """The run whose model was the champion when it was fixed what is measured against what; None: there was none; unset: the
    pipeline does not measure the champion, or a release before 0.3.0 wrote this."""
    round: int = 0
    """`Run.evaluation_round` of the evaluation that this is about."""
    measures: tuple[Measure, ...] = ()
    """The table that people see first, of the contest that the reason speaks of; empty in what 0.2.0 wrote."""


class GateDecision(_Data, frozen=True, kw_only=True):
    """What one person decided, and on what."""

    person: str
    """Object id of the Entra principal."""
    name: str
    decision: str
    """`approve`, `reject`, or `withdraw` for an approval that is taken back; `hold` among the holds of a gate."""
    digest: str
    comment: str
    at: datetime
    app_version: str = ""
    """Version of the app that took the decision; empty in rows that 0.1.0 wrote."""
    role: str = ""
    """The app role that it was cast with; empty in rows that releases before 0.3.0 wrote."""


class Gate(_Data, frozen=True, kw_only=True):
    """A point where a person decides."""

    name: str
    """Key in `Run.gates`."""
    digest: str
    reason: str
    opened_at: datetime
    approve_by: datetime
    approvals_needed: int
    uploader_may_approve: bool = False
    decisions: tuple[GateDecision, ...] = ()
    holds: tuple[GateDecision, ...] = ()
    """What persons asked, or answered, before they decide (`holds.py`); no votes."""

    @property
    def standing(self) -> dict[str, GateDecision]:
        """The last decision of each person on this digest in time: what was withdrawn counts no more."""
        return {
            person_key(d.person): d
            for d in self.decisions
            if d.digest == self.digest and d.at < self.approve_by
        }

    @property
    def approvals(self) -> int:
        """How many different persons approve this digest."""
        return sum(d.decision == "approve" for d in self.standing.values())

    @property
    def approvals_missing(self) -> int:
        """How many more persons have to approve."""
        return max(0, self.approvals_needed - self.approvals)

    @property
    def is_approved(self) -> bool:
        """Whether enough persons approved."""
        return self.approvals >= self.approvals_needed


class Failure(_Data, frozen=True, kw_only=True):
    """Why a run ended without success, for people."""

    step: str
    code: str
    message: str
    remedy: str
    can_retry: bool = False


class Wish(_Data, frozen=True, kw_only=True):
    """Who asked for something, when, why, and by which app role; the latter two are empty in rows before 0.3.0."""

    person: str
    name: str
    at: datetime
    comment: str = ""
    role: str = ""


class Run(_Data, frozen=True, kw_only=True):
    """The whole state of a run.  Only `evolve`, `move` and `end` make the next one."""

    id: str
    pipeline: str
    dataset: DatasetRef
    status: Status
    status_since: datetime
    created_at: datetime
    updated_at: datetime
    due_at: datetime
    """From when on there may be something to do."""
    schema: int = SCHEMA
    revision: int = 0
    """Number of the last history row."""
    app_version: str = ""
    """Version of the app that moved the run last; empty in rows that 0.1.0 wrote."""
    attempt: Attempt | None = None
    failures: int = 0
    """Retryable failures one after another, for the backoff."""
    trouble: str | None = None
    """The last error, in the service's words, while it keeps the run waiting: `code: words`."""
    companions: tuple[Companion, ...] = ()
    spec_digest: str | None = None
    """SHA-256 of the pipeline file as it was when the run began; the run keeps to it."""
    summary: DatasetSummary | None = None
    duplicate_of: str | None = None
    spend_round: int = 0
    """How often it was sent back to work after a job had been asked for: each job needs a spend approval of its own."""
    committed_at: datetime | None = None
    """When the estimated cost was set against the month's budget."""
    place: int | None = None
    """Number of the place among the runs in flight that it took, or tried to take, last."""
    training_file_id: str | None = None
    validation_file_id: str | None = None
    job_id: str | None = None
    job_status: str | None = None
    """The job's own status, as the service last reported it."""
    job_attempted_at: datetime | None = None
    has_spent: bool = False
    """Whether a job was asked for since the budget was last committed."""
    trained_tokens: int | None = None
    model: str | None = None
    """Name of the tuned model."""
    job_trouble_since: datetime | None = None
    """Since when the service reports that it does not know the job, or that the job succeeded without a model's name."""
    retired_jobs: tuple[str, ...] = ()
    """Jobs of this run before a person asked for a retry."""
    retired_files: tuple[str, ...] = ()
    """Training files of this run before a person asked for a retry; a job on one of them may appear late."""
    duplicates: tuple[str, ...] = ()
    """Jobs that appeared late beside the run's own while it was under way, and are being cancelled."""
    orphans: tuple[str, ...] = ()
    """Jobs that appeared late beside the run's own and could not be cancelled any more."""
    files_attempted_at: datetime | None = None
    """When a file was last sent to Foundry; it may appear, and have to be removed, long after."""
    candidate: str | None = None
    candidate_attempted_at: datetime | None = None
    """When the candidate's deployment was last asked for."""
    production: str | None = None
    evaluation: EvaluationSummary | None = None
    evaluation_round: int = 0
    """How often the evaluation was begun anew: the champion was replaced, or a person had the run judged again."""
    judging: Judging | None = None
    """By what it is judged, if not by its first pin."""
    gates: dict[str, Gate] = {}
    """The gates that were opened, by name, with what persons decided."""
    stale_digests: dict[str, str] = {}
    """Digests of deployment gates that count no more, and why: their champion was replaced, or the run was judged again."""
    warnings: tuple[str, ...] = ()
    evidence: dict[str, str] = {}
    """SHA-256 of each artifact that the app stored and reads again, by name, in hexadecimal; those of prepared files stand in
    `summary`.  A file that is not known here proves nothing.  Empty in rows that 0.1.0 and 0.2.0 wrote."""
    is_to_prepare: bool = False
    """Whether prepared files were changed, so that a retry makes them again."""
    smoke: SmokeResult | None = None
    """What the deployment answered that is being verified."""
    failure: Failure | None = None
    cancel: Wish | None = None
    retry: Wish | None = None
    """The last wish to try it again; None in what releases before 0.3.0 retried."""
    candidate_removed: bool = False
    files_removed: bool = False
    trace_parent: str | None = None
    """W3C `traceparent` of the span in which the dataset was accepted: later spans are linked to it."""

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended."""
        return self.status in FINISHED

    @property
    def trouble_code(self) -> str | None:
        """The code in its trouble; the words after it may differ at each try."""
        return self.trouble and self.trouble.partition(":")[0]

    @property
    def waits_for_account(self) -> bool:
        """Whether it waits for its turn to write to the account's deployments, which takes one write at a time."""
        return self.trouble_code == Busy.code

    @property
    def training_files(self) -> frozenset[str]:
        """Ids of all its training files in Foundry, those of earlier tries too: jobs on them are its jobs."""
        present = {self.training_file_id} if self.training_file_id else set()
        return frozenset(present.union(self.retired_files))

    @property
    def known_files(self) -> dict[str, str]:
        """SHA-256 of every artifact that the row knows, by name."""
        prepared = self.summary.files if self.summary else {}
        return self.evidence | {artifacts.prepared(role).name: sha256 for role, sha256 in prepared.items()}

    @property
    def gate(self) -> Gate | None:
        """The gate that is open now."""
        return self.gates.get(STATUSES[self.status].gate or "")

    def evolve(self, **changes: Any) -> Self:
        """The run with other values; the status is changed by `move` only."""
        assert "status" not in changes
        return msgspec.structs.replace(self, **changes)

    def warned(self, sentences: Iterable[str]) -> Self:
        """The run with warnings that it does not have yet, as many as a row has room for."""
        new = tuple(sentence for sentence in sentences if sentence not in self.warnings)
        return self.evolve(warnings=(*self.warnings, *new)[:_WARNINGS_MAX]) if new else self

    def move(self, status: Status, now: datetime, **changes: Any) -> Self:
        """The run in another status, due at once, with no attempt, failures or trouble yet.

        Raises:
            IllegalTransition: if TRANSITIONS has no such move.
        """
        if status not in TRANSITIONS[self.status]:
            msg = f"run {self.id}: {self.status} -> {status} is not a transition"
            raise IllegalTransition(msg)
        changes.setdefault("due_at", now)
        return msgspec.structs.replace(
            self, status=status, status_since=now, attempt=None, failures=0, trouble=None, **changes
        )

    def end(self, ending: Ending, now: datetime, message: str, **details: str) -> Self:
        """The run ended without success.

        Args:
            ending: how it ended.
            now: since when.
            message: what happened, with which names.
            details: values for the names in braces in the remedy.
        """
        failure = Failure(
            step=self.status,
            code=ending.code,
            message=words(message),
            remedy=words(ending.remedy.format(**details)),
            can_retry=ending.can_retry,
        )
        return self.move(ending.status, now, failure=failure)
