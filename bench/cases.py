"""What is measured: one function a case, which takes a file and returns the number of findings."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
PEERS: Final = ROOT / ".venv-bench" / "bin" / "python"

_COOKBOOK_KEYS: Final = ("role", "content", "name", "function_call", "weight")
_COOKBOOK_ROLES: Final = ("system", "user", "assistant", "function")


def cookbook(path: Path) -> int:
    """The format checks of OpenAI's cookbook (Chat_finetuning_data_prep), streamed line by line, in our own words."""
    errors: dict[str, int] = {}

    def count(name: str) -> None:
        errors[name] = errors.get(name, 0) + 1

    with path.open("rb") as file:
        for line in file:
            _cookbook_row(json.loads(line), count)
    return sum(errors.values())


def _cookbook_row(row: Any, count: Callable[[str], None]) -> None:
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


def _ours(path: Path, depth: str, workers: int) -> int:
    from shared.validation import validate_local  # noqa: PLC0415  measured without the import

    return sum(validate_local(path, depth=depth, workers=workers).totals.values())


def structure(path: Path) -> int:
    """Our rules of structure and meaning."""
    return _ours(path, "structure", 1)


def gate(path: Path) -> int:
    """And exact duplicates, leakage, secrets, personal data."""
    return _ours(path, "gate", 1)


def full(path: Path) -> int:
    """And exact tokens, near duplicates, hashes: what the product does."""
    return _ours(path, "full", 1)


def full_2(path: Path) -> int:
    """The same on two cores."""
    return _ours(path, "full", 2)


def _texts(path: Path) -> list[str]:
    texts: list[str] = []
    with path.open("rb") as file:
        for line in file:
            texts += [m["content"] for m in json.loads(line)["messages"] if isinstance(m.get("content"), str)]
    return texts


def tokens(path: Path) -> Callable[[], int]:
    """Our token counts of all texts; the texts are read before the clock starts."""
    from shared.core.dataset.tokens import count  # noqa: PLC0415

    texts = _texts(path)
    count(texts[:10])
    return lambda: sum(sum(count(texts[i : i + 1000])) for i in range(0, len(texts), 1000))


def tiktoken(path: Path) -> Callable[[], int]:
    """The same counts by OpenAI's library."""
    from bench.ranks import o200k  # noqa: PLC0415

    encoding, texts = o200k(), _texts(path)
    return lambda: sum(len(encoding.encode_ordinary(text)) for text in texts)


def together(path: Path) -> int:
    """`together files check`, the function behind it."""
    return _peer(
        "import sys; from pathlib import Path\n"
        "from together.lib.utils.files import check_file\n"
        "print(0 if check_file(Path(sys.argv[1]))['is_check_passed'] else 1)",
        path,
    )


def parallelogram(path: Path) -> int:
    """The published validator that is nearest in scope."""
    done = subprocess.run(
        [PEERS.with_name("parallelogram"), "check", path], capture_output=True, text=True, check=False
    )
    if "rror" in done.stderr and not done.stdout:
        raise RuntimeError(done.stderr[-300:])
    return done.returncode


def _peer(code: str, path: Path) -> int:
    """Run a peer in its own environment."""
    done = subprocess.run([PEERS, "-c", code, path], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


CASES: Final[dict[str, Callable[[Path], Any]]] = {
    case.__name__: case
    for case in (cookbook, structure, gate, full, full_2, tokens, tiktoken, together, parallelogram)
}
#: Cases that may use both cores; the others are pinned to one.
TWO_CORES: Final = frozenset({"full_2"})


def quietly(run: Callable[[], int]) -> int:
    """Run a case without what it prints."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(sys.stderr):
        return run()
