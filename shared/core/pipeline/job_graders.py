"""The grader of reinforcement fine-tuning: refused is what the service would refuse, when the dataset is uploaded already.

What is not known is a note, since Foundry may know more than this table.  Source of types, keys and values: openai-python,
`openai.types.graders`, 2.x; Microsoft's page on reinforcement fine-tuning has the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from shared.core.evaluation.templates import slots
from shared.core.json_path import at_index, below
from shared.core.pipeline.section import Section, guess
from shared.core.pipeline.yaml import Node, clip, describe, walk

#: What a grader of a type must have, besides its name.
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "string_check": ("input", "reference", "operation"),
    "text_similarity": ("input", "reference", "evaluation_metric"),
    "score_model": ("input", "model"),
    "label_model": ("input", "model"),
    "python": ("source",),
    "multi": ("graders", "calculate_output"),
}
_OPERATIONS: Final = ("eq", "ne", "like", "ilike")
_ROUGE: Final = tuple(f"rouge_{end}" for end in (1, 2, 3, 4, 5, "l"))
_METRICS: Final = ("cosine", "fuzzy_match", "bleu", "gleu", "meteor", *_ROUGE)
#: What a program defines for the service to call; OpenAI's guide to graders takes at most 256 kB of it.
_GRADE: Final = re.compile(
    r"^[ \t]*(?:(?:async[ ]+)?def[ ]+grade[ ]*\(|grade[ ]*[:=]|from[ ].*\bgrade\b)", re.MULTILINE
)
_SOURCE_CHARS_MAX: Final = 256_000
#: Of formulas of graders of type multi.  Source: OpenAI's guide to graders, read on 2026-11-28.
_FUNCTIONS: Final = frozenset({"min", "max", "abs", "floor", "ceil", "exp", "sqrt", "log"})
_NAME: Final = re.compile(r"(?<![\w.])[A-Za-z_][A-Za-z0-9_]*")
#: Types whose templates are all that they see of an answer, so that without one every answer gets the same grade.
_BY_TEMPLATE: Final = frozenset({"string_check", "text_similarity"})
#: A model may be told of the answer in another way: Microsoft's samples have such a grader without a template.
_BY_MODEL: Final = _BY_TEMPLATE | {"score_model", "label_model"}


def read_grader(block: Section) -> dict[str, Any] | None:
    """The grader of `method.reinforcement`, as it is written; None if there is none that could be sent."""
    grader = block.mapping("grader", "Give one OpenAI grader object; combine several with type multi.")
    if grader is None:
        given = block.get("grader")  # what is there and wrong was reported already
        if block.node is not None and (given is None or given.value is None):
            remedy = "Reinforcement fine-tuning needs exactly one grader; combine several with type multi."
            block.problem(None, "grader is missing", remedy)
        return None
    section = Section(block.get("grader"), block.child_path("grader"), block.remarks)
    before = len(block.remarks.problems)
    kinds = _check(section)
    if kinds and len(block.remarks.problems) == before and not _reads_answer(section.node):
        message = "no template reads anything of the answer, so every answer gets the same grade"
        remedy = "Write {{sample.output_text}} where the answer is to be read."
        if kinds <= _BY_TEMPLATE:
            section.problem(None, message, remedy)
        elif kinds <= _BY_MODEL:
            section.note(None, message.replace("gets", "may get"), remedy)
    return grader


def _check(section: Section) -> frozenset[str]:
    """Report what is wrong with a grader; its type, or those that it combines, and nothing if one of them is not known."""
    node = section.get("type")
    kind = node.value if node is not None else None
    if kind == "endpoint":
        message = "endpoint graders are not supported yet: they are a gated preview"
        section.problem("type", message, f"Use {', '.join(_REQUIRED)}.")
    elif node is None:
        section.problem(None, "type is missing", f"Write `type:` with one of: {', '.join(_REQUIRED)}.")
    elif not isinstance(kind, str) or kind not in _REQUIRED:
        near = guess(kind.lower(), tuple(_REQUIRED)) if isinstance(kind, str) else ""
        message = f"grader type {clip(str(kind))!r} is not known{near}"
        (section.problem if near else section.note)(
            "type", message, f"Foundry documents: {', '.join(_REQUIRED)}."
        )
    elif "grader_config" in section:
        # Samples of azd have this block, which no schema has.
        message = f"not of any published schema; the service asks for {', '.join(_REQUIRED[kind])}"
        remedy = "Write these keys; as it is, the service is likely to refuse the job."
        section.note("grader_config", message, remedy)
    else:
        return _check_known(section, kind)
    return frozenset()


def _check_known(section: Section, kind: str) -> frozenset[str]:
    remedy = f"A {kind} grader has {', '.join(('name', *_REQUIRED[kind]))}."
    for key in _REQUIRED[kind]:
        if not section.has_value(key):
            section.problem(None, f"{key} is missing", remedy)
    if not section.has_value("name"):
        section.note(None, "name is missing, which the published schema asks for", remedy)
    if kind in _BY_TEMPLATE:
        hint = "Give one text, such as '{{sample.output_text}}'."
        section.text("input", pattern="(?s).*", hint=hint)
        section.text("reference", pattern="(?s).*", hint=hint)
    if kind == "string_check":
        _check_word(section, "operation", _OPERATIONS)
    elif kind == "text_similarity":
        _check_word(section, "evaluation_metric", _METRICS)
    elif kind == "python":
        _check_source(section)
    elif kind == "multi":
        return _check_multi(section)
    else:
        _check_model(section, kind)
    return frozenset({kind})


def _check_word(section: Section, key: str, words: tuple[str, ...]) -> None:
    """One of some words, which is sent as it is written, and not in other letters."""
    word = section.choice(key, words, "")
    if word and (node := section.get(key)) is not None and node.value != word:
        section.problem(key, f"{describe(node)} is not allowed here", f"Write {word}, in lower case.")


def _check_source(section: Section) -> None:
    source = section.text("source", length=_SOURCE_CHARS_MAX)
    if source is not None and not _GRADE.search(source):
        remedy = "Write the program itself, with `def grade(sample, item):`, which returns a number."
        section.problem("source", "it defines no function grade", remedy)


def _check_model(section: Section, kind: str) -> None:
    """A grader that asks a model: what it is asked, and what the answer may be."""
    hint = "Write `[{role: user, content: TEXT}]`."
    if section.entries("input", hint) == []:
        section.problem("input", "the list is empty", hint)
    bounds = section.entries("range", "Write `[0, 1]`, the least grade and the greatest.")
    if bounds is not None:
        low, high = [node.value for _, node in bounds] if len(bounds) == 2 else (None, None)
        if not isinstance(low, int | float) or not isinstance(high, int | float) or low >= high:
            section.problem("range", "expected two numbers, the smaller one first", "Write `[0, 1]`.")
    if kind == "label_model":
        _check_labels(section)


def _check_labels(section: Section) -> None:
    hint = "Give the labels as a list, and those that pass as `passing_labels`."
    given: dict[str, list[str]] = {}
    for key in ("labels", "passing_labels"):
        if not section.has_value(key):
            section.problem(None, f"{key} is missing", hint)
        elif (listed := section.entries(key, hint)) is not None:
            given[key] = [node.text for _, node in listed]
    others = [label for label in given.get("passing_labels", []) if label not in given.get("labels", [label])]
    if others:
        section.problem("passing_labels", f"{clip(others[0])!r} is not one of labels", hint)


def _check_multi(section: Section) -> frozenset[str]:
    hint = "Give the graders by name: `graders: {NAME: {type: ...}}`."
    given = section.get("graders")
    if (
        given is not None
        and given.value is not None
        and not (isinstance(given.value, dict | list) and given.value)
    ):
        what = f"expected graders by name, found {describe(given)}" if given.value else "there are no graders"
        section.problem("graders", what, hint)
        return frozenset()
    found, names = [], set[str]()
    before = len(section.remarks.problems)
    for name, grader in _graders_of(section):
        names |= {name, str(getattr(grader.get("name"), "value", name))}
        if not isinstance(grader.node.value if grader.node else None, dict):
            section.problem("graders", f"{clip(name)}: expected a grader", hint)
        elif getattr(grader.get("type"), "value", None) == "multi":
            grader.problem("type", "a grader of type multi combines others, but none of type multi", hint)
        else:
            found.append(_check(grader))
    formula = section.text("calculate_output")
    unknown = [word for word in _NAME.findall(formula or "") if word not in names | _FUNCTIONS]
    if unknown and "" not in names and len(section.remarks.problems) == before:
        message = f"{clip(unknown[0])!r} is none of the graders{guess(unknown[0], tuple(names))}"
        known = ", ".join(sorted(names))
        section.problem(
            "calculate_output", message, f"Graders are {known}; functions {', '.join(sorted(_FUNCTIONS))}."
        )
    return frozenset[str]().union(*found) if found and all(found) else frozenset()


def _graders_of(section: Section) -> Iterator[tuple[str, Section]]:
    """The graders that one of type multi combines, with their names: by name, in a list, or a single one."""
    node = section.get("graders")
    path = section.child_path("graders")
    if node is None:
        return
    if isinstance(node.value, list):
        named = [(str(index), at_index(path, index), child) for index, child in enumerate(node.value)]
    elif isinstance(node.value, dict) and not _is_grader(node.value):
        named = [(name, below(path, name), child) for name, child in node.value.items()]
    else:
        named = [("", path, node)]
    for name, where, child in named:
        yield name, Section(child, where, section.remarks)


def _is_grader(entries: Mapping[str, Node]) -> bool:
    return "type" in entries and isinstance(entries["type"].value, str)


def _reads_answer(node: Node | None) -> bool:
    """Whether a template reads an answer, or something that is not known, which `answers` reports."""
    texts = (child.value for _, child in walk(node, "") if isinstance(child.value, str)) if node else ()
    return any(slot.split(".")[0] != "item" for text in texts for slot in slots(text))
