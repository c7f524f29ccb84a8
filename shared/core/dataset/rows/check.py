"""Asks all rules of a pipeline about a row, in one walk through the row.

What a rule is about decides when it is asked (`rulebook.Scope`), and where it names shapes, also in which messages
(`shapes`).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from shared.core.dataset.format import (
    DEFINITION_KEYS,
    FORMATS,
    Holder,
    Row,
    calls_of,
    functions_of,
)
from shared.core.dataset.memo import Memo
from shared.core.dataset.nulls import plain_schema, without_nulls
from shared.core.dataset.options import Action, Options
from shared.core.dataset.reading.line import UNSEEN, Signs, parse_row
from shared.core.dataset.repair import NULLS, REPAIRS, Change, is_spaced, repair_row, repairs_of
from shared.core.dataset.rows.flood import Flood
from shared.core.dataset.rows.shapes import Applicable, Shapes, Talk
from shared.core.dataset.rulebook import RULES, Check, Issue, Rule, Scope, broken
from shared.core.dataset.rules import messages, methods, tools
from shared.core.dataset.rules.sets import surrounding_space
from shared.core.json_path import below
from shared.core.json_schema import Schema, Schemas

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
#: Tool definitions that are kept, by their size as JSON; in memory they take several times as much.
_DEFINITION_BYTES_MAX: Final = 1_000_000
#: Repairs make room for others: a row is looked at again so many times.
_ROUNDS: Final = 3
#: Rules about definitions: who breaks one has no definitions that calls could be held against.
_HIDING: Final = frozenset(
    {tools.invalid_tools, tools.empty_tools, tools.duplicate_tool, messages.invalid_name}
)
#: The code of the repair that no issue of a row asks for: white space is counted by file.
_SPACE: Final = frozenset({surrounding_space.code})
#: Rules that ask which call a result is for.
_ABOUT_CALLS: Final = frozenset({tools.unmatched_result, tools.unanswered_call})


class _Definitions(NamedTuple):
    """What was found of tool definitions, and the schema of each function by its name."""

    issues: tuple[Issue, ...]
    schemas: tools.Defined


class Judged(NamedTuple):
    """One line.

    Attributes:
        row: as it is used, repaired where the pipeline file demands it; None if the line cannot be read.
        issues: those that are left after the repairs.
        changes: the repairs.
    """

    row: Row | None
    issues: list[Issue]
    changes: list[Change]


class Checks:
    """The rules that are on in a pipeline, by what they are about; made anew for each file.

    Attributes:
        schemas: those of the file, with what may still be done.
        guesses: of its unknown keys.
    """

    def __init__(self, options: Options, *, guessed_to: int | None = None) -> None:
        """`guessed_to`: the last line whose unknown keys are compared, where a pass before has found it."""
        self._options, self._format = options, FORMATS[options.method]
        self._on: dict[Scope, tuple[Check, ...]] = {
            scope: tuple(
                check
                for rule in RULES.values()
                for check in rule.checks
                if check.on is scope and options.method in check.methods and options.is_on(rule)
            )
            for scope in Scope
        }
        self.schemas = Schemas()
        self.guesses = messages.Guesses(guessed_to)
        self._repairs = repairs_of(self.guesses)
        self._strips = options.strips
        # Null is nothing: no issue of a row asks for its repair either.
        self._for_nulls = {NULLS} if options.action_for(messages.unknown_key) is Action.REPAIR else set[str]()
        self._flood = Flood(options.limits.counted_max)
        self._shapes = Shapes(self._on)
        self._ordered: Memo[tuple[str, str], tuple[Issue, ...]] = Memo()
        self._defined: Memo[tuple[str, bytes], _Definitions] = Memo(size_max=_DEFINITION_BYTES_MAX)

    def judge(self, data: bytes, line: int, signs: Signs = UNSEEN) -> Judged:
        """Read a line, find its issues, and repair what the pipeline wants repaired.

        Args:
            data: the line.
            line: where it stands.
            signs: what may be in it.
        """
        self.schemas.work.begin(line, len(data))
        row = parse_row(data, signs)
        if isinstance(row, Issue):
            return Judged(None, [row], [])
        has_nulls = signs.has_null and b"null" in data
        look = self._issues_beside_nulls if has_nulls else self.issues_of
        issues, changes = look(row), list[Change]()
        if not (issues or has_nulls or self._strips):
            return Judged(row, issues, changes)  # as most rows are
        codes = self._wanted(issues) | (self._for_nulls if has_nulls else set())
        if self._strips and self._is_spaced(row):
            codes |= _SPACE
        for turn in range(_ROUNDS):
            if not codes:
                break
            self.guesses.begin(line)
            repaired, made = self._repaired(row, codes, line)
            if not made:
                break
            if turn == 0 and self._strips and not codes & _SPACE:  # a repair may have laid it bare
                repaired, more = self._repaired(repaired, _SPACE, line)
                made += more
            row, issues, changes = repaired, look(repaired), changes + made
            codes = self._wanted(issues)
        return Judged(row, issues, changes)

    def _repaired(self, row: Row, codes: Container[str], line: int) -> tuple[Row, list[Change]]:
        return repair_row(row, codes, self._options.method, line, self._repairs)

    def _wanted(self, issues: list[Issue]) -> set[str]:
        """The codes of the repairs that issues ask for."""
        asked = {i.rule.code for i in issues if self._options.action_for(i.rule) is Action.REPAIR}
        return asked & REPAIRS.keys()

    def _is_spaced(self, row: Row) -> bool:
        return any(is_spaced(message) for _, talk in self._format.talks(row) for message in talk)

    def _issues_beside_nulls(self, row: Row) -> list[Issue]:
        return self.issues_of(without_nulls(row, self._format))

    def issues_of(self, row: Row) -> list[Issue]:
        """All issues of a row without nulls, as `without_nulls` leaves it."""
        found: list[Issue] = []
        self._flood.begin()
        self._ask(self._on[Scope.ROW], found, row)
        holder = self._format.holder(row)
        schemas: tools.Defined = {}
        is_sound = False
        if isinstance(holder, dict):
            at = self._format.holder_key
            self._ask(self._on[Scope.HOLDER], found, holder, at)
            # Of a preference row the tools may stand beside `input`, which DS031 reports: then they are looked at there.
            is_beside = holder is not row and _defines(row) and not _defines(holder)
            schemas = self._check_definitions(row if is_beside else holder, "" if is_beside else at, found)
            is_sound = self._check_talk(
                holder.get("messages"), self._format.talk_path, schemas, found, beside=holder.keys()
            )
        for key in self._format.outputs:
            if key not in row and holder is None:
                continue  # another kind of row, which the missing input shows
            found += broken(methods.invalid_output, row.get(key), key)
            if isinstance(row.get(key), list) and row[key]:
                self._check_talk(row[key], key, schemas, found, is_prompt=False)
        if is_sound:
            self._ask(self._on[Scope.GRADED_ROW], found, row, self._options.templates)
        return found

    def _ask(self, checks: Iterable[Check], found: list[Issue], *facts: Any) -> None:
        """What checks find, unless a rule found so much in this row that more would only take time and memory."""
        flood = self._flood
        for check in checks:
            if flood.full and check.rule in flood.full:
                continue
            problems = list(islice(check.function(*facts), flood.room))
            if problems:
                found += flood.taken(check.rule, problems)

    def _check_definitions(self, holder: Holder, at: str, found: list[Issue]) -> tools.Defined:
        """The rules about what tools are defined; the schemas of the functions by name, if none is broken."""
        given: Holder = {key: holder[key] for key in DEFINITION_KEYS if key in holder}
        if not given:
            return {}
        key = (at, _encode(given))
        known = self._defined.get(key)
        if known is None:
            known = self._defined.keep(key, self._definitions_of(given, at), len(key[1]))
        found += known.issues
        return known.schemas

    def _definitions_of(self, given: Holder, at: str) -> _Definitions:
        issues: list[Issue] = []
        self._ask(self._on[Scope.DEFINITIONS], issues, given, at)
        listed = given.get("tools")
        for index, tool in enumerate(listed if isinstance(listed, list) else ()):
            if tools.is_function(tool):
                self._ask(self._on[Scope.TOOL], issues, tool, below(at, f"tools[{index}]"))
        schemas: dict[str, Schema | None] = {}
        for path, function in functions_of(given):
            self._ask(self._on[Scope.FUNCTION], issues, function, below(at, path))
            schema = None
            if isinstance(function.get("parameters"), dict):
                schema = self.schemas.of(plain_schema(function["parameters"]))
                self._ask(self._on[Scope.SCHEMA], issues, schema, below(at, f"{path}.parameters"))
            if isinstance(function.get("name"), str):
                schemas[function["name"]] = schema
        is_known = not any(issue.rule in _HIDING for issue in issues)
        return _Definitions(tuple(issues), schemas if is_known else None)

    def _check_talk(
        self,
        talk: Any,
        at: str,
        schemas: tools.Defined,
        found: list[Issue],
        *,
        is_prompt: bool = True,
        beside: Iterable[str] = (),
    ) -> bool:
        """The rules about messages and their order; whether it is a list of objects that further rules can look at."""
        wrong = broken(messages.missing_messages, talk, at, beside) or broken(
            messages.too_many_messages, talk, at
        )
        if wrong:
            found += wrong
            return False
        shapes = self._shapes.of(talk)
        before = len(found)
        for index, applicable in shapes.messages:
            self._check_message(talk[index], f"{at}[{index}]", schemas, applicable, found)
        if len(shapes.roles) < len(talk):
            return False  # who speaks is not known, so nothing is known of their order
        asked = shapes.together
        if any(issue.rule is tools.invalid_tool_call for issue in found[before:]):
            asked = tuple(check for check in asked if check.rule not in _ABOUT_CALLS)
        if is_prompt:
            self._ask(asked, found, talk, at)
            found += self._issues_of_roles(shapes, at)
        else:  # an output is no question, and has no roles here
            self._ask([check for check in asked if check.on is Scope.TALK], found, talk, at)
        return True

    def _check_message(
        self,
        message: Any,
        at: str,
        schemas: tools.Defined,
        applicable: Applicable | None,
        found: list[Issue],
    ) -> None:
        if applicable is None:
            rule = messages.invalid_role if isinstance(message, dict) else messages.invalid_message
            self._ask(rule.checks[:1], found, message, at)
            return
        self._ask(applicable.of_message, found, message, at)
        if applicable.may_call:
            for path, function in calls_of(message):
                self._ask(self._on[Scope.CALL], found, function, f"{at}.{path}", schemas)

    def _issues_of_roles(self, talk: Talk, at: str) -> Iterable[Issue]:
        """The rules about the order of roles, of which there are few."""
        key = (at, talk.letters)
        known = self._ordered.get(key)
        if known is None:
            known = self._ordered.keep(key, self._issues_of_order([*talk.roles], at), len(talk.roles))
        return known

    def _issues_of_order(self, roles: Sequence[str], at: str) -> tuple[Issue, ...]:
        found: list[Issue] = []
        self._ask(self._on[Scope.ROLES], found, roles, at)
        return tuple(found)

    def text_rules(self) -> tuple[Rule, ...]:
        """The rules about texts."""
        return tuple(check.rule for check in self._on[Scope.TEXT])

    def file_rules(self) -> tuple[Rule, ...]:
        """The rules about a file as a whole."""
        return tuple(check.rule for check in self._on[Scope.FILE])


def _defines(holder: Holder) -> bool:
    return any(key in holder for key in DEFINITION_KEYS)
