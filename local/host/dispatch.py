"""Invokes functions, and sends what they put out."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Final

from local.host.messages import TypedData
from local.host.storage import Storage
from local.host.worker import Function, InvocationResult, Worker

_LOG: Final = logging.getLogger(__name__)


class Dispatcher:
    """Invokes functions, and sends their output bindings if they succeed."""

    def __init__(self, worker: Worker, storage: Storage) -> None:
        self._worker = worker
        self._storage = storage

    async def invoke(
        self, function: Function, value: TypedData, metadata: dict[str, TypedData] | None = None
    ) -> InvocationResult:
        """Invoke a function.  Its outputs are sent if it succeeds; if one cannot be sent, the invocation fails."""
        started = time.perf_counter()
        outcome = await self._worker.invoke(function, value, metadata)
        for binding, content in outcome.outputs:
            try:
                await asyncio.to_thread(self._send, binding, content)
            except Exception as error:  # noqa: BLE001  # any error of storage makes the invocation fail
                outcome = InvocationResult(is_ok=False, error=f"output {binding['name']}: {error}")
        taken_ms = (time.perf_counter() - started) * 1000
        result = "ok" if outcome.is_ok else f"failed: {outcome.error}"
        level = (
            logging.INFO if not outcome.is_ok or function.trigger["type"] != "timerTrigger" else logging.DEBUG
        )
        _LOG.log(level, "%s %s in %.0f ms", function.name, result, taken_ms)
        return outcome

    def _send(self, binding: dict[str, Any], content: Any) -> None:
        if binding["type"] != "queue":
            msg = f"output binding {binding['type']} is not known to this host"
            raise NotImplementedError(msg)
        for message in content if isinstance(content, list) else [content]:
            self._storage.send(binding["connection"], binding["queueName"], str(message))
