"""What a real host refuses at its start, and the worker library does not check."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from local.host.schedules import Schedule, ScheduleError
from local.host.worker import Function

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,127}", re.IGNORECASE)
_PERCENT: Final = re.compile(r"%([^%]+)%")
_SPAN: Final = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})")


class HostError(Exception):
    """The app cannot be run; the message has one line per problem."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """The settings in host.json, with the defaults of the real host."""

    route_prefix: str = "api"
    queue_batch_size: int = 16
    queue_batch_more: int = 8
    """The next batch is taken when so many are running, so that up to both together run at once."""
    queue_tries_max: int = 5
    queue_visibility_s: float = 0.0
    blob_tries_max: int = 5
    blob_parallel: int = 8
    lease_s: int = 10
    """For how long a message is taken; after a kill it comes again in this time.  Not in host.json: really it is ten minutes."""


def read_host_json(app_dir: Path) -> HostSettings:
    """Read host.json.

    Raises:
        HostError: if it is missing, is not JSON, has another version, or has a value of the wrong type.
    """
    path = app_dir / "host.json"
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        msg = f"{path}: {error}"
        raise HostError(msg) from error
    if content.get("version") != "2.0":
        msg = f'{path}: version is {content.get("version")!r}, expected "2.0"'
        raise HostError(msg)
    extensions = content.get("extensions", {})
    problems: list[str] = []

    def take(section: str, key: str, kind: type, default: Any) -> Any:
        value = extensions.get(section, {}).get(key, default)
        if type(value) is not kind:
            problems.append(f"{path}: extensions.{section}.{key} is {value!r}, expected {kind.__name__}")
            return default
        return value

    settings = HostSettings(
        route_prefix=take("http", "routePrefix", str, "api"),
        queue_batch_size=take("queues", "batchSize", int, 16),
        queue_batch_more=take("queues", "newBatchThreshold", int, 8),
        queue_tries_max=take("queues", "maxDequeueCount", int, 5),
        queue_visibility_s=_seconds(take("queues", "visibilityTimeout", str, "00:00:00"), problems),
        blob_tries_max=take("blobs", "poisonBlobThreshold", int, 5),
        blob_parallel=take("blobs", "maxDegreeOfParallelism", int, 8),
    )
    if take("queues", "messageEncoding", str, "base64").lower() != "base64":
        problems.append(f"{path}: extensions.queues.messageEncoding: this host reads base64 only")
    if problems:
        raise HostError("\n".join(problems))
    return settings


def _seconds(text: str, problems: list[str]) -> float:
    match = _SPAN.fullmatch(text)
    if not match:
        problems.append(f"host.json: {text!r} is not a time span hh:mm:ss")
        return 0.0
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()


def resolve(text: str, environ: Mapping[str, str]) -> str:
    """A text with each `%SETTING%` replaced by the app setting.

    Raises:
        HostError: if a setting is missing.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in environ:
            msg = f"%{match[1]}% names an app setting that is not set"
            raise HostError(msg)
        return environ[match[1]]

    return _PERCENT.sub(value, text)


def schedule(expression: str) -> Schedule:
    """The schedule of a timer.

    Time spans as `00:05:00` are refused: Azure takes them on App Service plans only.

    Raises:
        HostError: if it is not an NCRONTAB expression.
    """
    try:
        return Schedule.read(expression)
    except ScheduleError as error:
        fields = "{second} {minute} {hour} {day} {month} {day of week}"
        msg = f"{expression!r} is not an NCRONTAB expression, {fields}: {error}"
        raise HostError(msg) from error


def check_functions(functions: Iterable[Function], environ: Mapping[str, str]) -> None:
    """Refuse what the real host refuses.

    Raises:
        HostError: naming all problems.
    """
    functions = list(functions)
    problems = [problem for function in functions for problem in _problems(function, environ)]
    problems += _route_clashes(functions)
    if problems:
        raise HostError("\n".join(problems))


def _problems(function: Function, environ: Mapping[str, str]) -> Iterator[str]:
    if not _NAME.fullmatch(function.name):
        yield f"{function.name}: a function name has letters, digits, _ and -, and begins with a letter"
    for binding in function.bindings:
        connection = binding.get("connection")
        if (
            connection
            and connection not in environ
            and not any(k.startswith(f"{connection}__") for k in environ)
        ):
            yield f"{function.name}: connection {connection} has no app setting {connection} or {connection}__..."
        for key in ("schedule", "path", "queueName"):
            if isinstance(text := binding.get(key), str):
                try:
                    resolved = resolve(text, environ)
                    if key == "schedule":
                        schedule(resolved)
                except HostError as error:
                    yield f"{function.name}: {key}: {error}"


def _route_clashes(functions: Iterable[Function]) -> Iterator[str]:
    taken: dict[tuple[str, str], str] = {}
    for function in functions:
        trigger = function.trigger
        if trigger["type"] != "httpTrigger":
            continue
        shape = re.sub(r"\{[^}]*\}", "{}", str(trigger.get("route", function.name)).lower())
        for method in trigger.get("methods") or ("*",):
            other = taken.setdefault((str(method).upper(), shape), function.name)
            if other != function.name:
                yield f"{function.name}: {method} {shape} is the route of {other} already"
