"""Reinforcement fine-tuning of a small policy, by the rewards that the job's own grader gives.

The policy chooses among the ways to answer in `skills`, by the words of the prompt: a softmax over linear scores that all begin
at 0.  Each step samples answers to a few prompts and lets the grader reward them.  Answers with more reward than the
others to the same prompt become likelier (REINFORCE, with the group's mean as baseline).  Only the grader sees what a row holds
beside its messages.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from local.foundry.common import tokens
from local.foundry.common.rows import Question
from local.foundry.graders.grading import Grade
from local.foundry.learning.language_model import Floats
from local.foundry.learning.skills import Candidate, candidates, options_of, shaped

_RATE: Final = 0.5
_SAMPLES_A_PROMPT: Final = 8
ROWS_AN_EPOCH_MAX: Final = 800  # fits take seconds here, not hours: of more rows, each epoch visits others
_WORDS_MAX: Final = 200
_REMEMBERED_MAX: Final = 4096  # answers whose grade and length are remembered
_WORD: Final = re.compile(r"\w+")
_TINY: Final = 1e-6

Grading = Callable[[Sequence[tuple[dict[str, Any], dict[str, Any]]]], list[Grade]]


@dataclass(frozen=True, slots=True)
class Options:
    """The hyperparameters, with the service's choices made."""

    epochs: int
    batch_size: int
    rate_multiplier: float
    eval_interval: int
    eval_samples: int
    compute_multiplier: float
    seed: int


@dataclass(frozen=True, slots=True)
class Rollouts:
    """The answers that were sampled in one step: their grades and their length."""

    grades: tuple[Grade, ...]
    tokens_mean: float

    @property
    def reward(self) -> float:
        """The mean reward; a sample that could not be graded counts as 0, as in the service."""
        return float(np.mean([grade.reward for grade in self.grades])) if self.grades else 0.0

    def error_share(self, name: str) -> float:
        """The share of samples with an error of this name."""
        return sum(bool(grade.errors.get(name)) for grade in self.grades) / max(1, len(self.grades))


@dataclass(frozen=True, slots=True)
class RewardStep:
    """One step of the optimiser, and what was sampled."""

    number: int
    of: int
    epoch: int
    train: Rollouts
    valid: Rollouts | None
    ends_epoch: bool


class Policy:
    """The score of each skill, by the words of a prompt."""

    def __init__(self, prompts: Sequence[str], schema: dict[str, Any] | None) -> None:
        self.options = options_of(prompts)
        self.schema = schema
        seen = Counter(word for prompt in prompts for word in set(_words(prompt)))
        telling = [word for word, count in seen.most_common() if 1 < count < 0.9 * len(prompts)]
        self._words = {word: at for at, word in enumerate(telling[:_WORDS_MAX])}
        self._skills: dict[str, int] = {}
        for prompt in prompts:
            for candidate in candidates(prompt, self.options):
                self._skills.setdefault(candidate.skill, len(self._skills))
        self._weights = np.zeros((len(self._skills), len(self._words) + 1), np.float32)

    def _features(self, prompt: str) -> Floats:
        """The features of a prompt, (words + 1,): each known word in it, together of length 1, and a constant 1."""
        found = np.zeros(len(self._words) + 1, np.float32)
        found[[self._words[word] for word in set(_words(prompt)) if word in self._words]] = 1
        found[:-1] /= math.sqrt(max(1.0, float(found[:-1].sum())))
        found[-1] = 1
        return found

    def candidates(self, prompt: str) -> list[Candidate]:
        """What the skills that were trained can answer."""
        return [one for one in candidates(prompt, self.options) if one.skill in self._skills]

    def probabilities(self, prompt: str, said: Sequence[Candidate]) -> Floats:
        """The probability of each candidate, (n,)."""
        scores = self._weights[[self._skills[one.skill] for one in said]] @ self._features(prompt)
        chances = np.exp(scores - scores.max())
        shares: Floats = chances / chances.sum()
        return shares

    def best(self, prompt: str) -> str:
        """The likeliest answer."""
        said = self.candidates(prompt)
        return shaped(said[int(self.probabilities(prompt, said).argmax())], self.schema) if said else ""

    def reinforce(self, prompt: str, said: Sequence[Candidate], slopes: Any, rate: float) -> None:
        """Move the scores of the candidates along their slopes, (n,)."""
        for one, slope in zip(said, slopes, strict=True):
            self._weights[self._skills[one.skill]] += rate * slope * self._features(prompt)

    def dump(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {
            "options": list(self.options),
            "schema": self.schema,
            "words": list(self._words),
            "skills": list(self._skills),
            "weights": [[round(float(value), 5) for value in row] for row in self._weights],
        }

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> Policy:
        """The policy of a dump."""
        policy = cls([], dumped["schema"])
        policy.options = tuple(dumped["options"])
        policy._words = {word: at for at, word in enumerate(dumped["words"])}  # its own class
        policy._skills = {skill: at for at, skill in enumerate(dumped["skills"])}
        policy._weights = np.array(dumped["weights"], np.float32)
        return policy


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


class Learner:
    """Fits a policy by the rewards of a grader."""

    def __init__(self, policy: Policy, grading: Grading, options: Options) -> None:
        self.policy, self._grading, self._options = policy, grading, options
        self._generator = np.random.default_rng(options.seed)
        self._known: dict[tuple[int, str], Grade] = {}
        self._said = lru_cache(_REMEMBERED_MAX // 8)(policy.candidates)
        self._lengths: dict[str, int] = {}

    def _graded(self, tasks: Sequence[Question], texts: Sequence[str]) -> list[Grade]:
        """The grades of answers.  An answer that was graded before is not graded again, since graders are deterministic here."""
        if len(self._known) > _REMEMBERED_MAX:
            self._known.clear()
        keys = [(id(task), text) for task, text in zip(tasks, texts, strict=True)]
        new = {key: at for at, key in enumerate(keys) if key not in self._known}
        grades = self._grading([({"output_text": texts[at]}, tasks[at].item) for at in new.values()])
        self._known |= zip(new, grades, strict=True)
        return [self._known[key] for key in keys]

    def _sample(
        self, tasks: Sequence[Question], count: int
    ) -> Iterator[tuple[Question, list[Candidate], Floats, list[int]]]:
        for task in tasks:
            said = self._said(task.prompt)
            chances = self.policy.probabilities(task.prompt, said)
            picked = self._generator.choice(
                len(said), size=count, p=chances.astype(np.float64) / chances.sum(dtype=np.float64)
            )
            yield task, said, chances, [int(at) for at in picked]

    def roll_out(self, tasks: Sequence[Question], count: int, rate: float = 0.0) -> Rollouts:
        """Sample answers and grade them; learn from them if the rate is above 0."""
        sampled = list(self._sample(tasks, count))
        owners = [task for task, _, _, picked in sampled for _ in picked]
        texts = [shaped(said[at], self.policy.schema) for _, said, _, picked in sampled for at in picked]
        grades = self._graded(owners, texts)
        for number, (task, said, chances, picked) in enumerate(sampled):
            if rate > 0:
                rewards = np.array([grade.reward for grade in grades[number * count : (number + 1) * count]])
                advantages = (rewards - rewards.mean()) / (rewards.std() + _TINY)
                slopes = -chances * advantages.sum()
                np.add.at(slopes, picked, advantages)
                self.policy.reinforce(task.prompt, said, slopes / count, rate / len(sampled))
        if len(self._lengths) > _REMEMBERED_MAX:
            self._lengths.clear()
        new = sorted(set(texts) - self._lengths.keys())
        self._lengths |= zip(new, map(tokens.count, new), strict=True)
        lengths = [self._lengths[text] for text in texts]
        return Rollouts(tuple(grades), float(np.mean(lengths)) if lengths else 0.0)

    def steps_count(self, rows: int) -> int:
        """The number of steps of a fit on so many rows."""
        return -(-min(rows, ROWS_AN_EPOCH_MAX) // self._options.batch_size) * self._options.epochs

    def fit(self, train: Sequence[Question], valid: Sequence[Question]) -> Iterator[RewardStep]:
        """Learn, and report every step."""
        options = self._options
        samples = max(2, round(_SAMPLES_A_PROMPT * options.compute_multiplier))
        rate = _RATE * options.rate_multiplier * options.batch_size
        number = 0
        for epoch in range(1, options.epochs + 1):
            order = self._generator.permutation(len(train))[:ROWS_AN_EPOCH_MAX]
            for start in range(0, len(order), options.batch_size):
                number += 1
                batch = [train[at] for at in order[start : start + options.batch_size]]
                is_last = start + options.batch_size >= len(order)
                seen = self.roll_out(batch, samples, rate)
                is_measured = number == 1 or number % options.eval_interval == 0 or is_last
                measured = self.roll_out(valid, options.eval_samples) if is_measured else None
                yield RewardStep(number, self.steps_count(len(train)), epoch, seen, measured, is_last)
