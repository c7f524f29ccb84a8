"""The worst files that a dataset writer could think of, of any size, each made to hurt one rule or step.

`python -m tests.core.dataset.worst NAME BYTES` validates one of them in a process of its own and prints what that took: seconds,
megabytes above an idle process, how long no other thread could run, and how often each rule was broken.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import Process
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any, Self

from shared.core.dataset.options import Action, Options, Role
from shared.core.dataset.validate import prepared_rows, validate

USER = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Hello"}


def fan(width: int, depth: int) -> dict[str, Any]:
    """A schema that is visited `width ** depth` times."""
    steps = {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}] * width} for i in range(depth)}
    properties = {"a": {"$ref": "#/$defs/d0"}}
    return {"type": "object", "properties": properties, "$defs": steps | {f"d{depth}": {"type": "integer"}}}


def calling(parameters: object, arguments: object, *, calls: int = 1) -> dict[str, Any]:
    """A row with one tool and calls of it."""
    function = {"name": "f", "arguments": json.dumps(arguments)}
    made = [{"id": f"c{i}", "type": "function", "function": function} for i in range(calls)]
    tools = [{"type": "function", "function": {"name": "f", "parameters": parameters}}]
    return {"messages": [USER, {"role": "assistant", "tool_calls": made}], "tools": tools}


def talk(*, answer: str = "Hello", question: str = "Hi", **fields: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        **fields,
    }


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def chain(length: int) -> dict[str, Any]:
    steps = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}]} for i in range(length)}
    return {"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": steps | {f"d{length}": {"type": "integer"}}}


def unevaluated(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"properties": {"z": True}}
    for _ in range(levels):
        schema = {"allOf": [schema], "unevaluatedProperties": False}
    return schema


MEGA = 1_000_000
#: As storage gives them, or less.
CHUNK_BYTES = 256 * 1024
#: Rows of each file by the number of the row; what is made of a whole line is repeated until the file is full.
ROWS: dict[str, Callable[[int], Any]] = {
    "fan": lambda i: calling({**fan(8, 6), "title": str(i)}, {"a": "x"}),
    "fan just too wide": lambda i: calling({**fan(8, 7), "title": str(i)}, {"a": "x"}),
    "fan of a hundred": lambda i: calling({**fan(8, 100), "title": str(i)}, {"a": "x"}),
    "fan, called again and again": lambda i: calling(fan(8, 6), {"a": "x", "i": i}, calls=1000),
    "items of many kinds": lambda i: calling(
        {"properties": {"a": {"items": {"anyOf": [{"type": "null"}] * 449 + [{"type": "string"}]}}}},
        {"a": [str(i)] + [""] * 2000},
        calls=20,
    ),
    "values of a schema that contains itself": lambda i: calling(
        {"additionalProperties": {"$ref": "#/$defs/x"}, "$defs": {"x": {"items": {"$ref": "#/$defs/x"}}}},
        {"a": [[]] * 200_000, "b": i},
    ),
    "chain of references": lambda i: calling({**chain(900), "title": str(i)}, {"a": "x"}),
    "long chain of references": lambda i: calling({**chain(100_000), "title": str(i)}, {"a": "x"}),
    "unevaluated": lambda i: calling({**unevaluated(12), "title": str(i)}, {"z": 1}),
    "unevaluated, deep": lambda i: calling({**unevaluated(25), "title": str(i)}, {"z": 1}),
    "many properties": lambda i: calling(
        {
            "properties": {f"x{i}_{n}": {"type": "integer"} for n in range(4000)},
            "additionalProperties": False,
        },
        {"a": 1},
    ),
    "orders of roles": lambda i: {
        "messages": [
            {"role": role, "content": "a"} for role in Random(i).choices(["user", "assistant"], k=2000)
        ]
    },
    "schemas without end": lambda i: calling({"title": str(i)}, {}),
    "long name above many in a schema": lambda _: calling(
        {"properties": {"k" * MEGA: {"properties": {f"p{n}": {} for n in range(20_000)}}}}, {}
    ),
    "long name above many, null": lambda _: calling(
        {"properties": {"k" * MEGA: {"properties": {f"p{n}": {"default": None} for n in range(20_000)}}}}, {}
    ),
    "long names in arguments": lambda _: calling(
        {"additionalProperties": {"additionalProperties": {"type": "integer"}}},
        {"k" * MEGA: {f"p{n}": "x" for n in range(2_000)}},
    ),
    "long name above many texts": lambda _: {
        "messages": [USER, {"role": "humn", "content": "Hi"}, {"role": "assistant", "content": [{}]}],
        "x": {"k" * MEGA: {f"p{n}": "a" for n in range(20_000)}},
    },
    "long name above many values": lambda _: talk(**{"k" * MEGA: [{"a" * 10: [1]} for _ in range(20_000)]}),
    "long key above wrong parts": lambda _: talk(metadata={"k" * MEGA: {f"p{n}": 1 for n in range(20_000)}}),
    "schemas of one object": lambda i: calling(
        {"enum": [{"a": n} for n in range(3000)], "title": str(i)}, {"b": 1}
    ),
    "pattern that goes back": lambda i: calling(
        {"properties": {"a": {"pattern": f"^(?=x)(.|.)*{i}$"}}}, {"a": "x" * 60}
    ),
    "pattern that is large": lambda i: calling(
        {"properties": {"a": {"pattern": f"^(?:\\p{{L}}*\\d*){{30}}{i}$"}}}, {"a": "x"}
    ),
    "patterns": lambda i: calling(
        {"properties": {"a": {"pattern": f"^.*a.{{60}}b.*|{i}$"}}}, {"a": "ab" * 400}
    ),
    "properties by pattern": lambda i: calling(
        {"patternProperties": {f"^x{i}{n}": {"type": "integer"} for n in range(40)}},
        {f"y{n}": 1 for n in range(200)},
    ),
    "arguments, deep": lambda i: calling({"additionalProperties": {"$ref": "#"}}, {"a": deep(500), "i": i}),
    "short rows": lambda i: talk(answer=str(i)),
    "equal rows": lambda _: talk(),
    "one question": lambda i: talk(question="a", answer=str(i)),
    "nearly equal rows": lambda i: talk(question=" ".join(f"w{n}" for n in range(40)), answer=f"{i:x}"),
    "unknown keys": lambda _: talk() | {f"{n:x}": 1 for n in range(100_000)},
    "unknown keys, in messages": lambda _: {
        "messages": [USER, ANSWER | {f"rol{n:x}": 1 for n in range(50_000)}]
    },
    "unknown key in each row": lambda i: talk(**{f"mesage{i}": 1}),
    "long key": lambda _: talk(**{"k" * 5 * MEGA: 1}),
    "many messages": lambda _: {"messages": [USER, ANSWER] * 1024},
    "too many messages": lambda _: {"messages": [{}] * 500_000},
    "wrong messages": lambda _: {"messages": [1] * 2000},
    "wrong roles": lambda _: {"messages": [{"role": "humn"}] * 2000},
    "many tools": lambda _: talk(
        tools=[{"type": "function", "function": {"name": f"f{n}"}} for n in range(20_000)]
    ),
    "wrong tools": lambda _: talk(tools=[1] * 500_000),
    "many calls": lambda _: {"messages": [USER, {"role": "assistant", "tool_calls": [{}] * 100_000}]},
    "wrong parts": lambda _: {"messages": [{"role": "user", "content": [{"type": "x"}] * 200_000}, ANSWER]},
    "many images": lambda _: {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "https://10.0.0.1/a"}}] * 50_000,
            },
            ANSWER,
        ]
    },
    "deep rows": lambda _: talk(x=deep(60)),
    "too deep rows": lambda _: talk(x=deep(900)),
    "wide rows": lambda _: talk(x=[[]] * 1_000_000),
    "big numbers": lambda _: talk(x=[10**300] * 1000),
    "tokens that never come": lambda _: talk(answer="eyJ-" * 2 * MEGA + ".eyJ"),
    "keys that never come": lambda _: talk(answer="sk-" * 2 * MEGA),
    "mail that never comes": lambda _: talk(answer="a@" * 2 * MEGA),
    "mail that almost comes": lambda _: talk(answer=("a" * 60 + "@" + "b-" * 30) * 50_000),
    "cards that never come": lambda _: talk(answer="4000 " * MEGA),
    "telephones that never come": lambda _: talk(answer="+1 (22) " * MEGA),
    "digits": lambda _: talk(answer="1" * 5 * MEGA),
    "spaces": lambda _: talk(answer=" " * 5 * MEGA),
    "dots between digits": lambda _: talk(answer="1((((( " * MEGA),
    "special tokens": lambda _: talk(answer="<|im_end|>" * 500_000),
    "lost characters": lambda _: talk(answer="\ufffd" * MEGA),
    "one word": lambda _: talk(answer="a" * 5 * MEGA),
    "emoji": lambda _: talk(answer="\U0001f600" * MEGA),
}
#: Lines that are no JSON, or short and many.
LINES: dict[str, Callable[[int], bytes]] = {
    "empty objects": lambda _: b"{}",
    "no messages": lambda _: b'{"messages":[]}',
    "blank lines": lambda _: b"",
    "open brackets": lambda _: b"[" * MEGA,
    "open objects": lambda _: b'{"a":' * MEGA,
    "half lines": lambda _: b"{",
    "twice the same key": lambda _: b'{"messages":[],"a":1,"a":2}',
    "many of the same key": lambda _: b"{" + b'"a":1,' * 500_000 + b'"a":1}',
    "digits of a number": lambda _: b'{"a":' + b"1" * 4 * MEGA + b"}",
    "bad UTF-8": lambda _: b'{"a":"\xff"}',
    "surrogates": lambda _: b'{"a":"' + b"\\ud83d" * 500_000 + b'"}',
}
NAMES = (*ROWS, *LINES)


def lines_of(name: str, size: int) -> Iterator[bytes]:
    """The lines of a file of about so many bytes."""
    number = written = 0
    while written < size:
        if name in LINES:
            line = LINES[name](number) + b"\n"
        else:
            row = ROWS[name](number)
            line = (
                b"\n"
                if row is None
                else json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            )
        yield line
        number += 1
        written += len(line)


class Beat(Thread):
    """Another thread of the process, which wants to run all the time: a request that is answered meanwhile.

    Attributes:
        longest: processor seconds that the rest of the process took while this thread was kept from running.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0
        self._is_over = Event()

    def run(self) -> None:
        last = time.process_time()
        while not self._is_over.wait(0.02):
            now = time.process_time()
            self.longest, last = max(self.longest, now - last), now

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self.join()


def chunks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as content:
        while chunk := content.read(CHUNK_BYTES):
            yield chunk


def reference() -> float:
    """Processor seconds of a loop that is always the same: how fast the machine is just now."""
    begun, total = time.process_time(), 0
    for number in range(20_000_000):
        total += number
    return time.process_time() - begun


def main() -> None:
    """Validate one file; what every process loads is loaded before, and the file is made by another process."""
    name, size, action = sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "reject"
    options = Options(default_action=Action(action), quarantine_max_share=1.0)
    rows = [b'{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]}\n'] * 20
    with TemporaryDirectory() as folder:
        path = Path(folder) / "training.jsonl"
        maker = Process(target=write, args=(name, size, path))
        maker.start()
        maker.join()
        validate({Role.TRAINING: ("training.jsonl", rows)}, options)  # what every process loads
        idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = time.process_time()
        with Beat() as beat:
            found = validate({Role.TRAINING: ("training.jsonl", chunks_of(path))}, options)
            training = found.files[Role.TRAINING]
            if found.report.ok or training.quarantine:  # as the product does
                for _ in prepared_rows(chunks_of(path), training, options):
                    pass
        seconds = time.process_time() - begun
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {
        "seconds": round(seconds, 2),
        "megabytes": (most - idle) // 1024,
        "longest_hold": round(beat.longest, 2),
        "reference": round(reference(), 2),
        "totals": found.report.totals,
    }
    print(json.dumps(figures))


def write(name: str, size: int, path: Path) -> None:
    """Make a file of about so many bytes."""
    with path.open("wb") as out:
        out.writelines(lines_of(name, size))


if __name__ == "__main__":
    main()
