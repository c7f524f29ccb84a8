"""What is known about a file after it was read once, in memory that grows by some 90 bytes per row; and how it is divided."""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from shared.core.dataset.findings import Finding
from shared.core.dataset.options import Role
from shared.core.dataset.repair import Change

_ROOM_ROWS: Final = 32_768
#: Bytes of a signature.
SIGNATURE_BYTES: Final = 64


class RowState(IntEnum):
    """What becomes of a row."""

    GOOD = 0
    BAD = 1
    REPAIRED = 2
    QUARANTINED = 3
    DROPPED = 4  # an exact duplicate that was left out


@dataclass(slots=True, kw_only=True)
class FileSummary:
    """One file.

    Attributes:
        file: its name in findings.
        role: what it is used for.
        is_exam: whether it is an exam, or its rows are compared with those of one.
        size_bytes: length of the file.
        sha256: of the bytes, in hexadecimal.
        states: what becomes of each row, a `RowState` each; rows are lines that are not blank.
        lines: where each row stands.
        keys: identity of each row (0 for rows with an error): equal for rows that say the same.
        prompt_keys: identity of what stands before the answer.
        loose_keys: identity of what is asked, however it is spelled; empty unless `is_exam`.
        tokens: of each row (0 for rows with an error).
        signatures: of each row, for near duplicates, `SIGNATURE_BYTES` each; zeros for rows with an error.  In pieces of
            `_ROOM_ROWS` rows: one array that grows is copied, and leaves a hole of its size in memory.
        systems: number of each row's system message, 0 for none.
        labels: number of each row's answer among the short ones, 0 for others.
        label_names: the short answers, by number less one; empty if there are too many to be labels.
        roles: how many messages each role has.
        tools: how many rows define each function.
        tool_rows: rows with tools.
        images: images in all rows.
        image_examples: rows with images.
        scripts: share of letters by script, in a sample of the rows.
        field_values: how many different values the grader's slots have; counted up to 2.
        changes: the first repairs.
        change_count: how many repairs there were.
        quarantine: why rows are in quarantine, by row.
        guessed_to: the last line whose unknown keys were compared with known ones; None if all were.
        has_more_rows: whether the file has more rows than are looked at.
        is_foreign: whether it is something else than a file of rows, so that lines are no examples.
    """

    file: str
    role: Role
    is_exam: bool = False
    size_bytes: int = 0
    sha256: str = ""
    states: bytearray = field(default_factory=bytearray)
    lines: array[int] = field(default_factory=lambda: array("I"))
    keys: array[int] = field(default_factory=lambda: array("Q"))
    prompt_keys: array[int] = field(default_factory=lambda: array("Q"))
    loose_keys: array[int] = field(default_factory=lambda: array("Q"))
    tokens: array[int] = field(default_factory=lambda: array("I"))
    signatures: list[bytearray] = field(default_factory=list)
    systems: array[int] = field(default_factory=lambda: array("H"))
    labels: array[int] = field(default_factory=lambda: array("H"))
    label_names: tuple[str, ...] = ()
    roles: Mapping[str, int] = field(default_factory=dict)
    tools: Mapping[str, int] = field(default_factory=dict)
    tool_rows: int = 0
    images: int = 0
    image_examples: int = 0
    scripts: Mapping[str, float] = field(default_factory=dict)
    field_values: Mapping[str, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    change_count: int = 0
    quarantine: dict[int, tuple[Finding, ...]] = field(default_factory=dict)
    guessed_to: int | None = None
    has_more_rows: bool = False
    is_foreign: bool = False

    def make_room(self) -> None:
        """Make the columns long enough for the last row and some more; growth in small steps would leave holes in memory."""
        if len(self.keys) < self.rows:
            self._resize(-(-self.rows // _ROOM_ROWS) * _ROOM_ROWS)

    def fit(self) -> None:
        """Cut the columns to the number of rows."""
        self._resize(self.rows)

    def _resize(self, rows: int) -> None:
        columns = (self.keys, self.prompt_keys, self.tokens, self.systems, self.labels)
        for column in (*columns, self.loose_keys) if self.is_exam else columns:
            column.frombytes(bytes(max(0, rows - len(column)) * column.itemsize))
            del column[rows:]
        while len(self.signatures) * _ROOM_ROWS < rows:
            self.signatures.append(bytearray(_ROOM_ROWS * SIGNATURE_BYTES))
        if self.signatures:
            del self.signatures[-1][(rows - (len(self.signatures) - 1) * _ROOM_ROWS) * SIGNATURE_BYTES :]

    def put_signatures(self, rows: Sequence[int], signatures: bytes) -> None:
        """The signatures of rows into their places."""
        for position, row in enumerate(rows):
            begin = position * SIGNATURE_BYTES
            self._put_signature(row, signatures[begin : begin + SIGNATURE_BYTES])

    def _put_signature(self, row: int, signature: bytes) -> None:
        piece, place = divmod(row, _ROOM_ROWS)
        self.signatures[piece][place * SIGNATURE_BYTES : (place + 1) * SIGNATURE_BYTES] = signature

    def forget(self, row: int) -> None:
        """A row is not used after all: nothing of it counts."""
        self.keys[row] = self.prompt_keys[row] = self.tokens[row] = self.systems[row] = self.labels[row] = 0
        if self.is_exam:
            self.loose_keys[row] = 0
        self._put_signature(row, bytes(SIGNATURE_BYTES))

    @property
    def rows(self) -> int:
        """Lines that are not blank."""
        return len(self.states)

    @property
    def used_rows(self) -> int:
        """Rows that are good or were repaired."""
        return self.states.count(RowState.GOOD) + self.states.count(RowState.REPAIRED)

    def used(self) -> bytes:
        """For each row 1 if it is good or was repaired, else 0."""
        return bytes(self.states.translate(_USED))

    @property
    def used_tokens(self) -> int:
        """Tokens of the rows that are used."""
        return sum(itertools.compress(self.tokens, self.used()))

    @property
    def content_key(self) -> str:
        """Identity of the rows that are used, in their order: the same however the rows are written."""
        return hashlib.sha256(array("Q", itertools.compress(self.keys, self.used()))).hexdigest()


_USED: Final = bytes(state in {RowState.GOOD, RowState.REPAIRED} for state in range(256))


def put(column: array[int], rows: Sequence[int], values: Sequence[int]) -> None:
    """Values of rows into their places."""
    for row, value in zip(rows, values, strict=False):
        column[row] = value


def is_used(state: int) -> bool:
    """Whether a row is trained, validated or judged on."""
    return state in {RowState.GOOD, RowState.REPAIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """How the rows of a training file are divided.

    Attributes:
        assignment: of each row, a byte each; see `role_of`.
        counts: rows of each part.
        tokens: tokens of each part.
        strata: how many rows of each stratum each part has; strata are labels, or quarters by length.
    """

    assignment: bytes
    counts: dict[Role, int]
    tokens: dict[Role, int]
    strata: dict[str, dict[Role, int]]

    def role_of(self, row: int) -> Role | None:
        """Where a row goes; None if it is used nowhere.

        Raises:
            IndexError: the file has more rows than the one that the plan was made for.
        """
        number = self.assignment[row]
        return None if number == UNUSED else PARTS[number]


class HeldOutRow(NamedTuple):
    """A row that models are asked.

    Attributes:
        line: where it stands in its file.
        key: its identity, as in `FileSummary`.
        group: rows that are equal, nearly equal or ask the same have one number; numbered from 0 by the first row.
        is_trained_on: whether a row of its group, or one that belongs to it, is trained on.
    """

    line: int
    key: int
    group: int
    is_trained_on: bool


#: The parts of a training file, by their number in `SplitPlan.assignment`.
PARTS: Final = (Role.TRAINING, Role.VALIDATION, Role.EVALUATION)
UNUSED: Final = 255
