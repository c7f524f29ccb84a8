"""Does what was decided.  Every effect here was intended first: its attempt is stored before it begins."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from shared import evaluating, preparation
from shared.core import effects as do
from shared.core import naming
from shared.core.models import takes_temperature
from shared.core.observations import (
    Champion,
    Observation,
    Queueing,
    SmokeResult,
    Submitting,
    Training,
    Uploading,
)
from shared.core.policy import Policy
from shared.core.run import Run
from shared.core.spec import SmokeQuestion
from shared.observer import RESULTS_MARK, SMOKE_ARTIFACT
from shared.pinning import Pins
from shared.ports import World
from shared.telemetry import runs as telemetry

_JSON: Final = "application/json"
_EVENTS_MAX: Final = 500


class Performer:
    """Performs effects."""

    def __init__(self, world: World, policy: Policy) -> None:
        self._world = world
        self._policy = policy
        self._pins = Pins(world)
        self._performs: dict[type[do.Effect], Callable[[Run, Any, datetime], Observation | None]] = {
            do.PinPipeline: self._pin,
            do.ValidateDataset: self._validate,
            do.TakeClaim: self._take_claim,
            do.TakePlace: self._take_place,
            do.UploadFile: self._upload,
            do.CreateJob: self._create_job,
            do.CancelJob: self._cancel_job,
            do.StoreTrainingResults: self._store_results,
            do.PutDeployment: self._put_deployment,
            do.DeleteDeployment: self._delete_deployment,
            do.DeleteFiles: self._delete_files,
            do.PlanEvaluation: self._plan_evaluation,
            do.AnswerExamples: self._answer,
            do.CompareAnswers: self._compare,
            do.SmokeTest: self._smoke_test,
            do.PromoteChampion: self._promote,
        }

    @telemetry.performing
    def perform(self, run: Run, effect: do.Effect, not_after: datetime) -> Observation | None:
        """Perform an effect.

        Args:
            run: the run, with the attempt stored.
            effect: what to do.
            not_after: a request that is not idempotent is not sent later than this.

        Returns:
            What the effect itself showed, where that spares a look that may lag behind.

        Raises:
            FinetuneError: its class says what may be done next.
        """
        return self._performs[type(effect)](run, effect, not_after)

    def _pin(self, run: Run, effect: do.PinPipeline, not_after: datetime) -> None:
        del effect, not_after
        self._pins.store(run)

    def _validate(self, run: Run, effect: do.ValidateDataset, not_after: datetime) -> None:
        del effect, not_after
        pinned = self._pins.load(run)
        assert pinned is not None
        preparation.prepare(self._world, run, pinned)

    def _take_claim(self, run: Run, effect: do.TakeClaim, not_after: datetime) -> None:
        del not_after
        self._world.claims.take(run.pipeline, effect.fingerprint, run.id, effect.previous_holder)

    def _take_place(self, run: Run, effect: do.TakePlace, not_after: datetime) -> Queueing:
        del not_after
        holder = naming.place_holder(run.id, run.status_since)
        self._world.claims.take(naming.PLACES, naming.place(effect.number), holder, effect.previous_holder)
        return Queueing(has_place=True)

    def _upload(self, run: Run, effect: do.UploadFile, not_after: datetime) -> Uploading:
        with self._world.artifacts.open(
            naming.artifact(run.id, preparation.prepared(effect.role))
        ) as content:
            file = self._world.files.upload(effect.filename, content, not_after)
        return Uploading(files={effect.filename: file})

    def _create_job(self, run: Run, effect: do.CreateJob, not_after: datetime) -> Submitting:
        del run
        job = self._world.trainer.create(effect.body, not_after)
        return Submitting(jobs=(job,))

    def _cancel_job(self, run: Run, effect: do.CancelJob, not_after: datetime) -> None:
        del run, not_after
        self._world.trainer.cancel(effect.job_id)

    def _store_results(
        self, run: Run, effect: do.StoreTrainingResults, not_after: datetime
    ) -> Training | None:
        del not_after
        job = self._world.trainer.job(effect.job_id)
        if job is None:
            return None
        for number, file_id in enumerate(job.result_files):
            name = "training/results.csv" if number == 0 else f"training/results-{number}.csv"
            self._write(run, name, self._world.files.content(file_id), "text/csv")
        events = self._world.trainer.events(job.id, _EVENTS_MAX)
        self._write(run, "training/events.json", msgspec.json.encode(events), _JSON)
        checkpoints = self._world.trainer.checkpoints(job.id)
        self._write(run, "training/checkpoints.json", msgspec.json.encode(checkpoints), _JSON)
        self._write(
            run, RESULTS_MARK, msgspec.json.encode(job), _JSON
        )  # last: it says that the rest is there
        return Training(job=job, has_results=True)

    def _put_deployment(self, run: Run, effect: do.PutDeployment, not_after: datetime) -> None:
        del run, not_after
        self._world.deployer.put(
            effect.name,
            model=effect.model,
            model_format=effect.model_format,
            sku=effect.sku,
            capacity=effect.capacity,
        )

    def _delete_deployment(self, run: Run, effect: do.DeleteDeployment, not_after: datetime) -> None:
        del run, not_after
        self._world.deployer.delete(effect.name)

    def _delete_files(self, run: Run, effect: do.DeleteFiles, not_after: datetime) -> None:
        del run, not_after
        for file_id in effect.file_ids:
            self._world.files.delete(file_id)

    def _plan_evaluation(self, run: Run, effect: do.PlanEvaluation, not_after: datetime) -> None:
        del effect, not_after
        pinned = self._pins.load(run)
        assert pinned is not None
        evaluating.plan(self._world, run, pinned, self._policy.evaluation_chunk_size)

    def _answer(self, run: Run, effect: do.AnswerExamples, not_after: datetime) -> None:
        del not_after
        pinned = self._pins.load(run)
        assert pinned is not None
        evaluating.answer_chunk(self._world, run, pinned.spec, effect.target, effect.chunk)

    def _compare(self, run: Run, effect: do.CompareAnswers, not_after: datetime) -> None:
        del effect, not_after
        pinned = self._pins.load(run)
        assert pinned is not None
        evaluating.compare_answers(self._world, run, pinned.spec)

    def _smoke_test(self, run: Run, effect: do.SmokeTest, not_after: datetime) -> None:
        del not_after
        pinned = self._pins.load(run)
        assert pinned is not None
        result = self._ask(effect.deployment, pinned.spec.deployment.smoke_test, pinned.spec.model)
        self._write(run, SMOKE_ARTIFACT, msgspec.json.encode(result), _JSON)

    def _ask(self, deployment: str, questions: tuple[SmokeQuestion, ...], model: str) -> SmokeResult:
        """Ask all questions; the first answer that is not as expected fails the test."""
        temperature = 0.0 if takes_temperature(model) else None
        said = []
        for number, question in enumerate(questions):
            answer = self._world.inference.answer(
                deployment,
                question.messages,
                None,
                index=number,
                max_completion_tokens=512,
                temperature=temperature,
            )
            if answer.error or not answer.text:
                reason = answer.error or "an empty answer"
                return SmokeResult(passed=False, message=f"question {number + 1}: {reason}")
            if question.expect is not None and not _fits(answer.text, question.expect):
                wanted = f"expected {question.expect!r}, got {answer.text[:200]!r}"
                return SmokeResult(passed=False, message=f"question {number + 1}: {wanted}")
            said.append(answer.text[:200])
        return SmokeResult(passed=True, message=" | ".join(said))

    def _promote(self, run: Run, effect: do.PromoteChampion, not_after: datetime) -> None:
        del not_after
        champion = Champion(
            deployment=effect.deployment, model=effect.model, run_id=run.id, since=self._world.clock.now()
        )
        self._world.pipelines.promote(run.pipeline, champion, effect.replacing)

    def _write(self, run: Run, name: str, data: bytes, content_type: str) -> None:
        self._world.artifacts.write(naming.artifact(run.id, name), data, content_type)


def _fits(text: str, expected: str) -> bool:
    """Whether an answer contains what is expected: a text in any case, or a pattern between slashes."""
    if len(expected) > 2 and expected.startswith("/") and expected.endswith("/"):
        return re.search(expected[1:-1], text) is not None
    return expected.casefold() in text.casefold()
