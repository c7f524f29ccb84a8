"""Spans, metrics and log records about runs.  Most are made by decorators of the services, which stay free of telemetry."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, Final, Protocol

from opentelemetry import trace

from shared.core import naming
from shared.core.effects import Effect
from shared.core.errors import FinetuneError
from shared.core.observations import Unobserved
from shared.core.run import Run
from shared.core.status import GATES, Status
from shared.ports import ActiveRun
from shared.telemetry import names, signals
from shared.telemetry.records import log

_ANNOUNCED: Final = "announced"
_linked: ContextVar[bool] = ContextVar("finetune_linked", default=True)


def pipeline_label(name: str) -> str:
    """A pipeline's name, or `(none)`: the folder of a misplaced dataset may have any name, which is not repeated."""
    return name if naming.PIPELINE_NAME.fullmatch(name) else "(none)"


def _of(run: Run) -> dict[names.Attribute, str | int | float | None]:
    return {
        names.RUN_ID: run.id,
        names.PIPELINE: pipeline_label(run.pipeline),
        names.STATUS: run.status.value,
    }


def keys_of(run: Run | ActiveRun) -> dict[str, object]:
    """The keys that identify a run in log records."""
    return {
        "run_id": run.id if isinstance(run, Run) else run.run_id,
        "pipeline": pipeline_label(run.pipeline),
        "status": run.status,
    }


def advancing[S, **P, R](
    advance: Callable[Concatenate[S, str, P], R],
) -> Callable[Concatenate[S, str, P], R]:
    """One advance of a run as a span."""

    @wraps(advance)
    def wrapped(service: S, run_id: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        token = _linked.set(False)
        try:
            with signals.span(names.ADVANCE, values={names.RUN_ID: run_id}) as made:
                progress: Any = advance(service, run_id, *args, **kwargs)
                signals.put(made, {names.OUTCOME: progress.name.lower()})
                return progress  # type: ignore[no-any-return]  # as it came
        finally:
            _linked.reset(token)

    return wrapped


def identify(run: Run) -> None:
    """Name the pipeline in the span of a run's advance, and link the span to the one in which the run was accepted; once."""
    if _linked.get():
        return
    _linked.set(True)
    made = trace.get_current_span()
    signals.put(made, {names.PIPELINE: pipeline_label(run.pipeline)})
    signals.link_current(run.trace_parent)


def observing[S, **P, R](look: Callable[Concatenate[S, Run, P], R]) -> Callable[Concatenate[S, Run, P], R]:
    """One look as a span."""

    @wraps(look)
    def wrapped(service: S, run: Run, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with signals.span(names.OBSERVE, run.status, _of(run)) as made:
            seen = look(service, run, *args, **kwargs)
            how = seen.message.partition(":")[0] if isinstance(seen, Unobserved) else "ok"
            signals.put(made, {names.OUTCOME: how})
            return seen

    return wrapped


def deciding[**P, R](decide: Callable[Concatenate[Run, P], R]) -> Callable[Concatenate[Run, P], R]:
    """One decision as a span."""

    @wraps(decide)
    def wrapped(run: Run, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with signals.span(names.DECIDE, run.status, _of(run)) as made:
            decision: Any = decide(run, *args, **kwargs)
            effect = type(decision.effect).__name__ if decision.effect else None
            signals.put(made, {names.NEXT_STATUS: decision.run.status.value, names.EFFECT: effect})
            return decision  # type: ignore[no-any-return]  # as it came

    return wrapped


class _Doing(Protocol):
    """An effect that is being performed, and the run that it is for."""

    @property
    def run(self) -> Run: ...
    @property
    def effect(self) -> Effect: ...


def performing[S, D: _Doing, R](perform: Callable[[S, D], R]) -> Callable[[S, D], R]:
    """One effect as a span."""

    @wraps(perform)
    def wrapped(service: S, doing: D, /) -> R:
        kind, run = type(doing.effect).__name__, doing.run
        attempt = run.attempt.count if run.attempt else None
        values = _of(run) | {names.EFFECT: kind, names.ATTEMPT: attempt}
        with signals.span(names.PERFORM, kind, values) as made:
            try:
                seen = perform(service, doing)
            except BaseException as error:
                signals.put(made, {names.OUTCOME: signals.outcome(error)})
                raise
            signals.put(made, {names.OUTCOME: "ok"})
            return seen

    return wrapped


def moved(before: Run, after: Run) -> None:
    """Report that a run is in another status, how long it was in the one before, and what it spent there."""
    if after.status is before.status:
        return
    pipeline = pipeline_label(after.pipeline)
    log(
        names.RUN_MOVED,
        **keys_of(after),
        previous=before.status,
        code=after.failure.code if after.failure else None,
    )
    seconds = max(0.0, (after.status_since - before.status_since).total_seconds())
    values: signals.Values = {
        names.STATUS: before.status.value,
        names.NEXT_STATUS: after.status.value,
        names.PIPELINE: pipeline,
    }
    signals.record(names.STATUS_DURATION, seconds, values)
    if after.status is Status.TRAINING and after.summary and after.summary.estimated_usd:
        signals.add(names.SPEND_ESTIMATED, after.summary.estimated_usd, {names.PIPELINE: pipeline})
    if before.status is Status.TRAINING and after.trained_tokens:
        signals.add(names.SPEND_TOKENS, after.trained_tokens, {names.PIPELINE: pipeline})


def look_failed(run: Run, error: FinetuneError) -> None:
    """Report that the world could not be asked."""
    log(names.LOOK_FAILED, **keys_of(run), code=error.code)


def effect_failed(run: Run, effect: Effect, error: FinetuneError) -> None:
    """Report that an effect failed."""
    log(names.EFFECT_FAILED, **keys_of(run), effect=type(effect).__name__, code=error.code)


def ticking[S, R](tick: Callable[[S], R]) -> Callable[[S], R]:
    """One tick in the metrics: the poller's heartbeat, its duration, its calls."""

    @wraps(tick)
    def wrapped(service: S) -> R:
        started, how = time.perf_counter(), "ok"
        with signals.tallied() as calls:
            try:
                return tick(service)
            except BaseException as error:
                how = signals.outcome(error)
                raise
            finally:
                values: signals.Values = {names.OUTCOME: how}
                signals.add(names.POLL_TICKS, 1, values)
                signals.record(names.POLL_DURATION, time.perf_counter() - started, values)
                signals.record(names.POLL_CALLS, calls[0], values)

    return wrapped


def looked(rows: Iterable[ActiveRun], now: datetime) -> None:
    """Let the gauges show the runs that are active; statuses without a run show 0."""
    counts: dict[str, float] = dict.fromkeys([*(status.value for status in Status), _ANNOUNCED], 0)
    oldest: dict[str, float] = dict.fromkeys(counts, 0.0)
    for row in rows:
        status = row.status.value if row.status else _ANNOUNCED
        counts[status] += 1
        if row.status_since is not None:
            oldest[status] = max(oldest[status], (now - row.status_since).total_seconds())
    signals.look(
        {
            names.RUNS_ACTIVE: counts,
            names.RUNS_OLDEST: oldest,
            names.APPROVALS_WAITING: _by_gate(counts),
            names.APPROVALS_OLDEST: _by_gate(oldest),
        }
    )


def _by_gate(values: Mapping[str, float]) -> dict[str, float]:
    return {gate: values[status] for gate, status in GATES.items()}


@contextmanager
def answering(run: Run, target: str, examples: int) -> Iterator[None]:
    """Count the examples that a target answers in the `with` block, and the time that it takes."""
    started = time.perf_counter()
    yield
    values: signals.Values = {
        names.PIPELINE: pipeline_label(run.pipeline),
        names.TARGET: "candidate" if target == "candidate" else "baseline",
    }
    signals.add(names.EVALUATION_EXAMPLES, examples, values)
    signals.record(names.EVALUATION_DURATION, time.perf_counter() - started, values)


class ValidationCounts:
    """What was validated, in numbers; the caller of `validating` fills it in."""

    rows = 0


@contextmanager
def validating(run: Run) -> Iterator[ValidationCounts]:
    """Count files, rows, bytes and seconds of the validation in the `with` block."""
    started = time.perf_counter()
    found = ValidationCounts()
    yield found
    values: signals.Values = {names.PIPELINE: pipeline_label(run.pipeline)}
    signals.add(names.VALIDATION_FILES, 1 + len(run.companions), values)
    signals.add(names.VALIDATION_ROWS, found.rows, values)
    size = run.dataset.size_bytes + sum(companion.size_bytes for companion in run.companions)
    signals.add(names.VALIDATION_BYTES, size, values)
    signals.record(names.VALIDATION_DURATION, time.perf_counter() - started, values)
