"""What is computed for all rows of a block at once: keys, tokens, signatures, candidates for the rules about texts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
from xxhash import xxh3_64_intdigest

from shared.core.dataset.format import Row, RowFormat
from shared.core.dataset.memo import Memo
from shared.core.dataset.rows import tokens
from shared.core.dataset.rows.loosely import loose_question, loosely
from shared.core.dataset.rows.minhash import ROW_END, MinHasher
from shared.core.dataset.rows.prefilter import Prefilter
from shared.core.dataset.rows.texts import Beside, RowTexts, texts_of_row
from shared.core.dataset.rulebook import Rule
from shared.core.dataset.rules.sets import LABEL_CHARS_MAX

#: Scripts are found in so many turns.
_SAMPLE_TURNS: Final = 400

_encode: Final = msgspec.json.Encoder().encode


class Preamble(NamedTuple):
    """What rows begin with, system message and what stands beside the messages: computed once for all rows that share it.

    Attributes:
        system: the system message as JSON; empty for none.
        beside: what stands beside the messages, however it is ordered; empty for nothing.
        tools: names of the functions that are defined.
        tokens: of its texts.
        candidates: rules about texts that may find something in it.
        loose: the system message, loosely; empty if nobody needs it.
    """

    system: bytes
    beside: bytes
    tools: tuple[str, ...]
    tokens: int
    candidates: frozenset[Rule]
    loose: str = ""


class RowKeys(NamedTuple):
    """What identifies a row: equal for rows that say the same, however they are written; never 0.

    Attributes:
        row: of all that it says.
        prompt: of what stands before the answer.
        texts: all that it says but its preamble, as JSON, which has one spelling for each text; ends with `ROW_END`.
    """

    row: int
    prompt: int
    texts: bytes

    @classmethod
    def of(cls, texts: RowTexts, preamble: Preamble, seed: int) -> RowKeys:
        """The keys of a row; the seed stands for its roles."""
        if preamble.beside:
            seed = xxh3_64_intdigest(preamble.beside, seed)
        answer = _encode(texts.turns[-1])
        asked = prompt = _encode(texts.turns[:-1])[1:-1]
        if preamble.system:
            prompt = preamble.system + b"," + asked if asked else preamble.system
        prompt_key = xxh3_64_intdigest(prompt, seed)
        return cls(xxh3_64_intdigest(answer, prompt_key) or 1, prompt_key or 1, asked + answer + ROW_END)


class TokenInput:
    """The texts of rows that are encoded to tokens, without those of their preambles."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._frames: list[tuple[int, int]] = []

    def add(self, texts: list[str], tokens_besides: int) -> None:
        """Take the texts of a row, and the tokens that are added to theirs."""
        self._texts += texts
        self._frames.append((len(texts), tokens_besides))

    def tokens(self) -> list[int]:
        """The tokens of each row."""
        counts = iter(tokens.count(self._texts))
        return [besides + sum(itertools.islice(counts, length)) for length, besides in self._frames]


@dataclass(slots=True)
class BlockFacts:
    """What is known about the rows of a block, row by row.

    Attributes:
        keys: identity of each row.
        prompt_keys: identity of what stands before the answer.
        loose_keys: identity of what each row asks, however it is spelled; empty if nobody needs it.
        preambles: what each row begins with.
        labels: answers that may be labels, by position; None if rows of this method have none.
        tokens: of each row.
        signatures: `minhash.VALUES` bytes for each row.
        candidates: rules about texts that may find something in a row, by its position.
        spaced: positions of rows that have texts with white space around them.
        roles: how many messages each role has, by first letters.
        images: of each row that has some.
    """

    keys: list[int] = field(default_factory=list)
    prompt_keys: list[int] = field(default_factory=list)
    loose_keys: list[int] = field(default_factory=list)
    preambles: list[Preamble] = field(default_factory=list)
    labels: dict[int, str] | None = None
    tokens: list[int] = field(default_factory=list)
    signatures: bytes = b""
    candidates: dict[int, set[Rule]] = field(default_factory=dict)
    spaced: list[int] = field(default_factory=list)
    roles: Counter[str] = field(default_factory=Counter)
    images: list[int] = field(default_factory=list)

    def add(self, at: int, keys: RowKeys, texts: RowTexts, preamble: Preamble) -> None:
        """Take over what is known about one row."""
        self.keys.append(keys.row)
        self.prompt_keys.append(keys.prompt)
        self.preambles.append(preamble)
        if texts.is_spaced:
            self.spaced.append(at)
        if texts.images:
            self.images.append(texts.images)
        if self.labels is not None and len(texts.turns[-1]) <= LABEL_CHARS_MAX:
            self.labels[at] = texts.turns[-1]


class BlockAnalyst:
    """Analyses the blocks of one file; what rows share is computed once.

    Args:
        form: how the rows look.
        text_rules: the rules about texts that are on.
        hasher: shared by the files of a dataset, so that their signatures can be compared.
        has_labels: whether short answers may be labels.
        is_exam: whether its rows are compared with those of an exam, or are that exam.
    """

    def __init__(
        self,
        form: RowFormat,
        text_rules: Sequence[Rule],
        hasher: MinHasher,
        *,
        has_labels: bool,
        is_exam: bool = False,
    ) -> None:
        self._form, self._hasher, self._has_labels, self._is_exam = form, hasher, has_labels, is_exam
        self._prefilter = Prefilter(text_rules)
        self._preambles: Memo[tuple[str, bytes], Preamble] = Memo()
        self._seeds: Memo[str, int] = Memo()
        self.sample: list[str] | None = None

    def analyse(self, rows: Sequence[Row]) -> BlockFacts:
        """All facts about some rows without errors; there must be at least one row."""
        facts = BlockFacts(labels={} if self._has_labels else None)
        encoded = TokenInput()
        written: list[bytes] = []
        roles: list[str] = []
        for at, row in enumerate(rows):
            texts = texts_of_row(row, self._form)
            preamble = self._preambles.get((texts.system, texts.beside)) or self._preamble_of(texts)
            keys = RowKeys.of(texts, preamble, self._seed_of(texts.roles))
            encoded.add(texts.counted, texts.overhead + preamble.tokens)
            written.append(keys.texts)
            roles.append(texts.roles)
            facts.add(at, keys, texts, preamble)
            if self._is_exam:
                facts.loose_keys.append(loose_question(texts, preamble.loose))
        if self.sample is None:
            turns = (turn for row in rows for turn in texts_of_row(row, self._form).turns)
            self.sample = list(itertools.islice(turns, _SAMPLE_TURNS))
        facts.roles.update("".join(roles))
        facts.tokens = encoded.tokens()
        ends = list(itertools.accumulate(map(len, written)))
        joined = b"".join(written)
        facts.signatures = self._hasher.signatures(joined, ends)
        facts.candidates = self._prefilter.candidates_by_row(joined, ends)
        for at, preamble in enumerate(facts.preambles):
            if preamble.candidates:
                facts.candidates.setdefault(at, set()).update(preamble.candidates)
        return facts

    def _seed_of(self, roles: str) -> int:
        """A hash of the order of roles, of which there are few."""
        seed = self._seeds.get(roles)
        return (
            self._seeds.keep(roles, xxh3_64_intdigest(roles.encode()), len(roles)) if seed is None else seed
        )

    def _preamble_of(self, texts: RowTexts) -> Preamble:
        beside = Beside.of(texts.beside)
        counted = [texts.system, *beside.counted] if texts.system else beside.counted
        text = (texts.system + beside.text).encode()
        preamble = Preamble(
            system=_encode(texts.system) if texts.system else b"",
            beside=beside.text.encode(),
            tools=beside.tools,
            tokens=sum(tokens.count(counted)),
            candidates=self._prefilter.candidates(text) if text else frozenset(),
            loose=loosely(texts.system) if self._is_exam else "",
        )
        return self._preambles.keep(
            (texts.system, texts.beside), preamble, len(texts.system) + len(texts.beside)
        )


def key_of(row: Row, form: RowFormat) -> int:
    """The key of one row without errors, as `BlockAnalyst` gives it."""
    texts = texts_of_row(row, form)
    preamble = Preamble(
        system=_encode(texts.system) if texts.system else b"",
        beside=Beside.of(texts.beside).text.encode(),
        tools=(),
        tokens=0,
        candidates=frozenset(),
    )
    return RowKeys.of(texts, preamble, xxh3_64_intdigest(texts.roles.encode())).row
