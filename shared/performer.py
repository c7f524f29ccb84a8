"""Does what was decided.  Every effect here was intended first: its attempt is stored before it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from shared import evaluating, old_patterns, validate_dataset
from shared.core import artifacts, naming
from shared.core import effects as do
from shared.core.errors import Conflict, Refused
from shared.core.models import takes_temperature
from shared.core.observations import (
    Champion,
    Observation,
    Proof,
    Queueing,
    Submitting,
    Uploading,
)
from shared.core.policy import Policy
from shared.core.run import Run
from shared.core.serving import routes_of
from shared.core.smoke import SmokeResult
from shared.core.spec import SmokeQuestion
from shared.foresight import Foresight
from shared.pinning import Pinned, Pins
from shared.ports import World
from shared.run_folder import Evidence, RunFolder
from shared.telemetry import runs as telemetry

_EVENTS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Doing[E: do.Effect]:
    """An effect that is being performed."""

    run: Run
    """The run, with the attempt stored."""
    pin: Pinned | None
    """What the run is pinned to, if it was looked up."""
    effect: E
    not_after: datetime
    """A request that is not idempotent is not sent later than this."""

    @property
    def pinned(self) -> Pinned:
        """What the run is pinned to.

        Raises:
            AssertionError: before it is; no effect but `PinPipeline` happens then.
        """
        assert self.pin is not None
        return self.pin


class Performer:
    """Performs effects."""

    def __init__(self, world: World, policy: Policy, pins: Pins, foresight: Foresight) -> None:
        self._world = world
        self._policy = policy
        self._pins = pins
        self._foresight = foresight
        self._performs: dict[type[do.Effect], Callable[[Doing[Any]], Observation | None]] = {
            do.PinPipeline: self._pin,
            do.ValidateDataset: self._validate,
            do.TakeClaim: self._take_claim,
            do.TakePlace: self._take_place,
            do.UploadFile: self._upload,
            do.CreateJob: self._create_job,
            do.CancelJob: self._cancel_job,
            do.StoreTrainingResults: self._store_results,
            do.PutDeployment: self._put_deployment,
            do.PutBackChampion: self._put_back,
            do.DeleteDeployment: self._delete_deployment,
            do.DeleteFiles: self._delete_files,
            do.PlanEvaluation: self._plan_evaluation,
            do.AnswerExamples: self._answer,
            do.CompareAnswers: self._compare,
            do.SmokeTest: self._smoke_test,
            do.PromoteChampion: self._promote,
        }

    @telemetry.performing
    def perform(self, doing: Doing[do.Effect]) -> Observation | None:
        """Perform an effect.

        Returns:
            What the effect itself showed, where that spares a look that may lag behind.

        Raises:
            FinetuneError: its class says what may be done next.
        """
        return self._performs[type(doing.effect)](doing)

    def _pin(self, doing: Doing[do.PinPipeline]) -> None:
        self._pins.store(doing.run)

    def _validate(self, doing: Doing[do.ValidateDataset]) -> Proof:
        said = self._foresight.of(doing.pinned.spec)
        return validate_dataset.validate_and_prepare(self._world, doing.run, doing.pinned, said)

    def _take_claim(self, doing: Doing[do.TakeClaim]) -> None:
        run, effect = doing.run, doing.effect
        self._world.claims.take(run.pipeline, effect.fingerprint, run.id, effect.previous_holder)

    def _take_place(self, doing: Doing[do.TakePlace]) -> Queueing:
        holder = naming.place_holder(doing.run.id, doing.run.status_since)
        place = naming.place(doing.effect.number)
        self._world.claims.take(naming.PLACES, place, holder, doing.effect.previous_holder)
        return Queueing(
            has_place=True, is_answered=evaluating.is_answered(self._world, doing.run, doing.pinned)
        )

    def _upload(self, doing: Doing[do.UploadFile]) -> Uploading:
        evidence = Evidence(self._world.artifacts, doing.run)
        with evidence.open(artifacts.prepared(doing.effect.role)) as content:  # as it was validated
            file = self._world.files.upload(doing.effect.filename, content, doing.not_after)
        return Uploading(files={doing.effect.filename: file})

    def _create_job(self, doing: Doing[do.CreateJob]) -> Submitting:
        job = self._world.trainer.create(doing.effect.body, doing.not_after)
        return Submitting(jobs=(job,))

    def _cancel_job(self, doing: Doing[do.CancelJob]) -> None:
        self._world.trainer.cancel(doing.effect.job_id)

    def _store_results(self, doing: Doing[do.StoreTrainingResults]) -> Proof | None:
        job = self._world.trainer.job(doing.effect.job_id)
        if job is None:
            return None
        folder = self._folder(doing.run)
        for number, file_id in enumerate(job.result_files):
            folder.write(artifacts.training_results(number), self._world.files.content(file_id))
        folder.write_json(artifacts.TRAINING_EVENTS, self._world.trainer.events(job.id, _EVENTS_MAX))
        folder.write_json(artifacts.CHECKPOINTS, self._world.trainer.checkpoints(job.id))
        folder.write_json(artifacts.JOB, job)  # last: where it is, the rest is there too
        return Proof(files=folder.written)

    def _put_deployment(self, doing: Doing[do.PutDeployment]) -> None:
        effect = doing.effect
        self._world.deployer.put(
            effect.name,
            model=effect.model,
            model_format=effect.model_format,
            sku=effect.sku,
            capacity=effect.capacity,
            tags=effect.tags,
        )

    def _put_back(self, doing: Doing[do.PutBackChampion]) -> None:
        """Only what the app itself made the champion: whoever changed the table of champions has nothing deployed."""
        run, effect = doing.run, doing.effect
        champion = self._world.pipelines.champion(run.pipeline)
        if champion is None or (champion.deployment, champion.model) != (effect.name, effect.model):
            msg = f"the champion of {run.pipeline} was replaced"
            raise Conflict(msg)
        made, _ = self._world.runs.load(champion.run_id)
        if (made.production, made.model) != (effect.name, effect.model):
            msg = (
                f"the champion of {run.pipeline} is not what its run deployed; {effect.name} is left as it is"
            )
            raise Refused(msg, remedy="Look at the log of the table pipelines: who changed the champion?")
        self._put_deployment(doing)

    def _delete_deployment(self, doing: Doing[do.DeleteDeployment]) -> None:
        self._world.deployer.delete(doing.effect.name)

    def _delete_files(self, doing: Doing[do.DeleteFiles]) -> None:
        for file_id in doing.effect.file_ids:
            self._world.files.delete(file_id)

    def _plan_evaluation(self, doing: Doing[do.PlanEvaluation]) -> Proof:
        return evaluating.plan(self._world, doing.run, doing.pinned, self._policy.evaluation_chunk_size)

    def _answer(self, doing: Doing[do.AnswerExamples]) -> Proof:
        target, chunk = doing.effect.target, doing.effect.chunk
        return evaluating.answer_chunk(self._world, doing.run, doing.pinned, target, chunk)

    def _compare(self, doing: Doing[do.CompareAnswers]) -> Proof:
        return evaluating.compare_answers(self._world, doing.run, doing.pinned)

    def _smoke_test(self, doing: Doing[do.SmokeTest]) -> Proof:
        spec, deployment = doing.pinned.spec, doing.effect.deployment
        asked = self._ask(deployment, spec.deployment.smoke_test, doing.run.model or spec.model)
        at = doing.run.attempt.at if doing.run.attempt else None
        result = msgspec.structs.replace(asked, deployment=deployment, at=at)
        folder = self._folder(doing.run)
        folder.write_json(artifacts.SMOKE_TEST, result)
        return Proof(files=folder.written, smoke=result)

    def _ask(self, deployment: str, questions: tuple[SmokeQuestion, ...], model: str) -> SmokeResult:
        """Ask all questions; the first answer that is not as expected fails the test."""
        temperature = 0.0 if takes_temperature(model) else None
        answers: list[str] = []
        route: str | None = None
        for number, question in enumerate(questions):
            answer = self._world.inference.answer(
                deployment,
                question.messages,
                None,
                index=number,
                max_completion_tokens=512,
                temperature=temperature,
                routes=routes_of(model),
            )
            text, route = answer.text, answer.route
            if answer.is_missing or text is None:
                return SmokeResult(passed=False, message=f"question {number + 1}: {answer.problem}")
            if (wrong := _wrong(text, question.expect)) is not None:
                return SmokeResult(passed=False, message=f"question {number + 1}: {wrong}")
            answers.append(text[:200])
        return SmokeResult(passed=True, message=" | ".join(answers), route=route)

    def _promote(self, doing: Doing[do.PromoteChampion]) -> None:
        run, effect = doing.run, doing.effect
        champion = Champion(
            deployment=effect.deployment,
            model=effect.model,
            run_id=run.id,
            since=self._world.clock.now(),
            route=effect.route,
        )
        self._world.pipelines.promote(run.pipeline, champion, effect.replacing)

    def _folder(self, run: Run) -> RunFolder:
        return RunFolder(self._world.artifacts, run.id)


def _wrong(text: str, expect: str | None) -> str | None:
    """Why an answer is not what is expected; None if it is."""
    try:
        if expect is None or old_patterns.fits(text, expect):
            return None
    except old_patterns.TookTooLong as reason:
        return f"{expect!r} is not checked: {reason}"
    return f"expected {expect!r}, got {text[:200]!r}"
