"""What can be said of a block of lines by itself, so that other processes can say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.core.dataset.analysis import Analysed, Analyst
from shared.core.dataset.content import content_of_sound
from shared.core.dataset.detect import CHAT_KEYS
from shared.core.dataset.options import Action, Depth, Options
from shared.core.dataset.plain import Whole, read_sound
from shared.core.dataset.reader import Block, is_blank
from shared.core.dataset.repair import REPAIRS, Change, repair_row
from shared.core.dataset.rows import check_row, declared_functions, parse_row, with_excerpt
from shared.core.dataset.rulebook import Issue
from shared.core.dataset.rules.methods import slot_values
from shared.core.dataset.rules.sets import surrounding_space
from shared.core.dataset.sketch import Sketcher
from shared.core.spec import MethodType


def judge_row(
    data: bytes, line: int, options: Options
) -> tuple[dict[str, Any] | None, list[Issue], list[Change]]:
    """The thorough way: one line to the row that is used, the issues that are left, and the repairs.

    Returns:
        The row, None if the line cannot be read; its issues after the repairs; what was repaired.
    """
    row = parse_row(data)
    if isinstance(row, Issue):
        return None, [row], []
    issues = _issues_of(row, options)
    codes = {i.rule.code for i in issues if options.action_for(i.rule) is Action.REPAIR} & REPAIRS.keys()
    if options.strips:
        codes.add(surrounding_space.code)  # no issue of a row, so nothing else says that it is there
    repaired, changes = repair_row(row, codes, options.method, line) if codes else (row, [])
    return (repaired, _issues_of(repaired, options), changes) if changes else (row, issues, [])


def _issues_of(row: dict[str, Any], options: Options) -> list[Issue]:
    found = check_row(row, options.method, options.templates)
    return [issue for issue in found if options.severity_of(issue.rule) is not None]


class Judged(NamedTuple):
    """A line that was looked at rule by rule.

    Attributes:
        is_read: whether there is a row.
        issues: those that are left after the repairs, with what is to be shown of the row.
        changes: what was repaired.
        fields: what the row has beside its messages (reinforcement only).
    """

    is_read: bool
    issues: list[Issue]
    changes: list[Change]
    fields: frozenset[str]


@dataclass(slots=True)
class Examined:
    """A block of lines.

    Attributes:
        sound: of each line, whether it is a row that surely has no issue.
        analysed: what is known of the sound rows; None if there are none, or if only the structure is looked at.
        judged: the other lines, by position, but for blank and too long ones.
        used: positions of those of them that have no error.
        analysed_used: what is known of these; None as above.
        values: what the slots of the grader's templates hold in the first row that was read (reinforcement only).
        varying: slots that hold something else in another row.
    """

    sound: list[bool]
    analysed: Analysed | None = None
    judged: dict[int, Judged] = field(default_factory=dict)
    used: list[int] = field(default_factory=list)
    analysed_used: Analysed | None = None
    values: dict[str, Any] = field(default_factory=dict)
    varying: set[str] = field(default_factory=set)


class Examiner:
    """Examines blocks of one file."""

    def __init__(self, options: Options, sketcher: Sketcher, *, samples: bool = True) -> None:
        self._options = options
        self._is_deep = options.depth is not Depth.STRUCTURE
        self.analyst = Analyst(options.method, options.depth, sketcher, samples=samples)

    def examine(self, block: Block) -> Examined:
        """All that is to be known of a block."""
        found = Examined([False] * block.line_count)
        if self._options.method is MethodType.SUPERVISED:
            self._read_sound(block, found)
        if not all(found.sound):
            self._judge_others(block, found)
        return found

    def _read_sound(self, block: Block, found: Examined) -> None:
        """The fast way, for rows that are sound."""
        rows, whole = read_sound(block, declared_functions, has_needles=self._is_deep)
        if self._options.strips and not _is_usual(whole):  # what is to be repaired goes the thorough way
            rows = [None if row is None or content_of_sound(row).is_spaced else row for row in rows]
        good = [row for row in rows if row is not None]
        found.sound = [row is not None for row in rows]
        if good and self._is_deep:
            found.analysed = self.analyst.analyse(good, whole if len(good) == len(rows) else None)

    def _judge_others(self, block: Block, found: Examined) -> None:
        """The thorough way, for all other rows."""
        good: list[dict[str, Any]] = []
        for at, (line, is_sound) in enumerate(zip(block.lines, found.sound, strict=True)):
            if is_sound or not isinstance(line, bytes) or is_blank(line):
                continue
            row, issues, changes = judge_row(line, block.first + at, self._options)
            fields: frozenset[str] = frozenset()
            if row is not None:
                issues = [with_excerpt(issue, row) for issue in issues]
                if self._options.method is MethodType.REINFORCEMENT:
                    fields = frozenset(row.keys() - CHAT_KEYS)
                    self._compare_values(row, found)
                if not any(self._options.is_error(issue.rule) for issue in issues):
                    found.used.append(at)
                    good.append(row)
            found.judged[at] = Judged(row is not None, issues, changes, fields)
        if good and self._is_deep:
            found.analysed_used = self.analyst.analyse(good)

    def _compare_values(self, row: dict[str, Any], found: Examined) -> None:
        for slot, value in slot_values(row, self._options.templates):
            if found.values.setdefault(slot, value) != value:
                found.varying.add(slot)


def _is_usual(whole: Whole | None) -> bool:
    return whole is not None and whole.marks.are_usual
