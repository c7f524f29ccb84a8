"""What a dataset is checked for, and what is done about findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from shared.core.dataset.limits import Limits
from shared.core.dataset.rulebook import Rule, Severity
from shared.core.dataset.rules import RULES
from shared.core.dataset.rules.sets import surrounding_space
from shared.core.models import example_tokens_max
from shared.core.spec import DatasetSpec, MethodType, PipelineSpec


class Role(StrEnum):
    """What a file, or a row, is used for."""

    TRAINING = "training"
    VALIDATION = "validation"
    EVALUATION = "evaluation"


class Action(StrEnum):
    """What is done about a row with an error."""

    REJECT = "reject"
    REPAIR = "repair"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How datasets of a pipeline are checked.

    Attributes:
        method: what rows are meant for.
        limits: bounds of the files.
        severities: by code, of the rules whose severity is changed here; None turns a rule off.
        default_action: what is done about rows with errors.
        actions: the same by rule code.
        quarantine_max_share: part of the rows that may be in quarantine.
        templates: of the grader (reinforcement only).
        dataset: shares and seeds of splits.
        epochs: the hyperparameter `n_epochs`, a number or `auto`.
        has_frozen_set: whether the evaluation file is one that stays as it is, so that training rows give way to it.
        must_pass: lines of the evaluation file that are always asked.
        model: that is tuned; None if no pipeline file names it.
    """

    method: MethodType = MethodType.SUPERVISED
    limits: Limits = field(default_factory=Limits)
    severities: Mapping[str, Severity | None] = field(default_factory=dict)
    default_action: Action = Action.REJECT
    actions: Mapping[str, Action] = field(default_factory=dict)
    quarantine_max_share: float = 0.05
    templates: tuple[str, ...] = ()
    dataset: DatasetSpec = field(default_factory=DatasetSpec)
    epochs: float | str | None = "auto"
    has_frozen_set: bool = False
    must_pass: tuple[int, ...] = ()
    model: str | None = None

    @classmethod
    def of(cls, spec: PipelineSpec) -> Options:
        """The options of a pipeline.  If it has a frozen set, that is the evaluation file."""
        dataset = spec.dataset
        has_set = spec.evaluation.set is not None
        return cls(
            method=spec.method.type,
            limits=Limits(example_tokens_max=example_tokens_max(spec.model)),
            severities=severities_of(dataset.rule_set, dataset.rules),
            default_action=Action(dataset.default_action),
            actions={code: Action(action) for code, action in dataset.actions.items()},
            quarantine_max_share=dataset.quarantine_max_share,
            templates=templates_of(spec.method.grader),
            dataset=dataset,
            epochs=spec.method.hyperparameters.get("n_epochs", "auto"),
            has_frozen_set=has_set,
            must_pass=spec.evaluation.must_pass if has_set else (),
            model=spec.model,
        )

    def severity_of(self, rule: Rule) -> Severity | None:
        """The severity that a rule has here; None if it is off."""
        return self.severities.get(rule.code, rule.severity)

    def is_on(self, rule: Rule) -> bool:
        """Whether a rule is asked here at all."""
        return self.severity_of(rule) is not None

    def is_error(self, rule: Rule) -> bool:
        """Whether a violation of a rule refuses the dataset."""
        return self.severity_of(rule) is Severity.ERROR

    def action_for(self, rule: Rule) -> Action:
        """What is done about a violation of a rule."""
        return self.actions.get(rule.code, self.default_action)

    @property
    def strips(self) -> bool:
        """Whether white space around texts is taken away."""
        return self.action_for(surrounding_space) is Action.REPAIR

    def quarantines(self, rule: Rule) -> bool:
        """Whether a row that breaks the rule goes into quarantine; what cannot be repaired falls under the default."""
        action = self.action_for(rule)
        return Action.QUARANTINE in {action, self.default_action if action is Action.REPAIR else action}


#: Rules that `on_issue: quarantine` can do something about.
QUARANTINABLE: Final = frozenset(code for code, rule in RULES.items() if rule.is_about_a_row)

RULE_SETS: Final = ("standard", "strict", "minimal")


def severities_of(rule_set: str, changed: Mapping[str, str]) -> dict[str, Severity | None]:
    """Severities of a rule set with a pipeline's own changes.

    Args:
        rule_set: `standard` as documented; `strict` makes each warning an error; `minimal` keeps only what Foundry refuses.
        changed: severity, or `off`, by rule code; comes on top.
    """
    found: dict[str, Severity | None] = {}
    for code, rule in RULES.items():
        if rule_set == "strict" and rule.severity is Severity.WARNING:
            found[code] = Severity.ERROR
        elif rule_set == "minimal" and not rule.is_hard:
            found[code] = None
    for code, severity in changed.items():
        found[code] = None if severity == "off" else Severity(severity)
    return found


def templates_of(grader: object) -> tuple[str, ...]:
    """Every string of a grader that may hold a template, wherever it stands."""
    match grader:
        case str():
            return (grader,) if "{{" in grader else ()
        case dict():
            return tuple(t for key, value in grader.items() if key != "source" for t in templates_of(value))
        case list():
            return tuple(t for item in grader for t in templates_of(item))
        case _:
            return ()
