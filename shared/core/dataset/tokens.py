"""Token counts, exact for the o200k encoding of the gpt-4o, gpt-4.1, gpt-5 and o-series models.

The frame around the texts follows OpenAI's cookbook (Chat_finetuning_data_prep): 3 tokens a message besides
its values, one more
for a name, 3 an example.  Tool definitions and calls count as their compact JSON; how the service frames them
is not published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from shared.core.dataset import rules
from shared.core.dataset.findings import FindingLog
from shared.core.pipeline_models import model_facts
from shared.core.pipeline_types import MethodType

ENCODING: Final = "o200k_base"
MESSAGE_TOKENS: Final = 3
NAME_TOKENS: Final = 1
EXAMPLE_TOKENS: Final = 3
#: Every role is one token of the encoding (a test says so), so roles need not be encoded.
ROLE_TOKENS: Final = 1

#: Foundry's limit on tokens of the training file times epochs (quotas and limits, 2026-02-17).
JOB_TOKENS_MAX: Final = 2_000_000_000
EXAMPLE_TOKENS_MAX_DEFAULT: Final = 65_536
#: Foundry shows `auto` as -1 and does not publish the number it picks; this is the usual outcome.
EPOCHS_ASSUMED: Final = 3

_encode: Final = msgspec.json.Encoder().encode


def example_tokens_max(model: str) -> int:
    """Longest training example of a model, in tokens; what is longer is cut off while training."""
    facts = model_facts(model)
    return EXAMPLE_TOKENS_MAX_DEFAULT if facts is None else facts.example_tokens_max


def row_texts(row: dict[str, Any], method: MethodType) -> tuple[list[str], int]:
    """What of a sound row is encoded, and the tokens that its frame adds."""
    texts: list[str] = []
    overhead = EXAMPLE_TOKENS
    head = row
    if method is MethodType.DPO:
        head = row["input"]
        overhead += EXAMPLE_TOKENS
        for key in ("preferred_output", "non_preferred_output"):
            overhead += _message_texts(row[key], texts)
    overhead += _message_texts(head["messages"], texts)
    texts += [_encode(head[key]).decode() for key in ("tools", "functions") if head.get(key)]
    return texts, overhead


def _message_texts(messages: list[dict[str, Any]], texts: list[str]) -> int:
    """Append the texts of messages; the tokens of their frame."""
    overhead = 0
    for message in messages:
        overhead += MESSAGE_TOKENS + ROLE_TOKENS
        content = message.get("content")
        if isinstance(content, str):
            texts.append(content)
        elif content:
            texts.extend(part["text"] for part in content if part["type"] == "text")
        if (name := message.get("name")) is not None:
            overhead += NAME_TOKENS
            texts.append(name)
        texts += [
            _encode(message[key]).decode() for key in ("tool_calls", "function_call") if message.get(key)
        ]
    return overhead


def count(texts: Sequence[str]) -> list[int]:
    """Tokens of each text; special tokens are counted as the text that they are written in."""
    from toktok import batch_count  # noqa: PLC0415  no stubs; 62 MB, loaded on use

    counts: list[int] = batch_count(list(texts), ENCODING)
    return counts


def epochs_of(hyperparameter: float | str | None) -> tuple[int, bool]:
    """Epochs to reckon with, and whether they are assumed because the pipeline leaves them to Foundry."""
    if isinstance(hyperparameter, str) or hyperparameter is None:
        return EPOCHS_ASSUMED, True
    return int(hyperparameter), False


def check_job_size(tokens: int, epochs: int, *, file: str, log: FindingLog) -> None:
    """Rule DS071."""
    if tokens * epochs > JOB_TOKENS_MAX:
        log.add(
            rules.JOB_TOO_LARGE, f"{tokens:,} tokens times {epochs} epochs are {tokens * epochs:,}", file=file
        )
