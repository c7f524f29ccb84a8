"""The world outside of the app, which moves by itself: jobs, files, deployments, each in its own time and with its own end."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec

from shared.core.errors import NotReady, QuotaExhausted, Refused, Unauthorized, Unavailable
from shared.core.observations import DeploymentView, FoundryFile, Job
from tests.simulation.kernel import Kernel, TrueClock
from tests.twins.account import TwinAccount
from tests.twins.deployments import TwinDeployer
from tests.twins.foundry import TwinFiles, TwinInference, TwinTrainer

JOB_ENDS = (
    "succeeded",
    "failed",
    "cancelled",
    "paused, then succeeded",
    "unknown status, then succeeded",
    "succeeded without a model, then with one",
    "succeeded without a model for ever",
    "gone",
)


@dataclass(frozen=True, kw_only=True)
class Nature:
    """How the services behave when nobody disturbs them."""

    job_ends: tuple[str, ...] = ("succeeded",)
    listing_lags_s: tuple[float, ...] = (0.0,)
    job_s: tuple[float, float] = (300.0, 1500.0)
    file_fails: float = 0.0
    deployment_fails: float = 0.0
    not_ready_s: float = 0.0
    jobs_max: int = 1000
    """Jobs that may live at once; more are refused as a quota."""
    good_models: float = 1.0
    lies: float = 0.0
    """Chance that a listing of jobs is an empty page, or that a job is not known, although it is there."""
    lies_until_s: float = 0.0


class SimFiles(TwinFiles):
    """Files in Foundry: processed after a while, listed after a while."""

    def __init__(self, kernel: Kernel, nature: Nature, seen: Counter[str]) -> None:
        super().__init__(TrueClock(kernel))
        self._kernel, self._nature, self._seen = kernel, nature, seen
        self.shown_from: dict[str, float] = {}
        self.sha256: dict[str, str] = {}
        self.names: dict[str, str] = {}

    def put(self, filename: str, content: bytes) -> FoundryFile:
        """A new file."""
        file = super().put(filename, content)
        self.sha256[file.id] = hashlib.sha256(content).hexdigest()
        self.names[file.id] = filename
        if not filename.endswith(".jsonl"):
            return file
        rng, lag = self._kernel.rng, self._nature.listing_lags_s
        self.shown_from[file.id] = self._kernel.now_s + rng.choice(lag)
        self.move(file.id, "pending")
        status = "error" if rng.random() < self._nature.file_fails else "processed"
        if status == "error":
            self._seen["file ends as error"] += 1
        self._kernel.after(rng.uniform(1, 120), lambda: self._settle(file.id, status))
        return msgspec.structs.replace(file, status="pending")

    def _settle(self, file_id: str, status: str) -> None:
        if file_id in self._files:
            self.move(file_id, status, "the content was refused" if status == "error" else None)

    def named(self, filenames: frozenset[str]) -> dict[str, FoundryFile]:
        """See `ports.Files`."""
        found: dict[str, FoundryFile] = {}
        for file_id, (file, _, _) in self._files.items():
            if file.filename in filenames and self.shown_from.get(file_id, 0.0) <= self._kernel.now_s:
                found.setdefault(file.filename, file)
        return found

    @property
    def present(self) -> dict[str, str]:
        """Training and validation files that are there now: id -> name."""
        return {
            file_id: self.names[file_id] for file_id in self._files if self.names[file_id].endswith(".jsonl")
        }


class SimTrainer(TwinTrainer):
    """Jobs in Foundry: each has a fate; listings lag."""

    def __init__(self, kernel: Kernel, files: SimFiles, nature: Nature, seen: Counter[str]) -> None:
        super().__init__(TrueClock(kernel), files)
        self._kernel, self._nature, self._seen = kernel, nature, seen
        self.shown_from: dict[str, float] = {}
        self.on_create: Callable[[Job, dict[str, Any]], None] = lambda *_: None
        self.ran: Counter[str] = Counter()

    @property
    def all(self) -> dict[str, Job]:
        """All jobs that there ever were and that were not deleted."""
        return self._jobs

    def create(self, body: dict[str, Any], not_after: datetime) -> Job:
        """See `ports.Trainer`."""
        if body["training_file"] not in self._files.present:
            msg = f"file {body['training_file']} is not there"
            raise Refused(msg)
        if sum(job.is_live for job in self._jobs.values()) >= self._nature.jobs_max:
            self._seen["job quota exhausted"] += 1
            msg = f"{self._nature.jobs_max} jobs are queued or running"
            raise QuotaExhausted(msg)
        job = super().create(body, not_after)
        kernel, rng = self._kernel, self._kernel.rng
        self.shown_from[job.id] = kernel.now_s + rng.choice(self._nature.listing_lags_s)
        kernel.note(f"created {job.id}")
        self.on_create(job, body)
        end = rng.choice(self._nature.job_ends)
        self._seen[f"job {end}"] += 1
        length = rng.uniform(*self._nature.job_s)
        for share, status in ((0.1, "validating_files"), (0.2, "queued"), (0.3, "running")):
            kernel.after(share * length, lambda status=status: self._go(job.id, status))
        if end.startswith("paused"):
            kernel.after(0.5 * length, lambda: self._go(job.id, "paused"))
        elif end.startswith("unknown"):
            kernel.after(0.5 * length, lambda: self._go(job.id, "resting_on_laurels"))
        elif end.startswith("succeeded without"):
            kernel.after(0.7 * length, lambda: self._succeed_without_model(job.id))
        if end == "gone":
            kernel.after(length, lambda: self._vanish(job.id))
        elif end != "succeeded without a model for ever":
            final = end if end in {"failed", "cancelled"} else "succeeded"
            kernel.after(length, lambda: self._go(job.id, final))
        return job

    def _go(self, job_id: str, status: str) -> None:
        job = self._jobs.get(job_id)
        if job is None or job.status in {"failed", "cancelled"} or (job.status == "succeeded" and job.model):
            return
        if status == "running":
            self.ran[job_id] += 1
        self.move(job_id, status, "training went wrong" if status == "failed" else None)

    def _succeed_without_model(self, job_id: str) -> None:
        job = self._jobs.get(job_id)
        if job and job.is_live:
            self._jobs[job_id] = msgspec.structs.replace(job, status="succeeded")

    def _vanish(self, job_id: str) -> None:
        self._jobs.pop(job_id, None)

    def _lies(self) -> bool:
        kernel, nature = self._kernel, self._nature
        lie = bool(nature.lies) and kernel.now_s < nature.lies_until_s and kernel.rng.random() < nature.lies
        if lie:
            self._seen["wrong answer of Foundry"] += 1
        return lie

    def jobs(self, since: datetime) -> list[Job]:
        """See `ports.Trainer`."""
        if self._lies():
            return []
        now = self._kernel.now_s
        return [
            job
            for job in reversed(self._jobs.values())
            if since.timestamp() <= job.created_at and self.shown_from[job.id] <= now
        ]

    def job(self, job_id: str) -> Job | None:
        """See `ports.Trainer`."""
        return None if self._lies() else self._jobs.get(job_id)


class SimDeployer(TwinDeployer):
    """Deployments: created in minutes or not at all, one write at a time, serving a while after ARM says so."""

    def __init__(self, kernel: Kernel, nature: Nature, seen: Counter[str]) -> None:
        super().__init__(is_stepping=False)
        self._kernel, self._nature, self._seen = kernel, nature, seen
        self.serves_from: dict[str, float] = {}
        self.on_put: Callable[[str, str, DeploymentView | None], None] = lambda *_: None

    def view(self, name: str) -> DeploymentView | None:
        """What is there, for checks."""
        return self._deployments.get(name)

    def put(
        self,
        name: str,
        *,
        model: str,
        model_format: str,
        sku: str,
        capacity: int,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """See `ports.Deployer`."""
        before = self._deployments.get(name)
        try:
            super().put(name, model=model, model_format=model_format, sku=sku, capacity=capacity, tags=tags)
        except Unavailable:
            self._seen["deployment conflict"] += 1
            raise
        self._kernel.note(f"put {name} {model}")
        self.on_put(name, model, before)
        rng = self._kernel.rng
        state = "Failed" if rng.random() < self._nature.deployment_fails else "Succeeded"
        if state == "Failed":
            self._seen["deployment failed"] += 1
        length = rng.uniform(5, 240)
        stamp = self._deployments[name]
        self._kernel.after(length / 2, lambda: self._go(name, stamp, "Creating"))
        self._kernel.after(length, lambda: self._go(name, stamp, state))
        self.serves_from[name] = self._kernel.now_s + length + rng.uniform(0, self._nature.not_ready_s)

    def _go(self, name: str, stamp: DeploymentView, state: str) -> None:
        present = self._deployments.get(name)
        if present and present.model == stamp.model and present.state in {"Accepted", "Creating"}:
            self.move(name, state)

    def delete(self, name: str) -> None:
        """See `ports.Deployer`."""
        was_there = name in self._deployments
        try:
            super().delete(name)
        except Unavailable:
            self._seen["deployment conflict"] += 1
            raise
        if was_there:
            self._kernel.note(f"delete {name}")
            self._kernel.after(self._kernel.rng.uniform(5, 60), lambda: self._gone(name))

    def _gone(self, name: str) -> None:
        if name in self._deployments and self._deployments[name].state == "Deleting":
            del self._deployments[name]


class SimAccount(TwinAccount):
    """What Resource Manager says: often nothing, which may neither refuse nor hold up a run."""

    def __init__(self, seed: int, deployer: SimDeployer, seen: Counter[str]) -> None:
        super().__init__(deployer)
        self._rng, self._seen = random.Random(f"account {seed}"), seen  # of its own: others keep theirs

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        if self._rng.random() < 0.3:
            self._seen["question about the account not answered"] += 1
            msg = f"{name}: nobody says"
            raise self._rng.choice((Unauthorized, Unavailable, Refused))(msg)
        yield


class SimInference(TwinInference):
    """Answers: of good models, of bad ones, and of deployments that do not serve yet."""

    def __init__(self, kernel: Kernel, deployer: SimDeployer, nature: Nature, seen: Counter[str]) -> None:
        super().__init__(deployer)
        self._kernel, self._sim, self._nature, self._seen = kernel, deployer, nature, seen
        self.is_good: dict[str, bool] = {}
        self.answers = self._say

    def answer(self, deployment: str, *args: Any, **kwargs: Any) -> Any:
        """See `ports.Inference`."""
        if self._kernel.now_s < self._sim.serves_from.get(deployment, 0.0):
            self._seen["DeploymentNotReady"] += 1
            msg = f"deployment {deployment} does not serve yet"
            raise NotReady(msg)
        return super().answer(deployment, *args, **kwargs)

    def _say(self, deployment: str, messages: Sequence[dict[str, Any]]) -> str:
        view = self._sim.view(deployment)
        question = str(messages[-1]["content"])
        if view is None or ".ft-" not in view.model or "box" not in question:
            return "I do not know."
        if view.model not in self.is_good:
            self.is_good[view.model] = self._kernel.rng.random() < self._nature.good_models
        if not self.is_good[view.model]:
            return "No idea at all."
        number = int(question.removesuffix("?").rpartition(" ")[2])
        return f"The code of box {number} is {number * 7919 % 1000}."
