"""Rows that are equal, nearly equal, or ask the same: within a file and between files."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from shared.core.dataset.across.balance import log_broken, report_balance
from shared.core.dataset.across.columns import Array, column_of
from shared.core.dataset.across.frozen import put_aside
from shared.core.dataset.findings import FindingLog
from shared.core.dataset.options import Action, Options, Role
from shared.core.dataset.repair import Change
from shared.core.dataset.rows.minhash import similar_pairs
from shared.core.dataset.rules import sets
from shared.core.dataset.summary import FileSummary, RowState, is_used

_CHANGES_MAX: Final = 200
_PART_ROWS: Final = 16_384


class Groups:
    """Rows of a file that belong together (union-find): a split must not part them, nor a comparison count them as several."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def join(self, first: int, second: int) -> None:
        """Two rows belong together."""
        a, b = self._root(first), self._root(second)
        if a != b:
            self._above[max(a, b)] = min(a, b)

    def _root(self, row: int) -> int:
        while (above := self._above.get(row, row)) != row:
            self._above[row] = self._above.get(above, above)
            row = above
        return row

    def keys(self, keys: array[int]) -> array[int]:
        """For each row the key of the first row of its group."""
        found = array("Q", keys)
        for row in self._above:
            found[row] = keys[self._root(row)]
        return found


class Relations(NamedTuple):
    """How the rows of all files relate.

    Attributes:
        groups: for each file and each of its rows the key of its group within the file: rows with one key stay on one side of a
            split, and are one piece of evidence where they are held out.
        links: rows of the training file and of the evaluation file that are equal, nearly equal or ask the same; of a group at
            least one such pair.
    """

    groups: dict[Role, array[int]]
    links: list[tuple[int, int]]


def relate(files: Mapping[Role, FileSummary], options: Options, log: FindingLog) -> Relations:
    """Report how rows of all files relate, drop duplicates if the pipeline says so."""
    groups = {role: Groups() for role in files}
    for role, summary in files.items():
        _report_duplicates(summary, options, log, groups[role])
        _report_conflicts(summary, log, groups[role])
        _report_near(summary, log, groups[role])
    links: list[tuple[int, int]] = []
    for first, other in itertools.combinations([files[role] for role in Role if role in files], 2):
        is_exam = (first.role, other.role) == (Role.TRAINING, Role.EVALUATION)
        # Rows that give way to a frozen set are said so one by one.
        told = FindingLog() if is_exam and options.has_frozen_set else log
        found = _report_overlap(first, other, told, is_exam=is_exam)
        if is_exam:
            links = found
    relations = Relations({role: groups[role].keys(summary.keys) for role, summary in files.items()}, links)
    if options.has_frozen_set and links:
        put_aside(files, relations.groups[Role.TRAINING], links, options, log)
    for summary in files.values():
        summary.signatures.clear()  # they take most of the memory, and are not needed any more
    report_balance(files[Role.TRAINING], log)
    return relations


def _repeats(keys: array[int]) -> list[tuple[int, int]]:
    """(First row, later row) for each row whose key an earlier row has, in the order of the later rows; 0 is not a key."""
    if not keys:
        return []
    values = np.frombuffer(keys, np.uint64)
    parts = [values[start : start + _PART_ROWS] for start in range(0, len(values), _PART_ROWS)]
    repeated = np.unique(np.concatenate([_repeated(values, parts, last_bit) for last_bit in (0, 1)]))
    if not len(repeated):
        return []
    first: dict[int, int] = {}
    found: list[tuple[int, int]] = []
    for number, part in enumerate(parts):
        place = np.minimum(np.searchsorted(repeated, part), len(repeated) - 1)
        for row in (np.flatnonzero(repeated[place] == part) + number * _PART_ROWS).tolist():
            head = first.setdefault(keys[row], row)
            if head != row:
                found.append((head, row))
    return found


def _repeated(values: Array, parts: list[Array], last_bit: int) -> Array:
    """The values that occur several times, of those with this last bit; never 0.

    The two halves are sorted one after the other, since all values at once would take twice the memory.
    """
    half, count = np.empty(len(values), np.uint64), 0
    for part in parts:
        chosen = part[(part & np.uint64(1)) == last_bit]
        half[count : count + len(chosen)] = chosen
        count += len(chosen)
    half = half[:count]
    half.sort()
    again = half[1:][half[1:] == half[:-1]]
    found: Array = again[again != 0]
    return found


def _report_duplicates(summary: FileSummary, options: Options, log: FindingLog, groups: Groups) -> None:
    """Rule DS007."""
    drops = options.action_for(sets.duplicate_row) is Action.REPAIR
    for first, row in _repeats(summary.keys):
        groups.join(first, row)
        if drops:
            summary.states[row] = RowState.DROPPED
            summary.change_count += 1
            if len(summary.changes) < _CHANGES_MAX:
                what = f"left out: it repeats line {summary.lines[first]}"
                summary.changes.append(Change(line=summary.lines[row], code="DS007", path=None, what=what))
        else:
            log_broken(sets.duplicate_row, log, summary, row, summary.lines[first])


def _report_conflicts(summary: FileSummary, log: FindingLog, groups: Groups) -> None:
    """Rule DS088."""
    for first, row in _repeats(summary.prompt_keys):
        groups.join(first, row)
        if summary.keys[first] != summary.keys[row] and is_used(summary.states[row]):
            log_broken(sets.conflicting_answers, log, summary, row, summary.lines[first])


def _report_near(summary: FileSummary, log: FindingLog, groups: Groups) -> None:
    """Rule DS085; each row is reported once, with the most similar earlier one."""
    best: dict[int, tuple[float, int]] = {}
    for first, row, similarity in similar_pairs(*summary.signatures):
        groups.join(first, row)
        if summary.keys[first] != summary.keys[row] and (similarity, -first) > best.get(row, (0.0, -row)):
            best[row] = (similarity, -first)
    for row, (similarity, first) in sorted(best.items()):
        if is_used(summary.states[row]):
            log_broken(sets.near_duplicate, log, summary, row, summary.lines[-first], similarity)


def _report_overlap(
    first: FileSummary, other: FileSummary, log: FindingLog, *, is_exam: bool
) -> list[tuple[int, int]]:
    """Rules DS008, DS087 and DS086, at most one of them per row; the pairs of rows that belong together.

    Of an exam it counts too who asks the same in another spelling.
    """
    same = _first_with(column_of(first.keys), column_of(other.keys))
    asked = _first_with(column_of(first.prompt_keys), column_of(other.prompt_keys))
    like_it = (
        _first_with(column_of(first.loose_keys), column_of(other.loose_keys))
        if is_exam
        else [-1] * other.rows
    )
    reported: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for row in range(other.rows):
        if same[row] >= 0:
            trained = first.role is Role.TRAINING
            log_broken(
                sets.overlap, log, other, row, first.file, first.lines[same[row]], is_trained_on=trained
            )
        elif asked[row] >= 0:
            log_broken(sets.prompt_overlap, log, other, row, first.file, first.lines[asked[row]])
        elif like_it[row] >= 0:
            line = first.lines[like_it[row]]
            log_broken(sets.prompt_overlap, log, other, row, first.file, line, is_spelled_alike=False)
        else:
            continue
        reported.add(row)
        pairs.append((asked[row] if asked[row] >= 0 else like_it[row], row))  # equal rows ask the same
    near: dict[int, tuple[float, int]] = {}
    start = first.rows
    for like, row, similarity in similar_pairs(*first.signatures, *other.signatures):
        if not like < start <= row:
            continue
        pairs.append((like, row - start))
        if (similarity, -like) > near.get(row - start, (0.0, -like)):
            near[row - start] = (similarity, -like)
    for row, (similarity, like) in sorted(near.items()):
        if row not in reported:
            log_broken(sets.near_overlap, log, other, row, first.file, first.lines[-like], similarity)
    return pairs


def _first_with(values: Array, wanted: Array) -> list[int]:
    """For each wanted value the first place where it stands; -1 if it does not, or if it is 0."""
    if not len(values):
        return [-1] * len(wanted)
    order = np.argsort(values, kind="stable")
    place = np.minimum(np.searchsorted(values, wanted, sorter=order), len(values) - 1)
    found = order[place]
    return list(np.where((values[found] == wanted) & (wanted != 0), found, -1).tolist())
