"""Runs as answers, for people and their scripts."""

from __future__ import annotations

from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from shared.core import approval, artifacts, identity, naming, served
from shared.core.artifacts import Artifact
from shared.core.dataset.findings import Finding
from shared.core.errors import ArtifactGone, Forbidden, NotFound
from shared.core.evaluation.outlook import Outlook
from shared.core.people import Reader
from shared.core.run import Run
from shared.ports import World
from shared.run_folder import Evidence, RunFolder
from shared.telemetry import names
from shared.telemetry.records import log
from shared.views import parts, rows

_FINDINGS_SHOWN: Final = 50


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What is served of a report, whichever release made it."""

    findings: tuple[Finding, ...] = ()
    pipeline_notes: tuple[str, ...] = ()
    outlook: Outlook | None = None
    azure: tuple[str, ...] = ()


decode_found: Final = msgspec.json.Decoder(Found).decode


class Served(NamedTuple):
    """An artifact as it is served."""

    data: bytes
    content_type: str
    is_checked: bool
    """Whether it was compared with what the run stored; releases before 0.3.0 kept nothing to compare with."""


class RunViews:
    """Answers questions about runs and pipelines."""

    def __init__(self, world: World, endpoint: str = "") -> None:
        self._world = world
        self._endpoint = endpoint

    def listing(self, pipeline: str | None, limit: int, after: str | None) -> served.Runs:
        """A page of runs, newest first."""
        found, cursor = self._world.index.newest(pipeline, limit, after)
        return served.Runs(runs=tuple(map(parts.row, found)), next=cursor)

    def detail(self, run_id: str, reader: Reader | None = None) -> served.Run:
        """Everything about one run.

        Args:
            run_id: of the run.
            reader: who asks; without one, or without the right to see rows, findings have no excerpts.

        Raises:
            NotFound: if there is no such run.
        """
        stored, _ = self._world.runs.load(run_id)
        history = self._world.runs.history(run_id)
        run = approval.counted(stored, history)
        present = self._artifact_names(run_id)
        evidence = self._evidence(run)
        found = self._found(evidence) if artifacts.REPORT.name in present else Found()
        return served.Run(
            id=run.id,
            pipeline=run.pipeline,
            status=run.status,
            status_since=parts.iso(run.status_since),
            created_at=parts.iso(run.created_at),
            updated_at=parts.iso(run.updated_at),
            is_finished=run.is_finished,
            app_version=run.app_version or None,
            dataset=parts.dataset(run),
            job=parts.job(run),
            report=parts.report(run),
            findings=self._findings(run_id, found, reader),
            pipeline_notes=found.pipeline_notes,
            outlook=parts.outlook(found.outlook),
            azure=found.azure,
            warnings=run.warnings,
            trouble=run.trouble,
            failure=parts.failure(run.failure),
            duplicate_of=run.duplicate_of,
            evaluation=parts.evaluation(run.evaluation),
            judged_again=parts.judged_again(run.judging),
            cancel=parts.wish(run.cancel),
            retry=parts.wish(run.retry),
            gate=parts.gate(run, found.outlook.sentences if found.outlook else (), found.azure),
            deployment=parts.deployment(run, self._endpoint),
            history=tuple(map(parts.event, history)),
            artifacts=tuple(present),
            evidence=_compared(evidence, run, present),
            links=parts.links(run),
        )

    def artifact(self, run_id: str, name: str, reader: Reader | None = None) -> Served:
        """An artifact, compared with what the run stored.

        Args:
            run_id: of the run.
            name: of the artifact.
            reader: who asks; without one, or without the right to see rows, pages and data have none.

        Raises:
            NotFound: if the run has no such artifact.
            ArtifactGone: if it was changed since it was stored.
            Forbidden: if it is made of rows, and the reader may not see them.
        """
        if name in self._artifact_names(run_id):
            run, _ = self._world.runs.load(run_id)
            evidence = self._evidence(run)
            raw = self._readable(evidence, run_id, name, reader)
            if raw is not None:
                pin = _pin_of(run, name)
                if pin and not identity.is_pin(raw, pin):
                    msg = f"{name} was changed since it was stored"
                    raise ArtifactGone(msg)
                is_checked = pin is not None or evidence.knows(Artifact(name))
                return Served(raw, artifacts.served_type(name), is_checked)
        msg = f"run {run_id} has no artifact {name}"
        raise NotFound(msg, remedy="GET /api/runs/{run_id} lists the artifacts.")

    def pipeline(self, name: str) -> served.Pipeline:
        """Which deployment a pipeline's clients should use.

        Raises:
            NotFound: if there is no such pipeline.
        """
        if not naming.PIPELINE_NAME.fullmatch(name):
            msg = f"{name!r} is not a pipeline name"
            raise NotFound(msg, remedy="Names have lower-case letters, digits and hyphens, 40 at most.")
        champion = self._world.pipelines.champion(name)
        if champion is None and self._world.pipeline_files.read(name) is None:
            msg = f"there is no pipeline {name}"
            raise NotFound(msg, remedy=f"Store its file as pipelines/{name}.yaml.")
        previous = self._world.pipelines.previous(name)
        return served.Pipeline(
            name=name,
            champion=parts.champion(champion, self._endpoint),
            previous=parts.champion(previous, self._endpoint),
        )

    def _readable(self, evidence: Evidence, run_id: str, name: str, reader: Reader | None) -> bytes | None:
        """What of an artifact the reader may see; None if it is gone."""
        if not artifacts.holds_rows(name):
            return evidence.compared(Artifact(name))
        if reader and reader.sees_rows:
            log(names.ROWS_READ, run_id=run_id, person=reader.person.id, artifact=name)
            return evidence.compared(Artifact(name))
        if artifacts.is_shown_without_rows(name):
            source = Artifact(rows.source_of(name))
            if source.name != name:
                evidence.insist([Artifact(name)])  # the page itself, beside what it is made of
            raw = evidence.compared(source)
            if raw is not None and (shown := rows.without_rows(name, raw)) is not None:
                return shown
        raise _may_not_see_rows(name, reader)

    def _findings(self, run_id: str, found: Found, reader: Reader | None) -> tuple[served.Finding, ...]:
        sees_rows = bool(reader and reader.sees_rows)
        shown = tuple(
            rows.finding(stored, sees_rows=sees_rows) for stored in found.findings[:_FINDINGS_SHOWN]
        )
        if reader and any(finding.excerpt for finding in shown):
            log(names.ROWS_READ, run_id=run_id, person=reader.person.id)
        return shown

    def _artifact_names(self, run_id: str) -> list[str]:
        return [name for name in self._folder(run_id).names() if artifacts.is_served(name)]

    def _folder(self, run_id: str) -> RunFolder:
        return RunFolder(self._world.artifacts, run_id)

    def _evidence(self, run: Run) -> Evidence:
        return Evidence(self._world.artifacts, run)

    def _found(self, evidence: Evidence) -> Found:
        """What the report says; nothing if it was changed, which `evidence` of the answer says."""
        with suppress(ArtifactGone, msgspec.MsgspecError, UnicodeError, RecursionError):
            raw = evidence.compared(artifacts.REPORT)
            return decode_found(raw) if raw else Found()
        return Found()


def _compared(evidence: Evidence, run: Run, present: list[str]) -> served.Evidence:
    """What people decide on, compared with what the run stored, and what the run has no SHA-256 of."""
    shown = [artifact for gate in artifacts.SHOWN_AT.values() for artifact in gate]
    known = {name for name in present if evidence.knows(Artifact(name)) or _pin_of(run, name)}
    return served.Evidence(
        changed=tuple(evidence.changed(shown)),
        not_checked=tuple(name for name in present if name not in known),
    )


def _pin_of(run: Run, name: str) -> str | None:
    """Digest of a pin of the run that lies under this name; None: it is no pin of the run."""
    if name == artifacts.PINNED.name:
        return run.spec_digest
    if run.judging and name == artifacts.pinned_again(run.judging.pin).name:
        return run.judging.pin
    return None


def _may_not_see_rows(name: str, reader: Reader | None) -> Forbidden:
    who = f"{reader.person.name} does not have the app role {reader.data_role}" if reader else "nobody asked"
    remedy = "Ask an administrator for this role, or read report.md and evaluation/comparison.md, which leave rows out."
    return Forbidden(f"{who}; {name} holds rows of the dataset, or answers to them", remedy=remedy)
