"""What a chat completion that was refused says about itself: a parameter that the model does not take, or this very question.

Services that speak OpenAI's protocol agree on little more than `error.message`; so all that is looked at here may be absent, null
or of another type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import openai

from shared.adapters.classification import redact
from shared.adapters.openai_answers import code_of
from shared.core.evaluation.answers import FILTER_CODES, INVALID_CONTENT, Answer

#: Statuses of requests that would be refused again: malformed, too large, of a type that is not taken, not processable.  Which of
#: them is meant, the question or all that this deployment is asked, only other questions can tell.
QUESTION_STATUSES: Final = frozenset({400, 413, 415, 422})
#: What is sent in place of a parameter that is not taken, before it is left out: the same limit by its older name.
OLDER_NAMES: Final = {"max_completion_tokens": "max_tokens"}
#: How a parameter is refused where no field names it.  Sources: "Unsupported parameter: 'temperature' is not supported with this
#: model." and "Unsupported value: 'temperature' does not support 0 with this model." (OpenAI; they name it in `param` too),
#: "Unrecognized request argument supplied: max_completion_tokens" (Azure OpenAI of older models, `param` null).  Open models
#: answer 422 with a list of validation errors (`_forbidden`).
_NOT_TAKEN: Final = re.compile(r"unsupported|not support|unrecognized|unknown|not permitted", re.IGNORECASE)
#: With HTTP 400 and neither code nor `param`, instead of `finish_reason: length`, reasoning models say that the limit was used up
#: before the answer began: "Could not finish the message because max_tokens or model output limit was reached.".
_USED_UP: Final = re.compile(r"could not finish the message because max_tokens", re.IGNORECASE)

#: With HTTP 500 and the type `model_error` OpenAI says that a model wrote what is no message, for one prompt: "The model produced
#: invalid content. Consider modifying your prompt if you are seeing this error persistently."
_INVALID: Final = re.compile(r"model produced invalid content", re.IGNORECASE)


def refused_parameter(error: openai.APIStatusError, sent: Iterable[str]) -> str | None:
    """Which of the optional parameters that were sent made the service refuse a request; None if none of them did."""
    if error.status_code not in {400, 422} or _USED_UP.search(error.message):
        return None
    param: object = error.param
    if isinstance(param, str) and param:
        whole = param.partition(".")[0]  # such as `response_format.json_schema`
        return next((name for name in sent if whole in {name, OLDER_NAMES.get(name)}), None)
    words = re.findall(r"\w+", error.message) if _NOT_TAKEN.search(error.message) else []
    named = {*words, *_forbidden(error.body)}
    return next((name for name in sent if name in named), None)


def _forbidden(body: object) -> Iterator[str]:
    """The fields of a request that a list of validation errors forbids."""
    found = (body.get("detail") or body.get("details")) if isinstance(body, dict) else None
    for entry in found if isinstance(found, list) else ():
        place = entry.get("loc") if isinstance(entry, dict) else None
        if isinstance(place, list) and place and entry.get("type") == "extra_forbidden":
            yield str(place[-1])


def is_of_the_question(error: openai.APIStatusError) -> bool:
    """Whether an error names the question, or the answer to it, as its cause, so that its status does not matter."""
    return _code(error, _body(error)) in {*FILTER_CODES, INVALID_CONTENT}


def refused_question(error: openai.APIStatusError, index: int) -> Answer:
    """What an error that `is_of_the_question`, or one with one of `QUESTION_STATUSES`, says about the question."""
    body = _body(error)
    said = body.get("message")
    words = redact(said if isinstance(said, str) and said else error.message)
    if _USED_UP.search(words):
        return Answer(index=index, text=None, finish_reason="length")
    code = _code(error, body)
    return Answer(
        index=index, text=None, error=f"{code or f'HTTP {error.status_code}'}: {words}", error_code=code
    )


def _body(error: openai.APIStatusError) -> dict[str, Any]:
    return error.body if isinstance(error.body, dict) else {}


def _code(error: openai.APIStatusError, body: dict[str, Any]) -> str | None:
    """The service's name for the error: of the inner one, if only that speaks of a content filter.

    Microsoft's guide to content filtering shows `innererror`, the V1 specification names it `inner_error`.
    """
    outer = code_of(error)
    if error.status_code >= 500 and (body.get("type") == INVALID_CONTENT or _INVALID.search(error.message)):
        return INVALID_CONTENT
    inner = body.get("innererror") or body.get("inner_error")
    deep = inner.get("code") if isinstance(inner, dict) else None
    if outer not in FILTER_CODES and isinstance(deep, str) and deep in FILTER_CODES:
        return deep
    return None if outer is None else redact(outer)
