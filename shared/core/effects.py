"""What a step may do to the world.  Data only; `shared/performer.py` does it.

`key` names the effect within its run: two effects with the same key are the same work.
`is_idempotent` says whether it may be repeated without a look after an unknown outcome.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec

from shared.core.models import model_format
from shared.core.spec import Deployment, DeploymentSize


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all effects."""

    is_idempotent: ClassVar[bool] = True

    @property
    def key(self) -> str:
        """Name of the effect within its run."""
        return type(self).__name__


class PinPipeline(Effect, frozen=True, kw_only=True):
    """Store the pipeline file as it is now, for the whole life of the run."""


class ValidateDataset(Effect, frozen=True, kw_only=True):
    """Stream the dataset, store the report and the prepared files."""


class TakeClaim(Effect, frozen=True, kw_only=True):
    """Insert the claim on this content and job, or take it over from a run that ended without a model."""

    fingerprint: str
    previous_holder: str | None = None

    @property
    def key(self) -> str:
        """One attempt per earlier holder."""
        return f"TakeClaim:{self.previous_holder or ''}"


class TakePlace(Effect, frozen=True, kw_only=True):
    """Take one of the places for runs in flight, a free one or that of a run which is not in flight any more."""

    number: int
    previous_holder: str | None = None

    @property
    def key(self) -> str:
        """One attempt per place and earlier holder."""
        return f"TakePlace:{self.number}:{self.previous_holder or ''}"


class UploadFile(Effect, frozen=True, kw_only=True):
    """Upload one prepared file to Foundry."""

    is_idempotent: ClassVar[bool] = False
    role: str
    filename: str

    @property
    def key(self) -> str:
        """One attempt per file."""
        return f"UploadFile:{self.role}"


class CreateJob(Effect, frozen=True, kw_only=True):
    """Start the fine-tuning job: the step that costs money."""

    is_idempotent: ClassVar[bool] = False
    body: dict[str, Any]
    """Arguments of `fine_tuning.jobs.create`, `trainingType` under `extra_body`."""


class CancelJob(Effect, frozen=True, kw_only=True):
    """Cancel a job: the run's own, or a late duplicate."""

    job_id: str

    @property
    def key(self) -> str:
        """One attempt per job."""
        return f"CancelJob:{self.job_id}"


class StoreTrainingResults(Effect, frozen=True, kw_only=True):
    """Store results.csv, events and checkpoints beside the run's other evidence."""

    job_id: str


class PutDeployment(Effect, frozen=True, kw_only=True):
    """Create or update a deployment by name."""

    name: str
    model: str
    model_format: str
    sku: str
    capacity: int
    tags: dict[str, str] = {}
    """By which it is known whose the deployment is."""

    @classmethod
    def of(
        cls, name: str, model: str, base: str, size: Deployment | DeploymentSize, tags: dict[str, str]
    ) -> Self:
        """The effect for a model that was tuned from `base`, in a size of the pipeline file."""
        return cls(
            name=name,
            model=model,
            model_format=model_format(base),
            sku=size.sku,
            capacity=size.capacity,
            tags=tags,
        )

    @property
    def key(self) -> str:
        """One attempt per deployment."""
        return f"PutDeployment:{self.name}"


class PutBackChampion(PutDeployment, frozen=True, kw_only=True):
    """Let the deployment that runs of a pipeline share (strategy `replace`) serve the champion's model again."""

    @property
    def key(self) -> str:
        """Not that of the effect which it undoes."""
        return f"PutBackChampion:{self.name}"


class DeleteDeployment(Effect, frozen=True, kw_only=True):
    """Delete a deployment that serves the run's own model: the candidate's, or one that was put too early."""

    name: str


class DeleteFiles(Effect, frozen=True, kw_only=True):
    """Delete the run's uploaded files: a resource holds 100 files."""

    file_ids: tuple[str, ...]


class PlanEvaluation(Effect, frozen=True, kw_only=True):
    """Fix what is measured against what, before the first answer."""


class AnswerExamples(Effect, frozen=True, kw_only=True):
    """Let one target answer one chunk of the held-out examples."""

    target: str
    chunk: int

    @property
    def key(self) -> str:
        """One attempt per chunk."""
        return f"AnswerExamples:{self.target}:{self.chunk}"


class CompareAnswers(Effect, frozen=True, kw_only=True):
    """Grade all answers and store the comparison."""


class SmokeTest(Effect, frozen=True, kw_only=True):
    """Ask the production deployment the pipeline's smoke-test questions."""

    deployment: str


class PromoteChampion(Effect, frozen=True, kw_only=True):
    """Make the deployment the one that the pipeline's clients use."""

    deployment: str
    model: str
    route: str | None = None
    """On which route it answered."""
    replacing: str | None = None
    """The run of the champion that was measured against; if the pipeline measures none, of the one that was seen."""
