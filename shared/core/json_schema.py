"""JSON schemas, compiled; nothing is fetched for them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import msgspec

#: Schemas repeat from row to row, so the last ones are kept.
_KEPT_MAX: Final = 512


class Schema:
    """A compiled JSON schema.

    Attributes:
        fault: where the schema itself is wrong, as the end of a path, and in which way; None if it is not.
        fits: whether a value is as the schema demands; true for every value if the schema itself is wrong.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        import jsonschema_rs  # noqa: PLC0415  6 MB, loaded where there are schemas

        self._validator: Any = None
        self.fits: Callable[[Any], bool] = lambda _: True
        self.fault: tuple[str, str] | None = None
        try:
            self._validator = jsonschema_rs.validator_for(schema, retriever=_refuse)
            self.fits = self._validator.is_valid
        except (ValueError, RecursionError) as error:
            steps = getattr(error, "instance_path", ())
            path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
            self.fault = (path, str(getattr(error, "message", error)).split("\n")[0][:200])

    @staticmethod
    def of(schema: dict[str, Any]) -> Schema:
        """The compiled schema, made once for equal schemas."""
        return _compiled(msgspec.json.encode(schema))

    def violation(self, value: Any) -> str | None:
        """The first thing in a value that the schema forbids; None if there is none, or if the schema itself is wrong."""
        if self.fits(value):
            return None
        error = next(self._validator.iter_errors(value), None)
        return None if error is None else str(error.message)[:200]


@functools.lru_cache(maxsize=_KEPT_MAX)
def _compiled(schema: bytes) -> Schema:
    return Schema(msgspec.json.decode(schema))


def _refuse(uri: str) -> Any:
    """Nothing is fetched for a dataset."""
    msg = f"a reference to another document: {uri[:100]}"
    raise ValueError(msg)
