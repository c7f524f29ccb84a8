"""Twins of Foundry's files, jobs and chat completions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, BinaryIO

import msgspec

from shared.core.errors import NotReady, OutcomeUnknown, Refused, StartWindowPassed
from shared.core.evaluation.answers import Answer
from shared.core.models import takes_temperature
from shared.core.observations import FoundryFile, Job
from shared.core.serving import Route, routes_of
from shared.ports import Clock
from tests.twins.deployments import TwinDeployer
from tests.twins.faults import Faults

#: What a job goes through when nothing is wrong with it.
JOB_STEPS = ("pending", "validating_files", "queued", "running", "succeeded")
_ENDED = frozenset({"succeeded", "failed", "cancelled"})


class TwinFiles(Faults):
    """Files in Foundry.

    Attributes:
        processing_looks: listings until an uploaded file is `processed`; 0 means at once.
        uploads: names of all uploads that reached the service, in order.
    """

    lost = OutcomeUnknown

    def __init__(self, clock: Clock, *, processing_looks: int = 0) -> None:
        super().__init__()
        self._clock = clock
        self.processing_looks = processing_looks
        self.uploads: list[str] = []
        self._files: dict[str, tuple[FoundryFile, bytes, int]] = {}
        self._numbers = itertools.count(1)

    def named(self, filenames: frozenset[str]) -> dict[str, FoundryFile]:
        """See `ports.Files`."""
        with self._call("named"):
            found: dict[str, FoundryFile] = {}
            for file_id, (file, content, looks) in self._files.items():
                present = file
                if file.status == "pending":
                    status = "processed" if looks <= 1 else "pending"
                    present = msgspec.structs.replace(file, status=status)
                    self._files[file_id] = (present, content, looks - 1)
                if file.filename in filenames:
                    found.setdefault(file.filename, present)
            return found

    def count(self) -> int:
        """See `ports.Files`."""
        with self._call("count"):
            return len(self._files)

    def upload(self, filename: str, content: BinaryIO, not_after: datetime) -> FoundryFile:
        """See `ports.Files`."""
        if self._clock.now() > not_after:
            raise StartWindowPassed
        with self._call("upload"):
            self.uploads.append(filename)
            return self.put(filename, content.read())

    def put(self, filename: str, content: bytes) -> FoundryFile:
        """A file that appears in Foundry, uploaded by whomever."""
        file = FoundryFile(
            id=f"file-{next(self._numbers):04d}",
            filename=filename,
            size_bytes=len(content),
            status="pending" if self.processing_looks else "processed",
            created_at=int(self._clock.now().timestamp()),
        )
        self._files[file.id] = (file, content, self.processing_looks)
        return file

    def move(self, file_id: str, status: str, error: str | None = None) -> None:
        """Give a file another status."""
        file, content, looks = self._files[file_id]
        self._files[file_id] = (msgspec.structs.replace(file, status=status, error=error), content, looks)

    def delete(self, file_id: str) -> None:
        """See `ports.Files`."""
        with self._call("delete"):
            self._files.pop(file_id, None)

    def content(self, file_id: str) -> bytes:
        """See `ports.Files`."""
        with self._call("content"):
            if file_id not in self._files:
                msg = f"content of file {file_id}: HTTP 404"
                raise Refused(msg, service_code="notFound")
            return self._files[file_id][1]


class TwinTrainer(Faults):
    """Fine-tuning jobs.  They move when a test moves them, or one step at each look if `is_stepping`.

    Attributes:
        is_stepping: whether each look at a job moves it one step along `JOB_STEPS`.
        listing_lag_s: jobs younger than this are not listed yet.
        bodies: of all creations that reached the service: what was paid for.
        deleted_models: tuned models that somebody deleted.
    """

    lost = OutcomeUnknown

    def __init__(self, clock: Clock, files: TwinFiles, *, is_stepping: bool = False) -> None:
        super().__init__()
        self._clock = clock
        self._files = files
        self.is_stepping = is_stepping
        self.listing_lag_s = 0.0
        self.bodies: list[dict[str, Any]] = []
        self.deleted_models: set[str] = set()
        self._jobs: dict[str, Job] = {}
        self._numbers = itertools.count(1)

    def jobs(self, since: datetime) -> list[Job]:
        """See `ports.Trainer`."""
        with self._call("jobs"):
            latest = self._clock.now().timestamp() - self.listing_lag_s
            for job_id in list(self._jobs):
                self._look(job_id)
            return [
                job
                for job in reversed(self._jobs.values())
                if since.timestamp() <= job.created_at and (not self.listing_lag_s or job.created_at < latest)
            ]

    def job(self, job_id: str) -> Job | None:
        """See `ports.Trainer`."""
        with self._call("job"):
            self._look(job_id)
            return self._jobs.get(job_id)

    def has_model(self, model: str) -> bool:
        """See `ports.Trainer`."""
        with self._call("has_model"):
            is_known = any(job.model == model for job in self._jobs.values())
            return is_known and model not in self.deleted_models

    def create(self, body: dict[str, Any], not_after: datetime) -> Job:
        """See `ports.Trainer`."""
        if self._clock.now() > not_after:
            raise StartWindowPassed
        with self._call("create"):
            self.bodies.append(body)
            method = body.get("method") or {}
            inner = method.get(method.get("type"), {})
            job = Job(
                id=f"ftjob-{next(self._numbers):04d}",
                status="pending",
                created_at=int(self._clock.now().timestamp()),
                training_file=body["training_file"],
                base_model=body["model"],
                suffix=body.get("suffix"),
                hyperparameters=dict(inner.get("hyperparameters", {})),
            )
            self._jobs[job.id] = job
            return job

    def cancel(self, job_id: str) -> None:
        """See `ports.Trainer`."""
        with self._call("cancel"):
            if job_id in self._jobs and self._jobs[job_id].status not in _ENDED:
                self.move(job_id, "cancelled")

    def move(self, job_id: str, status: str, error: str | None = None) -> Job:
        """Give a job a status; one that succeeds gets a model, trained tokens and a results file."""
        job = msgspec.structs.replace(self._jobs[job_id], status=status, error=error)
        if status == "succeeded" and job.model is None:
            results = self._files.put("results.csv", b"step,train_loss\n1,2.5\n2,1.5\n")
            job = msgspec.structs.replace(
                job,
                model=f"{job.base_model}.ft-{job_id.removeprefix('ftjob-')}-{job.suffix or 'none'}",
                trained_tokens=1000,
                result_files=(results.id,),
            )
        self._jobs[job_id] = job
        return job

    def forget(self, job_id: str) -> None:
        """Let the service lose a job."""
        del self._jobs[job_id]

    def _look(self, job_id: str) -> None:
        job = self._jobs.get(job_id)
        if self.is_stepping and job and job.status in JOB_STEPS[:-1]:
            self.move(job_id, JOB_STEPS[JOB_STEPS.index(job.status) + 1])

    def events(self, job_id: str, limit: int) -> list[dict[str, Any]]:
        """See `ports.Trainer`."""
        with self._call("events"):
            job = self._known(job_id)
            return [{"type": "message", "level": "info", "message": f"Job is {job.status}"}][:limit]

    def checkpoints(self, job_id: str) -> list[dict[str, Any]]:
        """See `ports.Trainer`."""
        with self._call("checkpoints"):
            self._known(job_id)
            return []

    def _known(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            msg = f"job {job_id}: HTTP 404"
            raise Refused(msg, service_code="notFound")
        return self._jobs[job_id]


def echo(deployment: str, messages: Sequence[dict[str, Any]]) -> str:
    """The last question again: what a deployment answers if a test names no other function."""
    del deployment
    return str(messages[-1]["content"])


class TwinInference(Faults):
    """Chat completions of the deployments that a `TwinDeployer` has.

    Attributes:
        answers: what a deployment says to messages: a text, or an `Answer` of another outcome.
    """

    def __init__(self, deployer: TwinDeployer) -> None:
        super().__init__()
        self._deployer = deployer
        self.answers: Callable[[str, Sequence[dict[str, Any]]], str | Answer] = echo

    def answer(
        self,
        deployment: str,
        messages: Sequence[dict[str, Any]],
        tools: list[dict[str, Any]] | None,
        *,
        index: int,
        max_completion_tokens: int,
        temperature: float | None = 0.0,
        trained_with: Mapping[str, Any] = MappingProxyType({}),
        left_out: frozenset[str] = frozenset(),
        routes: Sequence[Route] = (Route.PROJECT,),
    ) -> Answer:
        """See `ports.Inference`."""
        del tools, max_completion_tokens, trained_with
        with self._call("answer"):
            if not self._deployer.is_serving(deployment):
                msg = f"deployment {deployment} does not serve yet"
                raise NotReady(msg)
            route = routes_of(self._deployer.model_of(deployment))[-1]
            if route not in routes:
                msg = f"deployment {deployment} does not serve yet: project v1 does not know it"
                raise NotReady(msg)
            if temperature is not None and not takes_temperature(self._deployer.model_of(deployment)):
                left_out |= {"temperature"}
            said = self.answers(deployment, messages)
            if isinstance(said, Answer):
                return msgspec.structs.replace(said, index=index, route=route)
            return Answer(
                index=index,
                text=said,
                finish_reason="stop",
                prompt_tokens=sum(len(str(message.get("content")).split()) for message in messages),
                completion_tokens=len(said.split()),
                left_out=tuple(sorted(left_out)),
                cached_tokens=0,
                reasoning_tokens=0,
                latency_ms=1,
                route=route,
            )
