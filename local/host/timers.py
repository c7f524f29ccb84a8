"""The timer trigger: never two invocations at a time, and late ones are marked as late."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from local.host.dispatch import Dispatcher
from local.host.messages import TypedData
from local.host.schedules import Schedule
from local.host.worker import Function

_LATE_S = 1.0


class TimerListener:
    """Invokes one function by its schedule."""

    def __init__(
        self, function: Function, schedule: Schedule, dispatcher: Dispatcher, state_dir: Path
    ) -> None:
        self._function = function
        self._schedule = schedule
        self._dispatch = dispatcher
        self._status = state_dir / f"timer-{function.name}.json"

    async def run(self) -> None:
        """Fire at every time of the schedule, until cancelled.  Times that passed while the function ran are made up for once."""
        last = self._read_last()
        if self._function.trigger.get("runOnStartup"):
            await self._fire(last, datetime.now(UTC), is_late=False)
            last = datetime.now(UTC)
        while True:
            now = datetime.now(UTC)
            due = self._schedule.after(last or now)
            if due > now:
                await asyncio.sleep((due - now).total_seconds())
                now = datetime.now(UTC)
            await self._fire(last, due, is_late=(now - due).total_seconds() > _LATE_S)
            last = datetime.now(UTC)
            self._status.write_text(json.dumps({"Last": last.isoformat()}))

    def _read_last(self) -> datetime | None:
        try:
            return datetime.fromisoformat(json.loads(self._status.read_text())["Last"])
        except (OSError, ValueError, KeyError):
            return None

    async def _fire(self, last: datetime | None, due: datetime, *, is_late: bool) -> None:
        status = {
            "Schedule": {"AdjustForDST": True},
            "IsPastDue": is_late,
            "ScheduleStatus": {
                "Last": (last or due).isoformat(),
                "LastUpdated": (last or due).isoformat(),
                "Next": self._schedule.after(due).isoformat(),
            },
        }
        await self._dispatch.invoke(self._function, TypedData(json=json.dumps(status)))
