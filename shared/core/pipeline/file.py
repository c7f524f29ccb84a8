"""The pipeline file: YAML text to a frozen `PipelineSpec`, or all that is wrong with it at once.

Everything but `model` has a default that is safe.  The job part takes the keys of `azd ai finetuning` job
files, so that such a
file works as it is.
"""

from __future__ import annotations

import difflib
from typing import ClassVar, Final

import msgspec

from shared.core.dataset.options import QUARANTINABLE, RULE_SETS, Action
from shared.core.dataset.repair import REPAIRABLE
from shared.core.dataset.rules import RULES
from shared.core.errors import FinetuneError
from shared.core.models import support_notes
from shared.core.pipeline import job
from shared.core.pipeline.judging import read_approval, read_deployment, read_evaluation
from shared.core.pipeline.section import Findings, Section
from shared.core.pipeline.yaml import Problem, describe, load
from shared.core.spec import (
    Budget,
    DatasetSpec,
    EvaluationSplit,
    PipelineSpec,
    Prices,
    Split,
)

_ACTIONS: Final = tuple(action.value for action in Action)
_USD_MAX: Final = 10_000_000


class ParsedPipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline file that can be used, with what is worth saying about it."""

    spec: PipelineSpec
    notes: tuple[Problem, ...] = ()

    def told(self, file: str) -> tuple[str, ...]:
        """The notes, a line each, about a file of this name."""
        return _rendered(self.notes, file)


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
        super().__init__(self.told(file_of(name)))

    def told(self, file: str) -> str:
        """The problems, a line each, about a file of this name."""
        return "\n".join(_rendered(self.problems, file))


def _rendered(problems: tuple[Problem, ...], file: str) -> tuple[str, ...]:
    return tuple(problem.render(file) for problem in problems)


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
    default_action, actions = _read_actions(section)
    share = section.number("quarantine_max_share", 0.05, 0, 1)
    rule_set = section.choice("rule_set", RULE_SETS, "standard")
    rules = _read_severities(section)
    section.finish()
    return DatasetSpec(
        validation=validation,
        evaluation=evaluation,
        default_action=default_action,
        actions=actions,
        quarantine_max_share=share,
        rule_set=rule_set,
        rules=rules,
    )


def _is_known(section: Section, code: str) -> bool:
    """Whether there is a rule of that code; else the problem is reported."""
    if code in RULES:
        return True
    section.take(code)
    near = difflib.get_close_matches(code, RULES, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    section.problem(code, "there is no such rule", f"{hint}docs/rules.md lists them.")
    return False


def _read_severities(root: Section) -> dict[str, str]:
    """`rules`: a severity for each rule code."""
    section = root.section("rules")
    found: dict[str, str] = {}
    for code in section.keys():  # noqa: SIM118  a section is no dict: iterating it is not defined
        if not _is_known(section, code):
            continue
        severity = section.choice(code, ("error", "warning", "note", "off"), RULES[code].severity.value)
        if RULES[code].is_hard and severity != "error":
            hint = "Leave it out; use on_issue to repair such rows or to put them aside."
            section.problem(code, "this rule cannot be lowered: nothing could be trained", hint)
            continue
        found[code] = severity
    section.finish()
    return found


def _read_actions(section: Section) -> tuple[str, dict[str, str]]:
    """`on_issue`: one action, or one for each rule code and `default` for the others."""
    node = section.get("on_issue")
    if node is None or not isinstance(node.value, dict):
        return section.choice("on_issue", _ACTIONS, "reject"), {}
    below = section.section("on_issue")
    default = below.choice("default", _ACTIONS, "reject")
    actions: dict[str, str] = {}
    for code in below.keys():  # noqa: SIM118  a section is no dict: iterating it is not defined
        if code == "default" or not _is_known(below, code):
            continue
        actions[code] = below.choice(code, _ACTIONS, default)
        if actions[code] == "repair" and code not in REPAIRABLE:
            hint = f"Repairable are {', '.join(sorted(REPAIRABLE))}; use quarantine or reject for others."
            below.problem(code, "there is no safe repair for this rule", hint)
        elif actions[code] == "quarantine" and code not in QUARANTINABLE:
            below.problem(
                code, "this rule is not about single rows", "Use reject, or set its severity under rules."
            )
    below.finish()
    return default, actions


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
