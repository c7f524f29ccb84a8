"""The grader of reinforcement fine-tuning: refused is what the service would refuse, when the dataset is uploaded already.

What is not known is a note, since Foundry may know more than this table.  Source of types, keys and values: openai-python,
`openai.types.graders`, 2.x; Microsoft's page on reinforcement fine-tuning has the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from shared.core.evaluation.templates import slots
from shared.core.json_path import at_index, below
from shared.core.pipeline.section import Section
from shared.core.pipeline.yaml import Node, walk

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
    elif not isinstance(kind, str) or kind not in _REQUIRED:
        message = f"grader type {kind!r} is not known" if node is not None else "type is missing"
        remedy = f"Foundry documents: {', '.join(_REQUIRED)}."
        section.note("type" if node is not None else None, message, remedy)
    elif "grader_config" in section:
        # Samples of azd have this block, which no schema has.
        message = f"not of any published schema; the service asks for {', '.join(_REQUIRED[kind])}"
        remedy = "Write these keys; as it is, the service is likely to refuse the job."
        section.note("grader_config", message, remedy)
    else:
        return _check_known(section, kind)
    return frozenset()


def _check_known(section: Section, kind: str) -> frozenset[str]:
    for key in _REQUIRED[kind]:
        if not section.has_value(key):
            remedy = f"A {kind} grader has {', '.join(('name', *_REQUIRED[kind]))}."
            section.problem(None, f"{key} is missing", remedy)
    if kind == "string_check":
        section.choice("operation", _OPERATIONS, "eq")
    elif kind == "text_similarity":
        section.choice("evaluation_metric", _METRICS, "bleu")
    elif kind == "multi":
        found = [_check(grader) for grader in _graders_of(section)]
        return frozenset[str]().union(*found) if all(found) else frozenset()
    return frozenset({kind})


def _graders_of(section: Section) -> Iterator[Section]:
    """The graders that one of type multi combines: by name, in a list, or a single one."""
    node = section.get("graders")
    path = section.child_path("graders")
    if node is None:
        return
    if isinstance(node.value, list):
        named = [(at_index(path, index), child) for index, child in enumerate(node.value)]
    elif isinstance(node.value, dict) and not _is_grader(node.value):
        named = [(below(path, name), child) for name, child in node.value.items()]
    else:
        named = [(path, node)]
    for where, child in named:
        if isinstance(child.value, dict):
            yield Section(child, where, section.remarks)


def _is_grader(entries: Mapping[str, Node]) -> bool:
    return "type" in entries and isinstance(entries["type"].value, str)


def _reads_answer(node: Node | None) -> bool:
    """Whether a template reads an answer, or something that is not known, which `answers` reports."""
    texts = (child.value for _, child in walk(node, "") if isinstance(child.value, str)) if node else ()
    return any(slot.split(".")[0] != "item" for text in texts for slot in slots(text))
