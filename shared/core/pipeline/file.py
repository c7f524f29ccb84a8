"""The door of the package: the text of a pipeline file to a frozen `PipelineSpec`, or everything that is wrong with it at once.

Everything but `model` has a default that is safe.  The keys of the job are those of `azd ai finetuning` job files, so that such a
file works as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from shared.core.errors import FinetuneError
from shared.core.models import counting_note, serving_obstacle, support_notes
from shared.core.pipeline import job
from shared.core.pipeline.dataset import read_dataset
from shared.core.pipeline.deploying import read_approval, read_deployment
from shared.core.pipeline.judging import read_evaluation
from shared.core.pipeline.left_out import left_out
from shared.core.pipeline.money import read_budget, read_prices
from shared.core.pipeline.remarks import PROBLEMS_MAX, Remark, Remarks
from shared.core.pipeline.section import Section
from shared.core.pipeline.yaml import load, walk
from shared.core.spec import PipelineSpec


@dataclass(frozen=True, slots=True)
class ParsedPipeline:
    """A pipeline file that can be used.

    Attributes:
        spec: what it says.
        notes: what is unusual about it, in the order of the file.
        left_out: keys that the file leaves to the app, of those that decide whether two jobs are the same; see
            `shared.core.identity`.
    """

    spec: PipelineSpec
    notes: tuple[Remark, ...] = ()
    left_out: tuple[str, ...] = ()

    def render_notes(self, file: str) -> tuple[str, ...]:
        """The notes, a line each, about a file of this name."""
        return tuple(note.render(file) for note in self.notes)


class PipelineFileError(FinetuneError):
    """The pipeline file cannot be used.

    Args:
        problems: everything that is wrong with it, in the order of the file; the first hundred are kept and told.
        name: name of the pipeline.
    """

    code: ClassVar[str] = "invalid_pipeline"
    _keep: ClassVar[str] = "\n"  # a line for each problem
    http_status: ClassVar[int] = 422
    default_remedy: ClassVar[str] = (
        "Correct the pipeline file at the places named in the message and store it again."
    )

    def __init__(self, problems: tuple[Remark, ...], *, name: str) -> None:
        self.problems = problems[:PROBLEMS_MAX]
        self.more = len(problems) - len(self.problems)
        self.name = name
        super().__init__(self.render(file_of(name)))

    def render(self, file: str) -> str:
        """The problems, a line each, about a file of this name."""
        lines = [problem.render(file) for problem in self.problems]
        return "\n".join([*lines, f"{file}: and {self.more} more problems."] if self.more else lines)


def file_of(name: str) -> str:
    """Where a pipeline's file lies, for messages."""
    return f"pipelines/{name}.yaml"


def line_of(text: str, path: str) -> int | None:
    """The line of a value in a pipeline file, such as `evaluation.graders[0].input`; if it is not there, of what it belongs to.

    None if the text cannot be read.
    """
    root, _ = load(text)
    places = {} if root is None else dict(walk(root))
    while path and path not in places:
        path = path.rpartition(".")[0]
    return places[path].position[0] if path in places else None


def parse_pipeline(text: str, *, name: str) -> ParsedPipeline:
    """Read a pipeline file.

    Args:
        text: the YAML text.
        name: name of the pipeline, from its file name.

    Raises:
        PipelineFileError: with all problems at once.
    """
    root, problems = load(text)
    remarks = Remarks()
    remarks.problems.extend(problems)
    spec = None if root is None else _read(Section(root, "", remarks), name)
    if root is None or spec is None or remarks.problems:
        raise PipelineFileError(_in_order(remarks.problems), name=name)
    return ParsedPipeline(
        spec=spec, notes=_in_order(remarks.notes), left_out=left_out(root, spec.method.type)
    )


def _in_order(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    return tuple(sorted(remarks, key=lambda remark: (remark.line, remark.column)))


def _read(root: Section, name: str) -> PipelineSpec:
    job.note_ignored(root, name)
    job.refuse_agentic(root)
    default = PipelineSpec(name=name, model=job.read_model(root), method=job.read_method(root))
    spec = msgspec.structs.replace(
        default,
        description=root.text("description", default.description),
        suffix=job.read_suffix(root, default.suffix),
        seed=job.read_seed(root, default.seed),
        training_type=job.read_training_type(root, default.training_type),
        metadata=job.read_metadata(root),
        integrations=job.read_integrations(root),
        dataset=read_dataset(root),
        budget=read_budget(root),
        prices=read_prices(root),
        evaluation=read_evaluation(root, default.model),
        approval=read_approval(root),
        deployment=read_deployment(root, default.model),
    )
    if root.take("notify") is not None:
        remedy = "Remove the key; GET /api/runs shows how runs are."
        root.problem("notify", "notifications are not available yet", remedy)
    if spec.model:
        if (obstacle := serving_obstacle(spec.model)) is not None:
            root.problem("model", *obstacle)
        for sentence in support_notes(spec.model, spec.method.type, spec.training_type):
            root.note("model", sentence, "Check Foundry's list of models for fine-tuning.")
        if approximate := counting_note(spec.model):
            root.note("model", approximate, "Compare the estimate with the first bill.")
    root.finish(elsewhere=job.places_in_root(spec.method.type), unlisted=job.NOT_SENT)
    return spec
