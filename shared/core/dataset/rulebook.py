"""How a rule is written: one function, one code, and a docstring that is its documentation.

The docstring begins with the demand as a sentence.  Its paragraphs say what the rule looks at and why it matters.  Examples
follow under `Bad:` and `Good:`, one row per line; `Bad (method=dpo):` sets options, `10 x {...}` repeats a row with `{i}` counted
up, `validation: {...}` puts a row into the companion file, and b'...' gives bytes.  `tests/core/dataset/test_rule_examples.py`
executes all of them, `python -m cli explain DS035` prints them, docs/rules.md is made of them.

`on` says what a rule is about.  From that follows what its function is given and when it is asked: nothing else needs to be
changed for a new rule.  `speaks` may narrow it, for speed: it names the messages in which the rule can find anything at all.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from shared.core.spec import MethodType

CODE: Final = re.compile(r"DS\d{3}")


class Severity(StrEnum):
    """How bad a finding is: an error refuses the dataset, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Scope(StrEnum):
    """What a rule is about, and what its function is given; `at` is the JSON path of the first thing given."""

    LINE = "(data): a line as bytes, and why it is not a row; asked in the order of `lines.UNREADABLE` and `lines.DOUBTFUL`"
    ROW = "(row): a row as it was parsed"
    GRADED_ROW = "(row, templates): a reinforcement row and the templates of its grader"
    HOLDER = "(holder, at): what has messages and tools, a row or the input of a preference row"
    DEFINITIONS = (
        "(holder, at): nothing but `tools` and `functions` of a holder; the result is kept for equal ones"
    )
    SCHEMA = "(schema, at): the parameters of one function that is defined, compiled"
    TOOL = "(tool, at): one tool that has the form of a function definition"
    FUNCTION = "(function, at): one function that is defined"
    TALK = "(messages, at): a list of messages: what is asked, or an output"
    PROMPT = "(messages, at): the messages of a holder"
    ROLES = "(roles, at): the roles of the messages of a holder, in order; the result is kept for equal ones"
    MESSAGE = "(message, at): a message with a known role"
    CALL = "(function, at, schemas): one function that a message calls, and the schemas of those that are defined"
    TEXT = "(text, at): a text of a row without errors"
    FILE = "(file): a file that was read to its end, as `FileFacts`"
    #: Asked by name, where what they need is known.
    FIRST = "by name in rows/check.py, before the others: decides what else is asked about a row"
    ROW_OF_FILE = "by name in file.py: a row among the others of its file"
    SEVERAL = "by name in file.py or across/: a file, several rows, several files"


#: Rules about these are not about one row, so there is no row to put aside for them.
_NOT_ABOUT_A_ROW: Final = frozenset({Scope.FILE, Scope.SEVERAL})


class Problem(NamedTuple):
    """A violation, as a rule's function sees it.

    Attributes:
        path: JSON path in the row, such as `messages[2].content`; None if the whole row is meant.
        message: what was expected and what was found; what is not a text yet becomes one when it is kept.
        excerpt: the offending text, not yet redacted; None to show what lies at `path`.
        remedy: what to do, where this case needs more than the rule's own remedy.
    """

    path: str | None
    message: object
    excerpt: str | None = None
    remedy: str | None = None


class Content(StrEnum):
    """What kind of thing the content of a message is."""

    MISSING = "missing"
    NULL = "null"
    TEXT = "text"
    BLANK = "blank"  # a text of white space, or empty
    PARTS = "parts"
    EMPTY = "empty"  # a list without parts
    OTHER = "other"


class Shape(NamedTuple):
    """What can be seen of a message at a glance: many messages have the same.

    Attributes:
        keys: in the order in which they are given.
        role: one of `format.ROLES`.
        content: what kind of thing it is.
    """

    keys: tuple[str, ...]
    role: str
    content: Content


type Function = Callable[..., Iterable[Problem]]
type Speaks = Callable[[Shape], bool]
"""Whether a rule can find anything in a message of a shape, or in a talk with such a message."""


class Check(NamedTuple):
    """One function of a rule.

    Attributes:
        rule: whose it is.
        on: what it is about.
        function: finds violations.
        methods: for which training methods it is asked.
        speaks: in which messages (MESSAGE), or in talks with which messages (TALK, PROMPT), it can find anything; None: in all.
    """

    rule: Rule
    on: Scope
    function: Function
    methods: frozenset[MethodType]
    speaks: Speaks | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """A rule that datasets are held to.

    Attributes:
        code: stable, `DS` and three digits; never used again for another rule.
        severity: of its findings, where a pipeline does not change it.
        title: what the rule demands.
        explanation: what it looks at and why it matters; paragraphs of Markdown.
        examples: the examples as they are written in the docstring.
        remedy: what to do about a violation.
        is_hard: without it nothing can be trained, so no pipeline can lower it.
        check: finds violations; what it takes depends on its scope.
        needles: expressions of Hyperscan, for rules about texts.  Where none of them matches, the rule finds nothing; without
            needles it is asked about every text.
        checks: its functions: `check`, and others for other scopes.
    """

    code: str
    severity: Severity
    title: str
    explanation: str
    examples: str
    remedy: str
    is_hard: bool
    check: Function
    needles: tuple[bytes, ...]
    checks: list[Check] = field(default_factory=list)

    def __call__(self, *facts: Any, **named: Any) -> Iterable[Problem]:
        """Violations among the given facts."""
        return self.check(*facts, **named)

    def also(
        self, on: Scope, *, speaks: Speaks | None = None, methods: Iterable[MethodType] = MethodType
    ) -> Callable[[Function], Function]:
        """Make a function another check of the rule, for another scope."""

        def add(function: Function) -> Function:
            self.checks.append(Check(self, on, function, frozenset(methods), speaks))
            return function

        return add

    @property
    def is_about_a_row(self) -> bool:
        """Whether a violation is one of a row, so that the row can be put aside."""
        return self.checks[0].on not in _NOT_ABOUT_A_ROW


class Issue(NamedTuple):
    """A violation and the rule that it breaks."""

    rule: Rule
    problem: Problem


RULES: Final[dict[str, Rule]] = {}
"""Every rule by its code, once `shared.core.dataset.rules` is imported."""


def rule(
    code: str,
    severity: Severity,
    remedy: str,
    *,
    on: Scope,
    speaks: Speaks | None = None,
    methods: Iterable[MethodType] = MethodType,
    needles: tuple[bytes, ...] = (),
    is_hard: bool = False,
) -> Callable[[Function], Rule]:
    """Make a function the check of a rule and its docstring the documentation."""

    def make(check: Function) -> Rule:
        assert CODE.fullmatch(code), code
        assert code not in RULES, code
        text = inspect.cleandoc(check.__doc__ or "")
        about, _, examples = text.partition("\nBad")
        title, _, explanation = about.partition("\n")
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
            needles=needles,
        )
        made.also(on, speaks=speaks, methods=methods)(check)
        RULES[code] = made
        return made

    return make


def broken(made: Rule, *facts: Any, **named: Any) -> list[Issue]:
    """The violations of one rule, as issues."""
    return [Issue(made, problem) for problem in made.check(*facts, **named)]
