"""The first pass over a file: every row against every rule, and all that is needed to know of it later."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, Final, cast

import msgspec

from shared.core.dataset import statistics
from shared.core.dataset.analysis import OTHER, Analysed, Analyst, Batch
from shared.core.dataset.content import strings_of, texts_with_paths
from shared.core.dataset.detect import CHAT_KEYS, HEAD_BYTES
from shared.core.dataset.findings import Finding, FindingLog
from shared.core.dataset.options import Action, Depth, Options, Role
from shared.core.dataset.plain import SoundRow, read_sound
from shared.core.dataset.reader import Block, TooLong, is_blank, split_blocks
from shared.core.dataset.repair import REPAIRS, Change, repair_row
from shared.core.dataset.rows import check_row, declared_functions, excerpt_at, parse_row
from shared.core.dataset.rulebook import Issue, Problem, Rule, Severity, broken
from shared.core.dataset.rules import files, images, lines, methods, sets
from shared.core.dataset.rules.texts import TEXT_RULES, personal_data, secret
from shared.core.dataset.sketch import VALUES, Sketcher
from shared.core.dataset.summary import FileSummary, RowState
from shared.core.pipeline_types import MethodType

#: Batches that wait for a thread, besides those that the threads work on.
_WAITING_MAX: Final = 1
#: Chunks that wait to be hashed.
_HASHING_MAX: Final = 8
_CHANGES_MAX: Final = 200
_LABEL_NAMES_MAX: Final = 1000
_ROLES: Final = {"s": "system", "d": "developer", "u": "user", "a": "assistant", "t": "tool", "f": "function"}


_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


def inspect_file(
    chunks: Iterable[bytes],
    *,
    file: str,
    role: Role,
    options: Options,
    log: FindingLog,
    sketcher: Sketcher,
    pool: Executor | None = None,
    workers: int = 1,
) -> FileSummary:
    """Read a file once and check every row.

    Args:
        chunks: the bytes of the file, cut anywhere.
        file: its name, for findings.
        role: what it is used for.
        options: what is looked for.
        log: takes the findings.
        sketcher: shared by the files of a dataset, so that their sketches can be compared.
        pool: threads that analyse batches; None to do it here.
        workers: how many threads the pool has.

    Returns:
        The summary; neither it nor the findings depend on how the bytes were cut or on the threads.
    """
    with ThreadPoolExecutor(1) if pool is not None else nullcontext() as hasher:
        inspection = _Inspection(
            FileSummary(file=file, role=role),
            options,
            log,
            sketcher=sketcher,
            pool=pool,
            workers=workers,
            hasher=hasher,
        )
        stream = inspection.hashed(chunks)
        head, rest = _take_head(stream)
        if head and inspection.is_foreign(head[:HEAD_BYTES]):
            for _ in rest:
                pass
        else:
            for block in split_blocks(_chain(head, rest), line_bytes_max=options.limits.line_bytes_max):
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
    if options.action_for(sets.surrounding_space) is Action.REPAIR:
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
        *,
        sketcher: Sketcher,
        pool: Executor | None,
        workers: int,
        hasher: Executor | None,
    ) -> None:
        self._summary, self._options, self._log = summary, options, log
        self._pool, self._workers = pool, workers
        self._method = options.method
        self._is_deep = options.depth is not Depth.STRUCTURE
        self._raw = hashlib.sha256()
        self._hasher = hasher
        self._hashing: deque[Future[None]] = deque()
        self._foreign = False
        self._has_shape = False
        self._fields: frozenset[str] | None = None
        self._analyst = Analyst(options.method, options.depth, sketcher)
        self._batch = Batch()
        self._waiting: deque[Future[Analysed]] = deque()
        self._roles: Counter[str] = Counter()
        self._tools: Counter[str] = Counter()
        self._labels: dict[str, int] = {}
        self._spaced = self._first_spaced = 0
        self._strips = options.action_for(sets.surrounding_space) is Action.REPAIR
        self._values: dict[str, Any] = {}
        self._varying: set[str] = set()

    def hashed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass chunks through, with their size and hash."""
        for chunk in chunks:
            if self._options.depth is Depth.FULL:
                self._hash(chunk)
            self._summary.size_bytes += len(chunk)
            yield chunk
        for hashed in self._hashing:
            hashed.result()

    def _hash(self, chunk: bytes) -> None:
        """Hash in the hasher's only thread, if there is one, while this one goes on."""
        if self._hasher is None:
            self._raw.update(chunk)
            return
        self._hashing.append(self._hasher.submit(self._raw.update, chunk))
        if len(self._hashing) > _HASHING_MAX:
            self._hashing.popleft().result()

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
        found = block.lines
        if self._method is not MethodType.SUPERVISED or self._foreign:
            sound: list[SoundRow | None] = [None] * len(found)
        else:
            sound = read_sound(
                [line if isinstance(line, bytes) else b"" for line in found], declared_functions
            )
            if self._strips:  # what is to be repaired goes the thorough way
                sound = [None if row is None or _is_spaced(row) else row for row in sound]
        if None not in sound and found:
            self._take_all_sound(block, sound)
            return
        for number, (line, row) in enumerate(zip(found, sound, strict=True), start=block.first):
            if row is not None:
                self._has_shape = True
                index = self._place(number)
                if self._is_deep:
                    self._enter(
                        index, number, row if row.tools is msgspec.UNSET else _decode(cast("bytes", line))
                    )
            elif isinstance(line, TooLong):
                issues = broken(lines.line_too_long, line.size_bytes, self._options.limits.line_bytes_max)
                self._settle(self._place(number), number, None, issues)
            elif is_blank(line):
                self._blank(line, number)
            else:
                self._take_thoroughly(line, number)
        if self._batch.rows:
            self._submit()

    def _take_all_sound(self, block: Block, sound: Sequence[SoundRow | None]) -> None:
        """What most blocks are."""
        self._has_shape = True
        summary, count = self._summary, len(sound)
        index = summary.rows
        summary.states += bytes(count)
        summary.lines.extend(range(block.first, block.first + count))
        if self._is_deep:
            self._batch.indexes = list(range(index, index + count))
            self._batch.lines = list(range(block.first, block.first + count))
            self._batch.rows = [
                row if row.tools is msgspec.UNSET else _decode(cast("bytes", line))
                for row, line in zip(cast("list[SoundRow]", sound), block.lines, strict=True)
            ]
            self._submit()

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

    def _take_thoroughly(self, data: bytes, line: int) -> None:
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
            return
        self._remember(changes)
        if row is not None and self._method is MethodType.REINFORCEMENT:
            issues += self._compare_fields(row)
        if self._settle(index, line, row, issues) and row is not None:
            if changes:
                self._summary.states[index] = RowState.REPAIRED
            if self._is_deep:
                self._enter(index, line, row)
        elif row is not None and self._is_deep and self._summary.states[index] == RowState.BAD:
            # Whoever corrects the row should know at once what else may not stay in it.
            texts = list(strings_of(row))
            found = [
                issue
                for rule in (secret, personal_data)
                for at, text in texts
                for issue in broken(rule, text, at)
            ]
            self._add(found, line)

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

    def _enter(self, index: int, line: int, row: SoundRow | dict[str, Any]) -> None:
        """Take a sound row into the block's batch."""
        self._batch.indexes.append(index)
        self._batch.lines.append(line)
        self._batch.rows.append(row)

    def _submit(self) -> None:
        batch, self._batch = self._batch, Batch()
        found = self._analyst.gather(batch)
        if self._pool is None:
            self._merge(self._analyst.count(found))
            return
        self._waiting.append(self._pool.submit(self._analyst.count, found))
        while len(self._waiting) > self._workers + _WAITING_MAX:
            self._merge(self._waiting.popleft().result())

    def _merge(self, found: Analysed) -> None:
        """Take over what is known of a batch, in the order of the rows."""
        summary, batch = self._summary, found.batch
        self._analyst.conclude(found)
        summary.make_room()
        labels = self._number_labels(found.labels)
        for column, values in (
            (summary.keys, found.keys),
            (summary.prompt_keys, found.prompt_keys),
            (summary.systems, found.systems),
            (summary.labels, labels),
            (summary.tokens, found.tokens),
        ):
            _put(column, batch.indexes, values)
        _put_sketches(summary.sketches, batch.indexes, found.sketches)
        self._roles.update("".join(found.roles))
        if found.spaced and not self._spaced:
            self._first_spaced = batch.lines[min(found.spaced)]
        self._spaced += len(found.spaced)
        self._tools += found.tools
        summary.tool_rows += sum(1 for row in batch.rows if isinstance(row, dict) and _has_tools(row))
        summary.images += sum(found.images)
        summary.image_examples += len(found.images)
        if not summary.scripts:
            summary.scripts = statistics.scripts_of(found.sample)
        self._settle_batch(found)

    def _number_labels(self, answers: list[str]) -> list[int]:
        """A small number for each answer that may be a label; 65535 for others; nothing once there are too many."""
        known = self._labels
        if len(known) >= _LABEL_NAMES_MAX:
            return []
        short = [answer if len(answer) <= sets.LABEL_CHARS_MAX else None for answer in answers]
        for answer in short:
            if answer is not None and answer not in known and len(known) < _LABEL_NAMES_MAX:
                known[answer] = len(known) + 1
        return [OTHER if answer is None else known.get(answer, OTHER) for answer in short]

    def _settle_batch(self, found: Analysed) -> None:
        """The rules that need tokens, and those about texts."""
        limit = self._options.limits.example_tokens_max
        if found.tokens and max(found.tokens) > limit:
            for position, count in enumerate(found.tokens):
                self._settle_late(found, position, broken(sets.example_too_long, count, limit))
        for position, suspects in sorted(found.suspicious.items()):
            self._check_texts(found, position, suspects)

    def _check_texts(self, found: Analysed, position: int, suspects: set[Rule]) -> None:
        row = msgspec.to_builtins(found.batch.rows[position])
        asked = [rule for rule in TEXT_RULES if rule in suspects and self._log.severity_of(rule) is not None]
        issues = [
            issue
            for path, text in texts_with_paths(row, self._method)
            for rule in asked
            for issue in broken(rule, text, path)
        ]
        self._settle_late(found, position, issues)

    def _settle_late(self, found: Analysed, position: int, issues: list[Issue]) -> None:
        """As `_settle`, for a row that was taken for good so far."""
        index, line = found.batch.indexes[position], found.batch.lines[position]
        if issues and not self._settle(index, line, None, issues):
            self._summary.forget(index)

    def finish(self) -> FileSummary:
        """The last batch, the rules of the whole file, and the summary."""
        while self._waiting:
            self._merge(self._waiting.popleft().result())
        summary = self._summary
        summary.make_room()
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


def _put(column: array[int], indexes: Sequence[int], values: Sequence[int]) -> None:
    """Values of rows into their places, at once if the rows are neighbours."""
    if not values:
        return
    if indexes[-1] - indexes[0] + 1 == len(indexes):
        column[indexes[0] : indexes[-1] + 1] = array(column.typecode, values)
        return
    for index, value in zip(indexes, values, strict=True):
        column[index] = value


def _put_sketches(sketches: bytearray, indexes: Sequence[int], values: bytes) -> None:
    if not values:
        return
    if indexes[-1] - indexes[0] + 1 == len(indexes):
        sketches[indexes[0] * VALUES : (indexes[-1] + 1) * VALUES] = values
        return
    for position, index in enumerate(indexes):
        sketches[index * VALUES : (index + 1) * VALUES] = values[position * VALUES : (position + 1) * VALUES]


def _is_spaced(row: SoundRow) -> bool:
    texts = [message.content for message in row.messages if isinstance(message.content, str)]
    return any(text.strip() is not text for text in texts)


def _has_tools(row: dict[str, Any]) -> bool:
    holder = row.get("input", row)
    return bool(holder.get("tools") or holder.get("functions"))


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
