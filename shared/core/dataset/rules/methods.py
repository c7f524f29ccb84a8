"""Rules about preference rows and reinforcement rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.core.dataset.format import ROLES
from shared.core.dataset.limits import LINE_BYTES_MAX, FileFacts
from shared.core.dataset.rulebook import Problem, Scope, Severity, rule
from shared.core.dataset.rules.messages import found, misspelt
from shared.core.evaluation.templates import item_slots, slot_value
from shared.core.spec import MethodType

_OUTPUT_ROLES: Final = ("assistant", "tool")


@rule(
    "DS060",
    Severity.ERROR,
    'Write "input": {"messages": [...]}.',
    is_hard=True,
    on=Scope.ROW,
    methods=[MethodType.DPO],
)
def missing_input(row: dict[str, Any]) -> Iterator[Problem]:
    """A preference row has input.messages.

    Bad (method=dpo):
        {"messages": [{"role": "user", "content": "Hi"}], "preferred_output": [{"role": "assistant", "content": "Hello"}], "non_preferred_output": [{"role": "assistant", "content": "No"}]}
    Good (method=dpo):
        {"input": {"messages": [{"role": "user", "content": "Hi"}]}, "preferred_output": [{"role": "assistant", "content": "Hello"}], "non_preferred_output": [{"role": "assistant", "content": "No"}]}
    """
    given = row.get("input")
    if not isinstance(given, dict):
        what = "nothing" if "input" not in row else found(given).removeprefix("found ")
        yield Problem(
            "input",
            f"expected an object, found {what}",
            None,
            _instead_of_input(row),
        )


def _instead_of_input(row: dict[str, Any]) -> str | None:
    """What to do where something else stands in place of the input."""
    if "input" in row:
        return (
            'Write "input": {"messages": [...]} around the list.' if isinstance(row["input"], list) else None
        )
    return "Move messages into input." if "messages" in row else misspelt("input", row.keys())


@rule(
    "DS061",
    Severity.ERROR,
    'Write [{"role": "assistant", "content": ...}].',
    is_hard=True,
    on=Scope.FIRST,
    methods=[MethodType.DPO],
)
def invalid_output(output: Any, at: str) -> Iterator[Problem]:
    """Both outputs are lists with an assistant message.

    Only assistants and tools speak in an output.

    Bad (method=dpo):
        {"input": {"messages": [{"role": "user", "content": "Hi"}]}, "preferred_output": "Hello", "non_preferred_output": [{"role": "assistant", "content": "No"}]}
    Good (method=dpo):
        {"input": {"messages": [{"role": "user", "content": "Hi"}]}, "preferred_output": [{"role": "assistant", "content": "Hello"}], "non_preferred_output": [{"role": "assistant", "content": "No"}]}
    """
    if not isinstance(output, list) or not output:
        what = (
            "an empty list"
            if output == []
            else "nothing"
            if output is None
            else found(output).removeprefix("found ")
        )
        yield Problem(at, f"expected a list of messages, found {what}")
        return
    roles = [message.get("role") for message in output if isinstance(message, dict)]
    if any(role not in ROLES for role in roles):
        return  # DS033 says which role is not known
    for role in sorted({str(role) for role in roles if role not in _OUTPUT_ROLES}):
        yield Problem(at, f"only assistant and tool may speak here, not {role}", "")
    if set(roles) <= {"tool"}:
        yield Problem(at, "no assistant message", "")


@rule(
    "DS062", Severity.WARNING, "Remove the row: it prefers nothing.", on=Scope.ROW, methods=[MethodType.DPO]
)
def same_outputs(row: dict[str, Any]) -> Iterator[Problem]:
    """The two outputs differ.

    Outputs that differ in white space or case alone teach the model to prefer just that.

    Bad (method=dpo):
        {"input": {"messages": [{"role": "user", "content": "Hi"}]}, "preferred_output": [{"role": "assistant", "content": "Hello"}], "non_preferred_output": [{"role": "assistant", "content": "Hello"}]}
    Good (method=dpo):
        {"input": {"messages": [{"role": "user", "content": "Hi"}]}, "preferred_output": [{"role": "assistant", "content": "Hello"}], "non_preferred_output": [{"role": "assistant", "content": "No"}]}
    """
    preferred, other = row.get("preferred_output"), row.get("non_preferred_output")
    if not preferred:
        return
    if preferred == other:
        yield Problem("preferred_output", "both outputs are the same")
    elif all(_plain(preferred, words) == _plain(other, words) for words in (_WORDS_FIRST, _ALL_WORDS)):
        yield Problem("preferred_output", "the outputs differ in white space or case only")


#: Outputs that differ mostly do so in their first words, so these are compared first.
_WORDS_FIRST: Final = 4
_ALL_WORDS: Final = LINE_BYTES_MAX


def _plain(value: Any, words: int) -> Any:
    """A value without differences of white space and case, with so many words of its texts."""
    match value:
        case str():
            return " ".join(value.split(None, words)[:words]).casefold()
        case list():
            return [_plain(item, words) for item in value]
        case dict():
            return {key: _plain(item, words) for key, item in value.items()}
        case _:
            return value


@rule(
    "DS063",
    Severity.WARNING,
    "Graders read these fields; fill in the missing ones.",
    on=Scope.ROW_OF_FILE,
    methods=[MethodType.REINFORCEMENT],
)
def other_fields(fields: frozenset[str], expected: frozenset[str]) -> Iterator[Problem]:
    """Every row has the same extra fields.

    The fields of the first row without errors count; rows with errors are not looked at.  A grader gives no points, or fails, where a field is missing.

    Bad (method=reinforcement):
        {"messages": [{"role": "user", "content": "2 + 2?"}], "answer": "4"}
        {"messages": [{"role": "user", "content": "2 + 3?"}], "reference": "5"}
    Good (method=reinforcement):
        {"messages": [{"role": "user", "content": "2 + 2?"}], "answer": "4"}
        {"messages": [{"role": "user", "content": "2 + 3?"}], "answer": "5"}
    """
    for field in sorted(expected - fields)[:5]:
        yield Problem(None, f"field {field[:60]!r} of the first row is missing", "")
    for field in sorted(fields - expected)[:5]:
        yield Problem(None, f"field {field[:60]!r} is not in the first row", "")


@rule(
    "DS064",
    Severity.ERROR,
    "Drop a validation file beside it, or set a split above 0.",
    is_hard=True,
    on=Scope.SEVERAL,
    methods=[MethodType.REINFORCEMENT],
)
def validation_needed(validation_rows: int, rows: int = 0, wanted: int = 0) -> Iterator[Problem]:
    """Reinforcement fine-tuning has validation rows.

    The service starts no such job without a validation file.

    Bad (method=reinforcement; validation=0):
        20 x {"messages": [{"role": "user", "content": "{i} + 2?"}], "answer": "{i}"}
    Good (method=reinforcement):
        20 x {"messages": [{"role": "user", "content": "{i} + 2?"}], "answer": "{i}"}
    """
    if not validation_rows:
        is_one = rows > 1 and wanted
        why = ": all rows belong together, since they ask the same, are equal or nearly so" if is_one else ""
        remedy = "Drop a validation file beside it." if is_one else None
        yield Problem(None, f"there are no validation rows{why}", None, remedy)


@rule(
    "DS075",
    Severity.ERROR,
    "Add the field to the row, or correct the template in the pipeline file.",
    on=Scope.GRADED_ROW,
    methods=[MethodType.REINFORCEMENT],
)
def unresolved_template(row: dict[str, Any], templates: tuple[str, ...]) -> Iterator[Problem]:
    """The templates of the grader find their fields in every row.

    A grader that reads `{{item.answer}}` cannot judge a row without `answer`.

    Bad (method=reinforcement; template={{item.answer}}):
        {"messages": [{"role": "user", "content": "2 + 2?"}], "reference": "4"}
    Good (method=reinforcement; template={{item.answer}}):
        {"messages": [{"role": "user", "content": "2 + 2?"}], "answer": "4"}
    """
    seen: set[str] = set()
    for template in templates:
        for slot in item_slots(template):
            if slot not in seen and slot_value(row, slot) is None:
                seen.add(slot)
                yield Problem(
                    slot.removeprefix("item."), f"the grader reads {{{{{slot}}}}}, which this row lacks", ""
                )


@rule(
    "DS076",
    Severity.WARNING,
    "Check the field; a grader that always compares with the same value teaches that value.",
    on=Scope.FILE,
    methods=[MethodType.REINFORCEMENT],
)
def constant_values(file: FileFacts) -> Iterator[Problem]:
    """What the grader compares with differs between rows.

    Looked at: the fields that the grader's templates read, if at least 10 rows without errors have them.

    Bad (method=reinforcement; template={{item.answer}}):
        12 x {"messages": [{"role": "user", "content": "{i} + 2?"}], "answer": "4"}
    Good (method=reinforcement; template={{item.answer}}):
        12 x {"messages": [{"role": "user", "content": "{i} + 2?"}], "answer": "{i}"}
    """
    for slot, distinct in sorted(file.slot_values.items()):
        if file.compared_rows >= 10 and distinct == 1:
            yield Problem(None, f"{slot} is the same in all {file.compared_rows} rows that have it")


@rule(
    "DS077",
    Severity.WARNING,
    "Fill in the field, or remove the row.",
    on=Scope.GRADED_ROW,
    methods=[MethodType.REINFORCEMENT],
)
def empty_field(row: dict[str, Any], templates: tuple[str, ...]) -> Iterator[Problem]:
    """Fields that graders read are not empty.

    An empty reference is like everything, or like nothing, depending on the grader.

    Bad (method=reinforcement; template={{item.answer}}):
        {"messages": [{"role": "user", "content": "2 + 2?"}], "answer": " "}
    Good (method=reinforcement; template={{item.answer}}):
        {"messages": [{"role": "user", "content": "2 + 2?"}], "answer": "4"}
    """
    for slot, value in dict(slot_values(row, templates)).items():
        if value is not None and is_nothing(value):
            yield Problem(
                slot.removeprefix("item."), f"the grader reads {{{{{slot}}}}}, which is empty here", ""
            )


def is_nothing(value: Any) -> bool:
    """Whether a field is missing or empty, so that nothing can be compared with it."""
    return value in (None, [], {}) or (isinstance(value, str) and not value.strip())


def slot_values(row: dict[str, Any], templates: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """What the slots of the grader's templates hold in a row."""
    for template in templates:
        for slot in item_slots(template):
            yield slot, slot_value(row, slot)
