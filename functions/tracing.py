"""Traces: each invocation continues that of the host."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import azure.functions as func

from shared.core.shown import is_visible
from shared.telemetry import names, signals
from shared.telemetry.records import clean

_CONTEXT: Final = "context"


class Unprintable(Exception):
    """An exception with names or words of others that would forge lines of the host's log; they are spelt out here."""


def _clean(error: BaseException) -> BaseException:
    """The exception itself, or one in its place if it, or what it came of, says more than one line of text.

    The host writes the message of an exception and of all that it came of into its log.
    """
    chain: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < _CHAIN_MAX:
        chain.append(f"{type(seen).__name__}: {seen}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    if is_visible("".join(chain)):
        return error
    return Unprintable(" <- ".join(clean(words) for words in chain))


#: More exceptions than any of ours came of.
_CHAIN_MAX: Final = 10


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
            try:
                answer = function(**given)
            except Exception as error:
                if (clean := _clean(error)) is error:
                    raise
                raise clean.with_traceback(error.__traceback__) from None
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
