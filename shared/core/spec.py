"""What a pipeline file says, as frozen data: the stored form of a run's pipeline, and the source of its documentation.

`shared.core.pipeline` reads the file into these structs and takes every default from them.  Runs keep them in `pinned.json`: a
field keeps its name and its meaning, and a new one has a default that means "as before".

The entries below `Attributes` become the table of keys in docs/pipeline-file.md (`shared.core.pipeline.reference` reads them):
`field: meaning`; `field (key): meaning` where the file has another name for it; `field (-): meaning` where it has no own key.
Words in square brackets at the end are the default as people should read it, where the field's own value would not tell them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

DAY_S: Final = 24 * 3600
#: Smallest and largest `confidence` of a promotion rule.
CONFIDENCE_RANGE: Final = (0.5, 0.9999)
#: Smallest and largest `superior_by` and `not_worse_by`.
MARGIN_RANGE: Final = (0.0, 1.0)
#: Largest `max_cost_ratio` and `max_prompt_ratio`.
RATIO_MAX: Final = 1000.0


class MethodType(StrEnum):
    """How a model is tuned."""

    SUPERVISED = "supervised"
    DPO = "dpo"
    REINFORCEMENT = "reinforcement"


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """The tuning method of a job.

    Attributes:
        type: `supervised`, `dpo`, `reinforcement`; must fit the data; its block below must be there too.
        hyperparameters (TYPE.hyperparameters): see below; `auto` leaves the choice to Foundry.  [`auto` each]
        grader (reinforcement.grader): one OpenAI grader object; passed on, Foundry judges it; what its templates read of an
            answer must be in `response_format`.  [required there]
        response_format (reinforcement.response_format): `{type: json_schema, json_schema: {name: NAME, strict: true, schema:
            {...}}}`, the form of the answers; passed on.
    """

    type: MethodType = MethodType.SUPERVISED
    hyperparameters: dict[str, int | float | str]
    grader: dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """How validation rows are set aside.

    Attributes:
        share (split): share of the rows set aside for Foundry's validation when no validation file lies beside the training
            file; 0 to 0.5; 0 sets none aside.
        seed: which rows.
        required: refuse a dataset without a validation file; short: `validation: required`.
    """

    share: float = 0.1
    seed: int = 42
    required: bool = False


class EvaluationSplit(msgspec.Struct, frozen=True, kw_only=True):
    """How rows are held out for the comparison; they are never trained on.

    Attributes:
        share (split): share held out for the comparison when no evaluation file lies beside it; 0 to 0.5; 0 holds none out.
        seed: which rows.
        max_examples: each is answered by every model compared, and paid for.
    """

    share: float = 0.1
    seed: int = 42
    max_examples: int = 200


class DatasetSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with a dataset before training.

    Attributes:
        validation: how validation rows are set aside.
        evaluation: how evaluation rows are held out.
        default_action (on_issue): what is done about rows with findings: one word, or a mapping by rule code with `default` for
            the others; see below.
        actions (-): the mapping of `on_issue`, without `default`.
        quarantine_max_share: share of a file's rows that may be put aside before the dataset is refused after all (DS092).
        rule_set: severities to begin with: `standard` as in [the rules](rules.md), `strict` makes every warning an error,
            `minimal` keeps only what makes training impossible.
        rules: severity by rule code: `error`, `warning`, `note` or `off`; rules marked "fixed" cannot be lowered.
    """

    validation: Split = Split()
    evaluation: EvaluationSplit = EvaluationSplit()
    default_action: str = "reject"
    actions: dict[str, str] = {}
    quarantine_max_share: float = 0.05
    rule_set: str = "standard"
    rules: dict[str, str] = {}


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Limits in US dollars; None means no limit.

    Attributes:
        per_run_usd: a dearer run fails before anything is sent; `null`: no limit.
        per_month_usd: of one pipeline, by estimate, in a calendar month (UTC); `null`: no limit.
        approve_above_usd: above this, or when the price is not known, a person is asked before each job; `null` never asks.
    """

    per_run_usd: float | None = 50.0
    per_month_usd: float | None = 500.0
    approve_above_usd: float | None = 20.0


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """Rates of this pipeline's model, where the built-in table does not know them or is wrong.

    Attributes:
        training_usd_per_million_tokens: your contract's rate; the built-in rates are Microsoft's examples of 2026-03-19, for
            `gpt-4.1` only.  [a small table]
        hosting_usd_per_hour: of a deployment; pages show a month of it (730 hours), and nothing is enforced by it.  [what others
            read, for a few models]
        prompt_usd_per_million_tokens: of questions that are asked when a run is judged again, at the rate of the dearest model.
            [not known]
        completion_usd_per_million_tokens: of the answers.  [not known]
    """

    training_usd_per_million_tokens: float | None = None
    hosting_usd_per_hour: float | None = None
    prompt_usd_per_million_tokens: float | None = None
    completion_usd_per_million_tokens: float | None = None


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What the candidate is measured against.

    Attributes:
        kind (-): the pipeline's champion, or a named deployment.
        deployment: its name (kind `deployment`).
        system_prompt: path in the container `pipelines` of a text that takes the place of the examples' system message.
    """

    kind: Literal["champion", "deployment"] = "champion"
    deployment: str | None = None
    system_prompt: str | None = None


class PromoteRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a candidate counts as better, or as good.  A gain is its score less the baseline's; scores are 0 to 1.

    Attributes:
        metric: name of the grader that decides.  [the first grader]
        superior_by: the lower bound of the mean gain must reach this; 0 to 1; 0: it must be above 0.  [0]
        not_worse_by: instead of `superior_by`: the lower bound of the mean gain may be this much below 0, for a candidate that
            saves tokens; 0 to 1; needs `max_cost_ratio` or `max_prompt_ratio`.
        confidence: of the lower bound of the gain; 0.5 to 0.9999.
        max_cost_ratio: most completion tokens, as a multiple of the baseline's.
        max_prompt_ratio: most prompt tokens, as a multiple of the baseline's.
        max_severe_regressions: share of the groups of held-out examples that may lose 0.5 or more against a baseline; the upper
            bound of the share is compared; above 0, at most 1.  [none; 0.02 in mode `automatic`, for scores between 0 and 1]
        max_slice_loss: most that a slice of the held-out examples may lose, 0 to 1: a label, a third of the prompt lengths, a
            script; a slice of at least 10 groups that is shown to lose more makes the candidate not better.  [none]
        min_gain: the name of `superior_by` in 0.1.0 and 0.2.0; a negative value counts as 0.
    """

    metric: str | None = None
    superior_by: float | None = None
    not_worse_by: float | None = None
    confidence: float = 0.95
    max_cost_ratio: float | None = None
    max_prompt_ratio: float | None = None
    max_severe_regressions: float | None = None
    max_slice_loss: float | None = None
    min_gain: float = 0.0

    @property
    def line(self) -> float:
        """The gain that the lower bound is held against, -1 to 1; below 0 only by `not_worse_by`."""
        if self.not_worse_by is not None:
            return 0.0 - self.not_worse_by  # so that none is 0, not -0
        return self.superior_by if self.superior_by is not None else max(self.min_gain, 0.0)


class DeploymentSize(msgspec.Struct, frozen=True, kw_only=True):
    """How large the candidate's deployment is.

    Attributes:
        sku: `DeveloperTier` where the model is documented for it, else as in production; what is documented as impossible is
            refused.  [by model]
        capacity: thousands of tokens per minute.  [50; 100 for open models]
    """

    sku: str = "GlobalStandard"
    capacity: int = 50


class EvaluationSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a candidate is judged: by whom, with what, against what.

    Attributes:
        baselines: at most 8: `champion`, or `{deployment: NAME, system_prompt: path/in/pipelines.txt}`; what is missing is
            skipped, and reported.  [`[champion]`]
        graders: `label_match`, `json_match`, `tool_call_match`, `string_check` (`eq`, `ne`, `like`, `ilike`), `text_similarity`
            (`fuzzy_match`, `bleu`, `gleu`, `rouge_1`..`rouge_5`, `rouge_l`).  [by the held-out rows]
        promote: when a candidate counts as better.
        candidate: how large its deployment is.
        max_completion_tokens: of each answer.
        set: path in the container `pipelines` of a file of rows, such as `sets/triage.jsonl`, that every candidate is measured
            on, instead of an evaluation file beside the dataset and of the split; training rows that equal one of its rows, or
            nearly, or ask the same, are put aside.  [none: as the dataset has it]
        must_pass: line numbers of `set`, from 1: always asked; a candidate that fails one is not better.  [none]
    """

    baselines: tuple[Baseline, ...] = (Baseline(),)
    graders: tuple[dict[str, Any], ...] = ()
    promote: PromoteRule = PromoteRule()
    candidate: DeploymentSize = DeploymentSize()
    max_completion_tokens: int = 1024
    set: str | None = None
    must_pass: tuple[int, ...] = ()


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who decides about deployment, and for how long the question stands.

    Attributes:
        mode: `automatic` deploys without a person what is better or as good, if more is shown than a person needs; see
            [what it needs](evaluation.md#approvalmode-automatic).
        approvers: different persons for the deployment, 1 to 10; the spend gate needs one.
        expires_after_s (expires_after): ISO 8601 duration, at most 90 days; for both gates, and after the end of a run for
            a retry or another judgement.
        uploader_may_approve: whether who dropped the dataset may decide on it, retry it, and have it judged again.
    """

    mode: Literal["manual", "automatic"] = "manual"
    approvers: int = 1
    expires_after_s: int = 7 * DAY_S
    uploader_may_approve: bool = False


class SmokeQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A question that a new deployment must answer.

    Attributes:
        messages: chat messages, the last one from the user.
        expect: substring of the answer, or `/regular expression/`; None accepts any answer that is not empty.
    """

    messages: tuple[dict[str, str], ...] = ({"role": "user", "content": "Say hello."},)
    expect: str | None = None


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """How an approved model reaches its clients.

    Attributes:
        strategy: a new deployment per run; `replace` updates the one that bears the pipeline's name, in place: clients get the
            model before its smoke test.
        sku: also `Standard`, `DataZoneStandard`, `ProvisionedManaged`, `DeveloperTier`; what is documented as impossible for the
            model is refused.  [`GlobalStandard`; `Standard` for gpt-5]
        capacity: thousands of tokens per minute; provisioned throughput units for `ProvisionedManaged`.
            [50; 100 for open models]
        keep_previous_s (keep_previous): taken; **nothing removes previous deployments yet**: delete them yourself, they cost by
            the hour.
        smoke_test: questions; `expect` is a text in any case, or a `/pattern/`; without it any answer will do.
    """

    strategy: Literal["blue_green", "replace"] = "blue_green"
    sku: str = "GlobalStandard"
    capacity: int = 50
    keep_previous_s: int = 7 * DAY_S
    smoke_test: tuple[SmokeQuestion, ...] = (SmokeQuestion(),)


class PipelineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A whole pipeline file with its defaults filled in.

    Attributes:
        name (-): of the pipeline, from the file name.
        model: base model, or one that you tuned before.
        method: how the model is tuned.
        description: for people.
        suffix: 1 to 40 letters, digits, `_`, `-`; part of the tuned model's name.
        seed: 0 to 2147483647; another seed is another job.  [derived from the run]
        training_type (extra_body.trainingType): `Standard`, `GlobalStandard`, `DeveloperTier`, `DatazoneStandard`; always sent.
        metadata: at most 16 pairs of text; passed on.
        integrations: `[{type: wandb, config: {project: NAME}}]`; passed on.
        dataset: what is done with a dataset before training.
        budget: limits in US dollars.
        prices: rates of this pipeline's model.
        evaluation: how a candidate is judged.
        approval: who decides about deployment.
        deployment: how an approved model reaches its clients.
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
