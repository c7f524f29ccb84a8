"""What the grader of reinforcement fine-tuning reads of an answer, held against the schema that answers must follow.

Foundry judges a grader when the job is created, but not whether its templates find anything: then answers are paid for that
nobody can grade.  What cannot be right is a problem; what is merely unusual is a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from shared.core.evaluation.templates import is_closed, slots
from shared.core.json_path import steps_of
from shared.core.json_schema import Schemas
from shared.core.pipeline.remarks import Remark, Remarks
from shared.core.pipeline.section import Section, guess
from shared.core.pipeline.yaml import Node, clip, walk

#: What a sample has, by OpenAI's guide to graders.
_SAMPLE: Final = ("output_text", "output_json", "output_tools", "output_audio", "choices")
_NAMESPACES: Final = ("item", "sample")
#: Keywords that are not looked into: what a schema with one of them allows is not known here.
_OTHER_KEYWORDS: Final = frozenset(
    {"$ref", "$dynamicRef", "anyOf", "oneOf", "allOf", "if", "patternProperties"}
)


def check_answers(block: Section, response_format: dict[str, Any] | None) -> None:
    """Report templates of a grader that no answer fills, and a schema of the answers that is not a JSON schema.

    Args:
        block: `method.reinforcement`.
        response_format: what stands there, as it is; None if nothing does.
    """
    schema = None if response_format is None else _read_schema(block, response_format)
    has_format = response_format is not None and response_format.get("type") != "text"
    grader = block.get("grader")
    if grader is None:
        return
    for path, node in walk(grader, block.child_path("grader")):
        if isinstance(node.value, str) and not path.endswith(".source"):
            template = _Template(path, node, node.value, block.remarks)
            template.check(schema, has_format=has_format)


def read_response_format(block: Section, given: dict[str, Any] | None) -> dict[str, Any] | None:
    """The format of the answers as it is sent.

    Microsoft's page on reinforcement fine-tuning prints name, schema and strict beside the type, as the responses interface has
    them; a job has them below `json_schema`.
    """
    if given is None or given.get("type") != "json_schema" or "json_schema" in given or "schema" not in given:
        return given
    section = Section(block.get("response_format"), block.child_path("response_format"), block.remarks)
    section.note(
        "schema", "name, schema and strict are sent below json_schema", "Write them there when you like."
    )
    return {
        "type": "json_schema",
        "json_schema": {key: value for key, value in given.items() if key != "type"},
    }


_WRITTEN: Final = "Write `json_schema: {name: NAME, strict: true, schema: {type: object, ...}}`."
#: Types of JSON schemas, which a format of answers has not.
_SCHEMA_TYPES: Final = ("object", "array", "string", "number", "integer", "boolean")


def _report_type(section: Section, kind: Any) -> None:
    """Report a format of answers that is neither text nor a JSON schema; what may be new is a note."""
    documented = "Foundry documents text and json_schema."
    if kind == "json_object":
        section.note("type", "answers are JSON without a schema", documented)
    elif "type" not in section:
        is_nested = section.has_value("format")
        remedy = "Write what is in format itself." if is_nested else f"Write `type: json_schema`. {_WRITTEN}"
        section.problem(None, "type is missing", remedy)
    elif kind in _SCHEMA_TYPES:
        section.problem(
            "type",
            "a JSON schema stands where its format is expected",
            f"Write `type: json_schema`. {_WRITTEN}",
        )
    else:
        near = guess(str(kind).lower(), ("text", "json_schema", "json_object"))
        report = section.problem if near else section.note
        report("type", f"type {clip(str(kind))!r} is not known{near}", documented)


def _read_schema(block: Section, response_format: dict[str, Any]) -> dict[str, Any] | None:
    """The JSON schema of the answers; None if there is none, or none that templates could be held against."""
    section = Section(block.get("response_format"), block.child_path("response_format"), block.remarks)
    kind = response_format.get("type")
    if kind == "text":
        return None  # as if it were left out
    if kind != "json_schema":
        _report_type(section, kind)
        return None
    holder = section.section("json_schema") if "json_schema" in section else section
    if holder.node is None:
        return None
    if not holder.has_value("schema"):
        is_schema = holder is not section and (holder.has_value("properties") or holder.has_value("type"))
        holder.problem(
            None, "the schema itself stands here" if is_schema else "the schema is missing", _WRITTEN
        )
        return None
    schema = holder.mapping("schema", _WRITTEN)
    if schema is None:
        return None
    if not holder.has_value("name"):
        holder.problem(
            None, "name is missing", "Write `name: answer` beside schema; the service asks for it."
        )
    holder.text(
        "name", pattern=r"[A-Za-z0-9_-]{1,64}", hint="Use 1 to 64 letters, digits, hyphens or underscores."
    )
    holder.flag("strict", default=True)
    fault = Schemas().of(schema).fault
    if fault is not None:
        message = f"not a valid JSON schema at schema{fault[0]}: {fault[1]}"
        section.problem("json_schema", message, "Correct it.")
        return None
    return schema


@dataclass(frozen=True, slots=True)
class _Template:
    """One text of a grader.

    Attributes:
        path: where it stands in the file.
        node: its node.
        text: the text.
        remarks: where problems and notes go.
    """

    path: str
    node: Node
    text: str
    remarks: Remarks

    def check(self, schema: dict[str, Any] | None, *, has_format: bool) -> None:
        """Report what is wrong with its slots."""
        if not is_closed(self.text):
            self._report("{{ is never closed by }}", "Close it, or the braces are taken for text.")
        for slot in dict.fromkeys(slots(self.text)):
            self._check_slot(slot, schema, has_format=has_format)
            if any(isinstance(step, int) for step in steps_of(slot)):
                # OpenAI's guide shows indexes; Microsoft's notes on validate_rft.py advise against them.
                message = f"{{{{{clip(slot)}}}}} has an index, which Foundry was reported not to take"
                remedy = "Put what the grader reads into a field of its own, if the job is refused."
                self._report(message, remedy)

    def _check_slot(self, slot: str, schema: dict[str, Any] | None, *, has_format: bool) -> None:
        shown = f"{{{{{clip(slot)}}}}}"
        steps = steps_of(slot)
        if len(steps) < 2 or steps[0] not in _NAMESPACES:
            message = (
                f"{shown} is neither {{{{item.FIELD}}}} nor {{{{sample.output_text}}}}, so it reads nothing"
            )
            self._report(message, "Correct it.", is_sure=True)
        elif steps[0] == "sample" and steps[1] not in _SAMPLE:
            message = f"{shown} reads nothing: a sample has {_unknown(str(steps[1]), _SAMPLE)}"
            self._report(message, f"A sample has {', '.join(_SAMPLE)}.", is_sure=True)
        elif steps[:2] == ("sample", "output_json"):
            if not has_format:
                remedy = "Add response_format with a JSON schema, unless the prompt makes every answer JSON."
                message = (
                    f"{shown} finds nothing in an answer that is not JSON, and no response_format asks for it"
                )
                self._report(message, remedy)
            elif schema is not None and (missing := _missing(schema, steps[2:])):
                remedy = "Correct the template, or the schema in response_format."
                self._report(f"{shown}: {missing.reason}", remedy, is_sure=missing.is_sure)

    def _report(self, message: str, remedy: str, *, is_sure: bool = False) -> None:
        remark = Remark.at(self.node.position, self.path, message, remedy)
        (self.remarks.problems if is_sure else self.remarks.notes).append(remark)


class _Missing(NamedTuple):
    """Why a path leads to nothing, and whether that is sure."""

    reason: str
    is_sure: bool


def _missing(schema: Any, steps: tuple[str | int, ...]) -> _Missing | None:
    """Why values of a schema have nothing at a path; None if they may have something."""
    at = schema
    for step in steps:
        if not isinstance(at, dict) or at.keys() & _OTHER_KEYWORDS:
            return None
        kinds = [at["type"]] if isinstance(at.get("type"), str) else at.get("type") or []
        wanted = "array" if isinstance(step, int) else "object"
        if kinds and wanted not in kinds:
            reason = (
                f"{step!r} is read from {wanted}s, but there the schema has {' or '.join(map(str, kinds))}"
            )
            return _Missing(reason, is_sure=True)
        if isinstance(step, int):
            at = at.get("items")
            continue
        fields = at.get("properties")
        if not isinstance(fields, dict):
            return None
        if step not in fields:
            is_sure = at.get("additionalProperties") is False
            return _Missing(f"the schema of the answer has {_unknown(step, tuple(fields))}", is_sure)
        at = fields[step]
    return None


def _unknown(name: str, known: tuple[str, ...]) -> str:
    return f"no {clip(name)!r}{guess(name, known)}"
