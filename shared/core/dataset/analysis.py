"""What is computed of many rows at once: keys, tokens, sketches, suspicious texts."""

from __future__ import annotations

import bisect
import itertools
import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from shared.core.dataset import scan, tokens
from shared.core.dataset.content import (
    NOTHING,
    Content,
    Encoded,
    Given,
    Said,
    content_of,
    content_of_sound,
    contents_of_sound,
    encoded_in,
    encoded_in_whole,
    said_in,
)
from shared.core.dataset.options import Depth
from shared.core.dataset.plain import SoundRow, Whole
from shared.core.dataset.rules.sets import LABEL_CHARS_MAX
from shared.core.dataset.rules.texts import TEXT_RULES
from shared.core.dataset.sketch import ROW_END, Sketcher
from shared.core.spec import MethodType

_HEADS_MAX: Final = 2_000
_HEAD_BYTES_MAX: Final = 4_000_000
#: Between the texts of a row; belongs to no word.
_SEPARATOR: Final = b"\x1f"
#: Scripts are told from so many turns.
_SAMPLE_TURNS: Final = 400
#: As JSON, in its shortest spelling, an answer that may be a label has at most so many bytes.
_LABEL_BYTES_MAX: Final = 2 + 6 * LABEL_CHARS_MAX

#: What is asked about a row of a whole block in which something stood out: there are few of them.
_TEXT_CODES: Final = {rule.code for rule in TEXT_RULES}

_decode_text: Final = msgspec.json.Decoder(str).decode


@dataclass(slots=True)
class Head:
    """What rows begin with: system message and tool definitions; computed once for all rows that share it.

    Attributes:
        tokens: of its texts.
        system: the system message as JSON, empty for none.
        suspicious: codes of rules about texts that it probably breaks.
    """

    tokens: int = 0
    system: bytes = b""
    suspicious: frozenset[str] = frozenset()


@dataclass(slots=True)
class Analysed:
    """What is known of a batch, row by row.

    Attributes:
        keys: identity of each row: equal for rows that say the same, however they are written; never 0.
        prompt_keys: identity of what stands before the answer.
        systems: the system message of each row as JSON, empty for none; the same object where rows share it.
        labels: answers that may be labels, by position; None if rows of this kind have none.
        tokens: of each row; empty if they were not counted.
        sketches: 64 bytes a row; empty if there are none.
        suspicious: codes of rules about texts that a row may break, by its position.
        spaced: positions of rows that have texts with white space around them.
        roles: of each row's messages, by first letters.
        tools: how many rows define each function.
        tool_rows: rows with tools.
        images: of each row that has some.
        sample: some texts, of the first rows.
    """

    keys: list[int] = field(default_factory=list)
    prompt_keys: list[int] = field(default_factory=list)
    systems: list[bytes] = field(default_factory=list)
    labels: dict[int, str] | None = None
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
    """Analyses the batches of one file; what rows share is computed once.

    A row is known by its roles, by what stands beside its messages, and by its texts as JSON in its shortest spelling, in which
    most are written: then nothing needs to be decoded for it.
    """

    def __init__(self, method: MethodType, depth: Depth, sketcher: Sketcher, *, samples: bool = True) -> None:
        import xxhash  # noqa: PLC0415  loaded on use

        self._digest = xxhash.xxh3_64_intdigest
        self.samples = samples
        self._method, self._is_full, self._sketcher = method, depth is Depth.FULL, sketcher
        self._has_labels = method is MethodType.SUPERVISED
        self.has_phrases = method is MethodType.REINFORCEMENT
        self._heads: dict[bytes, Head] = {b"": Head()}
        self._head_bytes = 0
        self._seeds: dict[str, int] = {}

    def analyse(
        self,
        rows: Sequence[SoundRow | dict[str, Any]],
        whole: Whole | None = None,
    ) -> Analysed:
        """All that is to be known of some sound rows.

        Args:
            rows: the rows, typed or as they are.
            whole: of the block of these rows, if all of its lines are sound.
        """
        rewritten: Sequence[int]
        suspects: Sequence[int]
        rewritten = suspects = range(len(rows))
        if whole is not None:
            rewritten, suspects = _lines_at(whole.ends, whole.marks.rewritten, whole.marks.needles)
        contents: dict[int, Content] = {}
        if whole is None or not whole.marks.are_usual:
            contents = self._contents_of(rows, whole)
        said = said_in(rows, contents, whole)
        for at in rewritten:
            if isinstance(rows[at], SoundRow):
                said.shorten(at)
        found = self._identify(said)
        heads = self._heads_of(said)
        found.systems = [head.system for head in heads]
        found.suspicious = {at: set(head.suspicious) for at, head in enumerate(heads) if head.suspicious}
        found.spaced = {at for at, content in contents.items() if content.is_spaced}
        found.images = [content.images for content in contents.values() if content.images]
        for at in suspects:
            codes = _TEXT_CODES if whole else self._scan(_joined(contents[at]))
            if codes:
                found.suspicious.setdefault(at, set()).update(codes)
        if self._is_full:
            encoded = (
                encoded_in_whole(rows, whole) if whole and not contents else encoded_in(contents.values())
            )
            found.tokens = [row + head.tokens for row, head in zip(_counted(encoded), heads, strict=True)]
            found.sketches = self._sketcher.rows(*_texts_of(said))
        if self.samples:
            found.sample = self._sample(rows)
            self.samples = False
        return found

    def _contents_of(
        self, rows: Sequence[SoundRow | dict[str, Any]], whole: Whole | None
    ) -> dict[int, Content]:
        if whole is not None:
            return contents_of_sound(rows, whole)
        return {at: self._content_of(row) for at, row in enumerate(rows)}

    def _content_of(self, row: SoundRow | dict[str, Any]) -> Content:
        return content_of_sound(row) if isinstance(row, SoundRow) else content_of(row, self._method)

    def _identify(self, said: Said) -> Analysed:
        """Keys, labels, roles and tools of rows."""
        seeds = [self._seeds.get(roles) or self._seed(roles) for roles in said.roles]
        for at, given in said.given.items():
            seeds[at] = self._digest(given.text.encode(), seeds[at])
        asked = list(map(self._digest, said.prompts, seeds))
        keys = map(self._digest, said.answers, asked)
        tools = [given.tools for given in said.given.values() if given.tools]
        return Analysed(
            keys=[key or 1 for key in keys],
            prompt_keys=[key or 1 for key in asked],
            labels=_labels(said.answers) if self._has_labels else None,
            roles=said.roles,
            tools=Counter(itertools.chain.from_iterable(tools)),
            tool_rows=len(tools),
        )

    def _heads_of(self, said: Said) -> list[Head]:
        keys = list(said.systems)
        for at, given in said.given.items():
            keys[at] += given.text.encode()
        known = self._heads.get
        return [
            known(key) or self._head_of(key, said.systems[at], said.given.get(at, NOTHING))
            for at, key in enumerate(keys)
        ]

    def _sample(self, rows: Sequence[SoundRow | dict[str, Any]]) -> list[str]:
        """Some turns of the first rows."""
        turns = (turn for row in rows for turn in self._content_of(row).turns)
        return list(itertools.islice(turns, _SAMPLE_TURNS))

    def _seed(self, roles: str) -> int:
        """Hash of the order of roles, of which there are few."""
        if len(self._seeds) > _HEADS_MAX:
            self._seeds.clear()
        seed: int = self._digest(roles.encode())
        self._seeds[roles] = seed
        return seed

    def _head_of(self, key: bytes, system: bytes, given: Given) -> Head:
        text = _decode_text(system) if system else ""
        texts = (text, *given.texts) if text else given.texts
        head = Head(
            tokens=sum(tokens.count(texts)) if self._is_full and texts else 0,
            system=system,
            suspicious=frozenset(self._scan((text + given.text).encode())),
        )
        if len(self._heads) < _HEADS_MAX and self._head_bytes < _HEAD_BYTES_MAX:
            self._heads[key] = head
            self._head_bytes += len(key)
        return head

    def _scan(self, text: bytes) -> set[str]:
        """Codes of the rules about texts that are probably broken."""
        return {rule.code for rule in scan.broken_rules(text, has_phrases=self.has_phrases)}


def _joined(content: Content) -> bytes:
    """The turns of a row."""
    return _SEPARATOR.join([turn.encode() for turn in content.turns])


def _labels(answers: Sequence[bytes]) -> dict[int, str]:
    """The answers that may be labels, by position; most are longer."""
    short = {at: _decode_text(answer) for at, answer in enumerate(answers) if len(answer) <= _LABEL_BYTES_MAX}
    return {at: text for at, text in short.items() if len(text) <= LABEL_CHARS_MAX}


def _lines_at(ends: Sequence[int], *offsets: Sequence[int]) -> list[list[int]]:
    """Which lines offsets are in, ascending, each once, for each list of offsets."""
    return [list(dict.fromkeys(bisect.bisect_left(ends, offset) for offset in some)) for some in offsets]


def _texts_of(said: Said) -> tuple[bytes, list[int]]:
    """For sketches: all texts but the system messages at the beginning, and where each row ends."""
    systems = [len(system) + 1 if system else 0 for system in said.systems]
    asked = [
        memoryview(prompt)[size:] if size else prompt
        for prompt, size in zip(said.prompts, systems, strict=True)
    ]
    gaps = [ROW_END] * len(asked)
    sizes = map(operator.add, map(len, asked), map(len, said.answers))
    ends = list(itertools.accumulate([size + len(ROW_END) for size in sizes]))
    return b"".join(itertools.chain.from_iterable(zip(asked, said.answers, gaps, strict=True))), ends


def _counted(encoded: Encoded) -> list[int]:
    """Tokens of rows, without what their heads have."""
    ends = list(itertools.accumulate(tokens.count(encoded.texts), initial=0))
    totals: list[int] = []
    start = 0
    for length, overhead in encoded.frames:
        totals.append(overhead + ends[start + length] - ends[start])
        start += length
    return totals
