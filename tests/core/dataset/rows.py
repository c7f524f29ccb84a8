"""Rows and files for tests of the dataset rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from shared.core.dataset.file import inspect_file
from shared.core.dataset.findings import FindingLog
from shared.core.dataset.limits import Limits
from shared.core.dataset.options import Options, Role
from shared.core.dataset.rows.minhash import MinHasher
from shared.core.dataset.summary import FileSummary
from shared.core.dataset.validate import validate
from shared.core.spec import MethodType

USER = {"role": "user", "content": "What is 2 + 2?"}
ANSWER = {"role": "assistant", "content": "4"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "price", "arguments": '{"symbol": "MSFT"}'}}
CALLING = {"role": "assistant", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "410.2"}
TOOL = {"type": "function", "function": {"name": "price", "parameters": {"type": "object"}}}


def chat(*messages: object, **fields: object) -> dict[str, object]:
    return {"messages": list(messages), **fields}


def inspect(
    data: bytes | Iterable[bytes],
    method: str = "supervised",
    *,
    limits: Limits | None = None,
    file: str = "training.jsonl",
    role: Role = Role.TRAINING,
    log: FindingLog | None = None,
    **options: object,
) -> tuple[FileSummary, FindingLog]:
    given = Options(method=MethodType(method), limits=limits or Limits(), **options)
    log = log or FindingLog(given.severities)
    chunks = [data] if isinstance(data, bytes) else data
    summary = FileSummary(file=file, role=role)
    inspect_file(summary, chunks, options=given, log=log, hasher=MinHasher())
    return summary, log


def validated(
    data: bytes, method: str = "supervised", *, companions: Mapping[str, bytes] | None = None, **options
):
    """The whole validation of a training file and its companions."""
    sources = {Role.TRAINING: ("training.jsonl", [data])}
    sources |= {Role(role): (f"{role}.jsonl", [other]) for role, other in (companions or {}).items()}
    return validate(sources, Options(method=MethodType(method), **options))


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def many(count: int) -> bytes:
    return lines(
        *(
            chat(
                {"role": "user", "content": f"What is {i} + 1?"}, {"role": "assistant", "content": str(i + 1)}
            )
            for i in range(count)
        )
    )
