"""What happens to jobs: one thread moves them all, and one fits a model at a time for each running job."""

from __future__ import annotations

import csv
import io
import logging
import threading
import time
import uuid
from typing import Any, Final

from local.foundry import clock, tokens
from local.foundry.clock import Timings
from local.foundry.files import Files
from local.foundry.jobs import TERMINAL, Jobs, tuned_name
from local.foundry.learning import Step, fit
from local.foundry.rows import Pair, pairs
from local.foundry.store import Store

_LOG: Final = logging.getLogger(__name__)
_TICK_S: Final = 0.05
_RUNNING_MAX: Final = 3
_EXAMPLES_MIN: Final = 10
_STEPS_MAX: Final = 4000
_COLUMNS: Final = (
    "step",
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
)


class _Interrupted(Exception):  # no error: the job was cancelled
    pass


class Trainer:
    """Moves jobs through their states."""

    def __init__(self, store: Store, files: Files, jobs: Jobs, timings: Timings) -> None:
        self._store, self._files, self._jobs, self._timings = store, files, jobs, timings
        self._fitting: dict[str, threading.Thread] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trainer", daemon=True)

    def start(self) -> None:
        """Begin; a job whose fit was interrupted by a restart is fitted anew."""
        self._thread.start()

    def stop(self) -> None:
        """End; jobs stay as they are and go on after the next start."""
        self._stop.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._stop.wait(_TICK_S):
            try:
                self._tick()
            except Exception:  # noqa: BLE001  # whatever happens to one job, the others go on
                _LOG.exception("the trainer goes on")

    def _tick(self) -> None:
        jobs = [job for job in reversed(self._store.jobs()) if job["status"] not in TERMINAL]
        running = sum(1 for job in jobs if job["status"] == "running")
        for job in jobs:
            age = clock.now() - job["status_at"]
            match job["status"]:
                case "pending" if age >= self._timings.job_pending_s:
                    self._jobs.event(job["id"], "Preprocessing running for file training file.")
                    self._jobs.move(job, "validating_files")
                case "validating_files" if age >= self._timings.job_validating_s:
                    self._validated(job)
                case "queued" if age >= self._timings.job_queued_s and running < _RUNNING_MAX:
                    running += 1
                    self._begin(job)
                case "running" if job["id"] not in self._fitting:
                    self._fit_in_thread(job)
                case "pausing":
                    self._jobs.move(job, "paused")
                case "resuming":
                    self._jobs.move(job, "running")

    def _validated(self, job: dict[str, Any]) -> None:
        self._jobs.event(job["id"], "Preprocessing completed for file training file.")
        if job["validation_file"]:
            self._jobs.event(job["id"], "Preprocessing completed for file validation file.")
        try:
            count = len(pairs(self._store.content(job["training_file"])))
        except IndexError:
            self._fail(job, "fileImportFailed", "The training file was deleted.")
            return
        if count < _EXAMPLES_MIN and job["method"] != "reinforcement":
            message = f"The training file has {count} examples, at least {_EXAMPLES_MIN} are needed."
            self._fail(job, "jsonlValidationFailed", message)
            return
        self._jobs.event(job["id"], "Job started.")
        self._jobs.move(job, "queued")

    def _fail(self, job: dict[str, Any], code: str, message: str) -> None:
        self._jobs.event(job["id"], message, level="error")
        error = {"code": code, "message": message, "param": "training_file"}
        self._jobs.move(job, "failed", error=error, finished_at=int(clock.now()))

    def _begin(self, job: dict[str, Any]) -> None:
        for message in (
            "Data Import started.",
            "Finetuning started.",
            "Job queued, waiting for GPUs.",
            "Training started.",
        ):
            self._jobs.event(job["id"], message)
        self._fit_in_thread(self._jobs.move(job, "running"))

    def _fit_in_thread(self, job: dict[str, Any]) -> None:
        thread = threading.Thread(target=self._fit_and_end, args=(job,), name=job["id"], daemon=True)
        self._fitting[job["id"]] = thread
        thread.start()

    def _fit_and_end(self, job: dict[str, Any]) -> None:
        try:
            self._fit(job)
        except _Interrupted:
            _LOG.info("%s was stopped", job["id"])
        except Exception as error:  # noqa: BLE001  # a job that cannot be fitted fails, as in Azure
            _LOG.exception("%s failed", job["id"])
            self._fail(job, "internalFailure", str(error))

    def _fit(self, job: dict[str, Any]) -> None:
        train = pairs(self._store.content(job["training_file"]))
        valid = pairs(self._store.content(job["validation_file"])) if job["validation_file"] else []
        asked = job["hyperparameters"]
        epochs = int(asked["n_epochs"]) if asked["n_epochs"] != -1 else 3
        batch = max(int(asked["batch_size"]), 1) if asked["batch_size"] != -1 else max(1, len(train) // 500)
        rate = float(asked["learning_rate_multiplier"]) if asked["learning_rate_multiplier"] != -1 else 1.0
        total = epochs * -(-len(train) // batch)
        batch = max(batch, -(-epochs * len(train) // _STEPS_MAX))  # a stand-in has seconds, not hours
        results = _Results()
        result_id = self._files.add_result("results.csv", results.csv())
        job = self._jobs.move(job, "running", result_files=[result_id])
        self._jobs.event(job["id"], f"Created results file: {result_id}")
        self._store.restart_fit(job["id"])
        started, pace = time.monotonic(), self._timings.job_running_min_s / max(1, min(total, _STEPS_MAX))
        texts, checks = [row.text for row in train], [row.text for row in valid]
        steps = fit(
            texts, checks, epochs=epochs, batch_size=batch, rate_multiplier=rate, seed=int(job["seed"])
        )
        for step in steps:
            results.add(step)
            self._report(job, step)
            ahead = pace * step.number - (time.monotonic() - started)
            if ahead > _TICK_S:
                time.sleep(ahead)
        self._succeed(job, train, epochs, results)

    def _report(self, job: dict[str, Any], step: Step) -> None:
        """Events every ten steps, a checkpoint every epoch; stops when the job was cancelled, waits while it is paused."""
        if step.number == 1 or step.number % 10 == 0:
            self._jobs.event(job["id"], f"Step {step.number}: training loss={step.train.loss}")
            while (status := self._jobs.get(job["id"])["status"]) in {"pausing", "paused", "resuming"}:
                time.sleep(_TICK_S)
            if status != "running" or self._stop.is_set():
                raise _Interrupted
        if step.ends_epoch:
            self._checkpoint(job, step)

    def _checkpoint(self, job: dict[str, Any], step: Step) -> None:
        metrics = {key: value for key, value in _row(step).items() if value is not None}
        checkpoint = {
            "id": f"ftchkpt-{uuid.uuid4().hex}",
            "created_at": int(clock.now()),
            "fine_tuned_model_checkpoint": f"{tuned_name(job)}:ckpt-step-{step.number}",
            "step_number": step.number,
            "metrics": metrics,
            "fine_tuning_job_id": job["id"],
            "object": "fine_tuning.job.checkpoint",
        }
        self._store.put_checkpoint(job["id"], checkpoint)

    def _succeed(self, job: dict[str, Any], train: list[Pair], epochs: int, results: _Results) -> None:
        result_id = self._files.add_result("results.csv", results.csv())
        name = tuned_name(job)
        self._store.add_model(name, job["id"], {"rows": [[row.prompt, row.answer] for row in train]})
        trained = sum(tokens.count([row.prompt for row in train] + [row.text for row in train])) * epochs
        if self._jobs.get(job["id"])["status"] != "running":
            raise _Interrupted
        for message in ("Job succeeded.", "Model Evaluation Passed.", f"Completed results file: {result_id}"):
            self._jobs.event(job["id"], message)
        self._jobs.event(job["id"], f"Training tokens billed: {trained}")
        self._jobs.move(
            job,
            "succeeded",
            fine_tuned_model=name,
            finished_at=int(clock.now()),
            result_files=[result_id],
            trained_tokens=trained,
        )
        self._store.delete_file(job["result_files"][0])


def _row(step: Step) -> dict[str, float | int | None]:
    valid, full = step.valid, step.full_valid
    return {
        "step": step.number,
        "train_loss": step.train.loss,
        "train_mean_token_accuracy": step.train.accuracy,
        "valid_loss": valid.loss if valid else None,
        "valid_mean_token_accuracy": valid.accuracy if valid else None,
        "full_valid_loss": full.loss if full else None,
        "full_valid_mean_token_accuracy": full.accuracy if full else None,
    }


class _Results:
    """results.csv, with cells that stay empty where nothing was measured."""

    def __init__(self) -> None:
        self._rows: list[dict[str, float | int | None]] = []

    def add(self, step: Step) -> None:
        self._rows.append(_row(step))

    def csv(self) -> bytes:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for row in self._rows:
            writer.writerow(["" if row[column] is None else row[column] for column in _COLUMNS])
        return out.getvalue().encode()
