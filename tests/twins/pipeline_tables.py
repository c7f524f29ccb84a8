"""Twins of the claims and of the pipelines' table."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from shared.core.errors import Conflict
from shared.core.evaluation.looks import ComingLook, Look
from shared.core.observations import Champion
from tests.twins.faults import Faults


class TwinClaims(Faults):
    """Table `claims`."""

    def __init__(self) -> None:
        super().__init__()
        self._holders: dict[tuple[str, str], str] = {}

    def holder(self, pipeline: str, fingerprint: str) -> str | None:
        """See `ports.Claims`."""
        with self._call("holder"):
            return self._holders.get((pipeline, fingerprint))

    def take(self, pipeline: str, fingerprint: str, run_id: str, previous_holder: str | None) -> None:
        """See `ports.Claims`."""
        with self._call("take"):
            present = self._holders.get((pipeline, fingerprint))
            if present not in {None, run_id, previous_holder}:
                msg = f"run {present} holds the claim"
                raise Conflict(msg)
            self._holders[pipeline, fingerprint] = run_id


class LookLine(NamedTuple):
    """A line of the ledger of looks; `champion_since` is that of the champion when it was written."""

    exam: str
    run_id: str
    at: datetime
    champion_since: datetime | None
    look: Look


class TwinPipelines(Faults):
    """Table `pipelines`."""

    def __init__(self) -> None:
        super().__init__()
        self._champions: dict[str, tuple[Champion, Champion | None]] = {}
        self._ledgers: dict[tuple[str, str], dict[tuple[str, datetime], float]] = {}
        #: pipeline -> digest -> line, in the order of the lines
        self._looks: dict[str, dict[str, LookLine]] = {}

    def champion(self, pipeline: str) -> Champion | None:
        """See `ports.Pipelines`."""
        with self._call("champion"):
            return self._champions.get(pipeline, (None, None))[0]

    def previous(self, pipeline: str) -> Champion | None:
        """See `ports.Pipelines`."""
        with self._call("previous"):
            return self._champions.get(pipeline, (None, None))[1]

    def champions(self) -> dict[str, Champion]:
        """See `ports.Pipelines`."""
        with self._call("champions"):
            return {name: champion for name, (champion, _) in self._champions.items()}

    def promote(self, pipeline: str, champion: Champion, replacing: str | None) -> None:
        """See `ports.Pipelines`."""
        with self._call("promote"):
            present = self._champions.get(pipeline, (None, None))[0]
            if present and (present.run_id, present.deployment) == (champion.run_id, champion.deployment):
                return
            if (present.run_id if present else None) != replacing:
                msg = f"the champion of {pipeline} is another one by now"
                raise Conflict(msg)
            self._champions[pipeline] = (champion, present)

    def committed(self, pipeline: str, month: str) -> list[tuple[str, datetime, float]]:
        """See `ports.Pipelines`."""
        with self._call("committed"):
            lines = self._ledgers.get((pipeline, month), {})
            return [(run_id, at, usd) for (run_id, at), usd in lines.items()]

    def commit(self, pipeline: str, month: str, run_id: str, at: datetime, usd: float) -> None:
        """See `ports.Pipelines`."""
        with self._call("commit"):
            lines = self._ledgers.setdefault((pipeline, month), {})
            stored = lines.get((run_id, at))
            if stored is not None:
                lines[run_id, at] = min(stored, usd)
            elif not any(owner == run_id and other > at for owner, other in lines):
                lines[run_id, at] = usd

    def look(self, pipeline: str, *, digest: str, exam: str, run_id: str, at: datetime) -> Look:
        """See `ports.Pipelines`."""
        with self._call("look"):
            lines = self._looks.setdefault(pipeline, {})
            if digest not in lines:
                since = self._champion_since(pipeline)
                look = Look(
                    set=1 + sum(line.exam == exam for line in lines.values()),
                    pipeline=1 + sum(line.champion_since == since for line in lines.values()),
                )
                lines[digest] = LookLine(exam, run_id, at, since, look)
            return lines[digest].look

    def coming_look(self, pipeline: str) -> ComingLook:
        """See `ports.Pipelines`."""
        with self._call("coming_look"):
            lines = list(self._looks.get(pipeline, {}).values())
            since = self._champion_since(pipeline)
            number = 1 + sum(line.champion_since == since for line in lines)
            return ComingLook(number=number, last_run=lines[-1].run_id if lines else None)

    def _champion_since(self, pipeline: str) -> datetime | None:
        champion, _ = self._champions.get(pipeline, (None, None))
        return champion.since if champion else None
