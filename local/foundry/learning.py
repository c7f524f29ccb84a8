"""A small language model that is really fitted, so that losses and accuracies mean something.

A log-bilinear model (Mnih and Hinton 2007): the two words before a word, as embeddings, predict it by a softmax over the words
of the training answers.  Trained by Adagrad on one row after the other, measured on the validation rows.  It overfits like any
other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_WORD: Final = re.compile(r"\w+|[^\w\s]")
_VOCABULARY_MAX: Final = 1200
_DIMENSIONS: Final = 24
_WORDS_A_STEP: Final = 96
_VALIDATION_ROWS_A_STEP: Final = 4
_RATE: Final = 0.15
_UNKNOWN, _START = 0, 1

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


def words(text: str) -> list[str]:
    """Lower-case words and marks."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True, slots=True)
class Measure:
    """Mean loss (nats a word) and share of words predicted right."""

    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step."""

    number: int
    epoch: int
    train: Measure
    valid: Measure | None
    full_valid: Measure | None
    """Measured on all validation rows at the end of an epoch."""
    ends_epoch: bool


class LanguageModel:
    """The parameters and what they are measured on."""

    def __init__(self, texts: list[str], seed: int) -> None:
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

    def encode(self, text: str) -> Ints:
        """Word ids of a text, with two starts before it."""
        ids = [self._ids.get(word, _UNKNOWN) for word in words(text)]
        return np.array([_START, _START, *ids], dtype=np.int64)

    def _forward(self, ids: Ints) -> tuple[Floats, Floats, Ints]:
        context = np.stack([ids[1:-1], ids[:-2]])
        hidden = self._before[0, context[0]] + self._before[1, context[1]]
        logits = hidden @ self._after.T + self._bias
        logits -= logits.max(axis=1, keepdims=True)
        exponents = np.exp(logits)
        return exponents / exponents.sum(axis=1, keepdims=True), hidden, context

    def measure(self, rows: list[Ints]) -> Measure:
        """Loss and accuracy on rows, without learning from them."""
        losses, hits, total = 0.0, 0, 0
        for ids in rows:
            if len(ids) < 3:
                continue
            probabilities, _, _ = self._forward(ids)
            targets = ids[2:]
            losses -= float(np.log(probabilities[np.arange(len(targets)), targets] + 1e-9).sum())
            hits += int((probabilities.argmax(axis=1) == targets).sum())
            total += len(targets)
        return Measure(losses / total, hits / total) if total else Measure(0.0, 0.0)

    def learn(self, batch: list[Ints], rate: float) -> Measure:
        """One step on a batch; the measure is of before the step."""
        measured = []
        for ids in batch:
            row = ids[: _WORDS_A_STEP + 2]
            if len(row) >= 3:
                measured.append(self._learn_row(row, rate / len(batch)))
        if not measured:
            return Measure(0.0, 0.0)
        return Measure(
            sum(m.loss for m in measured) / len(measured), sum(m.accuracy for m in measured) / len(measured)
        )

    def _learn_row(self, ids: Ints, rate: float) -> Measure:
        probabilities, hidden, context = self._forward(ids)
        targets, places = ids[2:], np.arange(len(ids) - 2)
        loss = -float(np.log(probabilities[places, targets] + 1e-9).mean())
        accuracy = float((probabilities.argmax(axis=1) == targets).mean())
        error = probabilities
        error[places, targets] -= 1
        error /= len(targets)
        back = error @ self._after
        gradient = np.zeros_like(self._before)
        for slot in range(2):
            np.add.at(gradient[slot], context[slot], back)
        slopes = (gradient, error.T @ hidden, error.sum(axis=0))
        for part, squares, slope in zip(
            (self._before, self._after, self._bias), self._sums, slopes, strict=True
        ):
            np.add(squares, slope * slope, out=squares)
            np.subtract(part, rate * slope / np.sqrt(squares), out=part)
        return Measure(loss, accuracy)


def fit(
    train: list[str], valid: list[str], *, epochs: int, batch_size: int, rate_multiplier: float, seed: int
) -> Iterator[Step]:
    """Fit a model and report every step.

    Args:
        train: answers to learn.
        valid: answers that are only measured on; may be empty.
        epochs: passes over the training rows.
        batch_size: rows a step.
        rate_multiplier: of the learning rate.
        seed: of the initial parameters and the order of rows.
    """
    model, generator = LanguageModel(train, seed), np.random.default_rng(seed)
    rows, held_out = [model.encode(text) for text in train], [model.encode(text) for text in valid]
    number = 0
    for epoch in range(1, epochs + 1):
        order = generator.permutation(len(rows))
        for start in range(0, len(order), batch_size):
            number += 1
            batch = [rows[at] for at in order[start : start + batch_size]]
            measured = model.learn(batch, _RATE * rate_multiplier)
            is_last = start + batch_size >= len(order)
            sample = (
                [held_out[(number * _VALIDATION_ROWS_A_STEP + at) % len(held_out)] for at in range(4)]
                if held_out
                else []
            )
            is_logged = number == 1 or number % 10 == 0 or is_last
            yield Step(
                number=number,
                epoch=epoch,
                train=measured,
                valid=model.measure(sample) if sample and is_logged else None,
                full_valid=model.measure(held_out) if held_out and is_last else None,
                ends_epoch=is_last,
            )
