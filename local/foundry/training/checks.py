"""What the service finds in a job's files before it trains: rows that the method cannot learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from local.foundry.common.rows import each_pair, each_preference, each_question
from local.foundry.graders import grading, templates

EXAMPLES_MIN: Final = 10
_READERS: Final[dict[str, Callable[[bytes], Iterator[Any]]]] = {
    "supervised": each_pair,
    "dpo": each_preference,
    "reinforcement": each_question,
}


def check_rows(job: dict[str, Any], param: str, content: bytes) -> None:
    """Look at all rows of one file of a job.

    Raises:
        ValueError: that says what is wrong, to be put behind the name of the file.
    """
    try:
        count = sum(1 for _ in _READERS[job["method"]](content))
    except ValueError as error:
        msg = f": {error}"
        raise ValueError(msg) from error
    if param == "training_file" and count < EXAMPLES_MIN:
        msg = f" has {count} examples, at least {EXAMPLES_MIN} are needed."
        raise ValueError(msg)
    if job["method"] == "reinforcement":
        _check_slots(job["more"]["grader"], content)


def _check_slots(grader: dict[str, Any], content: bytes) -> None:
    """Every row must fill the templates of the grader."""
    slots = sorted(grading.item_slots(grader))
    for number, row in enumerate(each_question(content), start=1):
        for slot in slots:
            if not templates.has_value(row.item, slot):
                msg = f": Row {number} has no value for {{{{{slot}}}}}, which the grader names."
                raise ValueError(msg)
