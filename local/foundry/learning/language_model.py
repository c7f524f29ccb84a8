"""A small language model that is really fitted, so that losses and accuracies mean something.

It is a log-bilinear model (Mnih and Hinton 2007): the embeddings of the two words before a word predict it, by a softmax over the
words of the training answers.  Adagrad trains it on one batch of rows after the other, and it is measured on the validation rows.
It overfits like any other model.
"""

from __future__ import annotations

import base64
import copy
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_WORD: Final = re.compile(r"\w+|[^\w\s]")
_VOCABULARY_MAX: Final = 1200
_DIMENSIONS: Final = 24
WORDS_A_STEP: Final = 96
_VALIDATION_ROWS_A_STEP: Final = 4
_WORDS_AT_ONCE: Final = 1024  # limits the probabilities in memory to 5 MB
LOG_EVERY: Final = 10
_RATE: Final = 0.15
_TINY: Final = 1e-9
_UNKNOWN, _START = 0, 1

Ints = NDArray[np.uint16]  # numbers of words: the vocabulary is smaller than 65,536
Floats = NDArray[np.float32]


def words(text: str) -> list[str]:
    """Lower-case words and marks."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True, slots=True)
class Measure:
    """The mean loss, in nats per word, and the share of words that were predicted right."""

    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the optimiser, and what was measured."""

    number: int
    epoch: int
    train: Measure
    valid: Measure | None
    full_valid: Measure | None
    """Of all validation rows, at the end of an epoch."""
    ends_epoch: bool
    more: dict[str, float] = field(default_factory=dict)
    """What a method measures in addition, by the name of its column."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Words to predict, (n,), and the two words before each, (2, n)."""

    context: Ints
    targets: Ints

    def part(self, start: int, end: int) -> Examples:
        """Some of the words."""
        return Examples(self.context[:, start:end], self.targets[start:end])

    def parts(self) -> Iterator[tuple[slice, Examples]]:
        """All words in parts that are small enough for memory, each with its place."""
        for start in range(0, len(self.targets), _WORDS_AT_ONCE):
            end = min(start + _WORDS_AT_ONCE, len(self.targets))
            yield slice(start, end), self.part(start, end)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model predicts for words: the log-probability of each, (n,), and whether it is the likeliest there, (n,)."""

    logs: Floats
    hits: NDArray[np.bool_]

    @property
    def measure(self) -> Measure:
        """Loss and accuracy."""
        if not len(self.logs):
            return Measure(0.0, 0.0)
        return Measure(-float(self.logs.mean(dtype=np.float64)), float(self.hits.mean()))

    def note(self, where: slice, probabilities: Floats, targets: Ints) -> None:
        """Fill in a part of the words.

        Args:
            where: the place of the part.
            probabilities: of the whole vocabulary at each word, (part, vocabulary).
            targets: the words, (part,).
        """
        self.logs[where] = np.log(probabilities[np.arange(len(targets)), targets] + _TINY)
        self.hits[where] = probabilities.argmax(axis=1) == targets


def _nothing_seen(count: int) -> Seen:
    return Seen(np.empty(count, np.float32), np.empty(count, np.bool_))


def joined(parts: Sequence[Examples]) -> Examples:
    """The examples of several texts; at least one."""
    context = np.concatenate([part.context for part in parts], axis=1)
    return Examples(context, np.concatenate([part.targets for part in parts]))


class LanguageModel:
    """The vocabulary and the parameters."""

    def __init__(self, texts: Iterable[str], seed: int) -> None:
        counts = Counter(word for text in texts for word in words(text))
        common = [word for word, _ in counts.most_common(_VOCABULARY_MAX)]
        self._ids = {word: number + 2 for number, word in enumerate(common)}
        size = len(common) + 2
        generator = np.random.default_rng(seed)
        shape = (size, _DIMENSIONS)
        self._before = generator.normal(0, 0.1, (2, *shape)).astype(np.float32)
        self._after = generator.normal(0, 0.1, shape).astype(np.float32)
        self._bias = np.zeros(size, np.float32)
        self._sums = [np.full_like(part, 1e-6) for part in (self._before, self._after, self._bias)]

    def encode(self, text: str, words_max: int | None = None) -> Examples:
        """The first words of a text, each with the two words before it; two marks of the start stand before the first one."""
        known = [self._ids.get(word, _UNKNOWN) for word in words(text)[:words_max]]
        ids = np.array([_START, _START, *known], dtype=np.uint16)
        return Examples(np.stack([ids[1:-1], ids[:-2]]), ids[2:])

    def _forward(self, context: Ints) -> tuple[Floats, Floats]:
        """The probabilities of the vocabulary at each word, and the sum of embeddings that they come from."""
        hidden = self._before[0, context[0]] + self._before[1, context[1]]
        logits = hidden @ self._after.T
        logits += self._bias
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits, hidden

    def measure(self, examples: Examples) -> Measure:
        """Loss and accuracy, without learning."""
        return self.look(examples).measure

    def learn(self, examples: Examples, rate: float) -> Measure:
        """One step on a batch; the measure is from before the step."""
        count = len(examples.targets)
        if not count:
            return Measure(0.0, 0.0)
        return self.push(examples, np.full(count, 1 / count, np.float32), rate).measure

    def look(self, examples: Examples) -> Seen:
        """What the model predicts for each word."""
        seen = _nothing_seen(len(examples.targets))
        for where, part in examples.parts():
            probabilities, _ = self._forward(part.context)
            seen.note(where, probabilities, part.targets)
        return seen

    def push(self, examples: Examples, weights: Floats, rate: float) -> Seen:
        """One step that makes each word likelier by its weight; less likely if the weight is negative.

        Args:
            examples: the words.
            weights: one for each word, (n,).
            rate: of the step.

        Returns:
            What the model predicted before the step.
        """
        seen = _nothing_seen(len(examples.targets))
        slopes = tuple(np.zeros_like(part) for part in self._parts)
        for where, part in examples.parts():
            error, hidden = self._forward(part.context)
            seen.note(where, error, part.targets)
            error[np.arange(len(part.targets)), part.targets] -= 1
            error *= weights[where, None]
            back = error @ self._after
            for slot in range(2):
                np.add.at(slopes[0][slot], part.context[slot], back)
            slopes[1][...] += error.T @ hidden
            slopes[2][...] += error.sum(axis=0)
        self._descend(slopes, rate)
        return seen

    def log_probabilities(self, examples: Examples) -> Floats:
        """The log-probability of each word, (n,), in nats."""
        return self.look(examples).logs

    def _descend(self, slopes: tuple[Floats, ...], rate: float) -> None:
        """Adagrad, on all parameters."""
        for part, squares, slope in zip(self._parts, self._sums, slopes, strict=True):
            np.add(squares, slope * slope, out=squares)
            np.subtract(part, rate * slope / np.sqrt(squares), out=part)

    @property
    def _parts(self) -> tuple[Floats, Floats, Floats]:
        return self._before, self._after, self._bias

    def twin(self) -> LanguageModel:
        """A copy with the same parameters, which learns apart from this model."""
        other = copy.copy(self)
        other._before, other._after, other._bias = (part.copy() for part in self._parts)  # noqa: SLF001  # of its own class
        other._sums = [np.full_like(part, 1e-6) for part in self._parts]  # noqa: SLF001
        return other

    def dump(self) -> dict[str, Any]:
        """The parameters as JSON, in half precision."""
        packed = b"".join(part.astype(np.float16).tobytes() for part in self._parts)
        return {"words": list(self._ids), "parameters": base64.b64encode(packed).decode()}

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> LanguageModel:
        """The model of a dump."""
        model = cls([" ".join(dumped["words"])], seed=0)
        model._ids = {word: number + 2 for number, word in enumerate(dumped["words"])}  # its own class
        packed, start = np.frombuffer(base64.b64decode(dumped["parameters"]), np.float16), 0
        size = len(dumped["words"]) + 2
        for name, shape in (
            ("_before", (2, size, _DIMENSIONS)),
            ("_after", (size, _DIMENSIONS)),
            ("_bias", (size,)),
        ):
            count = math.prod(shape)
            setattr(model, name, packed[start : start + count].astype(np.float32).reshape(shape))
            start += count
        return model


def fit(
    train: Iterable[str],
    valid: Iterable[str],
    *,
    epochs: int,
    batch_size: int,
    rate_multiplier: float,
    seed: int,
) -> Iterator[Step]:
    """Fit a model, and report every step.

    Args:
        train: answers to learn; read twice.
        valid: answers that are only measured; may be empty.
        epochs: passes over the training rows.
        batch_size: rows per step.
        rate_multiplier: of the learning rate.
        seed: of the initial parameters and the order of rows.
    """
    model, generator = LanguageModel(train, seed), np.random.default_rng(seed)
    rows = [model.encode(text, WORDS_A_STEP) for text in train]
    held_out = [model.encode(text) for text in valid]
    everything = joined(held_out) if held_out else None
    number = 0
    for epoch in range(1, epochs + 1):
        order = generator.permutation(len(rows))
        for start in range(0, len(order), batch_size):
            number += 1
            batch = joined([rows[at] for at in order[start : start + batch_size]])
            measured = model.learn(batch, _RATE * rate_multiplier)
            is_last = start + batch_size >= len(order)
            is_logged = bool(held_out) and (number == 1 or number % LOG_EVERY == 0 or is_last)
            yield Step(
                number=number,
                epoch=epoch,
                train=measured,
                valid=model.measure(_sample(held_out, number)) if is_logged else None,
                full_valid=model.measure(everything) if everything and is_last else None,
                ends_epoch=is_last,
            )


def _sample(held_out: list[Examples], number: int) -> Examples:
    """A few validation rows, different ones at each step."""
    first = number * _VALIDATION_ROWS_A_STEP
    return joined([held_out[(first + at) % len(held_out)] for at in range(_VALIDATION_ROWS_A_STEP)])
