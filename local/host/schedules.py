"""Schedules of timers as the Functions host reads them, by NCrontab: `{second} {minute} {hour} {day} {month} {day of week}`.

What it makes of 88 expressions was recorded.  A day has to fit both day and day of week; a range that runs backwards is turned
round; a step below one is one; names may be cut short; `?`, `L`, `W`, `#`, `7` and `@daily` are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

#: For so many days from a day a calendar never repeats; a schedule that comes later never comes.
_CYCLE_DAYS: Final = 146_097
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WEEKDAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_NUMBER: Final = re.compile(r"-?\d+")


class ScheduleError(ValueError):
    """An expression that the host refuses; the message says why."""


@dataclass(frozen=True, slots=True)
class _Field:
    """What one part of an expression may hold."""

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()

    def read(self, text: str) -> tuple[int, ...]:
        """All values that a text means, in order.

        Raises:
            ScheduleError: if the host does not take it.
        """
        values: set[int] = set()
        for item in text.split(","):
            values |= self._item(item)
        return tuple(sorted(values))

    def _item(self, text: str) -> set[int]:
        whole, slash, step = text.partition("/")
        if slash and not _NUMBER.fullmatch(step):
            raise self._error(text)
        low, dash, high = whole.partition("-")
        if whole == "*":
            ends = (self.first, self.last)
        elif dash:
            ends = (self._value(low), self._value(high))
        else:
            ends = (self._value(low), self.last if slash else self._value(low))
        return set(range(min(ends), max(ends) + 1, max(1, int(step)) if slash else 1))

    def _value(self, text: str) -> int:
        if text.isascii() and text.isdigit():
            value = int(text)
            if self.first <= value <= self.last:
                return value
        elif text:
            for number, name in enumerate(self.names, self.first):
                if name.startswith(text.lower()):
                    return number
        raise self._error(text)

    def _error(self, text: str) -> ScheduleError:
        return ScheduleError(f"{text!r} is not a {self.name}")


_FIELDS: Final = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds, minutes and so on, each in order; 0 is Sunday."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    @classmethod
    def read(cls, expression: str) -> Schedule:
        """A schedule of six fields, or of five without seconds.

        Raises:
            ScheduleError: if the host refuses it, or it never comes.
        """
        fields = [field for field in expression.split(" ") if field]
        if len(fields) == len(_FIELDS) - 1:
            fields = ["0", *fields]
        if len(fields) != len(_FIELDS):
            msg = f"it has {len(fields)} fields"
            raise ScheduleError(msg)
        schedule = cls(*(field.read(text) for field, text in zip(_FIELDS, fields, strict=True)))
        schedule.after(datetime(2000, 1, 1, tzinfo=UTC))
        return schedule

    def after(self, moment: datetime) -> datetime:
        """The next time, later than a moment and in its time zone.

        Raises:
            ScheduleError: if there is none.
        """
        today = moment.date()
        if self._fits(today) and (found := self._time_after(moment.time())):
            return datetime.combine(today, found, moment.tzinfo)
        for days in range(1, _CYCLE_DAYS + 1):
            day = today + timedelta(days=days)
            if self._fits(day):
                first = time(self.hours[0], self.minutes[0], self.seconds[0])
                return datetime.combine(day, first, moment.tzinfo)
        msg = "it never comes"
        raise ScheduleError(msg)

    def _fits(self, day: date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _time_after(self, now: time) -> time | None:
        for hour in (hour for hour in self.hours if hour >= now.hour):
            for minute in self.minutes:
                if (hour, minute) >= (now.hour, now.minute):
                    for second in self.seconds:
                        if (hour, minute, second) > (now.hour, now.minute, now.second):
                            return time(hour, minute, second)
        return None
