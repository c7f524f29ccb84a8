"""The page of one run: what is read for it, at most 12 calls to storage, and how its parts come together."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec

from shared.core import approval, artifacts, curves
from shared.core import champion as replaced
from shared.core.errors import NotFound, Refused
from shared.core.evaluation import advice
from shared.core.evaluation.outlook import Outlook
from shared.core.evaluation.scorecard import Comparison
from shared.core.history import SAID, Event
from shared.core.observations import Champion
from shared.core.people import Reader
from shared.core.portal import Portal
from shared.core.roles import Roles
from shared.core.run import Run
from shared.core.spec import Approval
from shared.core.standing import standing
from shared.core.status import Status
from shared.pinning import Pinned, Pins
from shared.ports import World
from shared.run_folder import RunFolder
from shared.telemetry import names
from shared.telemetry.records import log
from shared.views import parts, run_about, run_ask, run_decided, run_evaluation, run_lists, run_since
from shared.views.asked import Places
from shared.views.before import before_approving
from shared.views.moments import when
from shared.views.offers import Asker, Offers, in_buttons, offered
from shared.views.run_items import Part
from shared.views.run_reading import Reading
from shared.views.run_shown import Next, RunPage, Since, Stands
from shared.views.run_since import Known
from shared.views.runs import Found, decode_found
from shared.views.statuses import badge

#: Histories up to so many lines are read whole: one page of the table.
_HISTORY_MAX: Final = 1000
#: Before these nothing has been compared that a pipeline's last promotion could be held against.
_WITHOUT_A_PAST: Final = frozenset(
    {Status.RECEIVED, Status.VALIDATING, Status.INVALID, Status.DUPLICATE, Status.SUPERSEDED}
)
#: So few findings leave room for whole texts of items.
_FEW: Final = 20
_decode_comparison: Final = msgspec.json.Decoder(Comparison).decode
_decode_checkpoints: Final = msgspec.json.Decoder(list[dict[str, Any]]).decode


_NEWEST: Final = Places()


class RunPages:
    """Makes the page of a run."""

    def __init__(self, world: World, roles: Roles, portal: Portal) -> None:
        self._world = world
        self._roles = roles
        self._portal = portal
        self._pins = Pins(world)

    def page(
        self, run_id: str, reader: Reader, places: Places = _NEWEST, *, is_saved: bool = False
    ) -> RunPage:
        """The page of a run, for somebody.

        Args:
            run_id: of the run.
            reader: who asks; what is made of rows is shown to those only who may see rows.
            places: which parts of the long lists.
            is_saved: whether it is kept as a file, in which there is nothing to press.

        Raises:
            NotFound: if there is no such run.
        """
        reading, now = Reading(self._world, self._pins), self._world.clock.now()
        stored, _ = reading.ask(lambda: self._world.runs.load(run_id))
        run, events = self._history(reading, stored, places.events)
        present = self._present(reading, run)
        found = self._report(reading, run, present)
        comparison = self._comparison(reading, run, present)
        trained = self._curves(reading, run, present)
        pinned = reading.pinned(run)
        spec = pinned.spec if pinned else None
        rule = spec.approval if spec else Approval()
        champion, since = self._since(reading, run, pinned, now)
        stands = standing(run, rule, now)
        replaced_by = champion.run_id if champion and run.status is Status.DEPLOYED else run.id
        evaluation = run_evaluation.evaluation(
            run,
            comparison,
            is_gone=artifacts.COMPARISON.name in reading.gone,
            sees_rows=reader.sees_rows,
            data_role=reader.data_role,
            part=Part(places.items, places.item, len(found.findings) <= _FEW),
        )
        findings = run_lists.findings(
            run,
            found.findings,
            found.pipeline_notes,
            first=places.findings,
            sees_rows=reader.sees_rows,
            data_role=reader.data_role,
        )
        if evaluation and evaluation.items and evaluation.items.lines:
            log(names.ROWS_READ, run_id=run.id, person=reader.person.id, artifact=artifacts.COMPARISON.name)
        if findings and any(line.excerpt for line in findings.lines):
            log(names.ROWS_READ, run_id=run.id, person=reader.person.id)
        part = run_evaluation.measured_of(comparison)
        files, refused = run_about.files(run, present, sees_rows=reader.sees_rows)
        return RunPage(
            id=run.id,
            pipeline=run.pipeline,
            dataset=run.dataset.name,
            as_of=when(now, now),
            for_whom=reader.person.name,
            status=badge(run.status),
            since=when(run.status_since, now),
            created=when(run.created_at, now),
            stands=Stands(
                now=stands.now,
                then=stands.then
                if replaced_by == run.id
                else f"Run {replaced_by} became the champion after it.",
                why="" if run.evaluation and stands.why == run.evaluation.reason else _on_page(stands.why),
                link=f"/api/ui/runs/{run.duplicate_of}" if run.duplicate_of else "",
                files=tuple(file for file in files if file.link and file.what in stands.why),
                left=run_about.left(run, champion),
                by=when(stands.by, now) if stands.by else None,
                by_then=stands.by_then,
            ),
            ask=run_ask.ask(run, run_ask.Known(spec, champion, part, found.outlook, found.azure), now),
            offers=self._offers(run, reader, rule, now, found.outlook, is_saved=is_saved),
            warnings=(
                *_replaced(run, champion),
                *run.warnings,
                *(f"{name} is not there as it was stored." for name in reading.gone),
            ),
            next=_next(run, comparison, trained, found.outlook),
            evaluation=evaluation,
            since_last=since,
            training=run_about.training(trained),
            findings=findings,
            cost=run_about.cost(run, spec),
            facts=run_about.facts(run),
            subject=run_ask.subject(run, spec),
            decided=run_decided.decided(run, spec, now),
            timeline=run_lists.timeline(events, now),
            events=run_lists.event_pages(run, events),
            files=files,
            refused=refused,
            job_link=self._portal.job(run.job_id) if run.job_id else "",
            commands=run_about.commands(run, parts.call_of_run(run, self._portal.endpoint)),
            runbook=run_about.runbook(run),
            data_role=reader.data_role,
        )

    def _history(self, reading: Reading, stored: Run, before: int | None) -> tuple[Run, Sequence[Event]]:
        """The run with the votes that count, and the part of its history that is shown."""
        last = min(stored.revision, before - 1) if before and before > 1 else stored.revision
        first, runs = max(0, last - run_lists.SHOWN), self._world.runs
        has_said = approval.has_said(stored)
        if stored.revision <= _HISTORY_MAX:
            events = said = reading.ask(lambda: runs.history(stored.id))
        else:
            events = reading.ask(lambda: runs.history(stored.id, after=first, limit=run_lists.SHOWN))
            said = reading.ask(lambda: runs.history(stored.id, kinds=SAID)) if has_said else []
        run = approval.counted(stored, said) if has_said else stored
        return run, [event for event in events if first < event.sequence <= last]

    def _present(self, reading: Reading, run: Run) -> tuple[str, ...]:
        """Names of the artifacts: those that the row knows; of older releases, whose rows know none, those that are there."""
        if run.evidence:
            return tuple(sorted({*run.known_files, artifacts.PINNED.name}))
        return tuple(reading.ask(lambda: RunFolder(self._world.artifacts, run.id).names()))

    def _report(self, reading: Reading, run: Run, present: Sequence[str]) -> Found:
        if artifacts.REPORT.name not in present:
            return Found()
        return reading.decoded(run, artifacts.REPORT, decode_found) or Found()

    def _comparison(self, reading: Reading, run: Run, present: Sequence[str]) -> Comparison | None:
        if run.evaluation is None or artifacts.COMPARISON.name not in present:
            return None
        return reading.decoded(run, artifacts.COMPARISON, _decode_comparison)

    def _curves(self, reading: Reading, run: Run, present: Sequence[str]) -> curves.Curves | None:
        results = artifacts.training_results(0)
        if results.name not in present:
            return None
        raw = reading.artifact(run, results)
        kept = reading.decoded(run, artifacts.CHECKPOINTS, _decode_checkpoints) if raw else None
        return curves.curves_of(raw, kept or ())

    def _since(
        self, reading: Reading, run: Run, pinned: Pinned | None, now: datetime
    ) -> tuple[Champion | None, Since | None]:
        """The pipeline's champion, and what differs from the last run that was promoted before this one."""
        if run.status in _WITHOUT_A_PAST or not reading.has_room():
            return None, None
        champion = reading.ask(lambda: self._world.pipelines.champion(run.pipeline))
        before = self._promoted_before(reading, run, champion)
        if before is None:
            return champion, run_since.since(Known(run=run, pinned=pinned), None, now)
        other = reading.pinned(before)
        keys = self._keys(reading, run, before)
        return champion, run_since.since(
            Known(run=run, pinned=pinned, keys=keys[0]), Known(run=before, pinned=other, keys=keys[1]), now
        )

    def _promoted_before(self, reading: Reading, run: Run, champion: Champion | None) -> Run | None:
        """The run whose model is the champion; of the champion itself, the run whose model it replaced."""
        run_id = champion.run_id if champion else None
        if run_id == run.id:
            measured = run.evaluation.champion if run.evaluation else msgspec.UNSET
            if measured is msgspec.UNSET:
                previous = reading.ask(lambda: self._world.pipelines.previous(run.pipeline))
                measured = previous.run_id if previous else None
            run_id = measured
        if run_id is None or not reading.has_room():
            return None
        with suppress(NotFound, Refused):
            return reading.ask(lambda: self._world.runs.load(run_id))[0]
        return None

    def _keys(self, reading: Reading, run: Run, before: Run) -> tuple[bytes | None, bytes | None]:
        """Identities of the rows of both, where both are known and may differ."""
        kept = artifacts.TRAINING_KEYS
        is_known = all(kept.name in one.known_files for one in (run, before))
        is_same = run.known_files.get(kept.name) == before.known_files.get(kept.name)
        if not is_known or is_same or not reading.has_room(2):
            return None, None
        return reading.artifact(run, kept), reading.artifact(before, kept)

    def _offers(
        self,
        run: Run,
        reader: Reader,
        rule: Approval,
        now: datetime,
        outlook: Outlook | None,
        *,
        is_saved: bool,
    ) -> Offers:
        before = before_approving(run, outlook)
        offers = offered(run, Asker(reader.person, self._roles, rule, now, before))
        if not is_saved:
            return offers
        gate = offers.gate and msgspec.structs.replace(offers.gate, offers=(), not_offered=())
        return Offers(gate=gate, wishes=(), not_offered=())


def _on_page(text: str) -> str:
    """Why a run ended, for people who have its page in front of them."""
    return in_buttons(text).replace(
        artifacts.COMPARISON_PAGE.name, f"the evaluation below ({artifacts.COMPARISON_PAGE.name})"
    )


def _replaced(run: Run, present: Champion | None) -> tuple[str, ...]:
    """That what is shown at an open gate counts no more, as far as the run itself knows what it was measured against."""
    if run.gate is None or run.gate.name != "deployment" or not replaced.is_recorded(run):
        return ()
    why = replaced.replacement(run, present, None, None)
    return (f"{why} A vote on it is not taken: the run is measured again by itself.",) if why else ()


def _next(
    run: Run, comparison: Comparison | None, trained: curves.Curves | None, outlook: Outlook | None
) -> Next | None:
    """What to try after a verdict ended the run."""
    if run.status is not Status.NOT_PROMOTED or run.evaluation is None:
        return None
    overfits = trained is not None and trained.overfits
    chance = outlook.chance if outlook and outlook.grader == run.evaluation.metric else None
    found = advice.advice(
        run.evaluation, run_evaluation.decisive(comparison), overfits=overfits, chance=chance
    )
    return Next(to_try=found.to_try, settles=found.settles, nobody=found.nobody)
