"""Moves jobs through their statuses: one thread moves all of them, and one more thread fits each running job."""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from typing import Any, Final

from local.foundry.common import clock, tokens
from local.foundry.common.clock import Timings
from local.foundry.common.memory import give_back
from local.foundry.common.offer import Offer
from local.foundry.common.store import NoSuchFile, Store
from local.foundry.data_plane.files import Files
from local.foundry.data_plane.jobs import TERMINAL, Jobs
from local.foundry.training.checks import check_rows, data_refusal, deployment_trouble
from local.foundry.training.fitting import Fit, Interrupted, Spending, Unsafe

_LOG: Final = logging.getLogger(__name__)
_TICK_S: Final = 0.05
_STOP_S: Final = 5.0
#: Documented: how many jobs run at once on the developer tier (True), and on all other tiers together (False).
_RUNNING_MAX: Final = {True: 5, False: 3}
_BEGINNING: Final = (
    "Data Import started.",
    "Finetuning started.",
    "Job queued, waiting for GPUs.",
    "Training started.",
)


class Trainer:
    """Moves jobs through their statuses."""

    def __init__(
        self,
        store: Store,
        files: Files,
        jobs: Jobs,
        timings: Timings,
        *,
        offer: Offer,
        spending: Spending | None = None,
    ) -> None:
        self._store, self._files, self._jobs, self._timings, self._offer = store, files, jobs, timings, offer
        self._spending = spending or Spending()
        self._fitting: dict[str, threading.Thread] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trainer", daemon=True)

    def start(self) -> None:
        """Begin.  A job whose fit was interrupted by a restart is fitted again."""
        self._thread.start()

    def stop(self) -> None:
        """End.  Jobs stay as they are, and go on after the next start."""
        self._stop.set()
        self._thread.join(timeout=_STOP_S)
        for thread in self._fitting.values():
            thread.join(timeout=_STOP_S)

    def _run(self) -> None:
        tokens.load()  # so that no request has to wait for it
        while not self._stop.wait(_TICK_S):
            try:
                self._tick()
            except Exception:  # noqa: BLE001  # the thread must not end: a full disk or a locked file may pass
                _LOG.exception("the trainer goes on")

    def _tick(self) -> None:
        jobs = self._store.jobs_alive()
        running = Counter(_is_developer(job) for job in jobs if job["status"] == "running")
        for job in jobs:
            try:
                tier = _is_developer(job)
                running[tier] += self._advance(job, has_room=running[tier] < _RUNNING_MAX[tier])
            except Exception as error:  # noqa: BLE001  # the other jobs must go on
                _LOG.exception("%s failed", job["id"])
                self._fail(job["id"], "internalFailure", str(error))

    def _advance(self, job: dict[str, Any], *, has_room: bool) -> bool:
        """Move a job one step, if its time has come; whether it began to run."""
        age = clock.now() - job["status_at"]
        match job["status"]:
            case "pending" if age >= self._timings.job_pending_s:
                self._jobs.move(job, "validating_files", "Preprocessing running for file training file.")
            case "validating_files" if age >= self._timings.job_validating_s:
                self._validate(job)
            case "queued" if age >= self._timings.job_queued_s and has_room:
                return self._jobs.move(job, "running", *_BEGINNING) is not None
            case "running" if job["id"] not in self._fitting:
                thread = threading.Thread(target=self._fit, args=(job["id"],), name=job["id"], daemon=True)
                self._fitting[job["id"]] = thread
                thread.start()
            case "pausing":
                self._jobs.move(job, "paused")
            case "paused" if clock.now() >= (job.get("preempted_until") or math.inf):
                self._jobs.move(job, "resuming", "Capacity is available again.", preempted_until=None)
            case "resuming" if has_room:
                return self._jobs.move(job, "running") is not None
        return False

    def _validate(self, job: dict[str, Any]) -> None:
        """Check the files of a job, as the service does before it trains; a job that cannot be trained fails here."""
        done, contents = [], []
        for param in ("training_file", "validation_file"):
            if not job[param]:
                continue
            name = param.replace("_", " ")
            try:
                content = self._store.content(job[param])
                check_rows(job, param, content)
            except NoSuchFile:
                self._fail(job["id"], "fileImportFailed", f"The {name} was deleted.", param)
                return
            except ValueError as error:
                self._fail(job["id"], "jsonlValidationFailed", f"The {name}{error}", param)
                return
            contents.append(content)
            done.append(f"Preprocessing completed for file {name}.")
        if refusal := data_refusal(*contents):
            self._fail(job["id"], "contentFilter", refusal, "training_file")
            return
        trouble = deployment_trouble(contents[0])
        self._jobs.move(job, "queued", *done, "Job started.", deployment_trouble=trouble)

    def _fail(self, job_id: str, code: str, message: str, param: str | None = None) -> None:
        """Fail a job, unless it has ended; others may move it at the same time."""
        error = {"code": code, "message": message, "param": param}
        moved = None
        while moved is None and (job := self._jobs.get(job_id))["status"] not in TERMINAL:
            moved = self._jobs.move(
                job, "failed", message, level="error", error=error, finished_at=int(clock.now())
            )

    def _fit(self, job_id: str) -> None:
        pace = self._timings.job_running_min_s
        fit = Fit(
            self._store,
            self._files,
            self._jobs,
            job_id,
            running_min_s=pace,
            spending=self._spending,
            offer=self._offer,
            stop=self._stop,
        )
        try:
            fit.run()
        except Interrupted as why:
            _LOG.info("the fit of %s ends: %s", job_id, why)
        except Unsafe as refusal:
            self._fail(job_id, "contentFilter", str(refusal), "training_file")
        except NoSuchFile as gone:
            self._fail(job_id, "fileImportFailed", f"The file {gone} was deleted.")
        except Exception as error:  # noqa: BLE001  # a job that cannot be fitted fails, as in Azure
            _LOG.exception("%s failed", job_id)
            self._fail(job_id, "internalFailure", str(error))
        finally:
            give_back()


def _is_developer(job: dict[str, Any]) -> bool:
    return bool(job["trainingType"] == "developerTier")
