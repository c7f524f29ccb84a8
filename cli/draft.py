"""The text of a pipeline file that fits a dataset: what was chosen, and every other key as a comment with its default."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from shared.core.models import BEGIN_WITH, example_tokens_max, model_facts, takes_images
from shared.core.pipeline.reference import keys_of
from shared.core.shown import json_text, visible
from shared.core.spec import MethodType

_WIDTH: Final = 110
#: Names of former releases, which nobody should write today.
_OLD: Final = frozenset({"evaluation.promote.min_gain"})
_INTRO: Final = (
    "Written by `foundry-finetune init`.  A key that begins with # has its default; take the # away to write another value.  "
    "Each key is explained above it, more in docs/pipeline-file.md.  `foundry-finetune validate FILE --pipeline THIS` checks it, "
    "`foundry-finetune pipelines put THIS` stores it."
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A value that was chosen.

    Attributes:
        value: what is written, as JSON has it.
        why: because of what, as a sentence; empty if it is the default.
    """

    value: Any
    why: str = ""


@dataclass(slots=True)
class _Node:
    """A key, and the keys below it."""

    about: str = ""
    default: str = ""
    is_key: bool = False
    below: dict[str, _Node] = field(default_factory=dict)


def model_for(method: MethodType, *, has_images: bool, longest: int) -> str | None:
    """The model to begin with: it can be tuned so, be deployed, takes images if there are some, and the longest example.

    Args:
        method: of tuning.
        has_images: whether examples have images.
        longest: tokens of the longest example.
    """
    for model in BEGIN_WITH:
        facts = model_facts(model)
        assert facts
        fits = method in facts.methods and facts.deployment_skus and (takes_images(model) or not has_images)
        if fits and longest <= example_tokens_max(model):
            return model
    return None


def split_for(rows: int) -> float:
    """The share to hold out: a tenth, more of few rows so that about 100 can be compared, a third at most."""
    return min(max(-(-100 * 100 // max(rows, 1)) / 100, 0.1), 0.3)


def text_of(chosen: Mapping[str, Chosen], method: MethodType, remarks: tuple[str, ...]) -> str:
    """The text of the file.

    Args:
        chosen: key, such as `dataset.evaluation.split`, and its value.
        method: whose keys are listed.
        remarks: sentences about the dataset, for the top.
    """
    root = _Node()
    for key in keys_of():
        path = key.path.replace("TYPE", method.value)
        if path in _OLD or (
            path.startswith("method.reinforcement.") and method is not MethodType.REINFORCEMENT
        ):
            continue
        node = root
        for part in path.split("."):
            node = node.below.setdefault(part, _Node())
        node.about, node.default, node.is_key = key.about, key.default, True
    lines = [line for remark in (*remarks, _INTRO) for line in _comment(remark, "")]
    lines += _lines(root, "", "", chosen)
    return "\n".join(lines) + "\n"


def _lines(node: _Node, path: str, indent: str, chosen: Mapping[str, Chosen]) -> Iterator[str]:
    for name, below in node.below.items():
        at = f"{path}.{name}" if path else name
        if not indent:
            yield ""
        if not below.is_key:
            yield f"{indent}{name}:"
            yield from _lines(below, at, f"{indent}  ", chosen)
            continue
        found, literal = chosen.get(at), _literal(below.default)
        default = "" if found is None and literal else f"  [{_plain(below.default)}]"
        yield from _comment(f"{_plain(below.about)}{default}", indent)
        if found is None:
            yield f"{indent}#{name}: {literal}".rstrip()
            continue
        if found.why:
            yield from _comment(found.why, indent)
        yield from _written(name, found.value, indent)


def _comment(text: str, indent: str) -> Iterator[str]:
    # A name of a field may have characters that end a line, and so a comment.
    for line in textwrap.wrap(
        visible(text), _WIDTH - len(indent) - 2, break_long_words=False, break_on_hyphens=False
    ):
        yield f"{indent}# {line}"


def _plain(markdown: str) -> str:
    """Without links, whose targets lie elsewhere."""
    return re.sub(r"\[([^\[\]]+)\]\([^()]+\)", r"\1", markdown).replace("**", "").replace("`", "")


def _literal(default: str) -> str:
    """The default as it is written; nothing if it is said in words."""
    match = re.fullmatch(r"`([^`]+)`", default)
    return match[1] if match else ""


def _written(name: str, value: Any, indent: str) -> Iterator[str]:
    """A key and its value, in blocks where it has parts of its own."""
    if isinstance(value, dict) and value:
        yield f"{indent}{name}:"
        yield from _item(value, f"{indent}  ")
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        yield f"{indent}{name}:"
        for inner in value:
            lines = list(_item(inner, f"{indent}    "))
            yield f"{indent}  - {lines[0].strip()}"
            yield from lines[1:]
    else:
        yield f"{indent}{name}: {_scalar(value)}"


def _item(value: Any, indent: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{indent}{_scalar(value)}"
        return
    for key, inner in value.items():
        yield from _written(key if key.isidentifier() else _scalar(key), inner, indent)


def _scalar(value: Any) -> str:
    """JSON is YAML; words that YAML takes for nothing else stay without quotes."""
    is_word = isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w.-]*(?: [\w.-]+)*", value, re.ASCII)
    if is_word and value.lower() not in {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}:
        return str(value)
    return json_text(msgspec.json.encode(value))
