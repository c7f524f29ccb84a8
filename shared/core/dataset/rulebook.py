"""How a rule is written: one function, one code, and a docstring that is its documentation.

The docstring begins with the demand as a sentence.  Its paragraphs say what the rule looks at and why it matters.  Examples
follow under `Bad:` and `Good:`, a row a line; `Bad (method=dpo):` sets options, `10 x {...}` repeats a row with `{i}` counted
up, `validation: {...}` puts a row into the companion file, and b'...' gives bytes.  `tests/core/dataset/test_rule_examples.py`
executes all of them, `python -m cli explain DS035` prints them, docs/rules.md is made of them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

CODE: Final = re.compile(r"DS\d{3}")


class Severity(StrEnum):
    """How bad a finding is: an error refuses the dataset, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Problem(NamedTuple):
    """A violation, as a rule's function sees it.

    Attributes:
        path: JSON path in the row, such as `messages[2].content`; None if the whole row is meant.
        message: what was expected and what was found.
        excerpt: the offending text, not yet redacted; None to show what lies at `path`.
        remedy: what to do, where more is known than the rule's own remedy says.
    """

    path: str | None
    message: str
    excerpt: str | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """A rule that datasets are held to.

    Attributes:
        code: stable, `DS` and three digits; never used again for another rule.
        severity: of its findings, where a pipeline does not say otherwise.
        title: what the rule demands.
        explanation: what it looks at and why it matters; paragraphs of Markdown.
        examples: the examples as they are written in the docstring.
        remedy: what to do about a violation.
        is_hard: without it nothing can be trained, so no pipeline can lower it.
        check: finds violations; what it takes depends on the module that it stands in.
    """

    code: str
    severity: Severity
    title: str
    explanation: str
    examples: str
    remedy: str
    is_hard: bool
    check: Callable[..., Iterable[Problem]]

    def __call__(self, *facts: Any, **named: Any) -> Iterable[Problem]:
        """Violations among the given facts."""
        return self.check(*facts, **named)

    def __reduce__(self) -> tuple[Callable[[str], Rule], tuple[str]]:
        """By its code between processes: the function that it was made of has no name of its own any more."""
        return rule_of, (self.code,)


def rule_of(code: str) -> Rule:
    """The rule with a code."""
    return RULES[code]


class Issue(NamedTuple):
    """A violation and the rule that it breaks."""

    rule: Rule
    problem: Problem


RULES: Final[dict[str, Rule]] = {}
"""Every rule by its code, once `shared.core.dataset.rules` is imported."""


def rule(
    code: str, severity: Severity, remedy: str, *, is_hard: bool = False
) -> Callable[[Callable[..., Iterable[Problem]]], Rule]:
    """Make a function the check of a rule and its docstring the documentation."""

    def make(check: Callable[..., Iterable[Problem]]) -> Rule:
        assert CODE.fullmatch(code), code
        assert code not in RULES, code
        text = inspect.cleandoc(check.__doc__ or "")
        said, _, examples = text.partition("\nBad")
        title, _, explanation = said.partition("\n")
        assert title.endswith("."), code
        made = Rule(
            code=code,
            severity=severity,
            title=title.removesuffix("."),
            explanation=explanation.strip(),
            examples=("Bad" + examples) if examples else "",
            remedy=remedy,
            is_hard=is_hard,
            check=check,
        )
        RULES[code] = made
        return made

    return make


def broken(made: Rule, *facts: Any, **named: Any) -> list[Issue]:
    """The violations of one rule, as issues."""
    return [Issue(made, problem) for problem in made.check(*facts, **named)]
