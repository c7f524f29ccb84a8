"""The first pass over a file: all that is known about it later, in memory that grows by 12 bytes a row."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from shared.core.dataset import preference, reinforcement, rules, supervised, tokens
from shared.core.dataset.detect import HEAD_BYTES, foreign_file, foreign_row
from shared.core.dataset.findings import FindingLog, Severity
from shared.core.dataset.json_rows import ParsedRow, parse_row
from shared.core.dataset.messages import Issue, count_images
from shared.core.dataset.reader import LINE_BYTES_MAX, Line, is_blank, split_lines
from shared.core.pipeline_types import MethodType

#: Texts are counted in batches of about this many characters: large enough to be fast, small enough to stay
#: bounded.
_BATCH_CHARS: Final = 2_000_000
_BATCH_ROWS: Final = 8192

_CHECKS: Final[Mapping[MethodType, Callable[[dict[str, Any], list[Issue]], None]]] = MappingProxyType(
    {
        MethodType.SUPERVISED: supervised.check_row,
        MethodType.DPO: preference.check_row,
        MethodType.REINFORCEMENT: reinforcement.check_row,
    }
)


class Role(StrEnum):
    """What a file, or a row, is used for."""

    TRAINING = "training"
    VALIDATION = "validation"
    EVALUATION = "evaluation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a file: tokens an example, bytes a line, bytes in all."""

    example_tokens_max: int = tokens.EXAMPLE_TOKENS_MAX_DEFAULT
    line_bytes_max: int = LINE_BYTES_MAX
    file_bytes_max: int = 512 * 1024 * 1024
    upload_bytes_warn: int = 150_000_000


def limits_for(model: str) -> Limits:
    """The limits of files for a model."""
    return Limits(example_tokens_max=tokens.example_tokens_max(model))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSummary:
    """What the first pass knows about a file.

    Attributes:
        file: its name in findings.
        role: what it is used for.
        rows: lines that are not blank.
        good_rows: rows without an error.
        size_bytes: length of the file.
        sha256: of the bytes, in hexadecimal.
        content_key: of the canonical rows in their order: the same for files that differ in white space,
            escapes or key order.
        row_keys: 8-byte hash of each canonical row (0 for rows that cannot be read).
        row_tokens: tokens of each row (0 for rows with an error).
        roles: how many messages each role has.
        tool_rows: rows with tool definitions.
        images: images in all rows.
    """

    file: str
    role: Role
    rows: int
    good_rows: int
    size_bytes: int
    sha256: str
    content_key: str
    row_keys: array[int]
    row_tokens: array[int]
    roles: Mapping[str, int]
    tool_rows: int
    images: int

    @property
    def tokens(self) -> int:
        """Tokens of all good rows."""
        return sum(self.row_tokens)


def inspect_file(
    chunks: Iterable[bytes],
    *,
    file: str,
    role: Role,
    method: MethodType,
    log: FindingLog,
    limits: Limits,
    seed: int,
) -> FileSummary:
    """Read a file once and check every row.

    Args:
        chunks: the bytes of the file, cut anywhere.
        file: its name, for findings.
        role: what it is used for.
        method: the method that its rows are meant for.
        log: takes the findings.
        limits: bounds of the file.
        seed: of the row keys, by which rows are chosen for a split.

    Returns:
        The summary; the findings do not depend on how the bytes were cut.
    """
    inspection = _Inspection(file=file, method=method, log=log, limits=limits, seed=seed)
    stream = inspection.hashed(chunks)
    head, rest = _take_head(stream)
    if head and (foreign := foreign_file(head[:HEAD_BYTES])) is not None:
        inspection.report(foreign, 1)
        for _ in rest:
            pass
    else:
        for line in split_lines(_chain(head, rest), line_bytes_max=limits.line_bytes_max):
            inspection.take(line)
    return inspection.finish(role)


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

    def __init__(self, *, file: str, method: MethodType, log: FindingLog, limits: Limits, seed: int) -> None:
        self._file, self._method, self._log, self._limits = file, method, log, limits
        self._check = _CHECKS[method]
        self._salt = seed.to_bytes(8, "little", signed=True)
        self._raw, self._content = hashlib.sha256(), hashlib.sha256()
        self._size = self._good = self._tool_rows = self._images = 0
        self._keys, self._tokens = array("Q"), array("I")
        self._roles: Counter[str] = Counter()
        self._is_foreign = False
        self._has_shape = False
        self._fields: frozenset[str] | None = None
        self._texts: list[str] = []
        self._waiting: list[tuple[int, int, int, int]] = []  # (row, line, count of texts, overhead)
        self._chars = 0

    def hashed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass chunks through, with their size and hash."""
        for chunk in chunks:
            self._raw.update(chunk)
            self._size += len(chunk)
            yield chunk

    def report(self, issue: Issue, line: int | None) -> None:
        """Turn a violation in a row into a finding."""
        self._log.add(
            issue.rule,
            issue.message,
            file=self._file,
            line=line,
            path=issue.path,
            excerpt=issue.excerpt,
            remedy=issue.remedy,
        )

    def take(self, line: Line) -> None:
        """Check one line."""
        if line.data is None:
            message = f"{line.size_bytes:,} bytes, at most {self._limits.line_bytes_max:,} are read"
            self._log.add(rules.LINE_TOO_LONG, message, file=self._file, line=line.number)
            self._remember(b"line too long: %d" % line.size_bytes, is_row=False)
        elif is_blank(line.data):
            self._log.add(rules.BLANK_LINE, "the line is blank", file=self._file, line=line.number)
        else:
            parsed = parse_row(line.data)
            if isinstance(parsed, ParsedRow):
                self._remember(parsed.canonical, is_row=True)
                self._take_row(parsed.value, line.number)
            else:
                self._remember(line.data, is_row=False)
                if not self._is_foreign:
                    self.report(Issue(parsed.rule, None, parsed.message, parsed.excerpt), line.number)

    def _remember(self, content: bytes, *, is_row: bool) -> None:
        """Keys and a place for the tokens of a row."""
        self._content.update(content)
        self._content.update(b"\n")
        key = hashlib.blake2b(content, digest_size=8, key=self._salt).digest() if is_row else bytes(8)
        self._keys.append(int.from_bytes(key, "little"))
        self._tokens.append(0)

    def _take_row(self, row: dict[str, Any], line: int) -> None:
        if not self._has_shape:
            self._has_shape = True
            if (foreign := foreign_row(row, self._method)) is not None:
                self._is_foreign = True
                self.report(foreign, line)
        if self._is_foreign:
            return
        issues: list[Issue] = []
        self._check(row, issues)
        if self._method is MethodType.REINFORCEMENT:
            fields = reinforcement.extra_fields(row)
            self._fields = fields if self._fields is None else self._fields
            reinforcement.check_fields(fields, self._fields, issues)
        for issue in issues:
            self.report(issue, line)
        if all(issue.rule.severity is not Severity.ERROR for issue in issues):
            self._accept(row, line)

    def _accept(self, row: dict[str, Any], line: int) -> None:
        """Count a sound row; its texts wait for the next batch."""
        self._good += 1
        head = row["input"] if self._method is MethodType.DPO else row
        self._roles.update(message["role"] for message in head["messages"])
        self._tool_rows += bool(head.get("tools") or head.get("functions"))
        self._images += count_images(head["messages"])
        texts, overhead = tokens.row_texts(row, self._method)
        self._waiting.append((len(self._tokens) - 1, line, len(texts), overhead))
        self._texts += texts
        self._chars += sum(map(len, texts))
        if self._chars >= _BATCH_CHARS or len(self._waiting) >= _BATCH_ROWS:
            self._count_batch()

    def _count_batch(self) -> None:
        """Count the waiting texts and check rule DS070."""
        counts = tokens.count(self._texts) if self._texts else []
        start = 0
        for row, line, length, overhead in self._waiting:
            total = overhead + sum(counts[start : start + length])
            start += length
            self._tokens[row] = total
            if total > self._limits.example_tokens_max:
                message = f"{total:,} tokens, at most {self._limits.example_tokens_max:,} fit"
                self._log.add(rules.EXAMPLE_TOO_LONG, message, file=self._file, line=line)
        self._texts, self._waiting, self._chars = [], [], 0

    def finish(self, role: Role) -> FileSummary:
        """The last batch, the rules of the whole file, and the summary."""
        self._count_batch()
        self._check_file()
        return FileSummary(
            file=self._file,
            role=role,
            rows=len(self._keys),
            good_rows=self._good,
            size_bytes=self._size,
            sha256=self._raw.hexdigest(),
            content_key=self._content.hexdigest(),
            row_keys=self._keys,
            row_tokens=self._tokens,
            roles=MappingProxyType(dict(sorted(self._roles.items()))),
            tool_rows=self._tool_rows,
            images=self._images,
        )

    def _check_file(self) -> None:
        """Rules DS001, DS004, DS005, DS007 and DS072."""
        if not self._keys and not self._is_foreign and self._log_is_silent():
            self._log.add(rules.EMPTY_FILE, "the file has no rows", file=self._file)
        if self._size > self._limits.file_bytes_max:
            self._log.add(rules.FILE_TOO_LARGE, f"{self._size:,} bytes", file=self._file)
        elif self._size > self._limits.upload_bytes_warn:
            self._log.add(rules.FILE_LARGE, f"{self._size:,} bytes", file=self._file)
        keys = [key for key in self._keys if key]
        if repeated := len(keys) - len(set(keys)):
            self._log.add(rules.DUPLICATE_ROWS, f"{repeated} rows repeat an earlier one", file=self._file)
        if self._images:
            self._log.add(rules.IMAGES_NOT_COUNTED, f"{self._images} images are not counted", file=self._file)

    def _log_is_silent(self) -> bool:
        """Whether nothing was said yet that explains why there are no rows."""
        return not any(f.file == self._file and f.severity is Severity.ERROR for f in self._log.findings)
