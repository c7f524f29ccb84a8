"""What the app needs, asked one by one; rarely, since this answers strangers too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from shared.core import served
from shared.core.errors import FinetuneError, Unavailable, foreseen
from shared.ports import World
from shared.telemetry import names
from shared.telemetry.records import log

#: So long an answer serves everybody who asks.
_KEPT: Final = timedelta(seconds=30)
#: So long one request waits for another that asks: whoever waited longer would keep a thread from others.
_PATIENCE_S: Final = 0.5


_NOT_YET: Final = served.Check(
    name="services",
    ok=False,
    code=Unavailable.code,
    remedy="They are being asked: ask again in a few seconds.",
)


class Health:
    """Asks everything once in 30 seconds, however many ask for the answer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = Lock()
        self._kept: tuple[datetime, served.Health] | None = None

    def report(self) -> served.Health:
        """What is missing.

        Details with names of resources go to the log only.  While one request asks, others get what was known before, or soon
        that nothing is known yet.
        """
        kept = self._kept
        if kept is not None and (self._is_fresh(kept[0]) or self._lock.locked()):
            return kept[1]
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return _report([_NOT_YET])
        try:
            if self._kept is None or not self._is_fresh(self._kept[0]):
                asked_at = self._world.clock.now()
                self._kept = (asked_at, _report([_ask(*question) for question in self._questions()]))
            return self._kept[1]
        finally:
            self._lock.release()

    def _is_fresh(self, asked_at: datetime) -> bool:
        return asked_at <= self._world.clock.now() < asked_at + _KEPT

    def _questions(self) -> Iterator[tuple[str, Callable[[], object]]]:
        world = self._world
        since = world.clock.now() - timedelta(hours=1)
        yield "settings", lambda: None  # whoever has a world has them
        yield "state tables", world.index.active
        yield "datasets container", lambda: world.datasets.properties("health")
        yield "pipelines container", world.pipeline_files.names
        yield "artifacts container", lambda: world.artifacts.names("health/")
        yield "foundry project", lambda: world.trainer.jobs(since)
        yield "foundry deployments", lambda: world.deployer.deployment("health")


def without_settings(error: FinetuneError) -> served.Health:
    """The report of an app whose settings cannot be used: nothing else can be asked."""
    return _report([_failed("settings", error)])


def _report(checks: Iterable[served.Check]) -> served.Health:
    found = tuple(checks)
    return served.Health(ok=all(check.ok for check in found), checks=found)


def _ask(name: str, question: Callable[[], object]) -> served.Check:
    try:
        question()
    except Exception as error:  # noqa: BLE001  whatever it is, the other checks are asked too
        return _failed(name, foreseen(error))
    return served.Check(name=name, ok=True, code=None, remedy=None)


def _failed(name: str, error: FinetuneError) -> served.Check:
    log(names.HEALTH_FAILED, check=name, code=error.code, detail=error.message)
    return served.Check(name=name, ok=False, code=error.code, remedy=error.remedy)
