"""Rules about a file as a whole, and about files that are something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from shared.core.dataset.format import method_of
from shared.core.dataset.limits import TRAINING_EXAMPLES_MIN, FileFacts
from shared.core.dataset.reading.foreign_formats import foreign_binary, foreign_text
from shared.core.dataset.reading.foreign_lines import foreign_lines
from shared.core.dataset.reading.foreign_rows import vendor_of
from shared.core.dataset.rulebook import Issue, Problem, Scope, Severity, rule
from shared.core.spec import MethodType


@rule("DS001", Severity.ERROR, "Drop a file with one JSON object per line.", is_hard=True, on=Scope.FILE)
def empty_file(file: FileFacts) -> Iterator[Problem]:
    """The file has at least one row.

    A file without rows usually means that an export failed half-way.

    Bad:
        b''
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if not file.rows and not file.has_error:
        yield Problem(None, "the file has no rows")


@rule(
    "DS004",
    Severity.ERROR,
    "Train on fewer rows; more rows than this rarely help.",
    is_hard=True,
    on=Scope.FILE,
)
def file_too_large(file: FileFacts) -> Iterator[Problem]:
    """The file is at most 512 MB, Foundry's limit.

    The portal takes 200 MB; this app uploads through the API, which takes 512 MB (quotas and limits, 2026-02-17).

    Bad (file_bytes=100):
        {"messages": [{"role": "user", "content": "Hello, how are you?"}, {"role": "assistant", "content": "Well."}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if file.size_bytes > file.limits.file_bytes_max:
        yield Problem(None, f"{file.size_bytes:,} bytes, at most {file.limits.file_bytes_max:,}")


@rule(
    "DS005",
    Severity.WARNING,
    "Larger uploads over the project endpoint were seen to fail; make it smaller.",
    on=Scope.FILE,
)
def file_large(file: FileFacts) -> Iterator[Problem]:
    """The file is at most 150 MB.

    Larger uploads over a project's endpoint were seen to be accepted and to fail with 500 while the job runs.

    Bad (upload_bytes=100):
        {"messages": [{"role": "user", "content": "Hello, how are you?"}, {"role": "assistant", "content": "Well."}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if file.limits.upload_bytes_warn < file.size_bytes <= file.limits.file_bytes_max:
        yield Problem(None, f"{file.size_bytes:,} bytes")


@rule("DS096", Severity.ERROR, "Train on fewer rows.", is_hard=True, on=Scope.FILE)
def too_many_rows(file: FileFacts) -> Iterator[Problem]:
    """The file has at most 2,000,000 rows.

    Later rows are not looked at: each takes memory, whatever is in it.  A file of 512 MB with the shortest rows that can be
    trained on would have three times as many.

    Bad (rows=1):
        2 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if file.has_more_rows:
        yield Problem(None, f"more than {file.limits.rows_max:,} rows; the others were not looked at")


@rule(
    "DS006",
    Severity.ERROR,
    "Add examples: Foundry starts no job with fewer than 10, and 50 to 100 make a difference.",
    is_hard=True,
    on=Scope.SEVERAL,
)
def too_few_examples(left: int, held_out: int, rows: int) -> Iterator[Problem]:
    """At least 10 examples are left for training.

    Foundry starts no job with fewer.  Rows that are put into quarantine or removed as duplicates do not count, nor those that are held
    out for the validation of reinforcement fine-tuning; rows with errors do, since they are there again once they are corrected.
    Where all rows have errors it is silent.  Rows for the comparison are not held out where too few would be left (DS105).

    Bad:
        9 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
    Good:
        20 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
    """
    if not rows or left >= TRAINING_EXAMPLES_MIN:
        return
    held = f" after {held_out} are held out" if held_out else ""
    missing = TRAINING_EXAMPLES_MIN - left
    remedy = f"Add at least {missing} example{'s' if missing > 1 else ''}; 50 to 100 make a difference."
    if left + held_out >= TRAINING_EXAMPLES_MIN:  # reinforcement rows, of which some have to be held out
        remedy += " Or drop a validation file beside it, so that none are held out."
    message = f"{left} examples are left for training{held}, at least {TRAINING_EXAMPLES_MIN} are needed"
    yield Problem(None, message, None, remedy)


@rule(
    "DS105",
    Severity.WARNING,
    "Drop `evaluation.jsonl` beside it, or write `dataset: {evaluation: {split: 0}}` if nothing is to be compared.",
    on=Scope.SEVERAL,
)
def nothing_held_out(held_out: int, rows: int, wanted: int, trained: int) -> Iterator[Problem]:
    """Rows can be held out for the comparison.

    Without such rows and without an evaluation file the model can be trained, and nothing can be compared: it cannot be shown to be
    better.  None are held out if fewer than 10 rows would be left for training, or if all rows belong together, because they ask the
    same, are equal or nearly so.

    Bad:
        10 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
    Good:
        20 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
    """
    if held_out or rows < TRAINING_EXAMPLES_MIN:
        return
    why = (
        f"without {wanted} of them fewer than {TRAINING_EXAMPLES_MIN} would be left for training"
        if trained - wanted < TRAINING_EXAMPLES_MIN
        else "they belong together, since they ask the same, are equal or nearly so, and only whole groups are held out"
    )
    yield Problem(None, f"none of {rows} rows is held out, so nothing can be compared: {why}")


@rule("DS009", Severity.ERROR, "Drop `validation.jsonl` beside it, first.", is_hard=True, on=Scope.SEVERAL)
def validation_required(*, has_validation: bool) -> Iterator[Problem]:
    """A validation file lies beside the training file.

    Only for pipelines that say `validation: required`.  Companions are `validation.jsonl` or `NAME.validation.jsonl` in the
    folder of `NAME.jsonl`.

    Bad (validation=required):
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good (validation=required):
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
        validation: {"messages": [{"role": "user", "content": "Bye"}, {"role": "assistant", "content": "Goodbye"}]}
    """
    if not has_validation:
        yield Problem(None, "the pipeline requires a validation file, there is none")


@rule("DS020", Severity.ERROR, "Unpack or convert it to JSON Lines in UTF-8.", is_hard=True, on=Scope.SEVERAL)
def not_text(head: bytes) -> Iterator[Problem]:
    r"""The file is text.

    Archives, workbooks, Parquet, PDF and UTF-16 or UTF-32 text are named for what they are, with the way out; one finding
    instead of one per line.

    Bad:
        b'\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03'
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if (found := foreign_binary(head)) is not None:
        yield found


@rule("DS021", Severity.ERROR, "Write one JSON object per line.", is_hard=True, on=Scope.SEVERAL)
def other_text_format(head: bytes) -> Iterator[Problem]:
    """The file is JSON Lines.

    A JSON array, pretty-printed JSON, CSV, YAML, HTML or plain text is named for what it is; so are lines that all end with a comma,
    that Python printed, that stand in the quotation marks of CSV, or that are encoded more than once.

    Bad:
        prompt,completion
        What is 2 + 2?,4
    Good:
        {"messages": [{"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": "4"}]}
    """
    if (found := foreign_text(head)) is not None:
        yield found


def rows_written_otherwise(lines: Sequence[bytes]) -> list[Issue]:
    """Rule DS021 about the first lines of a file that are not blank."""
    problem = foreign_lines(lines)
    return [] if problem is None else [Issue(other_text_format, problem)]


@rule(
    "DS022",
    Severity.ERROR,
    "Drop it into a pipeline of that method, or convert it.",
    is_hard=True,
    on=Scope.SEVERAL,
)
def other_method(row: dict[str, Any], method: MethodType) -> Iterator[Problem]:
    """The data fits the pipeline's method.

    Judged by the first row: `preferred_output` is preference data, messages that end with the user and further fields are
    reinforcement data, messages that end with the assistant are supervised data.

    Bad:
        {"input": {"messages": [{"role": "user", "content": "Hi"}]}, "preferred_output": [{"role": "assistant", "content": "Hello"}], "non_preferred_output": [{"role": "assistant", "content": "No"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    found = method_of(row)
    if found is not None and found is not method:
        message = f"this is {_METHOD_DATA[found]}, but the pipeline's method is {method.value}"
        remedy = f"Drop it into a pipeline with `method: {{type: {found.value}, ...}}`, or convert it."
        yield Problem(None, message, None, remedy)


@rule("DS023", Severity.ERROR, 'Convert rows to {"messages": [...]}.', is_hard=True, on=Scope.SEVERAL)
def other_vendor(row: dict[str, Any], method: MethodType) -> Iterator[Problem]:
    """Rows have OpenAI's chat format.

    Judged by the first row.  Rows of prompt/completion, question/answer, ShareGPT, Alpaca, Hugging Face preference, Gemini, Claude,
    Bedrock, the Responses interface, batch files and exports of chats are named, with the conversion that they need; so are rows for
    an evaluation, questions and answers under other names, and messages or rows that stand in another key.

    Bad:
        {"question": "What is 2 + 2?", "answer": "4"}
    Good:
        {"messages": [{"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": "4"}]}
    """
    if (found := vendor_of(row, method)) is not None:
        yield found


_METHOD_DATA = {
    MethodType.SUPERVISED: "supervised data (messages that end with the assistant)",
    MethodType.DPO: "preference data (preferred_output and non_preferred_output)",
    MethodType.REINFORCEMENT: "reinforcement data (messages that end with the user, and further fields)",
}
