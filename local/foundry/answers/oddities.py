"""What does not end in an answer: refusals, content filters, used up limits, and requests that are not taken.

A test needs neither harmful questions nor a model that fails by chance.  A marker in the last message of a question decides what
becomes of it, whoever is asked:

    [stand-in: refuses]                      the model declines, in `refusal`
    [stand-in: filtered prompt]              400 `content_filter`
    [stand-in: filtered answer]              `finish_reason` `content_filter`, no text
    [stand-in: reasons 500]                  so many tokens of reasoning before the answer, within its limit
    [stand-in: uses up its limit]            400, as models that reason answer a limit that is too small for any text
    [stand-in: takes no temperature]         400 `unsupported_parameter`, if the request has this parameter
    [stand-in: HTTP 400 image_parse_error]   this status and code; the code `null` is none

A model that was tuned on answers with `[stand-in: refuses]` declines where it would say so.

Sources of the shapes: Microsoft's guide to content filtering (the error of a filtered prompt with `innererror`; a filtered answer
comes without content); OpenAI's specification of chat completions (`refusal`) and its published errors (`unsupported_parameter`:
issues appatalks/eva-agent#83, soberlemur/autopo#57); that the limit is used up: reported by users of o3-mini and gpt-5, of Azure
too.  That all of it looks the same under `/openai/v1` is assumed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from local.foundry.answers.asking import Ask, Reply
from local.foundry.common import tokens
from local.foundry.common.errors import ServiceError
from local.foundry.common.rows import content_text

_MARKER: Final = re.compile(r"\[stand-in: ([^\]]{1,100})\]")
_REFUSES: Final = "refuses"
_REFUSAL: Final = "I'm sorry, but I can't help with that."
_HTTP: Final = re.compile(r"HTTP (400|401|403|404|408|409|410|413|415|422|429|500|503) (\w+)")
_TAKES_NO: Final = re.compile(r"takes no (\w+)")
_REASONS: Final = re.compile(r"reasons (\d{1,6})")
_FOUND: Final[dict[str, dict[str, Any]]] = {
    harm: {"filtered": harm == "violence", "severity": "medium" if harm == "violence" else "safe"}
    for harm in ("hate", "self_harm", "sexual", "violence")
}


def markers(text: str) -> tuple[str, ...]:
    """What the markers of a text say."""
    return tuple(_MARKER.findall(text))


def _of(ask: Ask) -> tuple[str, ...]:
    return markers(content_text(ask.messages[-1].get("content")))


def refuse(ask: Ask, body: dict[str, Any]) -> None:
    """Refuse a request whose question says so.

    Raises:
        ServiceError: with the status that it names.
    """
    for marker in _of(ask):
        if marker == "filtered prompt":
            message = (
                "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
                "Please modify your prompt and retry."
            )
            inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": _FOUND}
            raise ServiceError(400, "content_filter", message, "prompt", inner)
        if marker == "uses up its limit":
            message = (
                "Could not finish the message because max_tokens or model output limit was reached. "
                "Please try again with higher max_tokens."
            )
            raise ServiceError(400, None, message)
        if (refused := _TAKES_NO.fullmatch(marker)) and body.get(refused[1]) is not None:
            message = f"Unsupported parameter: '{refused[1]}' is not supported with this model."
            raise ServiceError(400, "unsupported_parameter", message, refused[1])
        if status := _HTTP.fullmatch(marker):
            code = None if status[2] == "null" else status[2]
            raise ServiceError(int(status[1]), code, "Refused, as the question asks for.")


def reasoning(ask: Ask) -> int:
    """How many tokens of reasoning a question takes."""
    return sum(int(found[1]) for marker in _of(ask) if (found := _REASONS.fullmatch(marker)))


def within(ask: Ask, thought: int) -> Ask:
    """The question with the limit that so many tokens of reasoning leave for the answer."""
    return replace(ask, limit=max(1, ask.limit - thought)) if ask.limit is not None else ask


def turned(reply: Reply, ask: Ask, thought: int) -> Reply:
    """The reply, or what there is in its place.

    Args:
        reply: to the question `within` what the reasoning left.
        ask: the question as it was asked.
        thought: tokens of reasoning.
    """
    text = content_text(reply.message.get("content"))
    if ask.limit is not None and thought >= ask.limit:
        return replace(reply, message=_silent(), reason="length", said=ask.limit, reasoning=ask.limit)
    if "filtered answer" in _of(ask):
        return replace(reply, message=_silent(), reason="content_filter", filtered=_FOUND)
    if _REFUSES in (*_of(ask), *markers(text)):
        message = _silent() | {"refusal": _REFUSAL}
        said = tokens.count(_REFUSAL) + thought
        return replace(reply, message=message, reason="stop", said=said, reasoning=thought)
    return replace(reply, said=reply.said + thought, reasoning=thought)


def _silent() -> dict[str, Any]:
    return {"role": "assistant", "content": None}
