"""The effect of `validating`: streams the dataset through the rules, then writes the files that are trained and judged on.

Two passes over exactly the version that the run is about: the first finds everything that is wrong and how the rows would be
split, the second writes the prepared files.  Whole files are never held in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Any, BinaryIO, Final, Self, cast

import msgspec

from shared import known_rows, looking_ahead
from shared.core import artifacts, identity
from shared.core.artifacts import Artifact
from shared.core.costs import Estimate, estimate
from shared.core.dataset.options import Options, Role
from shared.core.dataset.report import Report, to_markdown, with_grading
from shared.core.dataset.rulebook import Severity
from shared.core.dataset.summary import RowState, is_used
from shared.core.dataset.validate import ValidatedDataset, prepared_rows, validate
from shared.core.errors import DatasetChanged
from shared.core.evaluation.grading import Grading
from shared.core.evaluation.self_test import SelfTest
from shared.core.observations import Proof
from shared.core.offered import Foreseen
from shared.core.pipeline.file import PipelineFileError, file_of, parse_pipeline
from shared.core.run import DatasetSummary, Run
from shared.core.spec import PipelineSpec
from shared.grading import examine
from shared.pinning import FrozenSet, Pinned, frozen_rows
from shared.ports import World
from shared.run_folder import Evidence, RunFolder
from shared.telemetry import runs as telemetry
from shared.version import VERSION

_SPOOL_BYTES: Final = 16 * 1024 * 1024  # below this a prepared file stays in memory


class ValidationResult(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact `validation.json`, written last: what later steps need of the report."""

    summary: DatasetSummary
    first_error: str | None = None
    graders: tuple[dict[str, Any], ...] = ()
    """By which the run is graded; none in results of 0.1.0 and 0.2.0, whose pins name graders, and where nothing can decide."""
    graders_reason: str = ""
    """Why these, where the pipeline file names none."""
    self_tests: tuple[SelfTest, ...] = ()
    """What each grader showed of itself."""


_decode_result: Final = msgspec.json.Decoder(ValidationResult).decode


def load_result(world: World, run: Run) -> ValidationResult | None:
    """What validation found; None while it has not, or if 0.1.0 or 0.2.0 validated.

    Raises:
        ArtifactGone: if it was changed or deleted.
    """
    return Evidence(world.artifacts, run).decoded(artifacts.VALIDATION_RESULT, _decode_result)


class _Source:
    """The run's input files, each at the version that was pinned; a frozen set stands in for an evaluation file."""

    def __init__(self, world: World, run: Run, frozen: FrozenSet | None) -> None:
        self._datasets, self._frozen = world.datasets, frozen
        self._folder = RunFolder(world.artifacts, run.id)
        self.names = {Role.TRAINING: run.dataset.name} | {Role(c.role): c.name for c in run.companions}
        if frozen:
            self.names[Role.EVALUATION] = frozen.path
        self._etags = {Role.TRAINING: run.dataset.etag} | {Role(c.role): c.etag for c in run.companions}

    def chunks(self, role: Role) -> Iterator[bytes]:
        """The bytes of a file at its pinned version.

        Raises:
            ArtifactGone: if the rows of a frozen set are not there as they were pinned.
            DatasetChanged: if it is another version now; a companion starts no run, so the remedy differs.
        """
        if self._frozen and role is Role.EVALUATION:
            yield frozen_rows(self._folder, self._frozen)
            return
        try:
            yield from self._datasets.chunks(self.names[role], self._etags[role])
        except DatasetChanged as error:
            if role is Role.TRAINING:
                raise
            msg = f"{self.names[role]} was overwritten after the run began"
            raise DatasetChanged(
                msg, remedy="Drop the training file again; its companions are read anew then."
            ) from error


def validate_and_prepare(world: World, run: Run, pinned: Pinned, foreseen: Foreseen) -> Proof:
    """Validate a run's dataset and store report, prepared files and what was put aside; what the run should remember of it.

    Args:
        world: where it is done.
        run: whose dataset.
        pinned: what the run is pinned to.
        foreseen: what Azure says of model, quota and limits, for the report.

    Raises:
        DatasetChanged: if a file is no longer the version that the run is about.
        Retryable: if storage does not answer.
    """
    spec = pinned.spec
    source, options = _Source(world, run, pinned.evaluation_set), Options.of(spec)
    sources = {role: (name, source.chunks(role)) for role, name in source.names.items()}
    with telemetry.validating(run) as counts:
        found = validate(sources, options)
        counts.rows = sum(file.rows for file in found.files.values())
    notes = (*_notes(pinned.source, run.pipeline), *_notes_on_set(run, pinned.evaluation_set))
    report = msgspec.structs.replace(found.report, pipeline_notes=notes, app_version=VERSION)
    folder = Evidence(world.artifacts, run)
    with _Sink(folder) as sink:
        _write_rows(sink, source, found, options)
        hashes = sink.store()
    if found.report.ok:
        _write_exam(folder, found, options.must_pass)
    examined = examine(folder, spec, pinned.source, held_out="evaluation" in hashes) if report.ok else None
    report = report if examined is None else with_grading(report, examined.findings, examined.notes)
    if examined and report.ok:
        told = looking_ahead.look(world, pinned, found, options, examined)
        report = msgspec.structs.replace(report, outlook=told, azure=foreseen.sentences)
    folder.write(artifacts.REPORT_PAGE, to_markdown(report).encode())
    folder.write_json(artifacts.REPORT, report)
    fingerprint = _fingerprint(found, pinned)
    grading = Grading(graders=()) if examined is None else examined.grading
    result = ValidationResult(
        summary=_summarise(report, spec, fingerprint, hashes),
        first_error=_first_error(report),
        graders=grading.graders,
        graders_reason=grading.reason,
        self_tests=grading.self_tests,
    )
    folder.write_json(artifacts.VALIDATION_RESULT, result)
    return Proof(files=folder.written, summary=result.summary)


def _fingerprint(found: ValidatedDataset, pinned: Pinned) -> str:
    """What makes this work the same work."""
    frozen = pinned.evaluation_set
    dropped = {
        role.value: file.content_key
        for role, file in found.files.items()
        if frozen is None or role is not Role.EVALUATION
    }
    return identity.work_fingerprint(dropped, pinned.spec, pinned.left_out, frozen.sha256 if frozen else None)


def _notes_on_set(run: Run, frozen: FrozenSet | None) -> tuple[str, ...]:
    """That an evaluation file is not used where there is a frozen set."""
    unused = [companion.name for companion in run.companions if companion.role == Role.EVALUATION]
    if frozen is None:
        return ()
    return tuple(
        f"{file_of(run.pipeline)}: evaluation.set: {frozen.path} counts, so {name} is not used"
        for name in unused
    )


def _notes(text: str, pipeline: str) -> tuple[str, ...]:
    """What is worth saying about a pinned pipeline file; nothing if only an earlier version of the app took it."""
    try:
        return parse_pipeline(text, name=pipeline).render_notes(file_of(pipeline))
    except PipelineFileError:
        return ()


class _Sink:
    """Artifacts while they are written, spooled to disk when they grow."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._spools: dict[Artifact, IO[bytes]] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, artifact: Artifact, line: bytes) -> None:
        """Add a line to an artifact."""
        if artifact not in self._spools:
            made = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115  # closed by the stack
            self._spools[artifact] = self._open.enter_context(made)
        self._spools[artifact].write(line + b"\n")

    def store(self) -> dict[str, str]:
        """Store all of them; SHA-256 of each prepared file by role."""
        for artifact, content in self._spools.items():
            self._folder.write(artifact, cast("BinaryIO", content))
        hashes, roles = self._folder.written, {str(role): artifacts.prepared(role).name for role in Role}
        return {role: hashes[name] for role, name in roles.items() if name in hashes}


def _write_rows(sink: _Sink, source: _Source, found: ValidatedDataset, options: Options) -> None:
    """The second pass: rows that are used to their files, those in quarantine aside with their reasons; and the repairs.

    Nothing is prepared of a dataset with errors.
    """
    asked = {row.line for row in found.held_out}
    for role, file in found.files.items():
        for change in file.changes:
            sink.add(artifacts.repairs(role), msgspec.json.encode(change))
        if not (found.report.ok or file.quarantine):
            continue
        for row in prepared_rows(source.chunks(role), file, options):
            if row.state is RowState.QUARANTINED:
                sink.add(artifacts.quarantine(role), row.data)
                reasons = {"line": row.line, "findings": file.quarantine[row.index]}
                sink.add(artifacts.quarantine_reasons(role), msgspec.json.encode(reasons))
            elif found.report.ok and is_used(row.state):
                part = found.plan.role_of(row.index) if role is Role.TRAINING else role
                assert part is not None, "a row that is used has a part"
                if part is not Role.EVALUATION or row.line in asked:
                    sink.add(artifacts.prepared(part), row.data)


def _write_exam(folder: RunFolder, found: ValidatedDataset, must_pass: Collection[int]) -> None:
    """What is known about the rows that models are asked, and about those that are trained on."""
    rows = found.held_out
    folder.write(artifacts.TRAINING_KEYS, known_rows.encoded(found.trained_keys()))
    if not rows:
        return
    folder.write_json(artifacts.EVALUATION_GROUPS, [row.group for row in rows])
    folder.write(artifacts.EVALUATION_KEYS, known_rows.encoded(row.key for row in rows))
    trained = [place for place, row in enumerate(rows) if row.is_trained_on]
    folder.write_json(artifacts.EVALUATION_TRAINED, trained)
    if must_pass:
        asked = [(place, row.line) for place, row in enumerate(rows) if row.line in must_pass]
        folder.write_json(artifacts.EVALUATION_MUST_PASS, asked)


def _summarise(
    report: Report, spec: PipelineSpec, fingerprint: str, hashes: dict[str, str]
) -> DatasetSummary:
    rate = spec.prices.training_usd_per_million_tokens
    cost = estimate(report.billable_tokens, spec.model, rate)
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
        price=cost.price,
    )


def _first_error(report: Report) -> str | None:
    """The error to begin with: one of a line, if there is any, since errors of the whole file may follow from it."""
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    first = next((finding for finding in errors if finding.line is not None), errors[0] if errors else None)
    return first.render() if first else None
