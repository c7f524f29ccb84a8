"""The messages of the worker's protocol, as plain objects.

`azure-functions-runtime` takes the classes of the Functions protocol from its caller.  It only builds messages by keyword and
reads their attributes, so that plain classes with the published names of the fields are enough, without protobuf.  A field that
is not set reads as None, as the library expects.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

_NAMES = [
    "FunctionEnvironmentReloadResponse",
    "FunctionLoadResponse",
    "FunctionMetadataResponse",
    "InvocationResponse",
    "ModelBindingData",
    "NullableBool",
    "NullableDouble",
    "NullableString",
    "NullableTimestamp",
    "RpcException",
    "RpcFunctionMetadata",
    "RpcHttp",
    "RpcRetryOptions",
    "WorkerInitResponse",
    "WorkerMetadata",
]


class Message:
    """Any message; its keywords are its fields."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if (
            name.startswith("__") or name == "TypedData"
        ):  # the library finds out the kind of a message by its attributes
            raise AttributeError(name)
        return None


class TypedData(Message):
    """A value of one of several kinds."""

    def __init__(self, **fields: Any) -> None:
        if len(fields) > 1:
            msg = f"a value has one kind, not {sorted(fields)}"
            raise ValueError(msg)
        super().__init__(**fields)
        self.kind = next(iter(fields), None)

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802  # the protocol's name
        """The kind of the value."""
        return self.kind

    @property
    def raw(self) -> Any:
        """The value, whatever its kind."""
        return getattr(self, self.kind) if self.kind else None


class ParameterBinding(Message):
    """A named value."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802  # the protocol's name
        """Values travel in the message, never in shared memory."""
        return "data"


class _Cookie(Message):
    SameSite = SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


class StatusResult(Message):
    """How a request ended."""

    Failure = 0
    Success = 1
    Cancelled = 2


class _BindingInfo(Message):
    pass


for _number, _direction in enumerate(("in", "out", "inout")):
    setattr(_BindingInfo, _direction, _number)
_BindingInfo.undefined = None  # type: ignore[attr-defined]

#: Given to the worker library as its protocol module.
PROTOCOL = SimpleNamespace(
    BindingInfo=_BindingInfo,
    ParameterBinding=ParameterBinding,
    RpcHttpCookie=_Cookie,
    StatusResult=StatusResult,
    TypedData=TypedData,
    **{name: type(name, (Message,), {}) for name in _NAMES},
)
