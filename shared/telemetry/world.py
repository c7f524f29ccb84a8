"""The world, with every call to it as a span and in the metrics: one proxy instead of an edit in every adapter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any, Final, cast

from shared.ports import World
from shared.telemetry import names, signals

#: port -> its name in telemetry.  The clock has none: asking it is not a call.
APIS: Final = MappingProxyType(
    {
        "runs": "table.runs",
        "index": "table.index",
        "claims": "table.claims",
        "pipelines": "table.pipelines",
        "datasets": "blob.datasets",
        "pipeline_files": "blob.pipelines",
        "artifacts": "blob.artifacts",
        "files": "foundry.files",
        "trainer": "foundry.jobs",
        "inference": "foundry.completions",
        "deployer": "arm.deployments",
        "account": "arm.account",
    }
)
#: Methods that answer piece by piece: the call takes as long as the pieces take to come.
_STREAMS: Final = frozenset({"chunks", "changed_since"})
#: Methods that open something; what is done with it afterwards is not part of the call.
_OPENERS: Final = frozenset({"open"})


def observed(world: World) -> World:
    """The world, with every call to it reported."""
    return cast("World", _ObservedWorld(world))


class _ObservedWorld:
    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        port = getattr(self._world, name)
        if name in APIS:
            port = _Port(port, APIS[name])
            setattr(self, name, port)  # the next time nothing is looked up
        return port


class _Port:
    def __init__(self, port: Any, api: str) -> None:
        self._port = port
        self._api = api

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        wrap = _streamed if name in _STREAMS else _opened if name in _OPENERS else _called
        wrapped = wrap(method, self._api, name)
        setattr(self, name, wrapped)
        return wrapped


@contextmanager
def _call(api: str, operation: str) -> Iterator[None]:
    values: signals.Values = {names.API: api, names.OPERATION: operation}
    started = time.perf_counter()
    how = "ok"
    with signals.span(names.CALL, f"{api}.{operation}", values) as made:
        try:
            yield
        except BaseException as error:
            how = signals.outcome(error)
            raise
        finally:
            signals.put(made, {names.OUTCOME: how})
            signals.called(api, operation, how, time.perf_counter() - started)


def _called(method: Callable[..., Any], api: str, operation: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with _call(api, operation):
            return method(*args, **kwargs)

    return call


def _opened(method: Callable[..., Any], api: str, operation: str) -> Callable[..., Any]:
    @contextmanager
    def call(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with ExitStack() as stack:
            with _call(api, operation):
                content = stack.enter_context(method(*args, **kwargs))
            yield content

    return call


def _streamed(method: Callable[..., Any], api: str, operation: str) -> Callable[..., Any]:
    """Times only the waiting for pieces.  The span never becomes the current one: in between, the reader does other things."""

    def call(*args: Any, **kwargs: Any) -> Iterator[Any]:
        made = signals.begin(names.CALL, f"{api}.{operation}", {names.API: api, names.OPERATION: operation})
        waited_s, how = 0.0, "ok"
        try:
            pieces = iter(method(*args, **kwargs))
            while True:
                started = time.perf_counter()
                try:
                    piece = next(pieces, _END)
                finally:
                    waited_s += time.perf_counter() - started
                if piece is _END:
                    return
                yield piece
        except GeneratorExit:
            raise  # its reader has seen enough
        except BaseException as error:
            how = signals.outcome(error)
            signals.fail(made, error)
            raise
        finally:
            signals.put(made, {names.OUTCOME: how})
            made.end()
            signals.called(api, operation, how, waited_s)

    return call


_END: Final = object()
