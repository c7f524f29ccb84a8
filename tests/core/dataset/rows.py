"""Rows and files for tests of the dataset rules."""

from __future__ import annotations

import json
from collections.abc import Iterable

from shared.core.dataset.findings import FindingLog
from shared.core.dataset.inspect import FileSummary, Limits, Role, inspect_file
from shared.core.pipeline import MethodType

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
    seed: int = 1,
    limits: Limits | None = None,
    file: str = "training.jsonl",
    role: Role = Role.TRAINING,
    log: FindingLog | None = None,
) -> tuple[FileSummary, FindingLog]:
    log = log or FindingLog()
    chunks = [data] if isinstance(data, bytes) else data
    summary = inspect_file(
        chunks, file=file, role=role, method=MethodType(method), log=log, limits=limits or Limits(), seed=seed
    )
    return summary, log


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
