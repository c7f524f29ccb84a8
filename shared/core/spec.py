"""What a pipeline file says, as frozen data; `shared.core.pipeline` reads it and exports these names."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

DAY_S: Final = 24 * 3600


class MethodType(StrEnum):
    """How a model is tuned."""

    SUPERVISED = "supervised"
    DPO = "dpo"
    REINFORCEMENT = "reinforcement"


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """The tuning method of a job.

    Attributes:
        type: the method.
        hyperparameters: under the names of the REST interface (`n_epochs`, `batch_size`,
            `learning_rate_multiplier`, `beta`,
            ...); each a number or `auto`.  The first three are always there.
        grader: OpenAI grader object (reinforcement only).
        response_format: JSON schema that answers must follow (reinforcement only).
    """

    type: MethodType = MethodType.SUPERVISED
    hyperparameters: dict[str, int | float | str]
    grader: dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """How validation rows are set aside when no validation file lies beside the training file.

    Attributes:
        share: part of the rows, 0 to 0.5; 0 sets none aside.
        seed: which rows.
        required: refuse a dataset without a validation file instead.
    """

    share: float = 0.1
    seed: int = 42
    required: bool = False


class EvaluationSplit(msgspec.Struct, frozen=True, kw_only=True):
    """How rows are held out for the comparison; they are never trained on.

    Attributes:
        share: part of the rows, 0 to 0.5; 0 holds none out.
        seed: which rows.
        max_examples: upper bound, since every example is answered by every model compared.
    """

    share: float = 0.1
    seed: int = 42
    max_examples: int = 200


class DatasetSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with a dataset before training.

    Attributes:
        validation: how validation rows are set aside.
        evaluation: how evaluation rows are held out.
        default_action: what is done about rows with errors.
        actions: the same by rule code.
        quarantine_max_share: part of the rows of a file that may be in quarantine.
        rule_set: severities to begin with; see `shared.core.dataset.options.severities_of`.
        rules: severity, or `off`, by rule code.
    """

    validation: Split = Split()
    evaluation: EvaluationSplit = EvaluationSplit()
    default_action: str = "reject"
    actions: dict[str, str] = {}
    quarantine_max_share: float = 0.05
    rule_set: str = "standard"
    rules: dict[str, str] = {}


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Limits in US dollars; None is no limit.

    Attributes:
        per_run_usd: a run that would cost more is refused.
        per_month_usd: runs of one pipeline in a calendar month.
        approve_above_usd: a person is asked before more than this is spent.
    """

    per_run_usd: float | None = 50.0
    per_month_usd: float | None = 500.0
    approve_above_usd: float | None = 20.0


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """Rates of this pipeline's model, where the built-in table does not know them or is wrong."""

    training_usd_per_million_tokens: float | None = None
    hosting_usd_per_hour: float | None = None


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What the candidate is measured against.

    Attributes:
        kind: the pipeline's champion, or a named deployment.
        deployment: its name (kind `deployment`).
        system_prompt: path in the `pipelines` container of a text that takes the place of the examples'
            system message.
    """

    kind: Literal["champion", "deployment"] = "champion"
    deployment: str | None = None
    system_prompt: str | None = None


class PromoteRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a candidate counts as better.

    Attributes:
        metric: name of the grader that decides; None is the first.
        min_gain: least difference of mean scores (scores are 0 to 1).
        confidence: of the lower bound of the gain, 0.5 to 1.
        max_cost_ratio: candidate's completion tokens over the baseline's; None is no limit.
    """

    metric: str | None = None
    min_gain: float = 0.0
    confidence: float = 0.95
    max_cost_ratio: float | None = None


class DeploymentSize(msgspec.Struct, frozen=True, kw_only=True):
    """SKU and capacity (thousands of tokens a minute) of a deployment."""

    sku: str = "GlobalStandard"
    capacity: int = 50


class EvaluationSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a candidate is judged: by whom, with what, against what."""

    baselines: tuple[Baseline, ...] = (Baseline(),)
    graders: tuple[dict[str, Any], ...] = ()
    promote: PromoteRule = PromoteRule()
    candidate: DeploymentSize = DeploymentSize()
    max_completion_tokens: int = 1024


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who decides about deployment, and for how long the question stands (seconds)."""

    mode: Literal["manual", "automatic"] = "manual"
    approvers: int = 1
    expires_after_s: int = 7 * DAY_S
    uploader_may_approve: bool = False


class SmokeTest(msgspec.Struct, frozen=True, kw_only=True):
    """A question that a new deployment must answer.

    Attributes:
        messages: chat messages, the last one from the user.
        expect: substring of the answer, or `/regular expression/`; None accepts any answer that is not empty.
    """

    messages: tuple[dict[str, str], ...] = ({"role": "user", "content": "Say hello."},)
    expect: str | None = None


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """How an approved model reaches its clients; the previous one stays up for `keep_previous_s` seconds."""

    strategy: Literal["blue_green", "replace"] = "blue_green"
    sku: str = "GlobalStandard"
    capacity: int = 50
    keep_previous_s: int = 7 * DAY_S
    smoke_test: tuple[SmokeTest, ...] = (SmokeTest(),)


class PipelineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A whole pipeline file with its defaults filled in.

    Attributes:
        name: of the pipeline, from the file name.
        seed: of the job; None leaves it to the run.
        training_type: sent as `trainingType`: Standard, GlobalStandard, DeveloperTier or DatazoneStandard.
        metadata: at most 16 pairs that go with the job.
        integrations: as the jobs interface takes them: `{"type": "wandb", "wandb": {...}}`.
        notify: where to send news; none yet.
    """

    name: str
    model: str
    method: Method
    description: str | None = None
    suffix: str | None = None
    seed: int | None = None
    training_type: str = "GlobalStandard"
    metadata: dict[str, str] = {}
    integrations: tuple[dict[str, Any], ...] = ()
    dataset: DatasetSpec = DatasetSpec()
    budget: Budget = Budget()
    prices: Prices = Prices()
    evaluation: EvaluationSpec = EvaluationSpec()
    approval: Approval = Approval()
    deployment: Deployment = Deployment()
    notify: tuple[dict[str, Any], ...] = ()
