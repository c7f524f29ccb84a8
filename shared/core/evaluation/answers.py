"""What a model answered, as text that can be compared, and what became of a question that it did not answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

#: With these codes a service says that a content filter or a policy stopped a prompt or its answer.  Sources: Microsoft's guide
#: to content filtering (`content_filter`, in the inner error `ResponsibleAIPolicyViolation`); `contentFilter`, as Foundry's jobs
#: spell it; OpenAI's specification, codes of response errors (`invalid_prompt`, `image_content_policy_violation`).
FILTER_CODES: Final = frozenset(
    {
        "content_filter",
        "contentFilter",
        "ResponsibleAIPolicyViolation",
        "invalid_prompt",
        "image_content_policy_violation",
    }
)

#: A completion that came and cannot be read: without choices, with a text in place of a message.
UNREADABLE: Final = "unreadable_answer"
#: The service could not read what the model wrote; so OpenAI calls the error, as its type.
INVALID_CONTENT: Final = "model_error"


class AnswerOutcome(StrEnum):
    """What became of one question."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """The model declined to answer."""
    FILTERED = "filtered"
    """A content filter stopped the question or the answer, whole or in its midst."""
    TRUNCATED = "truncated"
    """The limit of tokens ended the answer, or the reasoning before it."""
    FAILED = "failed"
    """The service refused this very question, or answered it with nothing, or with what nobody can read."""


#: What is known of a missing answer that has no words of its own.
_REASONS: Final = {
    AnswerOutcome.FILTERED: "a content filter stopped the answer",
    AnswerOutcome.TRUNCATED: "the limit of tokens came before any text",
    AnswerOutcome.FAILED: "an empty answer",
}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of one deployment to one held-out example.

    Attributes:
        index: of the example.
        text: the answer; None if the message had neither text nor calls of tools.  Releases before 0.3.0 stored "" then.
        finish_reason: as the service reports it.
        prompt_tokens: billed tokens of the question.
        completion_tokens: billed tokens of the answer.
        latency_ms: from the request that was answered to the whole answer, without requests before it; 0: not known.
        error: why the service refused this very example (content filter, too long), in its words; None if it answered.
        refusal: what the model wrote instead of an answer, where the service keeps it apart.
        error_code: what the service called the error, or `UNREADABLE`; None if it gave it no name, and for answers of releases
            before 0.3.0.
        left_out: parameters of the request that the model does not take, so that it was asked without them.
        tool_calls: as chat completions have them, with arguments as text; None in answers of releases before 0.3.0, whose text
            ends with the calls.
        cached_tokens: of the question, what the service took from its cache; None if it does not say so.
        route: on which the deployment was asked; None in answers of releases before 0.3.0.
        reasoning_tokens: of the answer, what the model thought before it spoke; None if the service does not say so.
    """

    index: int
    text: str | None
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_ms: int = 0
    error: str | None = None
    refusal: str | None = None
    error_code: str | None = None
    left_out: tuple[str, ...] = ()
    tool_calls: tuple[dict[str, Any], ...] | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    route: str | None = None

    @property
    def outcome(self) -> AnswerOutcome:
        """What became of the question; derived, so that answers stored by any release have one."""
        if self.refusal:
            return AnswerOutcome.REFUSED
        if self.finish_reason == "content_filter" or self._code in FILTER_CODES:
            return AnswerOutcome.FILTERED
        if self.error is not None:
            return AnswerOutcome.FAILED
        if self.finish_reason == "length":
            return AnswerOutcome.TRUNCATED
        return AnswerOutcome.ANSWERED if self._has_text else AnswerOutcome.FAILED

    @property
    def is_missing(self) -> bool:
        """Whether there is nothing to grade.  A text that was cut off is graded; half a text that a filter let through is not."""
        if self.outcome is AnswerOutcome.TRUNCATED:
            return not self._has_text
        return self.outcome is not AnswerOutcome.ANSWERED

    @property
    def was_served(self) -> bool:
        """Whether it shows that the deployment works: it said something, or a content filter stood before it."""
        return self.error is None or self.outcome is AnswerOutcome.FILTERED

    @property
    def shown(self) -> str:
        """The text, or in brackets why there is none, for people."""
        return f"[{self.problem}]" if self.is_missing else self.text or ""

    @property
    def calls(self) -> tuple[dict[str, Any], ...]:
        """The calls of tools, also of an answer that an older release stored."""
        return calls_in(self.text or "") if self.tool_calls is None else self.tool_calls

    @property
    def problem(self) -> str:
        """Outcome and reason of an answer that is missing, for people."""
        said = self.refusal or self.error or _REASONS.get(self.outcome, "")
        return f"{self.outcome}: {said}"

    @property
    def _has_text(self) -> bool:
        return bool(self.text and self.text.strip())

    @property
    def _code(self) -> str | None:
        """The code of the error; older releases kept it at the beginning of its text only."""
        return self.error_code or (self.error.partition(":")[0] if self.error else None)


def outcomes_of(answers: Iterable[Answer]) -> dict[AnswerOutcome, int]:
    """How many answers have each outcome, all of them in the order of their definition, also where there are none."""
    counted = Counter(answer.outcome for answer in answers)
    return {outcome: counted[outcome] for outcome in AnswerOutcome}


def message_text(message: dict[str, Any]) -> str:
    """The text of an assistant message: its content, its tool calls in canonical form, or both.

    Tool calls become compact JSON of name and parsed arguments with sorted keys, so that call ids and the order of
    arguments do not count.  Arguments that are not JSON are kept as they are.

    Models write whatever they like, so nothing here raises for any message that JSON can carry; a lone surrogate,
    which no UTF-8 file can hold, becomes U+FFFD.

    Raises:
        RecursionError: if arguments that are no text are nested deeper than the encoder goes.
    """
    parts = [_content_text(message.get("content")), _calls_text(message)]
    return encodable("\n".join(part for part in parts if part))


def message_calls(message: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The calls of a message as chat completions have them today: name, and arguments as text.

    Raises:
        RecursionError: as `message_text`.
    """
    return tuple(
        {"type": "function", "function": {"name": _plain(call.get("name")), "arguments": _text_of(call)}}
        for call in _calls(message)
    )


def calls_in(text: str) -> tuple[dict[str, Any], ...]:
    """The calls with which `message_text` ended a text; none if it did not."""
    try:
        listed = parsed_json(text.rpartition("\n")[2])
    except ValueError:
        return ()
    if not isinstance(listed, list) or not all(
        isinstance(call, dict) and call.keys() == {"name", "arguments"} for call in listed
    ):
        return ()
    return message_calls({"tool_calls": [{"function": call} for call in listed]})


def parsed_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: if it is not JSON, or nested deeper than the parser goes.
    """
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON: {error}"
        raise ValueError(msg) from None


def _content_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return ""


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The functions that a message calls, in whatever form."""
    listed = message.get("tool_calls")
    calls = (
        [call.get("function") for call in listed if isinstance(call, dict)]
        if isinstance(listed, list)
        else []
    )
    calls.append(message.get("function_call"))  # the form before tools
    return [call for call in calls if isinstance(call, dict)]


def _calls_text(message: dict[str, Any]) -> str:
    canonical = [
        {"name": _plain(call.get("name")), "arguments": _arguments(call.get("arguments"))}
        for call in _calls(message)
    ]
    return _json(canonical, order="sorted") if canonical else ""


def _text_of(call: dict[str, Any]) -> str:
    raw = call.get("arguments")
    return encodable(raw) if isinstance(raw, str) else _json({} if raw is None else raw)


def _json(value: Any, order: Literal["sorted"] | None = None) -> str:
    try:
        return msgspec.json.encode(value, order=order).decode()
    except UnicodeEncodeError:  # a lone surrogate, which only this encoder lets pass
        text = json.dumps(value, ensure_ascii=False, sort_keys=order is not None, separators=(",", ":"))
        return encodable(text)


def _arguments(raw: Any) -> Any:
    if not isinstance(raw, str):
        return raw
    try:
        return parsed_json(raw)
    except ValueError:
        return encodable(raw)


def _plain(name: Any) -> Any:
    return encodable(name) if isinstance(name, str) else parsed_json(_json(name))


def encodable(text: str) -> str:
    """The text without lone surrogates; pairs of them become the character that they stand for."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
