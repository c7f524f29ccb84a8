"""The first pass over a file: every row against every rule, and all that is needed to know of it later."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from typing import Any, Final, cast

from shared.core.dataset import statistics
from shared.core.dataset.analysis import Analysed
from shared.core.dataset.content import strings_of, texts_with_paths
from shared.core.dataset.detect import CHAT_KEYS, HEAD_BYTES
from shared.core.dataset.examine import Examined, Examiner
from shared.core.dataset.findings import Finding, FindingLog
from shared.core.dataset.options import Action, Depth, Options, Role
from shared.core.dataset.plain import decode_object
from shared.core.dataset.reader import BLOCK_BYTES, Block, TooLong, is_blank, split_blocks
from shared.core.dataset.repair import REPAIRS, Change, repair_row
from shared.core.dataset.rows import check_row, excerpt_at, parse_row
from shared.core.dataset.rulebook import Issue, Problem, Severity, broken
from shared.core.dataset.rules import files, images, lines, methods, sets
from shared.core.dataset.rules.texts import TEXT_RULES, personal_data, secret
from shared.core.dataset.scan import suspects_in
from shared.core.dataset.sharing import Sharing
from shared.core.dataset.sketch import VALUES, Sketcher, SketchTable
from shared.core.dataset.summary import FileSummary, RowState
from shared.core.pipeline_types import MethodType

#: Sketches and tokens go through what they need several times, so that it should stay in a core's cache.
_BLOCK_BYTES: Final = {Depth.STRUCTURE: 2 * BLOCK_BYTES, Depth.GATE: 2 * BLOCK_BYTES, Depth.FULL: BLOCK_BYTES}
#: Blocks that are kept until an earlier one is examined (16 MB).
_WAITING_MAX: Final = 64
_SYSTEMS_MAX: Final = 10_000
#: The number of a text when there are too many different ones to number.
OTHER: Final = 65_535
_CHANGES_MAX: Final = 200
_LABEL_NAMES_MAX: Final = 1000
_ROLES: Final = {"s": "system", "d": "developer", "u": "user", "a": "assistant", "t": "tool", "f": "function"}


def inspect_file(
    chunks: Iterable[bytes],
    *,
    file: str,
    role: Role,
    options: Options,
    log: FindingLog,
    sketcher: Sketcher,
    sharing: Sharing | None = None,
) -> FileSummary:
    """Read a file once and check every row.

    Args:
        chunks: the bytes of the file, cut anywhere.
        file: its name, for findings.
        role: what it is used for.
        options: what is looked for.
        log: takes the findings.
        sketcher: shared by the files of a dataset, so that their sketches can be compared.
        sharing: other processes that share the work; None to do it here.

    Returns:
        The summary; neither it nor the findings depend on how the bytes were cut or on the processes.
    """
    inspection = _Inspection(FileSummary(file=file, role=role), options, log, sketcher, sharing)
    stream = inspection.hashed(chunks)
    head, rest = _take_head(stream)
    if head and inspection.is_foreign(head[:HEAD_BYTES]):
        for _ in rest:
            pass
        return inspection.finish()
    line_bytes_max, block_bytes = options.limits.line_bytes_max, _BLOCK_BYTES[options.depth]
    for block in split_blocks(_chain(head, rest), line_bytes_max=line_bytes_max, block_bytes=block_bytes):
        inspection.take(block)
    return inspection.finish()


def _take_head(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """At least `HEAD_BYTES` bytes from the front, or all there are, and the iterator of what follows."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    return head, chunks


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def judge_row(
    data: bytes, line: int, options: Options, log: FindingLog
) -> tuple[dict[str, Any] | None, list[Issue], list[Change]]:
    """The thorough way: one line to the row that is used, the issues that are left, and the repairs.

    Returns:
        The row, None if the line cannot be read; its issues after the repairs; what was repaired.
    """
    row = parse_row(data)
    if isinstance(row, Issue):
        return None, [row], []
    issues = [
        i for i in check_row(row, options.method, options.templates) if log.severity_of(i.rule) is not None
    ]
    codes = {i.rule.code for i in issues if options.action_for(i.rule) is Action.REPAIR} & REPAIRS.keys()
    if options.strips:
        codes.add(sets.surrounding_space.code)  # no issue of a row, so nothing else says that it is there
    repaired, changes = repair_row(row, codes, options.method, line) if codes else (row, [])
    if not changes:
        return row, issues, []
    left = [
        i
        for i in check_row(repaired, options.method, options.templates)
        if log.severity_of(i.rule) is not None
    ]
    return repaired, left, changes


class _Inspection:
    """The state of one pass."""

    def __init__(
        self,
        summary: FileSummary,
        options: Options,
        log: FindingLog,
        sketcher: Sketcher,
        sharing: Sharing | None,
    ) -> None:
        self._summary, self._options, self._log, self._sketcher = summary, options, log, sketcher
        self._method = options.method
        self._is_deep = options.depth is not Depth.STRUCTURE
        self._raw = hashlib.sha256()
        self._foreign = False
        self._has_shape = False
        self._fields: frozenset[str] | None = None
        self._examiner = Examiner(options.method, options.depth, sketcher, strips=options.strips)
        self._sharing = sharing
        self._waiting: deque[tuple[Block, Examined | Future[Examined]]] = deque()
        self._roles: Counter[str] = Counter()
        self._tools: Counter[str] = Counter()
        self._systems: dict[bytes, int] = {b"": 0}
        self._labels: dict[str, int] = {}
        self._spaced = self._first_spaced = 0
        self._values: dict[str, Any] = {}
        self._varying: set[str] = set()

    def hashed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass chunks through, with their size and hash."""
        for chunk in chunks:
            if self._options.depth is Depth.FULL:
                self._raw.update(chunk)
            self._summary.size_bytes += len(chunk)
            yield chunk

    def is_foreign(self, head: bytes) -> bool:
        """Whether the beginning of the file says that it is no JSON Lines (rules DS020, DS021)."""
        found = broken(files.not_text, head) or broken(files.other_text_format, head)
        self._foreign = bool(found)
        self._add(found, 1)
        return self._foreign

    def _add(self, issues: Iterable[Issue], line: int | None, row: Any = None) -> None:
        for rule, problem in issues:
            shown = problem
            if problem.excerpt is None and row is not None:
                shown = problem._replace(excerpt=excerpt_at(row, problem.path))
            elif problem.excerpt == "":
                shown = problem._replace(excerpt=None)
            self._log.add(rule, shown, file=self._summary.file, line=line)

    def take(self, block: Block) -> None:
        """Check the lines of a block."""
        examined: Examined | Future[Examined]
        if self._foreign:
            examined = Examined([False] * block.line_count, None)
        else:  # here, if the others have enough to do
            examined = self._submitted(block) or self._examiner.examine(block)
        self._waiting.append((block, examined))
        while self._waiting and (_is_done(self._waiting[0][1]) or len(self._waiting) > _WAITING_MAX):
            self._take_next()

    def _submitted(self, block: Block) -> Future[Examined] | None:
        """What another process will find in a block, if one has too little to do."""
        if self._sharing is None:
            return None
        outstanding = sum(not _is_done(examined) for _, examined in self._waiting)
        return self._sharing.submit(block, self._sketcher.templates, outstanding)

    def _take_next(self) -> None:
        block, examined = self._waiting.popleft()
        try:
            found = examined if isinstance(examined, Examined) else examined.result()
        except BrokenExecutor:  # a process died, for want of memory perhaps: what it had is done here
            found = self._examiner.examine(block)
        self._settle_block(block, found)

    def _settle_block(self, block: Block, examined: Examined) -> None:
        """Take over what is known of a block, and look at its other lines thoroughly."""
        found = examined.analysed
        if all(examined.sound):
            self._has_shape = True
            indexes, numbers = self._place_all(block)
            if found is not None:
                self._merge(found, indexes, numbers, block.line)
            return
        places: list[tuple[int, int, bytes]] = []
        others: list[tuple[int, int, dict[str, Any]]] = []
        for number, (line, is_sound) in enumerate(
            zip(block.lines, examined.sound, strict=True), start=block.first
        ):
            if is_sound:
                self._has_shape = True
                places.append((self._place(number), number, cast("bytes", line)))
            else:
                others += self._take_other(line, number)
        if found is not None:
            at, numbers_, good = _columns(places)
            self._merge(found, at, numbers_, good.__getitem__)
        if others and self._is_deep:
            at, numbers_, rows = _columns(others)
            self._merge(self._examiner.analyst.analyse(rows), at, numbers_, rows.__getitem__)

    def _take_other(self, line: bytes | TooLong, number: int) -> list[tuple[int, int, dict[str, Any]]]:
        """A line that is not surely sound: index, line and row, if it is used after all."""
        if isinstance(line, TooLong):
            issues = broken(lines.line_too_long, line.size_bytes, self._options.limits.line_bytes_max)
            self._settle(self._place(number), number, None, issues)
            return []
        if is_blank(line):
            self._blank(line, number)
            return []
        return self._take_thoroughly(line, number)

    def _place_all(self, block: Block) -> tuple[range, range]:
        """Places for all rows of a block; their indexes and lines."""
        summary, numbers = self._summary, range(block.first, block.first + block.line_count)
        index = summary.rows
        summary.states += bytes(block.line_count)
        summary.lines.extend(numbers)
        return range(index, index + block.line_count), numbers

    def _blank(self, line: bytes, number: int) -> None:
        issues = broken(lines.blank_line, line)
        if self._options.action_for(lines.blank_line) is Action.REPAIR:
            self._remember([Change(line=number, code="DS003", path=None, what="blank line left out")])
        else:
            self._add(issues, number)

    def _remember(self, changes: list[Change]) -> None:
        self._summary.change_count += len(changes)
        self._summary.changes += changes[: _CHANGES_MAX - len(self._summary.changes)]

    def _place(self, line: int) -> int:
        """A place for a row; its index."""
        summary = self._summary
        summary.states.append(RowState.GOOD)
        summary.lines.append(line)
        return len(summary.states) - 1

    def _take_thoroughly(self, data: bytes, line: int) -> list[tuple[int, int, dict[str, Any]]]:
        row, issues, changes = judge_row(data, line, self._options, self._log)
        if row is not None and not self._has_shape:
            self._has_shape = True
            found = broken(files.other_method, row, self._method) or broken(
                files.other_vendor, row, self._method
            )
            self._foreign = bool(found)
            self._add(found, line, row)
        index = self._place(line)
        if self._foreign:
            self._summary.states[index] = RowState.BAD
            return []
        self._remember(changes)
        if row is not None and self._method is MethodType.REINFORCEMENT:
            issues += self._compare_fields(row)
        if self._settle(index, line, row, issues) and row is not None:
            if changes:
                self._summary.states[index] = RowState.REPAIRED
            return [(index, line, row)]
        if row is not None and self._is_deep and self._summary.states[index] == RowState.BAD:
            # Whoever corrects the row should know at once what else may not stay in it.
            texts = list(strings_of(row))
            self._add(
                [i for rule in (secret, personal_data) for at, text in texts for i in broken(rule, text, at)],
                line,
            )
        return []

    def _compare_fields(self, row: dict[str, Any]) -> list[Issue]:
        """Rule DS063, and what rule DS076 needs."""
        fields = frozenset(row.keys() - CHAT_KEYS)
        if self._fields is None:
            self._fields = fields
        for slot, value in methods.slot_values(row, self._options.templates):
            if self._values.setdefault(slot, value) != value:
                self._varying.add(slot)
        return broken(methods.other_fields, fields, self._fields)

    def _settle(self, index: int, line: int, row: dict[str, Any] | None, issues: list[Issue]) -> bool:
        """Say what is wrong with a row and decide what becomes of it; whether it is used."""
        errors = [i for i in issues if self._log.severity_of(i.rule) is Severity.ERROR]
        if errors and all(self._options.quarantines(issue.rule) for issue in errors):
            self._summary.states[index] = RowState.QUARANTINED
            self._summary.quarantine[index] = self._summary.quarantine.get(index, ()) + tuple(
                _finding(issue, self._summary.file, line, row) for issue in errors
            )
            return False
        self._add(issues, line, row)
        if errors:
            self._summary.states[index] = RowState.BAD
        return not errors

    def _merge(
        self,
        found: Analysed,
        indexes: Sequence[int],
        numbers: Sequence[int],
        row_at: Callable[[int], bytes | dict[str, Any]],
    ) -> None:
        """Take over what is known of sound rows, in their order."""
        summary = self._summary
        summary.make_room()
        for column, values in (
            (summary.keys, found.keys),
            (summary.prompt_keys, found.prompt_keys),
            (summary.systems, self._number_systems(found.systems)),
            (summary.labels, self._number_labels(found.labels, len(found.keys))),
            (summary.tokens, found.tokens),
        ):
            _put(column, indexes, values)
        _put_sketches(summary.sketches, indexes, found.sketches)
        letters = "".join(found.roles)
        for letter in set(letters):
            self._roles[letter] += letters.count(letter)
        if found.spaced:
            first = numbers[min(found.spaced)]
            self._first_spaced = min(first, self._first_spaced or first)
        self._spaced += len(found.spaced)
        self._tools += found.tools
        summary.tool_rows += found.tool_rows
        summary.images += sum(found.images)
        summary.image_examples += len(found.images)
        if not summary.scripts:
            summary.scripts = statistics.scripts_of(found.sample)
        limit = self._options.limits.example_tokens_max
        if found.tokens and max(found.tokens) > limit:
            for position, count in enumerate(found.tokens):
                self._settle_late(
                    indexes[position], numbers[position], broken(sets.example_too_long, count, limit)
                )
        for position, codes in sorted(found.suspicious.items()):
            row = row_at(position)
            issues = self._check_texts(row if isinstance(row, dict) else decode_object(row), codes)
            self._settle_late(indexes[position], numbers[position], issues)

    def _number_systems(self, texts: Sequence[bytes]) -> list[int]:
        """A small number for each system message, 0 for none; 65535 when there are too many different ones."""
        known = self._systems
        for text in dict.fromkeys(texts):
            if text not in known and len(known) <= _SYSTEMS_MAX:
                known[text] = len(known)
        return [known.get(text, OTHER) for text in texts]

    def _number_labels(self, answers: dict[int, str] | None, count: int) -> list[int]:
        """A small number for each answer that may be a label; 65535 for others; nothing once there are too many."""
        known = self._labels
        if answers is None or len(known) >= _LABEL_NAMES_MAX:
            return []
        numbers = [OTHER] * count
        for at, answer in answers.items():
            if answer not in known and len(known) < _LABEL_NAMES_MAX:
                known[answer] = len(known) + 1
            numbers[at] = known.get(answer, OTHER)
        return numbers

    def _check_texts(self, row: dict[str, Any], codes: set[str]) -> list[Issue]:
        asked = [
            rule for rule in TEXT_RULES if rule.code in codes and self._log.severity_of(rule) is not None
        ]
        texts = list(texts_with_paths(row, self._method))
        suspects = suspects_in([text for _, text in texts], has_phrases=self._examiner.analyst.has_phrases)
        return [
            issue
            for at in sorted(suspects)
            for rule in asked
            if rule in suspects[at]
            for issue in broken(rule, texts[at][1], texts[at][0])
        ]

    def _settle_late(self, index: int, line: int, issues: list[Issue]) -> None:
        """As `_settle`, for a row that was taken for good so far."""
        if issues and not self._settle(index, line, None, issues):
            self._summary.forget(index)

    def finish(self) -> FileSummary:
        """The last batch, the rules of the whole file, and the summary."""
        while self._waiting:
            self._take_next()
        summary = self._summary
        summary.fit()
        summary.sha256 = self._raw.hexdigest() if self._options.depth is Depth.FULL else ""
        summary.roles = {_ROLES[letter]: count for letter, count in sorted(self._roles.items())}
        summary.tools = dict(self._tools.most_common(200))
        summary.label_names = tuple(self._labels) if len(self._labels) < _LABEL_NAMES_MAX else ()
        summary.field_values = {slot: 2 if slot in self._varying else 1 for slot in self._values}
        self._check_file()
        return summary

    def _check_file(self) -> None:
        """The rules about the file as a whole."""
        summary, limits = self._summary, self._options.limits
        issues: list[Issue] = []
        if not self._foreign and not self._log.has_error_in(summary.file):
            issues += broken(files.empty_file, summary.rows)
        issues += broken(files.file_too_large, summary.size_bytes, limits.file_bytes_max)
        issues += broken(
            files.file_large, summary.size_bytes, limits.upload_bytes_warn, limits.file_bytes_max
        )
        issues += broken(images.too_many_image_examples, summary.image_examples, limits.image_examples_max)
        issues += broken(sets.images_not_counted, summary.images)
        issues += broken(sets.surrounding_space, self._spaced, self._first_spaced)
        issues += broken(methods.constant_values, summary.rows, summary.field_values)
        share = self._options.quarantine_max_share
        issues += broken(sets.quarantine_too_large, len(summary.quarantine), summary.rows, share)
        self._add(issues, None)


def _is_done(examined: Examined | Future[Examined]) -> bool:
    return isinstance(examined, Examined) or examined.done()


def _columns[Row](places: list[tuple[int, int, Row]]) -> tuple[list[int], list[int], list[Row]]:
    """Indexes, lines and rows, each by itself."""
    return [at for at, _, _ in places], [number for _, number, _ in places], [row for _, _, row in places]


def _put(column: array[int], indexes: Sequence[int], values: Sequence[int]) -> None:
    """Values of rows into their places, at once if the rows are neighbours."""
    if not values:
        return
    if indexes[-1] - indexes[0] + 1 == len(indexes):
        column[indexes[0] : indexes[-1] + 1] = array(column.typecode, values)
        return
    for index, value in zip(indexes, values, strict=True):
        column[index] = value


def _put_sketches(table: SketchTable, indexes: Sequence[int], values: bytes) -> None:
    if not values:
        return
    if indexes[-1] - indexes[0] + 1 == len(indexes):
        table.put(indexes[0], values)
        return
    for position, index in enumerate(indexes):
        table.put(index, values[position * VALUES : (position + 1) * VALUES])


def _finding(issue: Issue, file: str, line: int, row: dict[str, Any] | None) -> Finding:
    """An issue as a finding that no log counts: a row in quarantine is no error of the dataset."""
    log = FindingLog()
    problem = issue.problem
    if problem.excerpt is None and row is not None:
        problem = problem._replace(excerpt=excerpt_at(row, problem.path))
    log.add(
        issue.rule,
        Problem(problem.path, problem.message, problem.excerpt or None, problem.remedy),
        file=file,
        line=line,
    )
    return log.findings[0]
