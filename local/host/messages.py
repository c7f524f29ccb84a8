"""The worker's protocol messages, as plain objects.

`azure-functions-runtime` takes the classes of the Functions protocol from whoever calls it.  It only builds messages by keyword
and reads attributes, so plain classes with the field names of the published protocol will do, and no protobuf is needed.
An unset field reads as None, as the library expects of absent messages.
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
    """Any message: its fields are its keywords."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if (
            name.startswith("__") or name == "TypedData"
        ):  # the library asks by attribute what kind of message it has
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
        """Which kind it is."""
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

#: What the worker library is given as its protocol module.
PROTOCOL = SimpleNamespace(
    BindingInfo=_BindingInfo,
    ParameterBinding=ParameterBinding,
    RpcHttpCookie=_Cookie,
    StatusResult=StatusResult,
    TypedData=TypedData,
    **{name: type(name, (Message,), {}) for name in _NAMES},
)
