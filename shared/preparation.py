"""Validation's shell: streams the dataset through the rules, then writes the files that are trained and judged on.

Two passes over exactly the version that the run is about: the first finds everything that is wrong and how the rows would be
split, the second writes the prepared files.  Whole files are never held in memory.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Any, BinaryIO, Final, Self, cast

import msgspec

from shared.core import naming
from shared.core.costs import Estimate, estimate
from shared.core.dataset.findings import FindingLog, Severity
from shared.core.dataset.inspect import FileSummary, Role, inspect_file, limits_for
from shared.core.dataset.reader import iter_rows
from shared.core.dataset.report import Report, build_report, to_markdown
from shared.core.dataset.split import SplitPlan, assign, plan_split
from shared.core.errors import DatasetChanged
from shared.core.pipeline import PipelineSpec, job_fingerprint_fields
from shared.core.run import DatasetSummary, Run
from shared.ports import World

_OUTCOME: Final = "validation.json"
_JSON: Final = "application/json"
_JSONL: Final = "application/jsonl"
_BLOCK_BYTES: Final = 1024 * 1024
_SPOOL_BYTES: Final = 16 * 1024 * 1024  # below this a prepared file stays in memory


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact `validation.json`, written last: what later steps need of the report."""

    summary: DatasetSummary
    first_error: str | None = None


def prepared(role: str) -> str:
    """Name of the artifact that holds a prepared file."""
    return f"prepared/{role}.jsonl"


def load_outcome(world: World, run: Run) -> Outcome | None:
    """What validation found, or None while it has not."""
    raw = world.artifacts.read(naming.artifact(run.id, _OUTCOME))
    return msgspec.json.decode(raw, type=Outcome) if raw else None


class _Source:
    """The run's input files, each at the version that was pinned."""

    def __init__(self, world: World, run: Run) -> None:
        self._datasets = world.datasets
        self.names = {Role.TRAINING: run.dataset.name} | {Role(c.role): c.name for c in run.companions}
        self._etags = {Role.TRAINING: run.dataset.etag} | {Role(c.role): c.etag for c in run.companions}

    def chunks(self, role: Role) -> Iterator[bytes]:
        """The bytes of a file at its pinned version.

        Raises:
            DatasetChanged: if it is another version now; a companion starts no run, so the remedy differs.
        """
        try:
            yield from self._datasets.chunks(self.names[role], self._etags[role])
        except DatasetChanged as error:
            if role is Role.TRAINING:
                raise
            msg = f"{self.names[role]} was overwritten after the run began"
            raise DatasetChanged(
                msg, remedy="Drop the training file again; its companions are read anew then."
            ) from error


def prepare(world: World, run: Run, spec: PipelineSpec) -> None:
    """Validate a run's dataset and store report and prepared files.

    Raises:
        DatasetChanged: if a file is no longer the version that the run is about.
        Retryable: if storage does not answer.
    """
    source, log = _Source(world, run), FindingLog()
    files = {
        role: inspect_file(
            source.chunks(role),
            file=source.names[role],
            role=role,
            method=spec.method.type,
            log=log,
            limits=limits_for(spec.model),
            seed=spec.dataset.evaluation.seed,
        )
        for role in source.names
    }
    plan = plan_split(
        files[Role.TRAINING],
        Role.VALIDATION in files,
        Role.EVALUATION in files,
        spec.dataset,
        log,
        method=spec.method.type,
    )
    epochs = spec.method.hyperparameters.get("n_epochs", "auto")
    report = build_report(files, plan, method=spec.method.type, epochs=epochs, log=log)
    _write(world, run, "report.md", to_markdown(report).encode(), "text/markdown; charset=utf-8")
    _write(world, run, "report.json", msgspec.json.encode(report), _JSON)
    hashes: dict[str, str] = {}
    if report.ok:
        with _Sink(world, run) as sink:
            hashes = _write_prepared(source, sink, files, plan, spec)
    outcome = Outcome(
        summary=_summarise(report, spec, _fingerprint(files, spec), hashes), first_error=_first_error(report)
    )
    _write(world, run, _OUTCOME, msgspec.json.encode(outcome), _JSON)


def _fingerprint(files: dict[Role, FileSummary], spec: PipelineSpec) -> str:
    """What makes work the same work: the examples, how they are split, the job."""
    splits = {
        role: msgspec.to_builtins(split)
        for role, split in (
            (Role.VALIDATION, spec.dataset.validation),
            (Role.EVALUATION, spec.dataset.evaluation),
        )
        if role not in files
    }
    content: dict[str, Any] = {
        "files": {role: file.content_key for role, file in files.items()},
        "splits": splits,
        "job": job_fingerprint_fields(spec),
    }
    return naming.digest(content).removeprefix("sha256:")


class _Sink:
    """The prepared files while they are written, one a role, spooled to disk when they grow."""

    def __init__(self, world: World, run: Run) -> None:
        self._world, self._run = world, run
        self._spools: dict[Role, IO[bytes]] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, role: Role, row: bytes) -> None:
        if role not in self._spools:
            made = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115  # closed by the stack
            self._spools[role] = self._open.enter_context(made)
        self._spools[role].write(row + b"\n")

    def store(self) -> dict[str, str]:
        """Store all of them; SHA-256 of each by role."""
        return {str(role): self._store(role, content) for role, content in self._spools.items()}

    def _store(self, role: Role, content: IO[bytes]) -> str:
        content.seek(0)
        sha256 = hashlib.sha256()
        while block := content.read(_BLOCK_BYTES):
            sha256.update(block)
        content.seek(0)
        name = naming.artifact(self._run.id, prepared(role))
        self._world.artifacts.write(name, cast("BinaryIO", content), _JSONL)
        return sha256.hexdigest()


def _write_prepared(
    source: _Source, sink: _Sink, files: dict[Role, FileSummary], plan: SplitPlan, spec: PipelineSpec
) -> dict[str, str]:
    """The second pass: every row to its file; SHA-256 of each file by role."""
    keys = files[Role.TRAINING].row_keys
    for index, row in iter_rows(source.chunks(Role.TRAINING)):
        sink.add(assign(plan, index, keys[index]), row)
    for role in files.keys() - {Role.TRAINING}:
        most = spec.dataset.evaluation.max_examples if role is Role.EVALUATION else files[role].rows
        for index, row in iter_rows(source.chunks(role)):
            if index < most:
                sink.add(role, row)
    return sink.store()


def _summarise(
    report: Report, spec: PipelineSpec, fingerprint: str, hashes: dict[str, str]
) -> DatasetSummary:
    rate = spec.prices.training_usd_per_million_tokens
    cost = estimate(report.billable_tokens, spec.model, spec.training_type, rate)
    if not report.ok:
        cost = Estimate(usd=None, basis="not estimated: the dataset has errors")
    return DatasetSummary(
        examples=report.examples,
        validation_examples=report.validation_examples,
        evaluation_examples=min(report.evaluation_examples, spec.dataset.evaluation.max_examples),
        tokens=report.tokens,
        billable_tokens=report.billable_tokens,
        errors=report.errors,
        warnings=report.warnings,
        fingerprint=fingerprint,
        files=hashes,
        estimated_usd=cost.usd,
        estimate_basis=cost.basis,
    )


def _first_error(report: Report) -> str | None:
    """The error to begin with: one in a line, if there is any, since what is said of the whole file may follow from it."""
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    first = next((finding for finding in errors if finding.line is not None), errors[0] if errors else None)
    return first.render() if first else None


def _write(world: World, run: Run, name: str, data: bytes, content_type: str) -> None:
    world.artifacts.write(naming.artifact(run.id, name), data, content_type)
