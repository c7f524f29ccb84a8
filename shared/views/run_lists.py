"""The long lists of a run's page: its timeline and its findings, of which a part is shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from shared.core.dataset.findings import EXCERPT_CHARS_MAX, Finding
from shared.core.history import Event
from shared.core.run import Run
from shared.views import rows
from shared.views.fitting import fitting
from shared.views.moments import when
from shared.views.run_items import pages_of
from shared.views.run_shown import EventLine, FindingLine, Findings, Pages
from shared.views.statuses import Tone

#: So many lines of either are shown at once.
SHOWN: Final = 100
#: Of the words of a line: the whole stands in the API's answer and in the report.
_WORDS_MAX: Final = 140
_PLACE_MAX: Final = 80
_SAID_MAX: Final = 300
_EXCERPT_BYTES_MAX: Final = 120
_TONES: Final[MappingProxyType[str, Tone]] = MappingProxyType({"error": "bad", "warning": "wait"})


def timeline(events: Sequence[Event], now: datetime) -> tuple[EventLine, ...]:
    """Lines of the history, the newest first."""
    return tuple(_line(event, now) for event in sorted(events, key=lambda event: -event.sequence))


def event_pages(run: Run, events: Sequence[Event]) -> Pages:
    """Which lines these are."""
    numbers = [event.sequence for event in events]
    if not numbers or (min(numbers) <= 1 and max(numbers) >= run.revision):
        return Pages()
    newest = min(max(numbers) + SHOWN, run.revision)
    return Pages(
        said=f"lines {min(numbers):,} to {max(numbers):,} of {run.revision:,}",
        before=f"?events={newest + 1}#events" if max(numbers) < run.revision else "",
        after=f"?events={min(numbers)}#events" if min(numbers) > 1 else "",
    )


def _line(event: Event, now: datetime) -> EventLine:
    moved = " to ".join(part.replace("_", " ") for part in (event.before, event.after) if part)
    by = f"as {event.role}" if event.role else ""
    return EventLine(
        number=event.sequence,
        at=when(event.at, now, has_seconds=True),
        kind=event.kind,
        what=moved or event.kind,
        detail=" ".join(part for part in (fitting(event.detail or "", _WORDS_MAX), by) if part),
        words=fitting(event.comment or "", _SAID_MAX if event.kind in {"decision", "hold"} else _WORDS_MAX),
    )


def findings(
    run: Run, found: Sequence[Finding], notes: tuple[str, ...], *, first: int, sees_rows: bool, data_role: str
) -> Findings | None:
    """What validation found; None before that.

    Args:
        run: it is of.
        found: those that were kept.
        notes: about the pipeline file.
        first: the first one that is shown, from 0.
        sees_rows: whether excerpts are shown.
        data_role: the role that shows them.
    """
    summary = run.summary
    if summary is None and not found:
        return None
    order = sorted(found, key=lambda one: (_rank(one), one.file, one.line or 0, one.code))
    first = first if 0 <= first < len(order) else 0
    shown = [rows.finding(one, sees_rows=sees_rows) for one in order[first : first + SHOWN]]
    told = set[tuple[str, str]]()
    counted = f"{_many(summary.errors, 'error')}, {_many(summary.warnings, 'warning')}; " if summary else ""
    kept = f"{_many(len(order), 'finding')} kept" if order else "nothing was found"
    return Findings(
        said=f"{counted}{kept}.",
        lines=tuple(
            FindingLine(
                code=one.code,
                severity=one.severity,
                tone=_TONES.get(one.severity, "quiet"),
                place=fitting(one.file if one.line is None else f"{one.file}:{one.line}", _PLACE_MAX),
                path=fitting(one.path or "", _PLACE_MAX),
                message=fitting(one.message, _WORDS_MAX),
                remedy=_once(told, one.code, one.remedy),
                excerpt=fitting(one.excerpt or "", EXCERPT_CHARS_MAX, _EXCERPT_BYTES_MAX),
            )
            for one in shown
        ),
        pages=pages_of("findings", first, SHOWN, len(order)),
        hidden="" if sees_rows or not shown else data_role,
        notes=notes,
    )


def _once(told: set[tuple[str, str]], code: str, remedy: str) -> str:
    """A remedy, where it is read first; empty where it was told of the same rule before."""
    is_told = (code, remedy) in told
    told.add((code, remedy))
    return "" if is_told else fitting(remedy, _WORDS_MAX)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _rank(one: Finding) -> int:
    return {"error": 0, "warning": 1}.get(one.severity, 2)
