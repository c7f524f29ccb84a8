"""Graders of the evaluation, as a pipeline file names them."""

from __future__ import annotations

from typing import Any, Final

from shared.core.evaluation.graders import OPERATIONS, READY, completed, grader_problems
from shared.core.evaluation.similarity import METRICS
from shared.core.pipeline.section import Section, each_section

#: Keys that a grader must have.
_REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "string_check": ("type", "name", "input", "reference", "operation"),
    "text_similarity": ("type", "name", "input", "reference", "evaluation_metric"),
    **dict.fromkeys(READY, ("type",)),
}
#: Tuples, not sets: a value in the file may be a list, which cannot be looked up in a set.
_LATER: Final = ("score_model", "label_model", "python", "multi")
_LATER_METRICS: Final = ("cosine", "meteor")


def read_graders(section: Section) -> tuple[dict[str, Any], ...]:
    """`graders` of the evaluation: grader objects whose structure is right; none if absent: then the held-out rows tell."""
    hint = "Write a list of graders, such as [{type: label_match}]."
    items = section.entries("graders", hint)
    if items is None:
        return ()
    if not items:
        remedy = "Leave the key out for graders that fit the data."
        section.problem("graders", "no grader, so nothing could be compared", remedy)
    read = [_read_grader(item) for item in each_section(items, section.remarks, hint)]
    graders = tuple(g for g in read if g is not None)
    names = [g["name"] for g in graders]
    for name in sorted({n for n in names if names.count(n) > 1}):
        section.problem("graders", f"two graders are called {name!r}", "Give each its own name.")
    return graders


def _read_grader(item: Section) -> dict[str, Any] | None:
    before = len(item.remarks.problems)
    kind = _read_type(item)
    if kind is None:
        return None
    for key in _REQUIRED[kind]:
        if key not in item:
            item.problem(None, f"{key} is missing", f"A {kind} grader has: {', '.join(_REQUIRED[kind])}.")
    grader = completed({"type": kind})
    name_hint = "A name has 1 to 64 letters, digits, dots, hyphens or underscores."
    grader["name"] = item.text("name", grader.get("name"), pattern=r"[A-Za-z0-9._-]{1,64}", hint=name_hint)
    template_hint = "A template such as {{sample.output_text}} or {{item.reference}}."
    for key in ("input", "reference"):
        grader[key] = item.text(key, grader.get(key), hint=template_hint)
    if kind == "string_check":
        grader |= _string_check(item)
    elif kind == "text_similarity":
        grader |= _text_similarity(item)
    item.finish()
    if len(item.remarks.problems) == before:  # its structure is right: can it be run?
        for problem in grader_problems(grader):
            hint = "Use {{sample.output_text}}, {{item.reference}} or a field of the rows."
            item.problem(problem.path, problem.message, hint)
    return grader if len(item.remarks.problems) == before else None


def _read_type(item: Section) -> str | None:
    """The type of a grader, if it is one that is run here; else a problem was reported."""
    remedy = f"Use {' or '.join(_REQUIRED)}."
    node = item.given("type")
    if node is None:
        item.problem(None, "type is missing", remedy)
        return None
    if node.value in _LATER:
        item.problem("type", f"{node.value} is not available in evaluation yet", remedy)
        return None
    return item.choice("type", tuple(_REQUIRED), "") or None


def _string_check(item: Section) -> dict[str, Any]:
    return {"operation": item.choice("operation", tuple(OPERATIONS), "eq")}


def _text_similarity(item: Section) -> dict[str, Any]:
    node = item.get("evaluation_metric")
    if node is not None and node.value in _LATER_METRICS:
        item.take("evaluation_metric")
        message = f"{node.value} is not available in evaluation yet"
        item.problem("evaluation_metric", message, f"Use {', '.join(METRICS)}.")
        return {}
    fields: dict[str, Any] = {
        "evaluation_metric": item.choice("evaluation_metric", tuple(METRICS), "rouge_l")
    }
    threshold = item.number_or_none("pass_threshold", None, 0, 1)
    return fields if threshold is None else fields | {"pass_threshold": threshold}
