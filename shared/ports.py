"""What the product needs from the world, as protocols.  Adapters implement them; tests have twins of them.

Errors are those of `shared.core.errors`.  Every method has a bounded duration.  Methods that are not idempotent take
`not_after`: they raise `StartWindowPassed` instead of sending the request later than that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import MappingProxyType
from typing import Any, BinaryIO, Final, Protocol

import msgspec

from shared.core import holds
from shared.core.clipping import clip
from shared.core.evaluation.answers import Answer
from shared.core.evaluation.looks import ComingLook, Look
from shared.core.history import Event
from shared.core.observations import Champion, DeploymentView, FoundryFile, Job
from shared.core.offered import OfferedModel, Usage
from shared.core.run import DatasetRef, Run, Status
from shared.core.serving import Route

#: Of texts in rows of the index, which are read by the hundred.
_ROW_UNITS: Final = 400
_QUESTION_UNITS: Final = 200
_RELEASES_MAX: Final = 20
_POISON_MAX: Final = 20


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""


class RunStore(Protocol):
    """Table `runs`.  Has no unconditional write."""

    def load(self, run_id: str) -> tuple[Run, str]:
        """The run and its version.

        Raises:
            NotFound: if there is no such run.
            Refused: if a newer release of the app wrote it (its schema is unknown here).
        """

    def insert(self, run: Run, events: Iterable[Event]) -> None:
        """Store a new run with its first history rows in one batch.

        Raises:
            Conflict: if it is there already.
        """

    def replace(self, run: Run, version: str, events: Iterable[Event]) -> str:
        """Store the next state and its history rows in one batch, if `version` is still the stored one.

        Returns:
            The new version.

        Raises:
            Conflict: if somebody else wrote first.  That may have been this very write, if the answer to a first try was lost.
        """

    def history(
        self, run_id: str, *, kinds: tuple[str, ...] = (), after: int = 0, limit: int | None = None
    ) -> list[Event]:
        """History rows, oldest first.

        Args:
            run_id: of the run; one that is not there has none.
            kinds: of these kinds only; empty: of all.
            after: those with a higher number only.
            limit: so many at most; None: all.
        """


class OpenGate(msgspec.Struct, frozen=True, kw_only=True):
    """An open gate in a row of the index: what a list of what waits says of it.  Whoever decides reads the run.

    Attributes:
        name: `spend` or `deployment`.
        reason: why a person is asked.
        opened_at: since when it is open.
        approve_by: until when.
        approvals: that there are.
        approvals_needed: of different persons.
        voted: who has an approval there, as `person_key` writes object ids.
        needs_answer: whether something that was asked is open.
        uploader_may_approve: whether whoever dropped the dataset may decide.
        question: the beginning of what was asked last, while that is open; empty also in rows that an older release wrote.
    """

    name: str
    reason: str
    opened_at: datetime
    approve_by: datetime
    approvals: int
    approvals_needed: int
    voted: tuple[str, ...]
    needs_answer: bool
    uploader_may_approve: bool
    question: str = ""


class ActiveRun(msgspec.Struct, frozen=True, kw_only=True):
    """Row of the index partition `active`: what the poller must know without reading the run."""

    run_id: str
    pipeline: str
    dataset: DatasetRef
    status: Status | None
    """None while intake has announced the run but not yet stored it."""
    due_at: datetime
    job_id: str | None = None
    training_files: frozenset[str] = frozenset()
    """The run's training files, those of earlier tries too: jobs on them are the run's."""
    status_since: datetime | None = None
    """None in rows that an older release wrote."""
    waits_for_account: bool = False
    """Whether it waits to write to the Foundry account, which takes one write at a time."""
    trouble: str | None = None
    """The beginning of the run's trouble; None also in rows that a release before 0.3.0 wrote."""
    failures: int = 0
    """How often it was tried in vain, one time after another; 0 also in such rows."""
    gate: OpenGate | None = None
    """The open gate; None also in such rows."""

    @classmethod
    def of(cls, run: Run) -> ActiveRun:
        """The row of a run that is stored."""
        return cls(
            run_id=run.id,
            pipeline=run.pipeline,
            dataset=run.dataset,
            status=run.status,
            due_at=run.due_at,
            job_id=run.job_id,
            training_files=run.training_files,
            status_since=run.status_since,
            waits_for_account=run.waits_for_account,
            trouble=run.trouble and clip(run.trouble, _ROW_UNITS),
            failures=run.failures,
            gate=_open_gate(run),
        )


def _open_gate(run: Run) -> OpenGate | None:
    gate = run.gate
    if gate is None:
        return None
    standing, is_asked = gate.standing, holds.needs_answer(run, gate)
    return OpenGate(
        name=gate.name,
        reason=clip(gate.reason, _ROW_UNITS),
        opened_at=gate.opened_at,
        approve_by=gate.approve_by,
        approvals=gate.approvals,
        approvals_needed=gate.approvals_needed,
        voted=tuple(sorted(key for key, vote in standing.items() if vote.decision == "approve")),
        needs_answer=is_asked,
        question=clip(gate.holds[-1].comment, _QUESTION_UNITS) if is_asked else "",
        uploader_may_approve=gate.uploader_may_approve,
    )


class Ticks(msgspec.Struct, frozen=True, kw_only=True):
    """When the timer looked.

    Attributes:
        last_at: when a tick came to its end last.
        releases: version and time of its first tick, the newest last; at most 20, and one for each time that it came.
    """

    last_at: datetime
    releases: tuple[tuple[str, datetime], ...]

    def after(self, version: str, at: datetime) -> Ticks:
        """The same after another tick, of this release."""
        is_known = bool(self.releases) and self.releases[-1][0] == version
        releases = self.releases if is_known else (*self.releases, (version, at))[-_RELEASES_MAX:]
        return Ticks(last_at=max(self.last_at, at), releases=releases)


class PoisonMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that failed in all its tries.

    Attributes:
        at: when that was noticed.
        queue: where it failed.
        run_id: whom it was about; None: not known.
    """

    at: datetime
    queue: str
    run_id: str | None

    def among(self, others: Iterable[PoisonMessage]) -> tuple[PoisonMessage, ...]:
        """With others, newest first; of one queue about one run the newest is kept, and 20 in all."""
        about = (self.queue, self.run_id)
        kept = [self, *(other for other in others if (other.queue, other.run_id) != about)]
        return tuple(sorted(kept, key=lambda one: one.at, reverse=True)[:_POISON_MAX])


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a run, in a row of a listing: numbers of the same exam may stand in one picture.

    Attributes:
        exam: SHA-256 of the held-out rows; empty: not known.
        metric: grader that decided.
        score: mean of the candidate; None: not known.
        baseline: what it was measured against; None: nothing.
        gain: candidate less baseline; None: not known.
        low: the true gain is not below this, with the confidence of the promotion rule; None: not known.
        outcome: of the verdict.
    """

    exam: str
    metric: str
    score: float | None
    baseline: str | None
    gain: float | None
    low: float | None
    outcome: str

    @classmethod
    def of(cls, run: Run) -> Quality | None:
        """That of a run; None before it was measured."""
        seen = run.evaluation
        if seen is None:
            return None
        return cls(
            exam=run.summary.files.get("evaluation", "") if run.summary else "",
            metric=seen.metric,
            score=seen.candidate_score,
            baseline=seen.baseline,
            gain=seen.gain,
            low=seen.lower_bound,
            outcome=seen.outcome,
        )


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Row of a listing."""

    run_id: str
    pipeline: str
    dataset_name: str
    status: Status
    status_since: datetime
    created_at: datetime
    job_id: str | None = None
    job_status: str | None = None
    quality: Quality | None = None
    """None before it was measured, and in rows that a release before 0.3.0 wrote."""

    @classmethod
    def of(cls, run: Run) -> RunSummary:
        """The row of a run that is stored."""
        return cls(
            run_id=run.id,
            pipeline=run.pipeline,
            dataset_name=run.dataset.name,
            status=run.status,
            status_since=run.status_since,
            created_at=run.created_at,
            job_id=run.job_id,
            job_status=run.job_status,
            quality=Quality.of(run),
        )


class RunIndex(Protocol):
    """Table `index`: projections of runs, written idempotently after the run."""

    def announce(self, run_id: str, pipeline: str, dataset: DatasetRef, now: datetime) -> None:
        """Make a run findable before it is stored; does not overwrite an existing row."""

    def project(self, run: Run, *, is_settled: bool, announced_since: datetime | None = None) -> None:
        """Bring the listing rows up to date; drop the active row last, when nothing is left to do.

        Rows that a newer revision of the run wrote are left alone, and so is one that only announces the run since
        `announced_since`: whoever announced it may still write.
        """

    def active(self) -> list[ActiveRun]:
        """All runs that are not settled, soonest due first."""

    def ticked(self, version: str, at: datetime) -> None:
        """Remember that a tick of a release came to its end; of ticks at the same time, one may be forgotten."""

    def ticks(self) -> Ticks | None:
        """When the timer looked; None before 0.3.0 did."""

    def poisoned(self, message: PoisonMessage) -> None:
        """Remember a message that failed in all its tries; of many at the same time, some may be forgotten."""

    def poison(self) -> tuple[PoisonMessage, ...]:
        """The newest messages that failed in all their tries, newest first; at most 20, and none before 0.3.0."""

    def newest(
        self, pipeline: str | None, limit: int, after: str | None
    ) -> tuple[list[RunSummary], str | None]:
        """A page of runs, newest first, and the cursor of the next page (None at the end)."""


class Claims(Protocol):
    """Table `claims`: who holds a claim may spend money on the work that it is about."""

    def holder(self, pipeline: str, fingerprint: str) -> str | None:
        """The run that holds the claim."""

    def take(self, pipeline: str, fingerprint: str, run_id: str, previous_holder: str | None) -> None:
        """Insert the claim, or replace `previous_holder` by compare-and-swap.

        Raises:
            Conflict: if another run holds it.
        """


class Pipelines(Protocol):
    """Table `pipelines`: champion, previous, ledgers of committed money and of looks."""

    def champion(self, pipeline: str) -> Champion | None:
        """The deployment in use."""

    def previous(self, pipeline: str) -> Champion | None:
        """The one before it."""

    def champions(self) -> dict[str, Champion]:
        """Pipeline -> the deployment in use, of all pipelines that have one."""

    def promote(self, pipeline: str, champion: Champion, replacing: str | None) -> None:
        """Make `champion` the champion and the present one `previous`; the same champion again changes nothing.

        Args:
            pipeline: whose champion.
            champion: the new one.
            replacing: the run of the present one, as it was seen when this was decided; None if there was none.

        Raises:
            Conflict: if the present one is another run's, or somebody else wrote first.
        """

    def committed(self, pipeline: str, month: str) -> list[tuple[str, datetime, float]]:
        """Ledger of a month (`2026-11`): (run id, committed at, US dollars), in the order of the lines.

        New lines come after all others.  So a run that finds its own line finds all that will ever come before it; only their
        amounts may still fall to 0.
        """

    def commit(self, pipeline: str, month: str, run_id: str, at: datetime, usd: float) -> None:
        """Commit a run's money, or release what it committed (`usd` is 0).  Idempotent: a commitment is one line, known by `at`.

        A commitment after a retry is another line: what the first try spent stays spent.  A worker that stood still for a while
        must not commit again what was released meanwhile.  So an amount only ever falls, and once a run has a line, none with an
        earlier `at` is added for it.
        """

    def look(self, pipeline: str, *, digest: str, exam: str, run_id: str, at: datetime) -> Look:
        """Count a comparison.  Idempotent: a digest that was counted keeps its numbers for ever, whoever asks and when.

        Args:
            pipeline: whose look.
            digest: of all that the comparison is made of; another one is another look.
            exam: SHA-256 of the evaluation set.
            run_id: the run that compares.
            at: when.

        Returns:
            Its numbers: among the digests of this exam, and among those since the present champion was promoted (all, if
            there is none).
        """

    def coming_look(self, pipeline: str) -> ComingLook:
        """What the next comparison will be, and which run made the newest one."""


class DatasetSource(Protocol):
    """Container `datasets`; never written."""

    def properties(self, name: str) -> DatasetRef | None:
        """The present version of a blob, or None.

        Raises:
            Refused: if the name is not `naming.is_safe`; nothing is sent.  So do the other methods that take a name.
        """

    def chunks(self, name: str, etag: str) -> Iterator[bytes]:
        """The bytes of exactly this version, streamed.

        Raises:
            DatasetChanged: if it is another version now, or gone.
        """

    def changed_since(self, since: datetime) -> Iterator[list[DatasetRef]]:
        """All blobs modified since then, page by page; for events that were lost.

        Each page is one call, lists at most 5,000 names of the container, and may have no blob as young as that.  There is always
        at least one page.
        """


class PipelineFiles(Protocol):
    """Container `pipelines`."""

    def read(self, pipeline: str) -> str | None:
        """Text of `{pipeline}.yaml`, or None."""

    def read_text(self, path: str) -> str | None:
        """Text of a file that a pipeline names (a prompt), or None."""

    def read_set(self, path: str) -> bytes | None:
        """Bytes of a file of rows that a pipeline names (`evaluation.set`), or None.

        Raises:
            Refused: if it is larger than 16 MiB.
        """

    def names(self) -> tuple[str, ...]:
        """Names of the pipelines, at most 200."""


class Artifacts(Protocol):
    """Container `artifacts`; names as `shared.core.naming.artifact` makes them.

    Each method that takes the name of one raises `Refused` if it is not `naming.is_safe`.
    """

    def read(self, name: str) -> bytes | None:
        """The whole artifact, or None; for small ones."""

    def write(self, name: str, data: bytes | BinaryIO, content_type: str) -> None:
        """Store or replace it."""

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Read an artifact that may be large, from a spooled local copy.

        Raises:
            NotFound: if it is not there.
        """

    def names(self, prefix: str) -> list[str]:
        """Names that begin with `prefix`, in order."""


class Files(Protocol):
    """Files in Foundry."""

    def named(self, filenames: frozenset[str]) -> dict[str, FoundryFile]:
        """Those of the files that exist, the oldest where there are several; pages to the end."""

    def upload(self, filename: str, content: BinaryIO, not_after: datetime) -> FoundryFile:
        """Upload for fine-tuning.  Not idempotent.

        Raises:
            OutcomeUnknown: if the answer was lost.
        """

    def count(self) -> int:
        """How many files there are, for whatever purpose; pages to the end."""

    def delete(self, file_id: str) -> None:
        """Delete; a file that is not there is deleted."""

    def content(self, file_id: str) -> bytes:
        """The bytes of a file, such as the results of a job."""


class Trainer(Protocol):
    """Fine-tuning jobs."""

    def jobs(self, since: datetime) -> list[Job]:
        """All jobs created after `since`, newest first; pages until it has passed it."""

    def job(self, job_id: str) -> Job | None:
        """One job, or None if the service does not know it."""

    def has_model(self, model: str) -> bool:
        """Whether a tuned model is still there."""

    def create(self, body: dict[str, Any], not_after: datetime) -> Job:
        """Start a job.  Not idempotent: costs money.

        Raises:
            OutcomeUnknown: if the answer was lost.
        """

    def cancel(self, job_id: str) -> None:
        """Cancel; a job that has ended stays as it is."""

    def events(self, job_id: str, limit: int) -> list[dict[str, Any]]:
        """The newest events, newest first."""

    def checkpoints(self, job_id: str) -> list[dict[str, Any]]:
        """The checkpoints."""


class Inference(Protocol):
    """Chat completions of a deployment."""

    def answer(
        self,
        deployment: str,
        messages: Sequence[dict[str, Any]],
        tools: list[dict[str, Any]] | None,
        *,
        index: int,
        max_completion_tokens: int,
        temperature: float | None = 0.0,
        trained_with: Mapping[str, Any] = MappingProxyType({}),
        left_out: frozenset[str] = frozenset(),
        routes: Sequence[Route] = (Route.PROJECT,),
    ) -> Answer:
        """One answer, or what became of the question (`Answer.outcome`).

        A question that the service refuses (HTTP 400, 413, 415, 422), or answers with what cannot be read, is an `Answer` with
        `error`: whether the question is to blame or the deployment, the caller finds out.  A parameter that the model does not
        take is left out, and the question asked again; what makes the question, messages, tools and functions, never is.

        Args:
            deployment: that is asked.
            messages: the conversation.
            tools: functions that may be called.
            index: of the example.
            max_completion_tokens: the most tokens that the answer may have.
            temperature: of sampling; None for models that take none.
            trained_with: what the model was trained with beside messages and tools: `functions`, `parallel_tool_calls`,
                `response_format`.
            left_out: parameters that earlier answers of this deployment were asked without.
            routes: on which the deployment may answer, in the order in which they are tried; the one that does is remembered, and
                forgotten when it answers 404.

        Raises:
            NotReady: if the deployment does not serve yet, on any of the routes.
            Unauthorized: if a route may not be taken, and no other one serves.
        """


class Deployer(Protocol):
    """Deployments of the Foundry account, through Azure Resource Manager."""

    def deployment(self, name: str) -> DeploymentView | None:
        """The deployment, or None."""

    def put(
        self,
        name: str,
        *,
        model: str,
        model_format: str,
        sku: str,
        capacity: int,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Begin to create or update a deployment; does not wait for its end.

        Raises:
            Retryable: while another write on the account is in progress.
        """

    def delete(self, name: str) -> None:
        """Begin to delete; a deployment that is not there is deleted."""


class Account(Protocol):
    """What Resource Manager says of the Foundry account, of models and of quota.

    Each question takes a right of its own, which the app may lack: it raises `Unauthorized` then.
    """

    def region(self) -> str:
        """Where the account is."""

    def models(self) -> tuple[OfferedModel, ...]:
        """The models that the account can deploy or tune."""

    def deployments(self) -> dict[str, str]:
        """Name -> model of all its deployments."""

    def states(self) -> dict[str, str]:
        """Name -> provisioningState of all its deployments, as `DeploymentView.state` has it."""

    def usages(self, region: str) -> dict[str, Usage]:
        """The quotas of the subscription in a region, by name."""

    def capacities(self, region: str, model: OfferedModel) -> dict[str, float]:
        """SKU -> capacity that is left in a region for models that are tuned from this one."""


class World(Protocol):
    """All ports together, made on first use: a listing of runs must not load the Foundry SDKs."""

    @property
    def clock(self) -> Clock:
        """Time."""

    @property
    def runs(self) -> RunStore:
        """Table `runs`."""

    @property
    def index(self) -> RunIndex:
        """Table `index`."""

    @property
    def claims(self) -> Claims:
        """Table `claims`."""

    @property
    def pipelines(self) -> Pipelines:
        """Table `pipelines`."""

    @property
    def datasets(self) -> DatasetSource:
        """Container `datasets`."""

    @property
    def pipeline_files(self) -> PipelineFiles:
        """Container `pipelines`."""

    @property
    def artifacts(self) -> Artifacts:
        """Container `artifacts`."""

    @property
    def files(self) -> Files:
        """Files in Foundry."""

    @property
    def trainer(self) -> Trainer:
        """Jobs in Foundry."""

    @property
    def inference(self) -> Inference:
        """Chat completions."""

    @property
    def deployer(self) -> Deployer:
        """Deployments in ARM."""

    @property
    def account(self) -> Account:
        """The account, its models and quotas in ARM."""
