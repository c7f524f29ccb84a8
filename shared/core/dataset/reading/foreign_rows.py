"""Recognises rows of other systems by the first one of a file, and names the conversion that they need.

Formats: the pages on data for fine-tuning of Anthropic and Amazon Bedrock (Converse, Titan), Google (Gemini, PaLM), Together,
Fireworks and Hugging Face, read on 2026-11-28, and common exports.  Together and Fireworks have OpenAI's own format for
conversations and preferences; what else they take (prompt and completion, text) is here.
"""

from __future__ import annotations

from typing import Any, Final

from shared.core.dataset.format import CHAT_KEYS, OUTPUTS
from shared.core.dataset.reading.foreign_pairs import ANSWERS, FOR_GRADERS, is_talk, pair, wrapped
from shared.core.dataset.rulebook import Problem
from shared.core.spec import MethodType

#: Keys of rows in other systems' formats, with the format's name and the way out.
_VENDORS: Final[tuple[tuple[frozenset[str], str, str], ...]] = (
    (
        frozenset({"instruction", "output"}),
        "the Alpaca format",
        "Make instruction and input the user's message and output the assistant's.",
    ),
    (
        frozenset({"prompt", "completion"}),
        "the prompt and completion format of older models",
        "Make the prompt the user's message and the completion the assistant's.",
    ),
    (
        frozenset({"conversations"}),
        "the ShareGPT format",
        "Rename conversations to messages, from to role (human: user, gpt: assistant) and value to content.",
    ),
    (
        frozenset({"prompt", "chosen", "rejected"}),
        "the preference format of Hugging Face",
        "Make prompt input.messages, chosen preferred_output and rejected non_preferred_output.",
    ),
    (
        frozenset({"query", "response"}),
        "a file for an evaluation: a query and the response that is judged",
        "Make the query the user's message and a good response the assistant's.",
    ),
    (
        frozenset({"query", "ground_truth"}),
        "a file for an evaluation: a query and the answer that is expected",
        "Make the query the user's message and the expected answer the assistant's.",
    ),
    (
        frozenset({"item"}),
        "a file for an evaluation: each row is an item of a data source",
        "Write what is in item itself, with messages at the top of the row; a training file has no item, sample or run_id.",
    ),
    (
        frozenset({"input", "ideal"}),
        "a file for an evaluation: an input and the ideal answer",
        "Make the input the messages and the ideal answer the assistant's.",
    ),
    (
        frozenset({"instruction", "response"}),
        "instruction and response pairs, as in Dolly",
        "Make instruction and context the user's message and the response the assistant's.",
    ),
    (
        frozenset({"question", "response"}),
        "question and response pairs, as in OpenOrca",
        "Make system_prompt the system's message, the question the user's and the response the assistant's.",
    ),
    (
        frozenset({"conversation"}),
        "a conversation in another format, such as ShareGPT",
        "Rename conversation to messages, and in each message the speaker to role and the text to content.",
    ),
    (
        frozenset({"chat_messages"}),
        "an export of Claude's chats",
        "Make chat_messages messages, sender role (human: user) and text content.",
    ),
    (
        frozenset({"mapping"}),
        "an export of ChatGPT's chats",
        "Follow the messages in mapping from parent to children, and write role and content of each into messages.",
    ),
    (
        frozenset({"input_text", "output_text"}),
        "the format of PaLM, Gemini's predecessor",
        "Make input_text the user's message and output_text the assistant's.",
    ),
    (
        frozenset({"text_input", "output"}),
        "the format of the Gemini API",
        "Make text_input the user's message and output the assistant's.",
    ),
    (
        frozenset({"inputText", "outputText"}),
        "the format of Amazon Titan",
        "Make inputText the user's message and outputText the assistant's.",
    ),
    (
        frozenset({"inputs", "outputs"}),
        "an export of traces, as LangSmith and MLflow write them",
        "Write the messages of inputs and the answer of outputs as messages.",
    ),
    (
        frozenset({"custom_id", "body"}),
        "a file of batch requests",
        "Take the messages out of body and add the assistant's answer.",
    ),
    (
        frozenset({"custom_id", "response"}),
        "a file of batch answers",
        "Take the messages of each request, found by its custom_id, and add the answer in response.body as the assistant's.",
    ),
    (
        frozenset({"choices"}),
        "answers of the chat interface, as it returns them",
        "Write the messages that were asked and, as the last one, choices[0].message.",
    ),
    (
        frozenset({"request", "response"}),
        "an export of requests and their answers",
        "Write the messages of the request and, as the last one, the message of the response.",
    ),
    (
        frozenset({"chosen", "rejected"}),
        "the preference format of Hugging Face",
        "Make the turns before the last input.messages, the last of chosen preferred_output, of rejected non_preferred_output.",
    ),
    (
        frozenset({"contents"}),
        "the Gemini format",
        "Rename contents to messages, parts to content and model to assistant, and make systemInstruction the first message.",
    ),
    (
        frozenset({"role", "content"}),
        "one message on each line",
        "Write the messages of a conversation into one row, as a list.",
    ),
    (
        frozenset({"text", "label"}),
        "texts with labels, as for a classifier",
        "Make the text the user's message and the label the assistant's.",
    ),
    (
        frozenset({"translation"}),
        "translations",
        "Make the text in one language the user's message and the other the assistant's.",
    ),
    (
        frozenset({"input_ids"}),
        "rows of tokens, made for another model",
        "Go back to the texts: the service makes the tokens itself.",
    ),
)


def method_of(row: dict[str, Any]) -> MethodType | None:
    """The method that a row was made for; None if that cannot be known."""
    if any(key in row for key in OUTPUTS):
        return MethodType.DPO
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        return None
    role = messages[-1].get("role")
    if role == "user" and row.keys() - CHAT_KEYS:
        return MethodType.REINFORCEMENT
    return MethodType.SUPERVISED if role == "assistant" else None


#: Keys of messages in other systems' formats, which have them instead of role and content.
_MESSAGES: Final[tuple[tuple[frozenset[str], str, str], ...]] = (
    (
        frozenset({"from", "value"}),
        "the ShareGPT format",
        "Rename from to role (human: user, gpt: assistant) and value to content.",
    ),
    (
        frozenset({"role", "parts"}),
        "the Gemini format, or a trace of an agent",
        'Rename parts to content, each part {"type": "text", "text": ...}, and the role model to assistant.',
    ),
    (
        frozenset({"author", "content"}),
        "the format of PaLM, Gemini's predecessor",
        "Rename author to role (user, assistant), and make context the first message, of the role system.",
    ),
    (
        frozenset({"sender", "text"}),
        "an export of chats",
        "Rename sender to role (human: user) and text to content.",
    ),
)
#: Types of content parts that Anthropic has, but not OpenAI.
_CLAUDE_PARTS: Final = frozenset({"tool_use", "tool_result", "thinking", "redacted_thinking"})
#: Keys of content parts in Bedrock's Converse format, which have no type.
_CONVERSE_PARTS: Final = frozenset(
    {"text", "image", "document", "video", "toolUse", "toolResult", "reasoningContent"}
)
#: Types of content parts of OpenAI's Responses interface.
_RESPONSES_PARTS: Final = frozenset({"input_text", "input_image", "output_text"})
_CLAUDE_WAY: Final = (
    "Make system the first message, tool_use blocks tool_calls, tool_result blocks messages of the role tool, images image_url "
    'parts, and tools {"type": "function", "function": {...}} with input_schema as parameters; leave thinking out.'
)


def vendor_of(row: dict[str, Any], method: MethodType) -> Problem | None:
    """The other system whose format a row has; None if that cannot be known."""
    if isinstance(row.get("messages"), list):
        return _vendor_of_messages(row, row["messages"])
    if "messages" in row or any(key in row for key in OUTPUTS) or isinstance(row.get("input"), dict):
        return None
    named = {key.lower(): key for key in row}
    for keys, name, remedy in _VENDORS:
        if keys == {"conversation"} and isinstance(row.get("conversation"), dict):
            continue  # a file for an evaluation, in which the messages stand one level deeper
        if {key.lower() for key in keys} <= named.keys():
            is_renamed = keys == {"conversations"} and is_talk(row.get("conversations"), ("role", "content"))
            way = "Rename conversations to messages." if is_renamed else remedy
            extra = FOR_GRADERS if method is MethodType.REINFORCEMENT and keys & ANSWERS else ""
            return Problem(None, f"this is {name}", None, way + extra)
    return wrapped(row) or pair(named, method)


def _vendor_of_messages(row: dict[str, Any], messages: list[Any]) -> Problem | None:
    """The other system that calls the list of messages as OpenAI does."""
    listed = [message for message in messages if isinstance(message, dict)]
    for keys, name, remedy in _MESSAGES:
        if any(keys <= message.keys() and not {"role", "content"} <= message.keys() for message in listed):
            return Problem(None, f"this is {name}", None, remedy)
    parts = [part for message in listed for part in _parts(message)]
    if any(part.get("type") in _RESPONSES_PARTS for part in parts if isinstance(part.get("type"), str)):
        remedy = 'Write parts as {"type": "text", "text": ...} and {"type": "image_url", "image_url": {"url": ...}}.'
        return Problem(None, "this is the format of the Responses interface", None, remedy)
    spoken = [part for message in listed if message.get("role") != "tool" for part in _parts(message)]
    is_untyped = bool(spoken) and all("type" not in part and part.keys() & _CONVERSE_PARTS for part in spoken)
    if is_untyped or str(row.get("schemaVersion")).startswith("bedrock"):
        remedy = (
            'Write each part as {"type": "text", "text": ...}, make system the first message, toolUse tool_calls and toolResult '
            "messages of the role tool, and leave schemaVersion out."
        )
        return Problem(None, "this is Bedrock's Converse format", None, remedy)
    if isinstance(row.get("system"), str) and not _is_claude(row, parts):
        remedy = 'Make system the first message: {"role": "system", "content": ...}.'
        return Problem("system", "this is the Claude format", None, remedy)
    if isinstance(row.get("system"), list) or _is_claude(row, parts):
        return Problem(None, "this is the Claude format", None, _CLAUDE_WAY)
    return None


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _is_claude(row: dict[str, Any], parts: list[dict[str, Any]]) -> bool:
    """Whether parts of messages, or definitions of tools, are written as Anthropic has them."""
    tools = row.get("tools")
    return any(
        part.get("type") in _CLAUDE_PARTS
        or (part.get("type") in {"image", "document"} and isinstance(part.get("source"), dict))
        for part in parts
        if isinstance(part.get("type"), str)
    ) or any(
        isinstance(tool, dict) and "input_schema" in tool
        for tool in (tools if isinstance(tools, list) else ())
    )
