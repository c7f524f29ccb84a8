"""The pipeline file: YAML text to a frozen `PipelineSpec`, or all that is wrong with it at once.

Everything but `model` has a default that is safe.  The job part takes the keys of `azd ai finetuning` job
files, so that such a
file works as it is.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import msgspec

from shared.core import pipeline_job as job
from shared.core.errors import FinetuneError
from shared.core.pipeline_judging import read_approval, read_deployment, read_evaluation
from shared.core.pipeline_models import support_notes
from shared.core.pipeline_section import Findings, Section
from shared.core.pipeline_types import (
    Approval,
    Baseline,
    Budget,
    DatasetSpec,
    Deployment,
    DeploymentSize,
    EvaluationSpec,
    EvaluationSplit,
    Method,
    MethodType,
    PipelineSpec,
    Prices,
    PromoteRule,
    SmokeTest,
    Split,
)
from shared.core.pipeline_yaml import Problem, describe, load

__all__ = [
    "Approval",
    "Baseline",
    "Budget",
    "DatasetSpec",
    "Deployment",
    "DeploymentSize",
    "EvaluationSpec",
    "EvaluationSplit",
    "Method",
    "MethodType",
    "ParsedPipeline",
    "PipelineFileError",
    "PipelineSpec",
    "Prices",
    "Problem",
    "PromoteRule",
    "SmokeTest",
    "Split",
    "job_fingerprint_fields",
    "parse_pipeline",
]

_USD_MAX: Final = 10_000_000


class ParsedPipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline file that can be used, with what is worth saying about it."""

    spec: PipelineSpec
    notes: tuple[Problem, ...] = ()


class PipelineFileError(FinetuneError):
    """The pipeline file cannot be used.

    Args:
        problems: everything that is wrong with it, in the order of the file.
        name: name of the pipeline.
    """

    code: ClassVar[str] = "invalid_pipeline"
    http_status: ClassVar[int] = 422
    default_remedy: ClassVar[str] = (
        "Correct the pipeline file at the places named in the message and store it again."
    )

    def __init__(self, problems: tuple[Problem, ...], *, name: str) -> None:
        self.problems = problems
        self.name = name
        super().__init__("\n".join(p.render(file_of(name)) for p in problems))


def file_of(name: str) -> str:
    """Where a pipeline's file lies, for messages."""
    return f"pipelines/{name}.yaml"


def parse_pipeline(text: str, *, name: str) -> ParsedPipeline:
    """Read a pipeline file.

    Args:
        text: the YAML text.
        name: name of the pipeline, from its file name.

    Raises:
        PipelineFileError: with all problems at once.
    """
    root, problems = load(text)
    found = Findings()
    found.problems.extend(problems)
    spec = None if root is None else _read(Section(root, "", found), name)
    if spec is None or found.problems:
        ordered = sorted(found.problems, key=lambda p: (p.line, p.column))
        raise PipelineFileError(tuple(ordered), name=name)
    return ParsedPipeline(spec=spec, notes=tuple(sorted(found.notes, key=lambda p: (p.line, p.column))))


def job_fingerprint_fields(spec: PipelineSpec) -> dict[str, Any]:
    """What makes a job another job: with another value of these, the same data may be paid for again."""
    return {
        "model": spec.model,
        "suffix": spec.suffix,
        "seed": spec.seed,
        "training_type": spec.training_type,
        "method": msgspec.to_builtins(spec.method),
    }


def _read(root: Section, name: str) -> PipelineSpec:
    job.note_ignored(root, name)
    model = job.read_model(root)
    spec = PipelineSpec(
        name=name,
        description=root.text("description"),
        model=model,
        suffix=job.read_suffix(root),
        seed=job.read_seed(root),
        method=job.read_method(root),
        training_type=job.read_training_type(root),
        metadata=job.read_metadata(root),
        integrations=job.read_integrations(root),
        dataset=_read_dataset(root),
        budget=_read_budget(root),
        prices=_read_prices(root),
        evaluation=read_evaluation(root, model),
        approval=read_approval(root),
        deployment=read_deployment(root),
    )
    if root.take("notify") is not None:
        root.problem(
            "notify",
            "notifications are not available yet",
            "Remove the key; GET /api/runs shows how runs are.",
        )
    if model:
        for sentence in support_notes(model, spec.method.type, spec.training_type):
            root.note("model", sentence, "Check Foundry's list of models for fine-tuning.")
    root.finish()
    return spec


def _read_dataset(root: Section) -> DatasetSpec:
    section = root.section("dataset")
    validation = _read_validation(section)
    held_out = section.section("evaluation")
    evaluation = EvaluationSplit(
        share=held_out.number("split", 0.1, 0, 0.5),
        seed=held_out.integer("seed", 42, 0, 2**31 - 1),
        max_examples=held_out.integer("max_examples", 200, 1, 10_000),
    )
    held_out.finish()
    _check_actions(section)
    section.finish()
    return DatasetSpec(validation=validation, evaluation=evaluation)


def _read_validation(section: Section) -> Split:
    node = section.get("validation")
    if node is not None and isinstance(node.value, str):
        section.take("validation")
        if node.value != "required":
            hint = "Write `required`, or {split: 0.1, seed: 42}; a split of 0 sets no rows aside."
            section.problem("validation", f"{describe(node)} is not allowed here", hint)
        return Split(required=True)
    below = section.section("validation")
    split = Split(
        share=below.number("split", 0.1, 0, 0.5),
        seed=below.integer("seed", 42, 0, 2**31 - 1),
        required=below.flag("required", default=False),
    )
    below.finish()
    return split


def _check_actions(section: Section) -> None:
    """`on_issue`: one action, or one for each issue code; rejecting is the only one today."""
    node = section.get("on_issue")
    if node is not None and isinstance(node.value, dict):
        below = section.section("on_issue")
        for code in below.keys():  # noqa: SIM118  a section is no dict: iterating it is not defined
            _check_action(below, code)
    else:
        _check_action(section, "on_issue")


def _check_action(section: Section, key: str) -> None:
    node = section.get(key)
    if node is not None and node.value in {"repair", "quarantine"}:
        section.take(key)
        section.problem(key, f"{node.value} is not available yet", "Use reject, and correct the dataset.")
        return
    section.choice(key, ("reject", "repair", "quarantine"), "reject")


def _read_budget(root: Section) -> Budget:
    section = root.section("budget")
    budget = Budget(
        per_run_usd=section.number_or_none("per_run_usd", 50.0, 0, _USD_MAX),
        per_month_usd=section.number_or_none("per_month_usd", 500.0, 0, _USD_MAX),
        approve_above_usd=section.number_or_none("approve_above_usd", 20.0, 0, _USD_MAX),
    )
    section.finish()
    return budget


def _read_prices(root: Section) -> Prices:
    section = root.section("prices")
    prices = Prices(
        training_usd_per_million_tokens=section.number_or_none(
            "training_usd_per_million_tokens", None, 0, _USD_MAX
        ),
        hosting_usd_per_hour=section.number_or_none("hosting_usd_per_hour", None, 0, _USD_MAX),
    )
    section.finish()
    return prices
