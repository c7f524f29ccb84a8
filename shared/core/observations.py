"""What a look at the world may show.  Data only: one class per status, named like the status."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.core.offered import Foreseen
from shared.core.pipeline.remarks import Remark
from shared.core.run import Companion, DatasetRef, DatasetSummary, EvaluationSummary
from shared.core.smoke import SmokeResult
from shared.core.spec import PipelineSpec


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all observations."""


class Nothing(Observation, frozen=True, kw_only=True):
    """There is nothing to look at but the clock."""


class Unobserved(Observation, frozen=True, kw_only=True):
    """The look failed: the world could not be asked."""

    message: str
    retry_after_s: float | None = None
    quota: bool = False
    is_lasting: bool = False
    """Whether the next look is likely to fail alike: what it needs is gone, or something was raised that nobody had foreseen."""


class Proof(Observation, frozen=True, kw_only=True):
    """What an effect stored and found out, for the row to remember: what a file says later is compared with this.

    Attributes:
        files: SHA-256 of each artifact that was stored, by name.
        forgets: beginnings of names that count no more.
        summary: of a dataset that was validated.
        evaluation: of answers that were compared.
        smoke: of a deployment that was asked.
        warnings: what people should know of it.
    """

    files: dict[str, str] = {}
    forgets: tuple[str, ...] = ()
    summary: DatasetSummary | None = None
    evaluation: EvaluationSummary | None = None
    smoke: SmokeResult | None = None
    warnings: tuple[str, ...] = ()


class FoundryFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in Foundry."""

    id: str
    filename: str
    size_bytes: int | None
    status: str
    created_at: int = 0
    error: str | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A fine-tuning job as the service describes it; absent keys are None."""

    id: str
    status: str
    created_at: int
    training_file: str
    base_model: str
    suffix: str | None = None
    model: str | None = None
    """Name of the tuned model, once there is one."""
    trained_tokens: int | None = None
    error: str | None = None
    hyperparameters: dict[str, int | float | str] = {}
    result_files: tuple[str, ...] = ()

    @property
    def is_live(self) -> bool:
        """Whether it may still cost or yield something.  A status that nobody published counts as live."""
        return self.status not in {"succeeded", "failed", "cancelled"}


class DeploymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment as ARM describes it."""

    name: str
    model: str
    state: str
    """provisioningState: Accepted, Creating, Succeeded, Failed, Canceled, Disabled, Deleting, Moving."""
    sku: str
    capacity: int
    tags: dict[str, str] = {}


class Champion(msgspec.Struct, frozen=True, kw_only=True):
    """The deployment that a pipeline's clients use."""

    deployment: str
    model: str
    run_id: str
    since: datetime
    route: str | None = None
    """On which route it answered its smoke test; None in rows that 0.1.0 and 0.2.0 wrote."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who may spend money on this content and job."""

    holder: str
    has_ended_without_model: bool = False


class Received(Observation, frozen=True, kw_only=True):
    """`received`: is the version still there, what accompanies it, what does the pipeline file say?"""

    dataset: DatasetRef | None
    companions: tuple[Companion, ...] = ()
    is_pinned: bool = False
    spec_digest: str | None = None
    spec: PipelineSpec | None = None
    problems: tuple[Remark, ...] = ()
    has_pipeline: bool = True
    known_pipelines: tuple[str, ...] = ()


class Validating(Observation, frozen=True, kw_only=True):
    """`validating`: is there a report, who holds the claim, what was committed this month?"""

    summary: DatasetSummary | None
    first_error: str | None = None
    claim: Claim | None = None
    committed_before_usd: float = 0.0
    foreseen: Foreseen = Foreseen()
    """What Azure says of model, quota and limits."""
    is_committed: bool = True
    """Whether the ledger has the run's own line; a crash may have come between the run's row and the line."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One of the places for runs in flight that can be taken."""

    number: int
    previous_holder: str | None = None
    """Who stands in it without being in flight any more."""


class Queueing(Observation, frozen=True, kw_only=True):
    """`queueing`: has the run a place among the runs in flight, or could it take one?"""

    has_place: bool = False
    free: Place | None = None
    is_answered: bool = False
    """Of a run that is judged again and has its place: whether the candidate's answers are all there."""


class Uploading(Observation, frozen=True, kw_only=True):
    """`uploading`: which of the run's files are in Foundry?"""

    files: dict[str, FoundryFile]
    """file name -> file; the oldest, where there are several."""


class Submitting(Observation, frozen=True, kw_only=True):
    """`submitting`: all jobs on the run's training file, and who may spend."""

    jobs: tuple[Job, ...]
    claim_holder: str | None = None
    foreseen: Foreseen = Foreseen()
    """As in `Validating`, asked anew."""


class Training(Observation, frozen=True, kw_only=True):
    """`training`: how is the job?"""

    job: Job | None
    has_results: bool = False


class Staging(Observation, frozen=True, kw_only=True):
    """`staging`: is the candidate's deployment there, and does it answer?"""

    deployment: DeploymentView | None
    is_answering: bool = False
    unanswered: str | None = None
    """If it does not answer on any of several routes: what each said."""
    keeper: str | None = None
    """Of a deployment in the state Failed: whose it is, if the pipeline's table names it: `champion` or `previous`."""


class EvaluationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured against what."""

    targets: dict[str, str]
    """target (`candidate`, `baseline-1`...) -> deployment."""
    labels: dict[str, str]
    """target -> name for people."""
    prompts: dict[str, str]
    """target -> system prompt that replaces the examples' own, where the pipeline names one."""
    models: dict[str, str]
    """target -> model behind the deployment."""
    items: int
    chunk_size: int
    skipped: tuple[str, ...] = ()
    """Baselines that could not be measured, with the reason."""
    champion: str | msgspec.UnsetType | None = msgspec.UNSET
    """As in `EvaluationSummary`."""
    round: int = 0
    """`Run.evaluation_round` of the evaluation that this is about."""
    answers: int = 0
    """Number of the folder of its answers: the evaluation that first asked with the present limit of tokens."""
    trained_by: dict[str, tuple[str, ...]] = {}
    """target -> other runs whose training rows its model learned from; not known where a release before 0.3.0 wrote this."""

    @property
    def chunks(self) -> int:
        """Number of chunks per target."""
        return -(-self.items // self.chunk_size)


class Evaluating(Observation, frozen=True, kw_only=True):
    """`evaluating`: which answers are stored, is there a comparison?"""

    plan: EvaluationPlan | None
    chunks: frozenset[str] = frozenset()
    """Stored chunks as `target:index`."""
    summary: EvaluationSummary | None = None


class AwaitingApproval(Observation, frozen=True, kw_only=True):
    """`awaiting_approval`: who is champion?  What people decide stands in the run."""

    champion: Champion | None = None
    plan: EvaluationPlan | None = None
    """Where the summary does not say which champion was measured against; so in the next two."""


class Deploying(Observation, frozen=True, kw_only=True):
    """`deploying`: what does the production deployment serve?"""

    deployment: DeploymentView | None
    keeper: str | None = None
    """As in `Staging`."""
    champion: Champion | None = None
    plan: EvaluationPlan | None = None
    contradiction: str | None = None
    """Why a verdict that nobody was asked about does not hold, if it does not: computed again, it is another."""


class Verifying(Observation, frozen=True, kw_only=True):
    """`verifying`: is it still there, who is champion?  What it answered stands in the run."""

    deployment: DeploymentView | None
    champion: Champion | None = None
    plan: EvaluationPlan | None = None


class Ended(Observation, frozen=True, kw_only=True):
    """After any end: what does the run still occupy in Azure?"""

    jobs: tuple[Job, ...] = ()
    candidate: DeploymentView | None = None
    production: DeploymentView | None = None
    """What was put for an approval that counts no more, and appeared only after it was looked for."""
    file_ids: tuple[str, ...] = ()
