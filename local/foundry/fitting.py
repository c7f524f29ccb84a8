"""The running part of a job: fit, report, and store what the tuned model knows."""

from __future__ import annotations

import threading
import time
import uuid
from typing import Any, Final

from local.foundry import clock, tokens
from local.foundry.files import Files
from local.foundry.jobs import Jobs, tuned_name
from local.foundry.learning import Step, fit
from local.foundry.results import Results, metrics
from local.foundry.rows import conversations, pairs
from local.foundry.store import Store

_TICK_S: Final = 0.05
_STEPS_MAX: Final = 4000  # a stand-in has seconds, not hours: rows beyond that share steps
_EVENT_EVERY: Final = 10
_EPOCHS_AUTO: Final = 3
_STEPS_AUTO: Final = 500
_HALTED: Final = frozenset({"pausing", "paused", "resuming"})


class Interrupted(Exception):  # no error: the job was cancelled or the service stops
    """The fit must not go on."""


class Fit:
    """One fit of one job.  An interrupted fit is begun anew, as after a pre-emption without a checkpoint."""

    def __init__(
        self,
        store: Store,
        files: Files,
        jobs: Jobs,
        job_id: str,
        *,
        running_min_s: float,
        stop: threading.Event,
    ) -> None:
        self._store, self._files, self._jobs, self._job_id = store, files, jobs, job_id
        self._running_min_s, self._stop = running_min_s, stop

    def run(self) -> None:
        """Fit from the first step to the last.

        Raises:
            Interrupted: the job was cancelled, or the service stops.
            NoSuchFile: a file of the job was deleted.
        """
        job, results = self._running(), Results()
        train = pairs(self._store.content(job["training_file"]))
        valid = pairs(self._store.content(job["validation_file"])) if job["validation_file"] else []
        epochs, batch_size, rate = _hyperparameters(job, len(train))
        result_id = (job.get("result_files") or [None])[0] or self._files.add_result(
            "results.csv", results.csv()
        )
        job = self._move("running", f"Created results file: {result_id}", result_files=[result_id])
        self._store.restart_fit(self._job_id)
        steps = fit(
            [row.text for row in train],
            [row.text for row in valid],
            epochs=epochs,
            batch_size=batch_size,
            rate_multiplier=rate,
            seed=int(job["seed"]),
        )
        started = time.monotonic()
        pace = self._running_min_s / max(1, epochs * -(-len(train) // batch_size))
        for step in steps:
            results.add(step)
            self._report(step)
            if step.ends_epoch:
                self._files.replace_result(result_id, results.csv())
                self._checkpoint(job, step)
            ahead = pace * step.number - (time.monotonic() - started)
            if ahead > _TICK_S:
                self._stop.wait(ahead)
        self._store.add_model(
            tuned_name(job), self._job_id, {"rows": [[row.prompt, row.answer] for row in train]}
        )
        self._succeed(job, result_id, epochs)

    def _running(self) -> dict[str, Any]:
        """The job as it is now, once it runs; waits while it is paused."""
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

    def _report(self, step: Step) -> None:
        """An event every ten steps, as in the service; there the fit notices that it was cancelled or paused."""
        if step.number == 1 or step.number % _EVENT_EVERY == 0:
            self._running()
            self._jobs.event(self._job_id, f"Step {step.number}: training loss={step.train.loss}")

    def _checkpoint(self, job: dict[str, Any], step: Step) -> None:
        checkpoint = {
            "id": f"ftchkpt-{uuid.uuid4().hex}",
            "created_at": int(clock.now()),
            "fine_tuned_model_checkpoint": f"{tuned_name(job)}:ckpt-step-{step.number}",
            "step_number": step.number,
            "metrics": metrics(step),
            "fine_tuning_job_id": self._job_id,
            "object": "fine_tuning.job.checkpoint",
        }
        self._store.put_checkpoint(self._job_id, checkpoint)

    def _succeed(self, job: dict[str, Any], result_id: str, epochs: int) -> None:
        rows = conversations(self._store.content(job["training_file"]))
        trained = tokens.of_conversations(rows) * epochs
        self._move(
            "succeeded",
            "Job succeeded.",
            "Model Evaluation Passed.",
            f"Completed results file: {result_id}",
            f"Training tokens billed: {trained}",
            fine_tuned_model=tuned_name(job),
            finished_at=int(clock.now()),
            trained_tokens=trained,
        )


def _hyperparameters(job: dict[str, Any], count: int) -> tuple[int, int, float]:
    """Epochs, batch size and rate multiplier; -1 (auto) becomes a choice of ours, Azure's is not published."""
    asked = job["hyperparameters"]
    epochs = int(asked["n_epochs"]) if asked["n_epochs"] != -1 else _EPOCHS_AUTO
    batch = int(asked["batch_size"]) if asked["batch_size"] != -1 else max(1, count // _STEPS_AUTO)
    rate = float(asked["learning_rate_multiplier"]) if asked["learning_rate_multiplier"] != -1 else 1.0
    return epochs, max(batch, -(-epochs * count // _STEPS_MAX)), rate
