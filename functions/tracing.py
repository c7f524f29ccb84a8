"""Traces: each invocation continues that of the host."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import azure.functions as func

from shared.telemetry import names, signals

_CONTEXT: Final = "context"


def traced[R](function: Callable[..., R]) -> Callable[..., R]:
    """One invocation as a span, child of the span that the host made for it.

    The worker runs functions in threads, which do not inherit the trace that it attached.  So the trace is taken from the
    invocation's `context`.  The worker passes that to every function with a parameter of this name, which is added here.
    """

    @wraps(function)
    def invoked(*, context: func.Context, **given: Any) -> R:
        trace = context.trace_context
        parent = signals.context_of(trace.trace_parent, trace.trace_state)
        name = function.__name__
        with signals.span(names.INVOCATION, name, {names.FUNCTION: name}, parent=parent) as made:
            answer = function(**given)
            if isinstance(answer, func.HttpResponse):
                signals.put(made, {names.HTTP_STATUS: answer.status_code})
            return answer

    signature = inspect.signature(function)
    added = inspect.Parameter(_CONTEXT, inspect.Parameter.KEYWORD_ONLY, annotation=func.Context)
    invoked.__signature__ = signature.replace(  # type: ignore[attr-defined]  # read by inspect
        parameters=[*signature.parameters.values(), added]
    )
    invoked.__annotations__ = function.__annotations__ | {_CONTEXT: func.Context}
    return invoked
