"""What is done with a dataset before training: `dataset`."""

from __future__ import annotations

from typing import Final

from shared.core.dataset.options import QUARANTINABLE, RULE_SETS, Action
from shared.core.dataset.repair import REPAIRABLE
from shared.core.dataset.rules import RULES
from shared.core.pipeline.section import Section
from shared.core.pipeline.yaml import describe
from shared.core.spec import DatasetSpec, EvaluationSplit, Split

_ACTIONS: Final = tuple(action.value for action in Action)
_SEVERITIES: Final = ("error", "warning", "note", "off")
_SEED_MAX: Final = 2**31 - 1


def read_dataset(root: Section) -> DatasetSpec:
    """`dataset`: splits, what is done about rows with findings, and the severities of rules."""
    section, default = root.section("dataset"), DatasetSpec()
    validation = _read_validation(section)
    evaluation = _read_evaluation_split(section)
    default_action, actions = _read_actions(section, default.default_action)
    spec = DatasetSpec(
        validation=validation,
        evaluation=evaluation,
        default_action=default_action,
        actions=actions,
        quarantine_max_share=section.number("quarantine_max_share", default.quarantine_max_share, 0, 1),
        rule_set=section.choice("rule_set", RULE_SETS, default.rule_set),
        rules=_read_severities(section),
    )
    section.finish()
    return spec


def _read_validation(section: Section) -> Split:
    node = section.get("validation")
    if node is not None and isinstance(node.value, str):
        section.take("validation")
        if node.value != "required":
            remedy = "Write `required`, or {split: 0.1, seed: 42}; a split of 0 sets no rows aside."
            section.problem("validation", f"{describe(node)} is not allowed here", remedy)
        return Split(required=True)
    below, default = section.section("validation"), Split()
    split = Split(
        share=below.number("split", default.share, 0, 0.5),
        seed=below.integer("seed", default.seed, 0, _SEED_MAX),
        required=below.flag("required", default=default.required),
    )
    below.finish()
    return split


def _read_evaluation_split(section: Section) -> EvaluationSplit:
    below, default = section.section("evaluation"), EvaluationSplit()
    split = EvaluationSplit(
        share=below.number("split", default.share, 0, 0.5),
        seed=below.integer("seed", default.seed, 0, _SEED_MAX),
        max_examples=below.integer("max_examples", default.max_examples, 1, 10_000),
    )
    below.finish()
    return split


def _read_actions(section: Section, default: str) -> tuple[str, dict[str, str]]:
    """`on_issue`: one action, or one for each rule code and `default` for the others."""
    node = section.get("on_issue")
    if node is None or not isinstance(node.value, dict):
        return section.choice("on_issue", _ACTIONS, default), {}
    below = section.section("on_issue")
    others = below.choice("default", _ACTIONS, default)
    actions: dict[str, str] = {}
    for code in below.keys():  # noqa: SIM118  a section is not a dict: iterating it is not defined
        if code == "default" or not _is_rule(below, code):
            continue
        actions[code] = below.choice(code, _ACTIONS, others)
        if actions[code] == "repair" and code not in REPAIRABLE:
            remedy = f"Repairable are {', '.join(sorted(REPAIRABLE))}; use quarantine or reject for others."
            below.problem(code, "there is no safe repair for this rule", remedy)
        elif actions[code] == "quarantine" and code not in QUARANTINABLE:
            remedy = "Use reject, or set its severity under rules."
            below.problem(code, "this rule is not about single rows", remedy)
    below.finish()
    return others, actions


def _read_severities(section: Section) -> dict[str, str]:
    """`rules`: a severity for each rule code."""
    below = section.section("rules")
    severities: dict[str, str] = {}
    for code in below.keys():  # noqa: SIM118  a section is not a dict: iterating it is not defined
        if not _is_rule(below, code):
            continue
        severity = below.choice(code, _SEVERITIES, RULES[code].severity.value)
        if RULES[code].is_hard and severity != "error":
            remedy = "Leave it out; use on_issue to repair such rows or to put them aside."
            below.problem(code, "this rule cannot be lowered: nothing could be trained", remedy)
            continue
        severities[code] = severity
    below.finish()
    return severities


def _is_rule(section: Section, code: str) -> bool:
    """Whether there is a rule of that code.  If there is none, the key is taken, and that is the problem reported."""
    if code in RULES:
        return True
    section.take(code)
    near = section.nearest(code, RULES)
    hint = f"Did you mean {near}? " if near else ""
    section.problem(code, "there is no such rule", f"{hint}docs/rules.md lists them.")
    return False
