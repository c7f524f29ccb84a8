"""What is computed for all rows of a block at once: keys, tokens, signatures, candidates for the rules about texts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
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

    keys: list[int]
    prompt_keys: list[int]
    loose_keys: list[int]
    preambles: list[Preamble]
    labels: dict[int, str] | None
    tokens: list[int]
    signatures: bytes
    candidates: dict[int, set[Rule]]
    spaced: list[int]
    roles: Counter[str]
    images: list[int]


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
        self._prefilter = Prefilter({rule: rule.needles for rule in text_rules})
        self._preambles: Memo[tuple[str, bytes], Preamble] = Memo()
        self._seeds: Memo[str, int] = Memo()
        self.sample: list[str] | None = None

    def analyse(self, rows: Sequence[Row]) -> BlockFacts:
        """All facts about some rows without errors; there must be at least one row."""
        texts = [texts_of_row(row, self._form) for row in rows]
        preambles = [self._preambles.get((t.system, t.beside)) or self._preamble_of(t) for t in texts]
        keys = [RowKeys.of(t, p, self._seed_of(t.roles)) for t, p in zip(texts, preambles, strict=True)]
        if self.sample is None:
            self.sample = list(itertools.islice((turn for t in texts for turn in t.turns), _SAMPLE_TURNS))
        written = [key.texts for key in keys]
        ends, joined = list(itertools.accumulate(map(len, written))), b"".join(written)
        candidates = self._prefilter.candidates_by_row(joined, ends)
        for at, preamble in enumerate(preambles):
            if preamble.candidates:
                candidates.setdefault(at, set()).update(preamble.candidates)
        return BlockFacts(
            keys=[key.row for key in keys],
            prompt_keys=[key.prompt for key in keys],
            loose_keys=[loose_question(t, p.loose) for t, p in zip(texts, preambles, strict=True)]
            if self._is_exam
            else [],
            preambles=preambles,
            labels={at: t.turns[-1] for at, t in enumerate(texts) if len(t.turns[-1]) <= LABEL_CHARS_MAX}
            if self._has_labels
            else None,
            tokens=_tokens_of(texts, preambles),
            signatures=self._hasher.signatures(joined, ends),
            candidates=candidates,
            spaced=[at for at, t in enumerate(texts) if t.is_spaced],
            roles=Counter("".join([t.roles for t in texts])),
            images=[t.images for t in texts if t.images],
        )

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


def _tokens_of(texts: Sequence[RowTexts], preambles: Sequence[Preamble]) -> list[int]:
    """The tokens of each row."""
    counts = iter(tokens.count([text for t in texts for text in t.counted]))
    return [
        t.overhead + p.tokens + sum(itertools.islice(counts, len(t.counted)))
        for t, p in zip(texts, preambles, strict=True)
    ]


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
