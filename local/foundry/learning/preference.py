"""Direct preference optimisation (Rafailov and others 2023), really fitted.

The reference stands for the base model: it is the language model after one pass over all answers of the file, preferred or not.
The policy begins as its copy.  It learns from each pair to make the preferred answer likelier, compared with the reference.  The
loss is `-log sigmoid(beta * (log-ratio of the preferred answer - log-ratio of the other))`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from local.foundry.learning.language_model import (
    LOG_EVERY,
    WORDS_A_STEP,
    Examples,
    Floats,
    LanguageModel,
    Measure,
    Step,
    joined,
)

BETA_AUTO: Final = 0.1
_RATE: Final = 0.01
_REFERENCE_RATE: Final = 0.15
_REFERENCE_STEPS_MAX: Final = 400
_VALIDATION_PAIRS_A_STEP: Final = 4
#: What is measured beside the loss, by the names of TRL's trainer; the service's own names are not published.
REWARD_NAMES: Final = ("rewards_chosen", "rewards_rejected", "rewards_margins", "rewards_accuracies")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A pair as words to predict, with the log-probability of each answer by the reference."""

    preferred: Examples
    other: Examples
    preferred_before: float
    other_before: float

    @property
    def texts(self) -> tuple[Examples, Examples]:
        """Both answers."""
        return self.preferred, self.other


@dataclass(frozen=True, slots=True)
class _Ratios:
    """The implicit rewards of both answers, (n,) each: beta times the log-ratio to the reference."""

    chosen: Floats
    rejected: Floats

    @property
    def margins(self) -> Floats:
        return self.chosen - self.rejected

    @property
    def losses(self) -> Floats:
        losses: Floats = np.logaddexp(0.0, -self.margins)
        return losses

    def more(self, prefix: str) -> dict[str, float]:
        wins = self.margins > 0
        means = [float(part.mean()) for part in (self.chosen, self.rejected, self.margins, wins)]
        return {f"{prefix}_{name}": mean for name, mean in zip(REWARD_NAMES, means, strict=True)}


class Preferences:
    """A policy, and the reference that it is compared with."""

    def __init__(self, pairs: Iterable[tuple[str, str]], beta: float, seed: int) -> None:
        self.reference = LanguageModel((text for pair in pairs for text in pair), seed)
        self.beta = beta
        rows = [self._words(pair) for pair in pairs]
        size = max(1, -(-len(rows) // _REFERENCE_STEPS_MAX))
        for start in range(0, len(rows), size):
            batch = [text for row in rows[start : start + size] for text in row]
            self.reference.learn(joined(batch), _REFERENCE_RATE)
        self.policy = self.reference.twin()

    def encode(self, pair: tuple[str, str]) -> Encoded:
        """A pair of texts as words to predict, with their log-probabilities by the fitted reference."""
        preferred, other = self._words(pair)
        logs = [float(self.reference.log_probabilities(text).sum()) for text in (preferred, other)]
        return Encoded(preferred, other, logs[0], logs[1])

    def _words(self, pair: tuple[str, str]) -> tuple[Examples, Examples]:
        preferred, other = (self.reference.encode(text, WORDS_A_STEP) for text in pair)
        return preferred, other

    def _ratios(self, batch: Sequence[Encoded], logs: Floats) -> _Ratios:
        """The implicit rewards, from the log-probabilities of all words of the pairs."""
        ends = np.cumsum([len(text.targets) for pair in batch for text in pair.texts])
        sums = np.concatenate([[0.0], np.cumsum(logs, dtype=np.float64)])
        of_texts = np.diff(sums[np.concatenate([[0], ends])]).reshape(-1, 2)
        before = np.array([[pair.preferred_before, pair.other_before] for pair in batch])
        rewards = self.beta * (of_texts - before)
        return _Ratios(rewards[:, 0], rewards[:, 1])

    def learn(self, batch: Sequence[Encoded], rate: float) -> tuple[Measure, _Ratios]:
        """One step on a batch; the measures are from before the step."""
        words = joined([text for pair in batch for text in pair.texts])
        seen = self.policy.look(words)
        ratios = self._ratios(batch, seen.logs)
        pull = self.beta / (1 + np.exp(ratios.margins)) / len(batch)
        lengths = [len(text.targets) for pair in batch for text in pair.texts]
        is_preferred = np.repeat(np.tile([True, False], len(batch)), lengths)
        weights = np.repeat(np.stack([pull, -pull], axis=1).ravel(), lengths).astype(np.float32)
        accuracy = float(seen.hits[is_preferred].mean()) if is_preferred.any() else 0.0
        self.policy.push(words, weights, rate)
        return Measure(float(ratios.losses.mean()), accuracy), ratios

    def measure(self, batch: Sequence[Encoded]) -> tuple[Measure, _Ratios]:
        """The loss of pairs, how well the preferred words are predicted, and the implicit rewards."""
        words = joined([text for pair in batch for text in pair.texts])
        ratios = self._ratios(batch, self.policy.log_probabilities(words))
        accuracy = self.policy.measure(joined([pair.preferred for pair in batch])).accuracy
        return Measure(float(ratios.losses.mean()), accuracy), ratios

    def dump(self) -> dict[str, Any]:
        """Both models as JSON."""
        return {"reference": self.reference.dump(), "policy": self.policy.dump()}


def taste(dumped: dict[str, Any]) -> Taste:
    """A policy and its reference, from their dump."""
    return Taste(LanguageModel.load(dumped["policy"]), LanguageModel.load(dumped["reference"]))


@dataclass(frozen=True, slots=True)
class Taste:
    """Rates texts by what a policy has learned to prefer."""

    policy: LanguageModel
    reference: LanguageModel

    def reward(self, text: str) -> float:
        """How much likelier a text has become, in nats per word, so that longer texts have no advantage."""
        words = self.policy.encode(text)
        if not len(words.targets):
            return 0.0
        return float((self.policy.log_probabilities(words) - self.reference.log_probabilities(words)).mean())


def fit_preferences(
    model: Preferences,
    train: Iterable[tuple[str, str]],
    valid: Iterable[tuple[str, str]],
    *,
    epochs: int,
    batch_size: int,
    rate_multiplier: float,
    seed: int,
) -> Iterator[Step]:
    """Teach a policy pairs of (preferred, other), and report every step.

    Args:
        model: the policy and its reference, made from the training pairs.
        train: pairs to learn.
        valid: pairs that are only measured; may be empty.
        epochs: passes over the training pairs.
        batch_size: pairs per step.
        rate_multiplier: of the learning rate.
        seed: of the order of rows.
    """
    generator = np.random.default_rng(seed)
    rows, held_out = [model.encode(pair) for pair in train], [model.encode(pair) for pair in valid]
    number = 0
    for epoch in range(1, epochs + 1):
        order = generator.permutation(len(rows))
        for start in range(0, len(order), batch_size):
            number += 1
            batch = [rows[at] for at in order[start : start + batch_size]]
            trained, ratios = model.learn(batch, _RATE * rate_multiplier)
            is_last = start + batch_size >= len(order)
            more = ratios.more("train")
            valid_now = full = None
            if held_out and (number == 1 or number % LOG_EVERY == 0 or is_last):
                some = [held_out[(number + at) % len(held_out)] for at in range(_VALIDATION_PAIRS_A_STEP)]
                valid_now, ratios = model.measure(some)
                more |= ratios.more("valid")
            if held_out and is_last:
                full, ratios = model.measure(held_out)
                more |= ratios.more("full_valid")
            yield Step(number, epoch, trained, valid_now, full, is_last, more)
