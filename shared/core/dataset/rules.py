"""The rules of a dataset: code, severity, demand, remedy.  A code is never used for another rule."""

from __future__ import annotations

from typing import Final

from shared.core.dataset.findings import Rule, Severity


def _error(code: str, title: str, remedy: str) -> Rule:
    return Rule(code=code, severity=Severity.ERROR, title=title, remedy=remedy)


def _warning(code: str, title: str, remedy: str) -> Rule:
    return Rule(code=code, severity=Severity.WARNING, title=title, remedy=remedy)


def _note(code: str, title: str, remedy: str) -> Rule:
    return Rule(code=code, severity=Severity.NOTE, title=title, remedy=remedy)


# The file
EMPTY_FILE: Final = _error(
    "DS001", "The file has at least one row", "Drop a file with one JSON object a line."
)
LINE_TOO_LONG: Final = _error(
    "DS002", "No line is longer than 16 MiB", "Shorten the row or refer to images by URL."
)
BLANK_LINE: Final = _warning("DS003", "There are no blank lines", "Remove the line; one JSON object a line.")
FILE_TOO_LARGE: Final = _error(
    "DS004",
    "The file is at most 512 MB, Foundry's limit",
    "Train on fewer rows; more rows than this rarely help.",
)
FILE_LARGE: Final = _warning(
    "DS005",
    "The file is at most 150 MB",
    "Larger uploads over the project endpoint were seen to fail; make it smaller.",
)
TOO_FEW_EXAMPLES: Final = _error(
    "DS006",
    "At least 10 examples are left for training",
    "Add examples; Foundry starts no job below 10, 50 to 100 help.",
)
DUPLICATE_ROWS: Final = _warning(
    "DS007", "No example appears twice", "Keep one of each, unless the repetition is on purpose."
)
OVERLAP: Final = _warning(
    "DS008",
    "Validation and evaluation rows are not trained on",
    "Remove the shared rows from one of the files.",
)
VALIDATION_REQUIRED: Final = _error(
    "DS009", "A validation file lies beside the training file", "Drop `validation.jsonl` beside it, first."
)

# JSON
INVALID_UTF8: Final = _error("DS010", "The text is UTF-8", "Store the file as UTF-8.")
INVALID_JSON: Final = _error(
    "DS011", "Every line is one JSON value", "Correct the line; one complete object a line."
)
NOT_FINITE: Final = _error(
    "DS012", "Numbers are finite", "JSON has no NaN or Infinity; use null or leave it out."
)
LONE_SURROGATE: Final = _error(
    "DS013",
    "Escapes form whole characters",
    r"A \ud8xx escape needs its second half; write the character itself.",
)
DUPLICATE_KEY: Final = _error(
    "DS014", "No key appears twice in an object", "Keep one; parsers disagree on which counts."
)
TOO_DEEP: Final = _error("DS015", "Nested at most 64 levels deep", "Flatten the row; check the brackets.")
NOT_AN_OBJECT: Final = _error(
    "DS016", "Every line is a JSON object", 'Write {"messages": [...]} on each line.'
)
NUMBER_RANGE: Final = _error("DS017", "Numbers fit in 64 bits", "Write it as text.")

# Another format
NOT_TEXT: Final = _error("DS020", "The file is text", "Unpack or convert it to JSON Lines in UTF-8.")
OTHER_TEXT_FORMAT: Final = _error("DS021", "The file is JSON Lines", "Write one JSON object a line.")
OTHER_METHOD: Final = _error(
    "DS022", "The data fits the pipeline's method", "Drop it into a pipeline of that method, or convert it."
)
OTHER_VENDOR: Final = _error(
    "DS023", "Rows have OpenAI's chat format", 'Convert rows to {"messages": [...]}.'
)

# Rows and messages
MISSING_MESSAGES: Final = _error(
    "DS030", "A row has a list of messages", 'Write "messages": [{"role": ..., "content": ...}, ...].'
)
UNKNOWN_KEY: Final = _warning("DS031", "Keys are known", "Remove it; Foundry may refuse or ignore it.")
INVALID_MESSAGE: Final = _error("DS032", "A message is an object", 'Write {"role": ..., "content": ...}.')
INVALID_ROLE: Final = _error(
    "DS033", "A role is known", "Use system, developer, user, assistant or tool, in lower case."
)
INVALID_CONTENT: Final = _error(
    "DS034", "Content is text or a list of parts", "Give the message text, or remove the message."
)
EMPTY_CONTENT: Final = _error(
    "DS035", "Users and assistants say something", "Give it text, or remove the message."
)
EMPTY_OTHER: Final = _warning(
    "DS036", "System and tool messages are not empty", "Give it text, or remove the message."
)
INVALID_PART: Final = _error(
    "DS037", "A content part is text or an image", 'Use {"type": "text", "text": ...} or an image_url part.'
)
INVALID_IMAGE: Final = _error(
    "DS038",
    "Images are HTTPS or data URLs in user messages",
    "Give a public https URL or a JPEG, PNG or WEBP data URL.",
)
TOO_MANY_IMAGES: Final = _error("DS039", "An example has at most 64 images", "Split the example.")
INVALID_NAME: Final = _error(
    "DS040", "Names are 1 to 64 letters, digits, underscores, hyphens", "Correct or remove the name."
)
INVALID_WEIGHT: Final = _error("DS041", "A weight is 0 or 1, on assistants", "Write 0 or 1, or remove it.")
NOTHING_TO_LEARN: Final = _error(
    "DS042", "An assistant message has weight 1", "Remove the row, or the weight from the answer to learn."
)
LAST_NOT_ASSISTANT: Final = _error(
    "DS043", "The last message is the assistant's", "End the row with the answer that the model shall give."
)
LAST_NOT_USER: Final = _error(
    "DS044",
    "The last message is the user's",
    "End the row with the question; the model answers while it is trained.",
)
NO_USER: Final = _warning("DS045", "A user speaks", "Add the question that the answer answers.")
MANY_SYSTEM_MESSAGES: Final = _warning("DS046", "There is one system message", "Merge them into the first.")
TOO_MANY_MESSAGES: Final = _error("DS047", "An example has at most 2,048 messages", "Split the conversation.")

# Tools
INVALID_TOOLS: Final = _error(
    "DS050",
    "Tools are function definitions",
    'Write {"type": "function", "function": {"name": ..., "parameters": {...}}}.',
)
TOO_MANY_TOOLS: Final = _error("DS051", "At most 128 tools are defined", "Offer fewer tools.")
DUPLICATE_TOOL: Final = _error("DS052", "Each tool is defined once", "Remove one of the definitions.")
INVALID_TOOL_CALL: Final = _error(
    "DS053",
    "Tool calls have id, type and function",
    'Write {"id": ..., "type": "function", "function": {...}}.',
)
INVALID_ARGUMENTS: Final = _error(
    "DS054", "Arguments are a JSON object in a string", r'Write "arguments": "{\"symbol\": \"MSFT\"}".'
)
UNDEFINED_TOOL: Final = _warning(
    "DS055", "Called tools are defined", "Define the tool in `tools`, or correct its name."
)
UNMATCHED_RESULT: Final = _error(
    "DS056",
    "A tool message answers an open call",
    "Set tool_call_id to the id of a call of the message before.",
)
UNANSWERED_CALL: Final = _warning(
    "DS057", "Every call is answered before the talk goes on", "Add the tool message, or remove the call."
)

# Preference and reinforcement
MISSING_INPUT: Final = _error(
    "DS060", "A preference row has input.messages", 'Write "input": {"messages": [...]}.'
)
INVALID_OUTPUT: Final = _error(
    "DS061",
    "Both outputs are lists with an assistant message",
    'Write [{"role": "assistant", "content": ...}].',
)
SAME_OUTPUTS: Final = _warning("DS062", "The two outputs differ", "Remove the row: it prefers nothing.")
OTHER_FIELDS: Final = _warning(
    "DS063", "Every row has the same extra fields", "Graders read them; fill in the missing."
)
VALIDATION_NEEDED: Final = _error(
    "DS064",
    "Reinforcement fine-tuning has validation rows",
    "Drop a validation file beside it, or set a split above 0.",
)

# Tokens
EXAMPLE_TOO_LONG: Final = _error(
    "DS070",
    "An example fits into the model's training length",
    "Shorten or split it; the rest would be cut off.",
)
JOB_TOO_LARGE: Final = _error(
    "DS071", "Tokens times epochs are at most 2 billion", "Train on fewer rows or for fewer epochs."
)
IMAGES_NOT_COUNTED: Final = _note(
    "DS072", "Token counts leave images out", "Expect more tokens on the bill than the estimate says."
)

RULES: Final[dict[str, Rule]] = {
    rule.code: rule for rule in list(globals().values()) if isinstance(rule, Rule)
}
"""Every rule by its code."""
