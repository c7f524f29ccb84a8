"""The peers: functions that check a file in this process and return how many findings they have.

`cookbook` needs nothing.  The others are imported when they are called, from the environment that `make bench` makes for them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

#: Where the ranks of tokenizers lie, beside the generated files.
RANKS: Final = "ranks"
_COOKBOOK_KEYS: Final = ("role", "content", "name", "function_call", "weight")
_COOKBOOK_ROLES: Final = ("system", "user", "assistant", "function")


def cookbook(path: Path) -> int:
    """The format checks of OpenAI's cookbook (Chat_finetuning_data_prep), streamed line by line, in our own words."""
    errors: dict[str, int] = {}

    def count(name: str) -> None:
        errors[name] = errors.get(name, 0) + 1

    with path.open("rb") as file:
        for line in file:
            cookbook_row(json.loads(line), count)
    return sum(errors.values())


def cookbook_row(row: Any, count: Callable[[str], None]) -> None:
    """Call `count` with the name of each fault of a row."""
    if not isinstance(row, dict):
        count("data_type")
        return
    messages = row.get("messages")
    if not messages:
        count("missing_messages_list")
        return
    for message in messages:
        if "role" not in message or "content" not in message:
            count("message_missing_key")
        if any(key not in _COOKBOOK_KEYS for key in message):
            count("message_unrecognized_key")
        if message.get("role") not in _COOKBOOK_ROLES:
            count("unrecognized_role")
        content, call = message.get("content"), message.get("function_call")
        if (not content and not call) or not isinstance(content, str):
            count("missing_content")
    if not any(message.get("role") == "assistant" for message in messages):
        count("example_missing_assistant_message")


def together(path: Path) -> int:
    """What `together files check` calls; it stops at its first finding."""
    from together.lib.utils.files import check_file  # noqa: PLC0415  in the peers' environment alone

    return 0 if check_file(path)["is_check_passed"] else 1


def parallelogram(path: Path) -> int:
    """`parallelogram check`, which guesses tokens from lengths; as JSON, because its table of findings takes it longer."""
    return _parallelogram(path)


def parallelogram_exact(path: Path) -> int:
    """The same with the model's tokenizer, so with exact token counts; its ranks lie beside the file."""
    os.environ["TIKTOKEN_CACHE_DIR"] = str(path.parent / RANKS)
    return _parallelogram(path, "--tokenizer", "gpt-4o")


def _parallelogram(path: Path, *options: str) -> int:
    from parallelogram.cli import app  # noqa: PLC0415  in the peers' environment alone

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        app(["check", str(path), "--json", *options], standalone_mode=False)
    return len(json.loads(printed.getvalue())["issues"])
