"""What the app needs, asked one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.core.errors import FinetuneError
from shared.telemetry import names
from shared.telemetry.records import log

if TYPE_CHECKING:
    from shared.wiring import Services


def check(services: Callable[[], Services]) -> dict[str, Any]:
    """Ask everything once.

    Args:
        services: makes the services, or raises `ConfigurationError`.

    Returns:
        `{"ok": bool, "checks": [{"name", "ok", "code", "remedy"}]}`; details with names of resources go to the log only,
        because this route answers strangers too.
    """
    results = [_ask(name, question) for name, question in _questions(services)]
    return {"ok": all(result["ok"] for result in results), "checks": results}


def _questions(services: Callable[[], Services]) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "settings", services
    try:
        app = services()
    except FinetuneError:
        return  # nothing else can be asked without settings
    since = app.world.clock.now() - timedelta(hours=1)
    yield "state tables", app.world.index.active
    yield "datasets container", lambda: app.world.datasets.properties("health")
    yield "pipelines container", app.world.pipeline_files.names
    yield "artifacts container", lambda: app.world.artifacts.names("health/")
    yield "foundry project", lambda: app.world.trainer.jobs(since)
    yield "foundry deployments", lambda: app.world.deployer.deployment("health")


def _ask(name: str, question: Callable[[], object]) -> dict[str, Any]:
    try:
        question()
    except FinetuneError as error:
        log(names.HEALTH_FAILED, check=name, code=error.code, detail=error.message)
        return {"name": name, "ok": False, "code": error.code, "remedy": error.remedy}
    return {"name": name, "ok": True, "code": None, "remedy": None}
