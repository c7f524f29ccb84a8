"""Stand-ins for pure work in simulations: the same answers, remembered by content, and no threads.

What is remembered depends on nothing but its arguments, so that remembering it weakens nothing; every chunk of a dataset is still
read from its port, since reading is what can go wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Self

from opentelemetry import trace

from shared import evaluating, pinning, validate_dataset
from shared.core.errors import Unforeseen
from shared.core.evaluation import prospect
from shared.telemetry import signals
from tests.simulation.kernel import Violation
from tests.simulation.network import Strange

_validate, _parse, _pool = validate_dataset.validate, pinning.parse_pipeline, evaluating.ThreadPoolExecutor
_line_of = prospect.line_of
_span, _called, _of = signals.span, signals.called, Unforeseen.__dict__["of"]
_validations: dict[Any, Any] = {}
_pipelines: dict[tuple[str, str], Any] = {}


def validate(sources: Any, options: Any) -> Any:
    """`shared.core.dataset.validate.validate`, once for each content."""
    read = {role: (name, b"".join(chunks)) for role, (name, chunks) in sources.items()}
    key = (tuple((str(role), name, data) for role, (name, data) in read.items()), repr(options))
    if key not in _validations:
        _validations[key] = _validate({role: (name, [data]) for role, (name, data) in read.items()}, options)
    return _validations[key]


def parse_pipeline(text: str, *, name: str) -> Any:
    """`shared.core.pipeline.file.parse_pipeline`, once for each text."""
    if (text, name) not in _pipelines:
        _pipelines[text, name] = _parse(text, name=name)
    return _pipelines[text, name]


#: Where something stands in a pipeline file, read once for each text and path.
line_of = cache(_line_of)


class SerialPool:
    """A pool without threads: greenlets belong to one thread."""

    def __init__(self, **options: Any) -> None:
        del options

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Do the work, in order."""
        return [work(item) for item in items]


class NoSpan:
    """A span of nobody: without an exporter the real ones record nothing either, and take half of a simulation's time."""

    def __init__(self, *args: Any, **options: Any) -> None:
        del args, options

    def __enter__(self) -> trace.Span:
        return trace.INVALID_SPAN

    def __exit__(self, *error: object) -> None:
        return None


def uncounted(*args: Any) -> None:
    """No metric of a call."""
    del args


def unforeseen(error: BaseException) -> Unforeseen:
    """`Unforeseen.of`, but that what the product itself raises by mistake is a finding: only the world may be strange here.

    Raises:
        Violation: if it was not the simulation that raised.
    """
    if not isinstance(error, Strange):
        msg = f"the product raised {type(error).__name__}: {error}"
        raise Violation(msg) from error
    made: Unforeseen = _of.__func__(Unforeseen, error)
    return made


def restore() -> None:
    """Put the product's own functions back."""
    import functions.advancing  # noqa: PLC0415
    import functions.datasets  # noqa: PLC0415
    import functions.polling  # noqa: PLC0415
    from shared.wiring import services  # noqa: PLC0415

    validate_dataset.validate, evaluating.ThreadPoolExecutor = _validate, _pool
    pinning.parse_pipeline = validate_dataset.parse_pipeline = _parse
    prospect.line_of = _line_of
    signals.span, signals.called = _span, _called
    Unforeseen.of = _of  # type: ignore[method-assign]
    for module in (functions.advancing, functions.datasets, functions.polling):
        module.services = services
