"""How each method learns from the rows of a job: a course of steps, and what the model knows after them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from local.foundry.common.bodies import schema_of
from local.foundry.common.rows import Pair, Preference, Reread, each_pair, each_preference, questions
from local.foundry.data_plane.methods import AUTO
from local.foundry.graders import grading
from local.foundry.learning.language_model import fit
from local.foundry.learning.preference import BETA_AUTO, Preferences, fit_preferences
from local.foundry.learning.reinforcement import (
    ROWS_AN_EPOCH_MAX,
    Learner,
    Options,
    Policy,
    RewardStep,
    Rollouts,
)
from local.foundry.training import results
from local.foundry.training.results import Metrics

_STEPS_MAX: Final = 4000  # fits take seconds here, not hours: with more rows, several share a step
_REWARD_STEPS_MAX: Final = 400
_STEPS_AUTO: Final = 500
_EPOCHS_AUTO: Final = 3
_EVENT_EVERY: Final = 10
_GRADER_ERRORS: Final = ("other_error", "sample_parse_error", "invalid_variable_error")


#: Reads the bytes of a file.
Content = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a job, as its events report it."""

    number: int
    ends_epoch: bool
    metrics: Metrics
    message: str | None = None
    data: dict[str, Any] | None = None
    """With data, the event is one of metrics."""


class Course(Protocol):
    """A fit, step by step."""

    columns: tuple[str, ...]
    steps_count: int

    def steps(self) -> Iterator[Progress]:
        """Learn, and report every step."""
        ...

    def rows(self) -> tuple[str, Iterator[Any]]:
        """What answers need of the training file: the key under which it is stored, and its rows."""
        ...

    def learned(self) -> dict[str, Any]:
        """What has been learned so far, for answers."""
        ...


def course(job: dict[str, Any], training: Content, validation: Content) -> Course:
    """The course of a job whose files were checked.  A file is read again for each pass, and is in memory only during it."""
    return _COURSES[job["method"]](job, training, validation)


def _batch(job: dict[str, Any], count: int, epochs: int, *, auto: int, steps_max: int) -> int:
    asked = job["hyperparameters"]["batch_size"]
    return max(int(asked) if asked != AUTO else auto, -(-epochs * count // steps_max))


def _loss_message(number: int, loss: float) -> str | None:
    """The message of the first step and of every tenth; None for others."""
    return f"Step {number}: training loss={loss}" if number == 1 or number % _EVENT_EVERY == 0 else None


def _texts(rows: Iterable[Pair]) -> Iterator[str]:
    return (row.text for row in rows)


def _both_texts(rows: Iterable[Preference]) -> Iterator[tuple[str, str]]:
    return (row.texts for row in rows)


class _Supervised:
    columns: tuple[str, ...] = results.LOSSES

    def __init__(self, job: dict[str, Any], training: Content, validation: Content) -> None:
        self._train, self._valid, self._job = Reread(training, each_pair), Reread(validation, each_pair), job
        self._epochs, self._rate = _epochs_and_rate(job)
        count = sum(1 for _ in self._train)
        auto = max(1, count // _STEPS_AUTO)
        self._batch = _batch(job, count, self._epochs, auto=auto, steps_max=_STEPS_MAX)
        self.steps_count = self._epochs * -(-count // self._batch)

    def steps(self) -> Iterator[Progress]:
        for step in fit(
            Reread(self._train.__iter__, _texts),
            _texts(self._valid),
            epochs=self._epochs,
            batch_size=self._batch,
            rate_multiplier=self._rate,
            seed=int(self._job["seed"]),
        ):
            yield Progress(
                step.number,
                step.ends_epoch,
                results.losses(step),
                _loss_message(step.number, step.train.loss),
            )

    def rows(self) -> tuple[str, Iterator[Any]]:
        return "rows", ([row.prompt, row.answer] for row in self._train)

    def learned(self) -> dict[str, Any]:
        return {}


class _Preference:
    columns: tuple[str, ...] = results.PREFERENCES

    def __init__(self, job: dict[str, Any], training: Content, validation: Content) -> None:
        self._train, self._valid = Reread(training, each_preference), Reread(validation, each_preference)
        self._job = job
        self._epochs, self._rate = _epochs_and_rate(job)
        count, beta = sum(1 for _ in self._train), job["hyperparameters"].get("beta", AUTO)
        auto = max(1, count // _STEPS_AUTO)
        self._batch = _batch(job, count, self._epochs, auto=auto, steps_max=_STEPS_MAX // 2)
        self.steps_count = self._epochs * -(-count // self._batch)
        self._model = Preferences(
            Reread(self._train.__iter__, _both_texts),
            BETA_AUTO if beta == AUTO else float(beta),
            int(job["seed"]),
        )

    def steps(self) -> Iterator[Progress]:
        for step in fit_preferences(
            self._model,
            _both_texts(self._train),
            _both_texts(self._valid),
            epochs=self._epochs,
            batch_size=self._batch,
            rate_multiplier=self._rate,
            seed=int(self._job["seed"]),
        ):
            yield Progress(
                step.number,
                step.ends_epoch,
                results.losses(step),
                _loss_message(step.number, step.train.loss),
            )

    def rows(self) -> tuple[str, Iterator[Any]]:
        return "choices", ([row.prompt, row.preferred, row.other] for row in self._train)

    def learned(self) -> dict[str, Any]:
        return {"taste": self._model.dump()}


class _Reinforcement:
    columns: tuple[str, ...] = results.REWARDS
    _BATCH_AUTO = 8
    _STEPS_AUTO = 60
    _EPOCHS_AUTO_MAX = 10

    def __init__(self, job: dict[str, Any], training: Content, validation: Content) -> None:
        self._train, self._valid = questions(training()), questions(validation())
        asked, count = job["hyperparameters"], len(self._train)
        auto = min(self._EPOCHS_AUTO_MAX, max(_EPOCHS_AUTO, self._STEPS_AUTO * self._BATCH_AUTO // count))
        epochs, rate = _epochs_and_rate(job, auto)
        visited = min(count, ROWS_AN_EPOCH_MAX)
        batch = _batch(job, visited, epochs, auto=self._BATCH_AUTO, steps_max=_REWARD_STEPS_MAX)
        self._grader = job["more"]["grader"]
        self._policy = Policy(
            [row.prompt for row in self._train], schema_of(job["more"].get("response_format"))
        )
        options = Options(
            epochs=epochs,
            batch_size=batch,
            rate_multiplier=rate,
            eval_interval=int(_chosen(asked, "eval_interval", 5)),
            eval_samples=int(_chosen(asked, "eval_samples", 2)),
            compute_multiplier=float(_chosen(asked, "compute_multiplier", 1.0)),
            seed=int(job["seed"]),
        )
        self._learner = Learner(self._policy, partial(grading.grade, self._grader), options)
        self.steps_count = self._learner.steps_count(count)

    def steps(self) -> Iterator[Progress]:
        for step in self._learner.fit(self._train, self._valid):
            measured = results.rewards(step)
            yield Progress(
                step.number, step.ends_epoch, measured, _reward_message(step), self._data(step, measured)
            )

    def _data(self, step: RewardStep, measured: Metrics) -> dict[str, Any]:
        """The data of a step's event, by the keys of OpenAI's guide; what the stand-in does not measure is absent."""
        parts = {"train": step.train} | ({"valid": step.valid} if step.valid else {})
        name = {"name": self._grader["name"], "type": self._grader["type"]}
        inner = self._grader.get("graders", {})
        scores = [
            {"name": one["name"], "type": one["type"]}
            | {f"{part}_reward_mean": _mean_score(seen, key) for part, seen in parts.items()}
            for key, one in inner.items()
        ]
        means = {f"{part}_reward_mean": seen.reward for part, seen in parts.items()}
        errors = {
            f"{part}_{error}_{unit}": seen.error_share(error) * (1 if unit == "mean" else len(seen.grades))
            for part, seen in parts.items()
            for error in _GRADER_ERRORS
            for unit in ("mean", "count")
        }
        reasoning = {f"{part}_reasoning_tokens_mean": 0.0 for part in parts}
        return {
            **measured,
            "total_steps": step.of,
            "scores": {"graders": scores or [name | means], **means},
            "errors": {"graders": [name | errors]},
            "usage": {"samples": reasoning, "graders": []},
        }

    def rows(self) -> tuple[str, Iterator[Any]]:
        return "rows", iter(())

    def learned(self) -> dict[str, Any]:
        return {"policy": self._policy.dump()}


def _mean_score(seen: Rollouts, key: str) -> float:
    return sum(grade.scores.get(key, 0.0) for grade in seen.grades) / max(1, len(seen.grades))


def _reward_message(step: RewardStep) -> str:
    """The message of a step of reinforcement, as OpenAI's guide shows it."""
    message = f"Step {step.number}/{step.of} , train mean reward={step.train.reward:.2f}"
    if step.valid is None:
        return message
    parse_error = step.valid.error_share("sample_parse_error")
    return (
        f"{message}, full validation mean reward={step.valid.reward:.2f}, "
        f"full validation mean parse error={parse_error:.2f}"
    )


def _chosen(asked: dict[str, Any], name: str, auto: float) -> Any:
    return auto if asked.get(name, AUTO) == AUTO else asked[name]


def epochs_of(job: dict[str, Any]) -> int:
    """The epochs of a supervised or preference job.  For `AUTO` the choice is ours: Azure's is not published."""
    return _epochs_and_rate(job)[0]


def _epochs_and_rate(job: dict[str, Any], auto: int = _EPOCHS_AUTO) -> tuple[int, float]:
    asked = job["hyperparameters"]
    return int(_chosen(asked, "n_epochs", auto)), float(_chosen(asked, "learning_rate_multiplier", 1.0))


_COURSES: Final[dict[str, type[_Supervised | _Preference | _Reinforcement]]] = {
    "supervised": _Supervised,
    "dpo": _Preference,
    "reinforcement": _Reinforcement,
}
