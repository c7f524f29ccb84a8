"""What a run is pinned to when it begins: the pipeline file, the prompts it names, the companion files."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from shared.core import artifacts, identity, naming
from shared.core.artifacts import PINNED, Artifact
from shared.core.errors import ArtifactGone, Refused
from shared.core.evaluation import must_pass
from shared.core.evaluation.grading import Grading
from shared.core.observations import Received
from shared.core.pipeline.file import PipelineFileError, parse_pipeline
from shared.core.pipeline.remarks import Remark
from shared.core.run import Companion, Run
from shared.core.spec import Approval, EvaluationSpec, PipelineSpec
from shared.ports import World
from shared.run_folder import RunFolder


class FrozenSet(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that every candidate of a pipeline is measured on, as they were when the run was pinned."""

    path: str
    """In the container `pipelines`."""
    sha256: str
    """Of its bytes, in hexadecimal; they lie in the run's folder under this name."""


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact `pinned.json`: whatever changes in the containers later, the run keeps to this."""

    spec: PipelineSpec
    source: str
    """The pipeline file as it was."""
    prompts: dict[str, str]
    """Texts of the prompt files that the pipeline names, by path."""
    companions: tuple[Companion, ...]
    left_out: tuple[str, ...] = ()
    """Keys that the pipeline file leaves to the app, of those that make a job another job; 0.1.0 pinned all as values."""
    evaluation_set: FrozenSet | None = None
    """Of `evaluation.set`."""
    grading: Grading | None = None
    """By which a run is graded that is judged again; of a first pin the spec, or the result of validation, says it."""
    answers: int = 0
    """Number of the folder of its answers; another limit of tokens asks anew."""


#: Made while the module is imported, by one thread: msgspec crashes when two threads are the first to decode a type (0.22.0).
_decode: Final = msgspec.json.Decoder(Pinned).decode


def _pinned_in(raw: bytes) -> Pinned:
    """What stored bytes say.

    Raises:
        ArtifactGone: if they are not a pin that this release can read: trouble of one run, which its deadline ends.
    """
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        msg = f"pinned.json cannot be read; restore it ({error})"
        raise ArtifactGone(msg) from error


def frozen_rows(folder: RunFolder, frozen: FrozenSet) -> bytes:
    """The rows of a frozen set, as they were pinned.

    Raises:
        ArtifactGone: if they are not there, or others.
    """
    kept = artifacts.frozen_set(frozen.sha256)
    raw = folder.read(kept)
    if raw is None or hashlib.sha256(raw).hexdigest() != frozen.sha256:
        msg = f"{kept.name} was deleted or changed; restore it"
        raise ArtifactGone(msg)
    return raw


class _Gathered(NamedTuple):
    """What a run is to be pinned to, and the rows of its set."""

    pinned: Pinned
    rows: bytes


def _frozen(path: str | None, rows: bytes) -> FrozenSet | None:
    return None if path is None else FrozenSet(path=path, sha256=hashlib.sha256(rows).hexdigest())


def _remark(path: str, message: str, remedy: str) -> Remark:
    """About a file that the pipeline file names."""
    return Remark(line=1, column=1, path=path, message=message, remedy=remedy)


class Today(NamedTuple):
    """A pipeline file as it is now, for a run that is pinned already."""

    spec: PipelineSpec
    source: str
    prompts: dict[str, str]
    evaluation_set: FrozenSet | None
    """None without `evaluation.set`, and if what it names is not there any more."""


class Pins:
    """Reads and writes what runs are pinned to."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._cached = lru_cache(maxsize=128)(self._read_intact)

    def of(self, run: Run) -> Pinned | None:
        """What the run is pinned to.  None before it is; an ended run, and one at a gate, can do without.

        Raises:
            ArtifactGone: if the run needs its pin, and it is not there or not what the run was pinned to.
        """
        if run.spec_digest is None:
            return None
        judging = run.judging
        kept = artifacts.pinned_again(judging.pin) if judging else PINNED
        try:
            return self._cached(run.id, kept, judging.pin if judging else run.spec_digest)
        except ArtifactGone:
            if run.is_finished or run.gate:
                return None
            raise

    def approval(self, run: Run) -> Approval:
        """How people decide on a run, by its pin; by the defaults, which are strict, while there is none that can be read."""
        try:
            pinned = self.of(run)
        except ArtifactGone:
            pinned = None
        return pinned.spec.approval if pinned else Approval()

    def _read_intact(self, run_id: str, kept: Artifact, digest: str) -> Pinned:
        """Only what is intact is cached: it never changes, and what was deleted or changed may be restored at any time."""
        raw = RunFolder(self._world.artifacts, run_id).read(kept)
        if raw is None or not identity.is_pin(raw, digest):
            msg = f"{kept.name} was deleted or changed; restore it"
            raise ArtifactGone(msg)
        return _pinned_in(raw)

    def store(self, run: Run) -> None:
        """Pin the run to what is there now; if the pipeline file is not usable any more, the next look will say so."""
        found, _ = self._gather(run)
        if found is None:
            return
        folder = RunFolder(self._world.artifacts, run.id)
        if found.pinned.evaluation_set:
            folder.write(artifacts.frozen_set(found.pinned.evaluation_set.sha256), found.rows)
        folder.write_json(PINNED, found.pinned)  # last: where it is, the rows are there too

    def store_again(self, run: Run, pinned: Pinned) -> str:
        """Keep what a run is to be judged by from now on, beside what it was pinned to first; its digest.

        Nothing follows from it before the run names the digest, so that whoever asks at the same time does no harm.
        """
        raw = msgspec.json.encode(pinned)
        digest = identity.digest_of(raw)
        RunFolder(self._world.artifacts, run.id).write(artifacts.pinned_again(digest), raw)
        return digest

    def today(self, pipeline: str) -> Today | tuple[Remark, ...]:
        """A pipeline's file as it is now, or what is wrong with it; no remark if there is none.

        Raises:
            Retryable: if storage does not answer.
        """
        source = self._world.pipeline_files.read(pipeline)
        if source is None:
            return ()
        try:
            spec = parse_pipeline(source, name=pipeline).spec
        except PipelineFileError as error:
            return error.problems
        prompts, problems = self._prompts(spec)
        if problems:
            return problems
        try:
            rows, missing = self._set(spec.evaluation)
        except Refused:  # too large by now
            return Today(spec, source, prompts, None)
        return Today(spec, source, prompts, None if missing else _frozen(spec.evaluation.set, rows))

    def look(self, run: Run) -> Received:
        """The observation of `received`."""
        if not naming.is_safe(run.dataset.name):
            return Received(dataset=run.dataset)  # nothing is asked by this name, which may lead elsewhere
        dataset = self._world.datasets.properties(run.dataset.name)
        if not naming.PIPELINE_NAME.fullmatch(run.pipeline):
            return Received(
                dataset=dataset, has_pipeline=False, known_pipelines=self._world.pipeline_files.names()
            )
        found, problems = self._gather(run)
        if found is None and not problems:
            return Received(
                dataset=dataset, has_pipeline=False, known_pipelines=self._world.pipeline_files.names()
            )
        if found is None:
            return Received(dataset=dataset, problems=problems)
        wanted = msgspec.json.encode(found.pinned)
        return Received(
            dataset=dataset,
            companions=found.pinned.companions,
            # What lies there may be planted, or of a file that was changed since: then it is pinned anew.
            is_pinned=RunFolder(self._world.artifacts, run.id).read(PINNED) == wanted,
            spec_digest=identity.digest_of(wanted),
            spec=found.pinned.spec,
        )

    def _gather(self, run: Run) -> tuple[_Gathered | None, tuple[Remark, ...]]:
        source = self._world.pipeline_files.read(run.pipeline)
        if source is None:
            return None, ()
        try:
            parsed = parse_pipeline(source, name=run.pipeline)
        except PipelineFileError as error:
            return None, error.problems
        prompts, problems = self._prompts(parsed.spec)
        rows, missing = self._set(parsed.spec.evaluation)
        if problems or missing:
            return None, (*problems, *missing)
        companions = tuple(self._companions(run))
        pinned = Pinned(
            spec=parsed.spec,
            source=source,
            prompts=prompts,
            companions=companions,
            left_out=parsed.left_out,
            evaluation_set=_frozen(parsed.spec.evaluation.set, rows),
        )
        return _Gathered(pinned, rows), ()

    def _set(self, evaluation: EvaluationSpec) -> tuple[bytes, tuple[Remark, ...]]:
        """The bytes of `evaluation.set`, and what is wrong with them; nothing without a set."""
        path = evaluation.set
        if path is None:
            return b"", ()
        rows = self._world.pipeline_files.read_set(path)
        if rows is None:
            message, remedy = f"there is no file {path} in the container `pipelines`", "Store the rows there."
            return b"", (_remark("evaluation.set", message, remedy),)
        if problem := must_pass.not_there(evaluation.must_pass, rows):
            return b"", (_remark("evaluation.must_pass", f"{path} {problem}", "Lines count from 1."),)
        return rows, ()

    def _prompts(self, spec: PipelineSpec) -> tuple[dict[str, str], tuple[Remark, ...]]:
        prompts: dict[str, str] = {}
        problems: list[Remark] = []
        for number, baseline in enumerate(spec.evaluation.baselines):
            path = baseline.system_prompt
            if path is None:
                continue
            text = self._world.pipeline_files.read_text(path)
            if text is None:
                at = f"evaluation.baselines[{number}].system_prompt"
                message = f"there is no file {path} in the container `pipelines`"
                problems.append(_remark(at, message, "Store the prompt file there."))
            else:
                prompts[path] = text
        return prompts, tuple(problems)

    def _companions(self, run: Run) -> list[Companion]:
        found = []
        for role in naming.COMPANION_ROLES:
            for name in naming.companion_names(run.dataset.name, role):
                if seen := self._world.datasets.properties(name):
                    found.append(Companion(role=role, name=name, etag=seen.etag, size_bytes=seen.size_bytes))
                    break
        return found
