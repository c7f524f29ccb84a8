"""The first pass over a file: every row against every rule, and all that is needed to know of it later."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from typing import Any, Final

from shared.core.dataset import statistics
from shared.core.dataset.analysis import Analysed
from shared.core.dataset.content import strings_of, texts_with_paths
from shared.core.dataset.detect import HEAD_BYTES
from shared.core.dataset.examine import Examined, Examiner, Judged, judge_row
from shared.core.dataset.findings import Finding, FindingLog
from shared.core.dataset.options import Action, Depth, Options, Role
from shared.core.dataset.plain import decode_object
from shared.core.dataset.reader import BLOCK_BYTES, Block, TooLong, is_blank, split_blocks
from shared.core.dataset.repair import Change
from shared.core.dataset.rows import with_excerpt
from shared.core.dataset.rulebook import Issue, broken
from shared.core.dataset.rules import files, images, lines, methods, sets
from shared.core.dataset.rules.texts import TEXT_RULES, personal_data, secret
from shared.core.dataset.scan import suspects_in
from shared.core.dataset.sharing import Sharing
from shared.core.dataset.sketch import VALUES, Sketcher, SketchTable
from shared.core.dataset.summary import FileSummary, RowState
from shared.core.spec import MethodType

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
        self._is_deep = options.depth is not Depth.STRUCTURE
        self._raw = hashlib.sha256()
        self._foreign = False
        self._has_shape = False
        self._fields: frozenset[str] | None = None
        self._examiner = Examiner(options, sketcher)
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

    def _add(self, issues: Iterable[Issue], line: int | None) -> None:
        self._log.add_all(issues, file=self._summary.file, line=line)

    def take(self, block: Block) -> None:
        """Check the lines of a block."""
        examined: Examined | Future[Examined]
        if self._foreign:
            examined = Examined([False] * block.line_count)
        else:  # here, if the others have enough to do
            examined = self._submitted(block) or self._examiner.examine(block)
        self._waiting.append((block, examined))
        while self._waiting and (_is_done(self._waiting[0][1]) or len(self._waiting) > _WAITING_MAX):
            self._take_next()

    def _submitted(self, block: Block) -> Future[Examined] | None:
        """What another process will find in a block, if one has too little to do; the first rows are looked at here."""
        if self._sharing is None or (self._is_deep and self._examiner.analyst.samples):
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
        """Take over what is known of a block."""
        if all(examined.sound) and not self._foreign:
            self._has_shape = True
            indexes, numbers = self._place_all(block)
            if examined.analysed is not None:
                self._merge(examined.analysed, indexes, numbers, lambda at: decode_object(block.line(at)))
            return
        sound: dict[int, int] = {}  # position in the block: index in the file
        used: dict[int, int] = {}
        for at, line in enumerate(block.lines):
            number = block.first + at
            if isinstance(line, bytes) and is_blank(line):
                self._blank(line, number)
                continue
            index = self._place(number)
            if isinstance(line, TooLong):
                limit = self._options.limits.line_bytes_max
                self._settle(index, number, broken(lines.line_too_long, line.size_bytes, limit))
            elif self._foreign:
                self._summary.states[index] = RowState.BAD
            elif examined.sound[at]:
                self._has_shape = True
                sound[at] = index
            elif self._take_judged(examined.judged[at], line, index, number):
                used[at] = index
        if not self._foreign:
            self._merge_values(examined)
            self._merge_some(examined.analysed, sound, block, examined)
            self._merge_some(self._known_of(used, block, examined), used, block, examined)

    def _known_of(self, used: dict[int, int], block: Block, examined: Examined) -> Analysed | None:
        """What is known of the rows of a block that were looked at rule by rule and are used."""
        if list(used) == examined.used or not self._is_deep:
            return examined.analysed_used
        # Some of them do not fit the rows before them.
        return self._examiner.analyst.analyse([self._row_at(at, block, examined) for at in used])

    def _merge_some(
        self, found: Analysed | None, places: dict[int, int], block: Block, examined: Examined
    ) -> None:
        """Take over what is known of some rows of a block: their positions, and their indexes in the file."""
        if not places or found is None:
            return
        positions = list(places)
        numbers = [block.first + at for at in positions]
        self._merge(
            found, list(places.values()), numbers, lambda at: self._row_at(positions[at], block, examined)
        )

    def _row_at(self, at: int, block: Block, examined: Examined) -> dict[str, Any]:
        return self._read(block.line(at), block.first + at, examined.judged.get(at))

    def _read(self, line: bytes, number: int, judged: Judged | None) -> dict[str, Any]:
        """A row once more, repaired if it was: rows are many, and rarely needed."""
        row = judge_row(line, number, self._options)[0] if judged is not None and judged.changes else None
        return row or decode_object(line)

    def _merge_values(self, examined: Examined) -> None:
        """What rule DS076 needs."""
        self._varying |= examined.varying
        for slot, value in examined.values.items():
            if self._values.setdefault(slot, value) != value:
                self._varying.add(slot)

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

    def _take_judged(self, judged: Judged, line: bytes, index: int, number: int) -> bool:
        """Decide what becomes of a row that was looked at rule by rule; whether it is used."""
        summary = self._summary
        if judged.is_read and not self._has_shape:
            self._has_shape = True
            if self._is_other(self._read(line, number, judged), number):
                summary.states[index] = RowState.BAD
                return False
        self._remember(judged.changes)
        issues = judged.issues
        if judged.is_read and self._options.method is MethodType.REINFORCEMENT:
            self._fields = judged.fields if self._fields is None else self._fields
            other = broken(methods.other_fields, judged.fields, self._fields)
            issues = issues + [with_excerpt(i, self._read(line, number, judged)) for i in other]
        if self._settle(index, number, issues):
            if judged.changes:
                summary.states[index] = RowState.REPAIRED
            return True
        if judged.is_read and self._is_deep and summary.states[index] == RowState.BAD:
            # Whoever corrects the row should know at once what else may not stay in it.
            texts = list(strings_of(self._read(line, number, judged)))
            self._add(
                [i for rule in (secret, personal_data) for at, text in texts for i in broken(rule, text, at)],
                number,
            )
        return False

    def _is_other(self, row: dict[str, Any], line: int) -> bool:
        """Whether the first row says that the file is meant for something else (rules DS022, DS023)."""
        found = broken(files.other_method, row, self._options.method) or broken(
            files.other_vendor, row, self._options.method
        )
        self._foreign = bool(found)
        self._add([with_excerpt(issue, row) for issue in found], line)
        return self._foreign

    def _settle(self, index: int, line: int, issues: list[Issue]) -> bool:
        """Say what is wrong with a row and decide what becomes of it; whether it is used."""
        errors = [issue for issue in issues if self._options.is_error(issue.rule)]
        if errors and all(self._options.quarantines(issue.rule) for issue in errors):
            self._summary.states[index] = RowState.QUARANTINED
            self._summary.quarantine[index] = self._summary.quarantine.get(index, ()) + tuple(
                _finding(issue, self._summary.file, line) for issue in errors
            )
            return False
        self._add(issues, line)
        if errors:
            self._summary.states[index] = RowState.BAD
        return not errors

    def _merge(
        self,
        found: Analysed,
        indexes: Sequence[int],
        numbers: Sequence[int],
        row_at: Callable[[int], dict[str, Any]],
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
            issues = self._check_texts(row_at(position), codes)
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
            rule for rule in TEXT_RULES if rule.code in codes and self._options.severity_of(rule) is not None
        ]
        texts = list(texts_with_paths(row, self._options.method))
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
        if issues and not self._settle(index, line, issues):
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


def _finding(issue: Issue, file: str, line: int) -> Finding:
    """An issue as a finding that no log counts: a row in quarantine is no error of the dataset."""
    log = FindingLog()
    log.add(issue.rule, issue.problem, file=file, line=line)
    return log.findings[0]
