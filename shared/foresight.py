"""Asks Azure about models, quota and limits before money is spent.

Nothing waits for an answer, and a question that is not answered refuses nothing: it is reported as not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared.core.errors import FinetuneError, Unavailable
from shared.core.offered import Answers, Foreseen, foresee, model_in
from shared.core.policy import Policy
from shared.core.spec import PipelineSpec
from shared.ports import World

_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
#: What is asked -> what people call it.
_QUESTIONS: Final = {
    "region": "the region of the account",
    "models": "the account's models and their dates",
    "deployments": "how many tuned models are deployed",
    "usages": "the quota of the subscription",
    "capacities": "the capacity that is left for the model",
    "jobs": "how many jobs there are",
    "files": "how many files there are",
}


class Foresight:
    """What Azure says, kept for a while in this process."""

    def __init__(self, world: World, policy: Policy) -> None:
        self._world = world
        self._policy = policy
        self._kept: dict[tuple[str, ...], tuple[datetime, Any]] = {}

    def of(self, spec: PipelineSpec, *, anew: bool = False) -> Foreseen:
        """What follows for a run of a pipeline file.

        Args:
            spec: the pipeline file.
            anew: whether this is right before the job: answers that were kept do not count, and the run's files have their room.
        """
        now = self._world.clock.now()
        asked = _Round(self._world, self._policy, {} if anew else self._kept, now)
        answers = asked.ask(spec, has_files=anew)
        self._kept |= asked.heard
        return foresee(spec, answers, now)


class _Round:
    """One round of questions."""

    def __init__(
        self,
        world: World,
        policy: Policy,
        kept: Mapping[tuple[str, ...], tuple[datetime, Any]],
        now: datetime,
    ) -> None:
        self._world, self._policy, self._kept, self._now = world, policy, kept, now
        self.heard: dict[tuple[str, ...], tuple[datetime, Any]] = {}
        self._is_down = False
        self._not_known: list[str] = []

    def ask(self, spec: PipelineSpec, *, has_files: bool) -> Answers:
        """All answers that there are."""
        account, trainer = self._world.account, self._world.trainer
        region = self._answer("region", account.region)
        models = self._answer("models", account.models)
        deployments = self._answer("deployments", account.deployments)
        usages = capacities = None
        if region is not None:
            usages = self._answer("usages", lambda: account.usages(region), region)
            if (base := model_in(models, spec.model)) is not None:
                asked = (region, base.format, base.name, base.version)
                capacities = self._answer("capacities", lambda: account.capacities(region, base), *asked)
        self._is_down = False  # the data plane is another service
        jobs = self._answer("jobs", lambda: tuple(job.status for job in trainer.jobs(_EVER)))
        return Answers(
            region=region,
            models=models,
            deployments=deployments,
            usages=usages,
            capacities=capacities,
            jobs=jobs,
            files=None if has_files else self._answer("files", self._world.files.count),
            not_known=tuple(self._not_known),
        )

    def _answer[T](self, name: str, question: Callable[[], T], *about: str) -> T | None:
        """The answer, if it is kept or comes; None otherwise."""
        policy, key = self._policy, (name, *about)
        if key in self._kept:
            at, answer = self._kept[key]
            if self._now < at + timedelta(seconds=policy.answers_kept_s):
                return answer  # type: ignore[no-any-return]  # what was kept under this key
        if self._is_down or self._world.clock.now() > self._now + timedelta(seconds=policy.questions_s):
            self._not_known.append(f"Not known, and not asked because Azure is slow: {_QUESTIONS[name]}.")
            return None
        try:
            found = question()
        except FinetuneError as error:
            self._is_down = isinstance(error, Unavailable)
            self._not_known.append(f"Not known: {_QUESTIONS[name]} ({error.code}: {error.message}).")
            return None
        self.heard[key] = (self._now, found)
        return found
