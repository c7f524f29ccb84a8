"""What the service checks beside the fit: the rows of a job's files, the safety of its data, and that of its model.

A test needs no harmful data.  A row with the marker `[harmful data: violence, self_harm]` counts as data of those harm types, and
one with `[harmful model: violence]` makes the model say such things once it is trained.  A model whose data holds
`[failing deployment: why]` is trained without trouble, but its deployments end as Failed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from local.foundry.common.rows import each_pair, each_preference, each_question
from local.foundry.graders import grading, templates

EXAMPLES_MIN: Final = 10
_READERS: Final[dict[str, Callable[[bytes], Iterator[Any]]]] = {
    "supervised": each_pair,
    "dpo": each_preference,
    "reinforcement": each_question,
}
#: A harm type as the check of data writes it -> as the check of models writes it.
_HARMS: Final = {
    "hate_fairness": "Hate/Fairness",
    "self_harm": "Self Harm",
    "sexual": "Sexual",
    "violence": "Violence",
}
_MARKER: Final = re.compile(rb"\[harmful (data|model): ([a-z_, ]+)\]")
_FAILING: Final = re.compile(rb"\[failing deployment: ([\w .,'-]{1,200})\]")


def check_rows(job: dict[str, Any], param: str, content: bytes) -> None:
    """Check all rows of one file of a job.

    Raises:
        ValueError: for rows that the method cannot learn from; its message continues the name of the file.
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
    """Check that every row can fill the templates of the grader."""
    slots = sorted(grading.item_slots(grader))
    for number, row in enumerate(each_question(content), start=1):
        for slot in slots:
            if not templates.has_value(row.item, slot):
                msg = f": Row {number} has no value for {{{{{slot}}}}}, which the grader names."
                raise ValueError(msg)


def _harms(contents: Iterable[bytes], of: bytes) -> list[str]:
    named = {
        word.strip()
        for content in contents
        for kind, words in _MARKER.findall(content)
        if kind == of
        for word in words.decode().split(",")
    }
    return [harm for harm in _HARMS if harm in named]


def data_refusal(*contents: bytes) -> str | None:
    """Why training data are refused as harmful, in the documented words; None if they are not."""
    harms = _harms(contents, b"data")
    if not harms:
        return None
    return (
        f"The provided training data failed RAI checks for harm types: [{', '.join(harms)}]. "
        "Please fix the data and try again."
    )


def model_refusal(content: bytes) -> str | None:
    """Why a trained model is refused as harmful, in the documented words; None if it is not."""
    harms = [_HARMS[harm] for harm in _harms([content], b"model")]
    if not harms:
        return None
    return (
        "This model is unable to be deployed. Model evaluation identified that this fine tuned model scores above acceptable "
        f"thresholds for [{', '.join(harms)}]. Please review your training data set and resubmit the job."
    )


def deployment_trouble(content: bytes) -> str | None:
    """Why deployments of the trained model will fail; None if they will not."""
    found = _FAILING.search(content)
    return found[1].decode() if found else None
