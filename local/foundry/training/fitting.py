"""The running part of a job: it fits, reports, pauses, leaves checkpoints, and stores what the tuned model knows."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from local.foundry.common import clock, tokens
from local.foundry.common.offer import Offer
from local.foundry.common.rows import conversations
from local.foundry.common.store import Store, rows_name
from local.foundry.data_plane.files import Files
from local.foundry.data_plane.jobs import Jobs, tuned_name
from local.foundry.training.checks import model_refusal
from local.foundry.training.courses import Content, Course, Progress, course, epochs_of
from local.foundry.training.results import Results

_TICK_S: Final = 0.05
_LOOK_EVERY: Final = 10
_HALTED: Final = frozenset({"pausing", "paused", "resuming"})


@dataclass(frozen=True, slots=True)
class Spending:
    """What a reinforcement job costs, and the limit at which it pauses.  Once resumed, it has no limit any more."""

    pause_usd: float = 5_000.0
    """Documented: a job pauses by itself when training and grading have cost this much."""
    training_usd_per_hour: float = 100.0
    """Documented, as an example for o4-mini."""
    step_hours: float = 731.5 / 3600
    """The time of one step in OpenAI's published example: the stand-in's own steps take milliseconds."""

    def usd(self, steps: int) -> float:
        """The cost of so many steps."""
        return steps * self.step_hours * self.training_usd_per_hour

    def is_spent(self, steps: int) -> bool:
        """Whether the limit is reached."""
        return self.usd(steps) >= self.pause_usd


class Interrupted(Exception):
    """The fit must not go on: its job was cancelled, or the service stops."""


class Unsafe(Exception):
    """The model turned out harmful; the message is the service's."""


class Fit:
    """One fit of one job.  An interrupted fit begins again from the first step."""

    def __init__(
        self,
        store: Store,
        files: Files,
        jobs: Jobs,
        job_id: str,
        *,
        running_min_s: float,
        spending: Spending,
        offer: Offer,
        stop: threading.Event,
    ) -> None:
        self._store, self._files, self._jobs, self._job_id = store, files, jobs, job_id
        self._running_min_s, self._spending, self._stop = running_min_s, spending, stop
        self._offer = offer

    def run(self) -> None:
        """Fit from the first step to the last.

        Raises:
            Interrupted: the job was cancelled, or the service stops.
            NoSuchFile: a file of the job was deleted.
            Unsafe: the trained model must not be deployed.
        """
        job = self._running()
        training = partial(self._store.content, job["training_file"])
        validation = partial(self._store.content, job["validation_file"]) if job["validation_file"] else bytes
        learning = course(job, training, validation)
        # What is needed of the file at the end is read now, since it may be deleted meanwhile.
        refusal, trained = model_refusal(training()), _trained_tokens(job, training)
        results = Results(learning.columns)
        result_id = (job.get("result_files") or [None])[0] or self._files.add_result(
            "results.csv", results.csv()
        )
        job = self._move("running", f"Created results file: {result_id}", result_files=[result_id])
        self._store.restart_fit(self._job_id)
        known = {"parent": job["model"]} if ".ft-" in job["model"] else {}
        self._store.add_rows(tuned_name(job), self._job_id, known, *learning.rows())
        self._follow(job, learning, results, result_id)
        if refusal:
            raise Unsafe(refusal)
        self._store.add_model(tuned_name(job), self._job_id, _like(job) | learning.learned())
        self._succeed(job, trained, result_id)

    def _follow(self, job: dict[str, Any], learning: Course, results: Results, result_id: str) -> None:
        """Go through all steps: report, measure, leave checkpoints, and pause when asked to."""
        started = clock.now()
        pace = self._running_min_s / max(1, learning.steps_count)
        for step in learning.steps():
            results.add(step.metrics)
            if step.message:
                self._jobs.event(self._job_id, step.message, step.data)
            is_reported = step.number == 1 or step.number % _LOOK_EVERY == 0
            has_paused = (
                self._pause_if_spent(job, step)
                or self._pause_if_preempted(job, step)
                or (is_reported and self._is_halted())
            )
            if step.ends_epoch or has_paused:
                self._files.replace_result(result_id, results.csv())
                self._checkpoint(job, step, learning)
            if is_reported or has_paused:
                self._running()
            self._wait_until(started + pace * step.number)

    def _wait_until(self, due: float) -> None:
        """Wait until a time of the clock, which may be stepped forward or stand still meanwhile."""
        while (left := clock.current().real_s(due - clock.now())) > _TICK_S and not self._stop.is_set():
            self._stop.wait(min(left, _TICK_S))

    def _is_halted(self) -> bool:
        return self._jobs.get(self._job_id)["status"] in _HALTED

    def _pause_if_spent(self, job: dict[str, Any], step: Progress) -> bool:
        """Pause a reinforcement job that has reached its limit, until a person resumes it; whether it did."""
        if job["method"] != "reinforcement" or not self._spending.is_spent(step.number):
            return False
        now = self._running()
        if now.get("has_no_spending_limit"):
            return False
        message = f"Job paused: its cost reached {self._spending.pause_usd:,.2f} USD. Resume it to go on without a limit."
        return self._jobs.move(now, "paused", message, has_no_spending_limit=True) is not None

    def _pause_if_preempted(self, job: dict[str, Any], step: Progress) -> bool:
        """Pause a job of the developer tier that loses its capacity at this step; whether it did.

        That happens once in the life of a job, and the service resumes it by itself.
        """
        loss = self._offer.terms.preemption
        if job["trainingType"] != "developerTier" or loss is None or step.number != loss.at_step:
            return False
        now = self._running()
        if now.get("was_preempted"):
            return False
        message = "Job paused: it was preempted, and is resumed when capacity is available."
        until = clock.now() + loss.for_s
        return self._jobs.move(now, "paused", message, was_preempted=True, preempted_until=until) is not None

    def _running(self) -> dict[str, Any]:
        """The job as it is now.  Waits while it is paused.

        Raises:
            Interrupted: the job was cancelled, or the service stops.
        """
        while not self._stop.is_set():
            job = self._jobs.get(self._job_id)
            if job["status"] == "running":
                return job
            if job["status"] not in _HALTED:
                raise Interrupted(job["status"])
            self._stop.wait(_TICK_S)
        raise Interrupted

    def _move(self, status: str, *messages: str, **changes: Any) -> dict[str, Any]:
        while True:
            moved = self._jobs.move(self._running(), status, *messages, **changes)
            if moved is not None:
                return moved

    def _checkpoint(self, job: dict[str, Any], step: Progress, learning: Course) -> None:
        name = f"{tuned_name(job)}:ckpt-step-{step.number}"
        checkpoint = {
            "id": f"ftchkpt-{uuid.uuid4().hex}",
            "created_at": int(clock.now()),
            "fine_tuned_model_checkpoint": name,
            "step_number": step.number,
            "metrics": step.metrics,
            "fine_tuning_job_id": self._job_id,
            "object": "fine_tuning.job.checkpoint",
        }
        self._store.put_checkpoint(self._job_id, checkpoint)
        self._store.add_model(name, self._job_id, _like(job) | learning.learned())

    def _succeed(self, job: dict[str, Any], trained: int | None, result_id: str) -> None:
        closing = ["Job succeeded.", "Model Evaluation Passed.", f"Completed results file: {result_id}"]
        changes: dict[str, Any] = {"fine_tuned_model": tuned_name(job), "finished_at": int(clock.now())}
        if trained is not None:
            closing.append(f"Training tokens billed: {trained}")
            changes["trained_tokens"] = trained
        self._move("succeeded", *closing, **changes)


def _trained_tokens(job: dict[str, Any], training: Content) -> int | None:
    """The tokens that are billed; None for reinforcement, which is billed by the hour."""
    if job["method"] == "reinforcement":
        return None
    return tokens.of_conversations(conversations(training())) * epochs_of(job)


def _like(job: dict[str, Any]) -> dict[str, Any]:
    """Says where a model finds the rows of its job."""
    return {"like": rows_name(tuned_name(job))}
