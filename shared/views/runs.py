"""Runs as JSON, for people and their scripts."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from shared.core import approval, artifacts, naming
from shared.core.artifacts import Artifact
from shared.core.errors import ArtifactGone, Forbidden, NotFound
from shared.core.history import Event
from shared.core.observations import Champion
from shared.core.people import Reader
from shared.core.run import Gate, Judging, Run, Wish
from shared.core.serving import AUDIENCES, path_of, route_of
from shared.ports import RunSummary, World
from shared.run_folder import Evidence, RunFolder
from shared.telemetry import names
from shared.telemetry.records import log
from shared.views import rows

_FINDINGS_SHOWN: Final = 50


class Served(NamedTuple):
    """An artifact as it is served."""

    data: bytes
    content_type: str
    is_checked: bool
    """Whether it was compared with what the run stored; releases before 0.3.0 kept nothing to compare with."""


class RunViews:
    """Answers questions about runs and pipelines."""

    def __init__(self, world: World) -> None:
        self._world = world

    def listing(self, pipeline: str | None, limit: int, after: str | None) -> dict[str, Any]:
        """A page of runs, newest first."""
        found, cursor = self._world.index.newest(pipeline, limit, after)
        return {"runs": [_summary(row) for row in found], "next": cursor}

    def detail(self, run_id: str, reader: Reader | None = None) -> dict[str, Any]:
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
        found = self._found(evidence) if artifacts.REPORT.name in present else {}
        return {
            **_head(run),
            "dataset": _dataset(run),
            "job": _job(run),
            "report": _report(run),
            "findings": self._findings(run_id, found, reader),
            "pipeline_notes": list(found.get("pipeline_notes", ())),
            "outlook": found.get("outlook"),
            "azure": list(found.get("azure", ())),
            "warnings": list(run.warnings),
            "trouble": run.trouble,
            "failure": msgspec.to_builtins(run.failure),
            "duplicate_of": run.duplicate_of,
            "evaluation": msgspec.to_builtins(run.evaluation),
            "judged_again": _judged_again(run.judging),
            "cancel": _wish(run.cancel),
            "retry": _wish(run.retry),
            "gate": _gate(run.gate, found),
            "deployment": {"candidate": run.candidate, "production": run.production},
            "history": [_event(event) for event in history],
            "artifacts": present,
            "evidence": _compared(evidence, run, present),
            "links": _links(run),
        }

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
            evidence = self._evidence(self._world.runs.load(run_id)[0])
            raw = self._readable(evidence, run_id, name, reader)
            if raw is not None:
                return Served(raw, artifacts.served_type(name), evidence.knows(Artifact(name)))
        msg = f"run {run_id} has no artifact {name}"
        raise NotFound(msg, remedy="GET /api/runs/{run_id} lists the artifacts.")

    def pipeline(self, name: str) -> dict[str, Any]:
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
        return {"name": name, "champion": _champion(champion), "previous": _champion(previous)}

    def _readable(self, evidence: Evidence, run_id: str, name: str, reader: Reader | None) -> bytes | None:
        """What of an artifact the reader may see; None if it is gone."""
        if not artifacts.holds_rows(name):
            return evidence.compared(Artifact(name))
        if reader and reader.sees_rows:
            log(names.ROWS_READ, run_id=run_id, person=reader.person.id, artifact=name)
            return evidence.compared(Artifact(name))
        if artifacts.is_shown_without_rows(name):
            evidence.compared(Artifact(name))
            source = evidence.compared(Artifact(rows.source_of(name)))
            if source is not None and (shown := rows.without_rows(name, source)) is not None:
                return shown
        raise _may_not_see_rows(name, reader)

    def _findings(self, run_id: str, found: dict[str, Any], reader: Reader | None) -> list[dict[str, Any]]:
        findings = list(found.get("findings", ()))[:_FINDINGS_SHOWN]
        if not (reader and reader.sees_rows):
            return [rows.finding_without_rows(finding) for finding in findings]
        if any(finding.get("excerpt") for finding in findings):
            log(names.ROWS_READ, run_id=run_id, person=reader.person.id)
        return findings

    def _artifact_names(self, run_id: str) -> list[str]:
        return [name for name in self._folder(run_id).names() if artifacts.is_served(name)]

    def _folder(self, run_id: str) -> RunFolder:
        return RunFolder(self._world.artifacts, run_id)

    def _evidence(self, run: Run) -> Evidence:
        return Evidence(self._world.artifacts, run)

    def _found(self, evidence: Evidence) -> dict[str, Any]:
        """What the report says; nothing if it was changed, which `evidence` of the answer says."""
        with suppress(ArtifactGone, msgspec.MsgspecError):
            raw = evidence.compared(artifacts.REPORT)
            report: dict[str, Any] = msgspec.json.decode(raw) if raw else {}
            return report
        return {}


def _compared(evidence: Evidence, run: Run, present: list[str]) -> dict[str, list[str]]:
    """What people decide on, compared with what the run stored, and what the run has no SHA-256 of."""
    shown = [artifact for gate in artifacts.SHOWN_AT.values() for artifact in gate]
    known = [name for name in present if evidence.knows(Artifact(name)) or name == artifacts.PINNED.name]
    pinned_again = run.judging and artifacts.pinned_again(run.judging.pin).name
    return {
        "changed": evidence.changed(shown),
        "not_checked": [name for name in present if name not in {*known, pinned_again}],
    }


def _may_not_see_rows(name: str, reader: Reader | None) -> Forbidden:
    who = f"{reader.person.name} does not have the app role {reader.data_role}" if reader else "nobody asked"
    remedy = "Ask an administrator for this role, or read report.md and evaluation/comparison.md, which leave rows out."
    return Forbidden(f"{who}; {name} holds rows of the dataset, or answers to them", remedy=remedy)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _head(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "pipeline": run.pipeline,
        "status": run.status,
        "status_since": _iso(run.status_since),
        "created_at": _iso(run.created_at),
        "updated_at": _iso(run.updated_at),
        "is_finished": run.is_finished,
        "app_version": run.app_version or None,
    }


def _summary(row: RunSummary) -> dict[str, Any]:
    return {
        "id": row.run_id,
        "pipeline": row.pipeline,
        "dataset": row.dataset_name,
        "status": row.status,
        "status_since": _iso(row.status_since),
        "created_at": _iso(row.created_at),
        "job_id": row.job_id,
        "job_status": row.job_status,
    }


def _dataset(run: Run) -> dict[str, Any]:
    files = run.summary.files if run.summary else {}
    return {
        "container": run.dataset.container,
        "name": run.dataset.name,
        "etag": run.dataset.etag,
        "size_bytes": run.dataset.size_bytes,
        "uploaded_by": run.dataset.uploaded_by,
        "companions": [companion.name for companion in run.companions],
        "prepared_sha256": files,
    }


def _job(run: Run) -> dict[str, Any] | None:
    if run.job_id is None:
        return None
    return {
        "id": run.job_id,
        "status": run.job_status,
        "model": run.model,
        "trained_tokens": run.trained_tokens,
    }


def _report(run: Run) -> dict[str, Any] | None:
    if run.summary is None:
        return None
    shown = msgspec.to_builtins(run.summary)
    del shown["files"]
    return dict(shown)


def _wish(wish: Wish | None) -> dict[str, str] | None:
    return {"name": wish.name, "at": _iso(wish.at)} if wish else None


def _judged_again(judging: Judging | None) -> dict[str, Any] | None:
    if judging is None:
        return None
    return {
        "name": judging.name,
        "at": _iso(judging.at),
        "changed": list(judging.changed),
        "notes": list(judging.notes),
        "before": list(judging.before),
        "pinned": artifacts.pinned_again(judging.pin).name,
    }


def _gate(gate: Gate | None, report: dict[str, Any]) -> dict[str, Any] | None:
    """The open gate; before money is spent with what the comparison will be able to show, in sentences."""
    if gate is None:
        return None
    outlook, is_spend = report.get("outlook"), gate.name == "spend"
    told = outlook["sentences"] if outlook and is_spend else []
    return {
        "name": gate.name,
        "digest": gate.digest,
        "reason": gate.reason,
        "outlook": told,
        "azure": list(report.get("azure", ())) if is_spend else [],
        "opened_at": _iso(gate.opened_at),
        "approve_by": _iso(gate.approve_by),
        "approvals_needed": gate.approvals_needed,
        "approvals": gate.approvals,
        "decisions": [
            {
                "name": d.name,
                "decision": d.decision,
                "comment": d.comment,
                "at": _iso(d.at),
                "app_version": d.app_version or None,
            }
            for d in gate.decisions
        ],
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "at": _iso(event.at),
        "kind": event.kind,
        "before": event.before,
        "after": event.after,
        "detail": event.detail,
        "app_version": event.app_version or None,
    }


def _links(run: Run) -> dict[str, str]:
    base = f"/api/runs/{run.id}"
    links = {"self": base}
    if run.gate:
        links["gate"] = f"{base}/gates/{run.gate.name}"
    if run.duplicate_of:
        links["duplicate_of"] = f"/api/runs/{run.duplicate_of}"
    return links


def _champion(champion: Champion | None) -> dict[str, Any] | None:
    if champion is None:
        return None
    route = route_of(champion.model, champion.route)
    return {
        "deployment": champion.deployment,
        "model": champion.model,
        "run_id": champion.run_id,
        "since": _iso(champion.since),
        "route": {
            "name": route,
            "path": path_of(route, champion.deployment),
            "audience": AUDIENCES[route],
        },
    }
