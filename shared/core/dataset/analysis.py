"""What is computed of many rows at once: keys, tokens, sketches, suspicious texts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.core.dataset import scan, tokens
from shared.core.dataset.content import Content, content_of, content_of_sound
from shared.core.dataset.options import Depth
from shared.core.dataset.plain import SoundRow
from shared.core.dataset.rules.sets import LABEL_CHARS_MAX
from shared.core.dataset.sketch import Sketcher
from shared.core.pipeline_types import MethodType

_HEADS_MAX: Final = 2_000
_HEAD_CHARS_MAX: Final = 4_000_000
#: After each row, so that the words at the end of one are not read together with the next.
_GAP: Final = b"\0" * 8
#: Between the texts of a row; belongs to no word.
_SEPARATOR: Final = b"\x1f"


@dataclass(slots=True)
class Head:
    """What rows begin with: system message and tool definitions; computed once for all rows that share it.

    Attributes:
        seed: hash of the text.
        tokens: of its texts.
        system: the system message, empty for none.
        suspicious: codes of rules about texts that it probably breaks.
    """

    seed: int
    tokens: int
    system: str
    suspicious: frozenset[str]


@dataclass(slots=True)
class Analysed:
    """What is known of a batch, row by row.

    Attributes:
        keys: identity of each row: equal for rows that say the same, however they are written; never 0.
        prompt_keys: identity of what stands before the answer.
        systems: the system message of each row, empty for none; the same object where rows share it.
        labels: the answer of each row, None if it is too long for a label (supervised only).
        tokens: of each row; empty if they were not counted.
        sketches: 64 bytes a row; empty if there are none.
        suspicious: codes of rules about texts that a row probably breaks, by its position.
        spaced: positions of rows that have texts with white space around them.
        roles: of each row's messages, by first letters.
        tools: how many rows define each function.
        tool_rows: rows with tools.
        images: of each row that has some.
        sample: some texts, of the first rows.
    """

    keys: list[int] = field(default_factory=list)
    prompt_keys: list[int] = field(default_factory=list)
    systems: list[str] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    sketches: bytes = b""
    suspicious: dict[int, set[str]] = field(default_factory=dict)
    spaced: set[int] = field(default_factory=set)
    roles: list[str] = field(default_factory=list)
    tools: Counter[str] = field(default_factory=Counter)
    tool_rows: int = 0
    images: list[int] = field(default_factory=list)
    sample: list[str] = field(default_factory=list)


class Analyst:
    """Analyses the batches of one file; what rows share is computed once."""

    def __init__(self, method: MethodType, depth: Depth, sketcher: Sketcher, *, samples: bool = True) -> None:
        self._samples = samples
        self._method, self._depth, self._sketcher = method, depth, sketcher
        self.has_phrases = method is MethodType.REINFORCEMENT
        self._heads: dict[str, Head] = {}
        self._head_chars = 0
        self._seeds: dict[tuple[int, str], int] = {}

    def analyse(
        self,
        rows: Sequence[SoundRow | dict[str, Any]],
        lines: bytes | None = None,
        *,
        may_be_spaced: bool = True,
    ) -> Analysed:
        """All that is to be known of some sound rows.

        Args:
            rows: the rows, typed or as they are.
            lines: the lines on which exactly these rows stand, if there are such.
            may_be_spaced: whether white space may surround a text of a typed row without tools.
        """
        found = Analysed()
        texts: list[str] = []
        frames: list[tuple[int, int]] = []  # texts and further tokens of each row
        turns: list[list[bytes]] = []
        for position, row in enumerate(rows):
            content = self._content_of(row, may_be_spaced=may_be_spaced)
            head = self._heads.get(content.head) or self._head_of(content)
            turns.append(self._identify(content, head, found))
            if self._depth is Depth.FULL:
                texts += content.texts
                frames.append((len(content.texts), content.overhead + head.tokens))
            if content.is_spaced:
                found.spaced.add(position)
            if head.suspicious:
                found.suspicious[position] = set(head.suspicious)
            if content.tools or content.images:
                _count(content, found)
        for position in range(len(turns)) if lines is None else self._suspects(lines):
            if codes := {code for _, code in self._scan(_SEPARATOR.join(turns[position]))}:
                found.suspicious.setdefault(position, set()).update(codes)
        if self._depth is Depth.FULL:
            found.sketches = self._sketch(turns)
            found.tokens = _sums(tokens.count(texts), frames)
        if self._samples:
            found.sample = [turn.decode() for of_row in turns for turn in of_row][:400]
            self._samples = False
        return found

    def _content_of(self, row: SoundRow | dict[str, Any], *, may_be_spaced: bool) -> Content:
        if isinstance(row, SoundRow):
            return content_of_sound(row, may_be_spaced=may_be_spaced)
        return content_of(row, self._method)

    def _identify(self, content: Content, head: Head, found: Analysed) -> list[bytes]:
        """Take what tells a row from others; its turns as UTF-8."""
        import xxhash  # noqa: PLC0415  loaded on use

        turns = [turn.encode() for turn in content.turns]
        asked = self._seed(head.seed, content.roles)
        for turn in turns[:-1]:
            asked = xxhash.xxh3_64_intdigest(turn, asked)
        found.prompt_keys.append(asked or 1)
        found.keys.append(xxhash.xxh3_64_intdigest(turns[-1], asked) or 1)
        found.systems.append(head.system)
        found.roles.append(content.roles)
        if self._method is MethodType.SUPERVISED:
            answer = content.turns[-1]
            found.labels.append(answer if len(answer) <= LABEL_CHARS_MAX else None)
        return turns

    def _suspects(self, lines: bytes) -> list[int]:
        """Positions of the lines in which something stands that a rule about texts may mind."""
        found: list[int] = []
        line = start = 0
        for end in scan.suspicious(lines, has_phrases=self.has_phrases):
            line += lines.count(b"\n", start, end)
            start = max(start, end)
            if not found or found[-1] != line:
                found.append(line)
        return found

    def _sketch(self, turns: Sequence[Sequence[bytes]]) -> bytes:
        rows = [_SEPARATOR.join(of_row) + _GAP for of_row in turns]
        ends = list(itertools.accumulate(map(len, rows)))
        return self._sketcher.rows(b"".join(rows), [0, *ends[:-1]], ends)

    def _seed(self, head: int, roles: str) -> int:
        """Hash of a head and the order of roles, of which there are few."""
        known = self._seeds.get((head, roles))
        if known is None:
            import xxhash  # noqa: PLC0415

            if len(self._seeds) > _HEADS_MAX:
                self._seeds.clear()
            known = self._seeds[head, roles] = xxhash.xxh3_64_intdigest(roles.encode(), head)
        return known

    def _head_of(self, content: Content) -> Head:
        import xxhash  # noqa: PLC0415

        raw = content.head.encode()
        is_counted = self._depth is Depth.FULL and content.head_texts
        head = Head(
            seed=xxhash.xxh3_64_intdigest(raw),
            tokens=sum(tokens.count(content.head_texts)) if is_counted else 0,
            system=content.system,
            suspicious=frozenset(code for _, code in self._scan(raw)),
        )
        if len(self._heads) < _HEADS_MAX and self._head_chars < _HEAD_CHARS_MAX:
            self._heads[content.head] = head
            self._head_chars += len(content.head)
        return head

    def _scan(self, text: bytes) -> Iterator[tuple[int, str]]:
        """Offset and code of each rule about texts that is probably broken."""
        offsets = scan.suspicious(text, has_phrases=self.has_phrases)
        for offset, rule in scan.broken_rules(text, offsets, has_phrases=self.has_phrases):
            yield offset, rule.code


def _count(content: Content, found: Analysed) -> None:
    """Tools and images of a row."""
    found.tools.update(content.tools)
    found.tool_rows += bool(content.tools)
    if content.images:
        found.images.append(content.images)


def _sums(counts: Sequence[int], frames: Sequence[tuple[int, int]]) -> list[int]:
    """Tokens of rows: of so many texts each, and of what frames them."""
    totals: list[int] = []
    start = 0
    for length, overhead in frames:
        end = start + length
        totals.append(overhead + sum(counts[start:end]))
        start = end
    return totals
