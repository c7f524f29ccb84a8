"""Fine-tuning jobs: what may be asked for, their statuses and events, and how they are shown."""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

from local.foundry.common import clock
from local.foundry.common.bodies import object_at
from local.foundry.common.catalogue import MODELS, TRAINING_TYPES, base_of
from local.foundry.common.errors import ServiceError
from local.foundry.common.offer import Offer
from local.foundry.common.store import Store
from local.foundry.data_plane.files import Files
from local.foundry.data_plane.methods import read_method, show_method

TERMINAL: Final = frozenset({"succeeded", "failed", "cancelled"})
_SUFFIX: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SEED_MAX: Final = 2**31 - 1
_METADATA_PAIRS_MAX, _METADATA_KEY_MAX, _METADATA_VALUE_MAX = 16, 64, 512
_JOBS_MAX: Final = 100
_QUEUED_MAX: Final = 20


class Jobs:
    """All jobs of the account."""

    def __init__(self, store: Store, files: Files, offer: Offer) -> None:
        self._store, self._files, self._offer = store, files, offer

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a job.

        Raises:
            ServiceError: 400, for what Azure refuses at once; 429, for more jobs than the quotas allow.
        """
        model, training_type = self._model(body)
        training_file = self._file(body, "training_file")
        method = read_method(body)
        if method.name not in model.methods:
            message = f"The specified base model does not support {method.name} fine-tuning."
            raise ServiceError(400, "invalidPayload", message, "method")
        suffix = body.get("suffix")
        if suffix is not None and not _SUFFIX.fullmatch(str(suffix)):
            message = f"The suffix '{suffix}' must be 1 to 64 letters, digits, hyphens or underscores."
            raise ServiceError(400, "invalidPayload", message, "suffix")
        _check_seed_and_metadata(body)
        self._check_quota()
        at = clock.now()
        job: dict[str, Any] = {
            "id": f"ftjob-{uuid.uuid4().hex}",
            "at": at,
            "status": "pending",
            "status_at": at,
            "version": 1,
            "model": body["model"] if ".ft-" in str(body["model"]) else model.dated,
            "method": method.name,
            "hyperparameters": method.hyperparameters,
            "more": method.more,
            "has_method": "method" in body,
            "seed": body["seed"] if body.get("seed") is not None else int(uuid.uuid4()) & 0x7FFFFFFF,
            "training_file": training_file,
            "validation_file": self._file(body, "validation_file") if body.get("validation_file") else None,
            "suffix": suffix,
            "metadata": body.get("metadata"),
            "integrations": body.get("integrations"),
            "trainingType": training_type,
        }
        self._store.put_job(job)
        self.event(job["id"], "Job enqueued. Waiting for jobs ahead to complete.")
        return show(job)

    def _model(self, body: dict[str, Any]) -> tuple[Any, str]:
        raw = body.get("trainingType")
        training_type = TRAINING_TYPES.get(str(raw).lower())
        name = str(body.get("model", ""))
        model = base_of(name)
        if model is None or (".ft-" in name and not self._store.has_model(name)):
            raise ServiceError(
                400, "invalidPayload", f"The model '{name}' does not exist or cannot be tuned.", "model"
            )
        if self._offer.is_over(model, "training", clock.now()):
            since = self._offer.retires_on(model, "training")
            message = f"The model '{model.dated}' has been deprecated for fine-tuning since {since:%m/%d/%Y} 00:00:00."
            raise ServiceError(400, "invalidPayload", message, "model")
        if training_type is None or training_type.lower() not in model.training_types:
            # Azure answers this for every model when the training type is missing or unknown.
            raise ServiceError(
                400, "invalidPayload", "The specified base model does not support fine-tuning."
            )
        return model, training_type

    def _file(self, body: dict[str, Any], key: str) -> str:
        file_id = str(body.get(key) or "")
        if self._store.file(file_id) is None:
            raise ServiceError(400, "invalidPayload", f"The {key} '{file_id}' does not exist.", key)
        status = self._files.get(file_id)["status"]
        if status != "processed":
            raise ServiceError(
                400, "invalidPayload", f"The {key} '{file_id}' is {status}, not processed.", key
            )
        return file_id

    def _check_quota(self) -> None:
        if self._store.jobs_count() >= _JOBS_MAX:
            raise ServiceError(
                429, "quotaExceeded", "The number of fine-tuning jobs of the resource is exceeded."
            )
        if (
            sum(
                1
                for job in self._store.jobs_alive()
                if job["status"] in {"pending", "validating_files", "queued"}
            )
            >= _QUEUED_MAX
        ):
            raise ServiceError(429, "quotaExceeded", "The number of queued fine-tuning jobs is exceeded.")

    def event(self, job_id: str, message: str, data: dict[str, Any] | None = None) -> None:
        """Add an event to a job; with data, it is one of metrics."""
        metrics = {"type": "metrics", "data": data} if data is not None else {}
        self._store.add_event(job_id, _event(message) | metrics)

    def get(self, job_id: str) -> dict[str, Any]:
        """A job as it is stored.

        Raises:
            ServiceError: 404.
        """
        job = self._store.job(job_id)
        if job is None:
            raise ServiceError(404, "notFound", f"The job {job_id} does not exist.")
        return job

    def move(
        self, job: dict[str, Any], status: str, *messages: str, level: str = "info", **changes: Any
    ) -> dict[str, Any] | None:
        """Store a job in another status, with an event for each message.

        Returns:
            The job; None if someone else moved it first.  Then nothing is changed.
        """
        changes |= {"status": status, "status_at": clock.now(), "version": job["version"] + 1}
        events = [_event(message, level) for message in messages]
        return job | changes if self._store.move_job(job | changes, events) else None

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job that has not ended.

        Raises:
            ServiceError: 404; 409 if it has ended.
        """
        while (job := self.get(job_id))["status"] not in TERMINAL:
            moved = self.move(job, "cancelled", "Job cancelled.", finished_at=int(clock.now()))
            if moved is not None:
                return show(moved)
        raise _unexpected(f"The job has {job['status']} and cannot be cancelled.")

    def pause(self, job_id: str) -> dict[str, Any]:
        """Pause a running job.

        Raises:
            ServiceError: 404; 409 if it does not run.
        """
        return self._step(job_id, "running", "pausing")

    def resume(self, job_id: str) -> dict[str, Any]:
        """Resume a paused job.

        Raises:
            ServiceError: 404; 409 if it is not paused.
        """
        return self._step(job_id, "paused", "resuming")

    def _step(self, job_id: str, before: str, after: str) -> dict[str, Any]:
        while (job := self.get(job_id))["status"] == before:
            moved = self.move(
                job, after, preempted_until=None
            )  # from now on a person decides, not the service
            if moved is not None:
                return show(moved)
        raise _unexpected(f"The job is {job['status']}; it must be {before}.")

    def checkpoints(self, job_id: str) -> list[dict[str, Any]]:
        """The checkpoints that can be deployed, newest first.

        Raises:
            ServiceError: 404.
        """
        self.get(job_id)
        return self._store.checkpoints(job_id)


def _event(message: str, level: str = "info") -> dict[str, Any]:
    return {
        "id": f"ftevent-{uuid.uuid4().hex}",
        "created_at": int(clock.now()),
        "level": level,
        "message": message,
        "type": "message",
        "object": "fine_tuning.job.event",
    }


def _unexpected(message: str) -> ServiceError:
    return ServiceError(409, "unexpectedEntityState", message)


def _check_seed_and_metadata(body: dict[str, Any]) -> None:
    seed = body.get("seed")
    if seed is not None and not (type(seed) is int and 0 <= seed <= _SEED_MAX):
        raise ServiceError(400, "invalidPayload", f"The seed must be 0 to {_SEED_MAX}.", "seed")
    metadata = object_at(body, "metadata")
    are_short = all(
        isinstance(value, str) and len(value) <= _METADATA_VALUE_MAX and len(key) <= _METADATA_KEY_MAX
        for key, value in metadata.items()
    )
    if len(metadata) > _METADATA_PAIRS_MAX or not are_short:
        message = (
            f"Metadata takes {_METADATA_PAIRS_MAX} pairs of text, keys up to {_METADATA_KEY_MAX} characters and "
            f"values up to {_METADATA_VALUE_MAX}."
        )
        raise ServiceError(400, "invalidPayload", message, "metadata")


def show(job: dict[str, Any]) -> dict[str, Any]:
    """A job as the service answers it: keys without a value are absent."""
    shown: dict[str, Any] = {
        "id": job["id"],
        "created_at": int(job["at"]),
        "hyperparameters": job["hyperparameters"],
        "model": job["model"],
        "object": "fine_tuning.job",
        "seed": job["seed"],
        "status": job["status"],
        "training_file": job["training_file"],
        "estimated_finish": int(job["at"])
        + 93_000,  # Azure's guess is wrong by days, and stays after the end
        "trainingType": job["trainingType"],
    }
    if job["has_method"]:
        shown["method"] = show_method(job)
    optional = "validation_file suffix metadata integrations fine_tuned_model finished_at result_files trained_tokens error"
    return shown | {key: job[key] for key in optional.split() if job.get(key) is not None}


def tuned_name(job: dict[str, Any]) -> str:
    """The name of the model that a job makes."""
    base = job["model"].partition(".ft-")[0]
    suffix = f"-{job['suffix']}" if job.get("suffix") else ""
    return f"{MODELS[base].dated}.ft-{job['id'].removeprefix('ftjob-')}{suffix}"
