"""The worker library in this process: it indexes an app and invokes its functions, exactly as in Azure."""

from __future__ import annotations

import json
import logging
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from local.host.messages import PROTOCOL, ParameterBinding, StatusResult, TypedData

_LOG: Final = logging.getLogger(__name__)
_TRIGGERS: Final = frozenset({"blobTrigger", "httpTrigger", "queueTrigger", "timerTrigger"})


class IndexingError(Exception):
    """The app cannot be indexed; the message is the library's own."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the app."""

    name: str
    id: str
    bindings: tuple[dict[str, Any], ...]

    @property
    def trigger(self) -> dict[str, Any]:
        """Its trigger binding."""
        return next(binding for binding in self.bindings if binding["type"] in _TRIGGERS)

    def output(self, name: str) -> dict[str, Any]:
        """The binding with a name."""
        return next(binding for binding in self.bindings if binding["name"] == name)


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """How an invocation ended."""

    is_ok: bool
    error: str = ""
    value: Any = None
    outputs: tuple[tuple[dict[str, Any], Any], ...] = field(default=())
    """Each output binding, with its value."""


class Worker:
    """One app.  There is only one per process, since the library keeps its state in global variables."""

    def __init__(self, app_dir: Path) -> None:
        self._app_dir = app_dir
        self.functions: dict[str, Function] = {}

    async def start(self) -> None:
        """Index the app.

        Raises:
            IndexingError: if it cannot be imported, a binding does not fit, or it has no functions.
        """
        sys.path.insert(0, str(self._app_dir))
        import azure_functions_runtime as runtime  # noqa: PLC0415  # reads the environment when it is imported

        self._runtime = runtime
        runtime.start_threadpool_executor()
        request = SimpleNamespace(capabilities={}, function_app_directory=str(self._app_dir))
        answer = await runtime.worker_init_request(_envelope(worker_init_request=request))
        if answer.result.status != StatusResult.Success:
            error = answer.result.exception
            msg = f"{error.message}\n{error.stack_trace or ''}".strip()
            raise IndexingError(msg)
        listed = await runtime.functions_metadata_request(None)
        for found in listed.function_metadata_results or ():
            bindings = tuple(json.loads(raw) for raw in found.raw_bindings)
            self.functions[found.name] = Function(name=found.name, id=found.function_id, bindings=bindings)
        if not self.functions:
            msg = "the app has no functions; Azure would only report '0 functions found'"
            raise IndexingError(msg)

    def stop(self) -> None:
        """End the threads of the library."""
        self._runtime.stop_threadpool_executor()

    async def invoke(
        self,
        function: Function,
        value: TypedData,
        metadata: dict[str, TypedData] | None = None,
        *,
        trace_parent: str = "",
    ) -> InvocationResult:
        """Invoke a function with the value of its trigger; within a trace, if a W3C `traceparent` is given."""
        invocation_id = str(uuid.uuid4())
        request = SimpleNamespace(
            invocation_id=invocation_id,
            function_id=function.id,
            input_data=[ParameterBinding(name=function.trigger["name"], data=value)],
            trigger_metadata=metadata or {},
            trace_context=SimpleNamespace(trace_parent=trace_parent, trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        answer = await self._runtime.invocation_request(_envelope(invocation_request=request))
        if answer.result.status != StatusResult.Success:
            error = answer.result.exception
            _LOG.error(
                "%s %s failed: %s\n%s", function.name, invocation_id, error.message, error.stack_trace or ""
            )
            return InvocationResult(is_ok=False, error=str(error.message))
        outputs = tuple(
            (function.output(given.name), _plain(given.data)) for given in answer.output_data or ()
        )
        return InvocationResult(is_ok=True, value=answer.return_value, outputs=outputs)


def _envelope(**fields: Any) -> SimpleNamespace:
    return SimpleNamespace(
        request=SimpleNamespace(**fields), properties={"host": "127.0.0.1", "protos": PROTOCOL}
    )


def _plain(data: TypedData) -> Any:
    """The Python value of an output."""
    return json.loads(data.raw) if data.kind == "json" else data.raw
