"""What a dataset is known by: what the fingerprints of runs are made of, as a golden file keeps it.

A row that gets another key, or goes elsewhere, makes known data new, and it is paid for once more.  `record.py` writes the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.core.dataset.options import Action, Options, Role
from shared.core.dataset.validate import validate
from shared.core.spec import MethodType

ROOT = Path(__file__).parents[2]
NAME = "corpus.json"
#: What the grader of reinforcement files reads.
TEMPLATES = ("{{item.answer}}",)
ACTIONS = (Action.REJECT, Action.REPAIR)
_LETTERS = {0: "t", 1: "v", 2: "e", 255: "-"}


def sources() -> Iterator[tuple[str, MethodType, bytes]]:
    """Name, method and bytes of each dataset: the corpus, the samples, and larger ones that are made here."""
    for file in sorted((ROOT / "tests" / "corpus").glob("*/*.jsonl")):
        yield f"corpus/{file.parent.name}/{file.name}", MethodType(file.parent.name), file.read_bytes()
    for file in sorted((ROOT / "samples" / "datasets").rglob("*.jsonl")):
        name = file.relative_to(ROOT / "samples" / "datasets").as_posix()
        yield f"samples/{name}", MethodType.SUPERVISED, file.read_bytes()
    for method in MethodType:
        yield f"made/{method}.jsonl", method, b"".join(_line(method, number) for number in range(240))


def _line(method: MethodType, number: int) -> bytes:
    """A good row; some are equal, some nearly so, some are written in another way, some have tools, names or images."""
    base = number - 1 if number % 40 == 7 else number
    words = " ".join(f"word{(base * 31 + step * 7) % 997}" for step in range(base % 60))
    question = f"What is {base} + {base * 7}? é “{words}” {'once more' if number % 40 == 9 else 'now'}"
    user: dict[str, Any] = {"role": "user", "content": question}
    answer: dict[str, Any] = {"role": "assistant", "content": f"It is {base * 8}.\n{words[::-1]}"}
    if number % 11 == 3:
        user["content"] = [
            {"type": "text", "text": question},
            {"type": "image_url", "image_url": {"url": f"https://example.org/{number}.png"}},
        ]
    if number % 13 == 4:
        answer["weight"] = 1
        user["name"] = f"Ada_{number}"
    system = [{"role": "system", "content": f"Be brief{'.' * (number % 3)}"}] if number % 2 else []
    row: dict[str, Any] = {"messages": [*system, user, answer]}
    if number % 7 == 5 and method is not MethodType.REINFORCEMENT:
        function = {
            "name": "price",
            "parameters": {"type": "object", "properties": {"at": {"type": "number"}}},
        }
        call = {"id": "c", "type": "function", "function": {"name": "price", "arguments": '{"at": 1}'}}
        row["tools"] = [{"type": "function", "function": function}]
        result = {"role": "tool", "tool_call_id": "c", "content": str(number)}
        row["messages"][-1:] = [{"role": "assistant", "tool_calls": [call]}, result, answer]
    if method is MethodType.DPO:
        other = {"role": "assistant", "content": f"No idea {number % 5}"}
        given = {**row, "messages": row["messages"][:-1]}
        row = {"input": given, "preferred_output": [answer], "non_preferred_output": [other]}
    elif method is MethodType.REINFORCEMENT:
        row = {**row, "messages": row["messages"][:-1], "answer": answer["content"], "hint": {"at": base}}
    keys = list(row) if number % 3 else list(reversed(row))
    separators = (",", ":") if number % 5 == 1 else None
    text = json.dumps({key: row[key] for key in keys}, ensure_ascii=number % 4 == 0, separators=separators)
    return text.encode() + b"\n"


def known_of(data: bytes, method: MethodType, action: Action) -> dict[str, str]:
    """What a dataset is known by: its content key, the key of each row and where each row goes."""
    templates = TEMPLATES if method is MethodType.REINFORCEMENT else ()
    options = Options(method=method, default_action=action, quarantine_max_share=1.0, templates=templates)
    found = validate({Role.TRAINING: ("training.jsonl", [data])}, options)
    training = found.files[Role.TRAINING]
    return {
        "content_key": training.content_key,
        "rows": " ".join(f"{key:x}" for key in training.keys),
        "split": "".join(_LETTERS[number] for number in found.plan.assignment),
    }


def recorded() -> dict[str, dict[str, Any]]:
    """All of it, by dataset and action; what another action leaves as it is says `same`."""
    known: dict[str, dict[str, Any]] = {}
    for name, method, data in sources():
        by_action = {action.value: known_of(data, method, action) for action in ACTIONS}
        first = by_action[ACTIONS[0].value]
        known[name] = {
            action: what if action == ACTIONS[0] or what != first else "same"
            for action, what in by_action.items()
        }
    return known


def record(release: Path) -> None:
    """Write the golden file of a release into its folder."""
    (release / NAME).write_text(json.dumps(recorded(), indent=1, ensure_ascii=False) + "\n", "utf-8")
