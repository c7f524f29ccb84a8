"""Spans and metrics.  Nothing here loads an SDK: without one, the API does nothing.

In Azure the worker configures the SDK before it loads the app (`PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY`); configuring it
here too would send everything twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.core.errors import Conflict, FinetuneError, NotFound
from shared.telemetry import names

#: Gauges show a look for so long.  The timer runs on one instance at a time: after that, another one reports.
LOOK_FRESH_S: Final = 300.0
#: Errors that are expected answers: another writer was first, something is not there.
_ANSWERS: Final = (Conflict, NotFound)
_HEADER: Final = "traceparent"
_PROPAGATOR: Final = TraceContextTextMapPropagator()

type Values = Mapping[names.Attribute, str | int | float | None]
type Gauges = Mapping[names.Metric, Mapping[str, float]]
"""Gauge -> value of its only attribute -> measured value."""


@dataclass(slots=True)
class _Look:
    at: float
    values: Gauges


class Telemetry:
    """Tracer and instruments of one pair of providers (None: the process's own)."""

    def __init__(
        self, tracers: trace.TracerProvider | None = None, meters: metrics.MeterProvider | None = None
    ) -> None:
        self.tracer = trace.get_tracer(names.SCOPE, tracer_provider=tracers)
        meter = metrics.get_meter(names.SCOPE, meter_provider=meters)
        self.look: _Look | None = None
        self.instruments: dict[str, Any] = {}
        for metric in names.METRICS:
            name, unit, about = metric.name, metric.unit, metric.about
            if metric.instrument == "counter":
                self.instruments[name] = meter.create_counter(name, unit, about)
            elif metric.instrument == "histogram":
                self.instruments[name] = meter.create_histogram(name, unit, about)
            else:
                meter.create_observable_gauge(name, [partial(self._observe, metric)], unit, about)

    def _observe(self, metric: names.Metric, _: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
        look = self.look
        if look is None or time.monotonic() - look.at > LOOK_FRESH_S:
            return
        for value, measured in look.values.get(metric, {}).items():
            yield metrics.Observation(measured, {metric.attributes[0].key: value})


_current: Telemetry = Telemetry()
_calls: ContextVar[list[int] | None] = ContextVar("finetune_calls", default=None)


def use(telemetry: Telemetry) -> Telemetry:
    """Emit to other providers from now on.

    Returns:
        What was emitted to before.
    """
    global _current  # one process, one telemetry; tests listen in
    before, _current = _current, telemetry
    return before


def _keyed(values: Values | None) -> dict[str, str | int | float]:
    return {a.key: value for a, value in (values or {}).items() if value is not None}


@contextmanager
def span(
    kind: names.Span,
    detail: str = "",
    values: Values | None = None,
    *,
    parent: contexts.Context | None = None,
) -> Iterator[trace.Span]:
    """A span around the `with` block; an error is recorded by its code, never with its message."""
    with _current.tracer.start_as_current_span(
        f"{kind.name} {detail}" if detail else kind.name,
        context=parent,
        kind=trace.SpanKind.CLIENT if kind.is_client else trace.SpanKind.INTERNAL,
        attributes=_keyed(values),
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except BaseException as error:
            fail(made, error)
            raise


def begin(kind: names.Span, detail: str, values: Values) -> trace.Span:
    """A span that does not become the current one, for streams; whoever begins it ends it."""
    return _current.tracer.start_span(
        f"{kind.name} {detail}", kind=trace.SpanKind.CLIENT, attributes=_keyed(values)
    )


def put(made: trace.Span, values: Values) -> None:
    """Add attributes to a span."""
    if made.is_recording():
        made.set_attributes(_keyed(values))


def outcome(error: BaseException) -> str:
    """The class of an error: its code, or `crashed`."""
    return error.code if isinstance(error, FinetuneError) else "crashed"


def fail(made: trace.Span, error: BaseException) -> None:
    """Record which error a span ended with.  The span failed, unless the error is one that is expected."""
    if made.is_recording():
        code = error.code if isinstance(error, FinetuneError) else type(error).__name__
        made.set_attribute(names.ERROR_TYPE.key, code)
        if not isinstance(error, _ANSWERS):
            made.set_status(trace.StatusCode.ERROR, code)


def refused(error: FinetuneError) -> None:
    """Record which error a request is answered with.  The invocation failed only if that is the app's own fault."""
    made = trace.get_current_span()
    if error.http_status >= 500:
        fail(made, error)
    else:
        put(made, {names.ERROR_TYPE: error.code})


def add(metric: names.Metric, amount: float, values: Values | None = None) -> None:
    """Count up."""
    _current.instruments[metric.name].add(amount, _keyed(values))


def record(metric: names.Metric, amount: float, values: Values | None = None) -> None:
    """Record one measurement of a histogram."""
    _current.instruments[metric.name].record(amount, _keyed(values))


def look(values: Gauges) -> None:
    """Let the gauges show what the poller has just seen."""
    _current.look = _Look(time.monotonic(), values)


def called(api: str, operation: str, how: str, seconds: float) -> None:
    """Count a call to the world."""
    values: Values = {names.API: api, names.OPERATION: operation, names.OUTCOME: how}
    add(names.API_CALLS, 1, values)
    record(names.API_DURATION, seconds, values)
    tally = _calls.get()
    if tally is not None:
        tally[0] += 1


@contextmanager
def tallied() -> Iterator[list[int]]:
    """Count the calls that this thread makes in the `with` block."""
    tally = [0]
    token = _calls.set(tally)
    try:
        yield tally
    finally:
        _calls.reset(token)


def traceparent() -> str | None:
    """The current trace context as a W3C header, or None outside of any trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(_HEADER)


def context_of(parent: str | None, state: str | None = None) -> contexts.Context:
    """The context that a W3C header describes; an empty one if it describes none."""
    carrier = {_HEADER: parent or "", "tracestate": state or ""}
    return _PROPAGATOR.extract(carrier, contexts.Context())


def link_current(parent: str | None) -> None:
    """Link the current span to the one that a W3C header names, unless it is of the same trace."""
    made = trace.get_current_span()
    if not made.is_recording():
        return
    other = trace.get_current_span(context_of(parent)).get_span_context()
    if other.is_valid and other.trace_id != made.get_span_context().trace_id:
        made.add_link(other)


def carried[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """The function, for other threads to call: they continue the trace of this one."""
    here = contexts.get_current()

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        token = contexts.attach(here)
        try:
            return function(*args, **kwargs)
        finally:
            contexts.detach(token)

    return call
