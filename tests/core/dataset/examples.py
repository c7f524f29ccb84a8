"""The examples in the docstrings of rules: read, and run through the whole validation."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field

from shared.core.dataset.limits import Limits
from shared.core.dataset.options import Action, Options, Role
from shared.core.dataset.validate import ValidatedDataset, validate
from shared.core.spec import DatasetSpec, MethodType, Split

_HEADER = re.compile(r"(Bad|Good)(?: \((.*)\))?:")
_LINE = re.compile(r"(?:(validation|evaluation): |(\d+) x |words=(\d+): )?(.*)", re.DOTALL)
_LIMITS = {
    "line_bytes": "line_bytes_max",
    "file_bytes": "file_bytes_max",
    "upload_bytes": "upload_bytes_warn",
    "tokens": "example_tokens_max",
    "job_tokens": "job_tokens_max",
    "image_examples": "image_examples_max",
    "rows": "rows_max",
    "counted": "counted_max",
}


@dataclass
class Example:
    """One example: whether it breaks the rule, its options, its lines."""

    is_bad: bool
    options: dict[str, str]
    lines: list[str] = field(default_factory=list)


def read(text: str) -> list[Example]:
    """The examples of a rule."""
    found: list[Example] = []
    for line in text.splitlines():
        if match := _HEADER.fullmatch(line):
            pairs = (pair.split("=", 1) for pair in (match[2] or "").split("; ") if pair)
            found.append(Example(match[1] == "Bad", dict(pairs)))
        elif line.strip():
            found[-1].lines.append(line.strip())
    return found


def run(example: Example) -> ValidatedDataset:
    """Validate an example."""
    given = dict(example.options)
    limits = Limits(**{name: int(given[key]) for key, name in _LIMITS.items() if key in given})
    dataset = DatasetSpec()
    if given.get("validation"):
        is_required = given["validation"] == "required"
        dataset = replace_split(
            Split(required=is_required, share=0.1 if is_required else float(given["validation"]))
        )
    options = Options(
        method=MethodType(given.get("method", "supervised")),
        limits=limits,
        default_action=Action(given.get("on_issue", "reject")),
        templates=tuple(given["template"].split("; ")) if "template" in given else (),
        dataset=dataset,
        has_frozen_set="frozen_set" in given,
        model=given.get("model"),
    )
    sources = {role: (f"{role}.jsonl", [data]) for role, data in files_of(example).items()}
    return validate(sources, options)


def files_of(example: Example) -> dict[Role, bytes]:
    """The files of an example, by role."""
    given = example.options
    files: dict[Role, list[bytes]] = {Role.TRAINING: []}
    for line in example.lines:
        match = _LINE.fullmatch(line)
        assert match
        role = Role(match[1] or "training")
        for number in range(int(match[2] or 1)):
            text = (
                match[4]
                .replace("{i}", str(number))
                .replace("{words}", "word " * (int(match[3] or 1) - 1) + "word")
            )
            files.setdefault(role, []).append(_bytes(text, given))
    return {role: b"\n".join(lines) for role, lines in files.items()}


def replace_split(split: Split) -> DatasetSpec:
    return DatasetSpec(validation=split)


def _bytes(text: str, given: dict[str, str]) -> bytes:
    if text.startswith("b'"):
        return ast.literal_eval(text)
    if not given.keys() & {"messages", "images", "image_bytes", "tools", "values"}:
        return text.encode()
    row = json.loads(text)
    if "messages" in given:
        row["messages"] = [row["messages"][0]] * (int(given["messages"]) - 1) + [row["messages"][-1]]
    if "images" in given:
        row["messages"][0]["content"] *= int(given["images"])
    if "image_bytes" in given:
        head = row["messages"][0]["content"][0]["image_url"]["url"].removesuffix("=")
        size = int(given["image_bytes"])
        data = "A" * ((size + 2) // 3 * 4 - len("iVBORw0KGgo="))
        row["messages"][0]["content"][0]["image_url"]["url"] = head + "A" + data
    if "values" in given:
        row["x"] = [0] * int(given["values"])
    if "tools" in given:
        row["tools"] = [
            {"type": "function", "function": {"name": f"f{i}"}} for i in range(int(given["tools"]))
        ]
    return json.dumps(row).encode()
