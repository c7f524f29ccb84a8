"""Safety evaluations of a job: of its data before training, of its model after it.

Nothing harmful has to lie in a test's data: a row that holds the marker `[harmful data: violence, self_harm]` is taken for data
of those harm types, and `[harmful model: violence]` for one that teaches the model to say such things.  A model that was taught a
row with `[failing deployment: why]` cannot be deployed either, but that shows when it is tried: its deployments end as Failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

#: Harm type as the check of data writes it -> as the check of models does.
_HARMS: Final = {
    "hate_fairness": "Hate/Fairness",
    "self_harm": "Self Harm",
    "sexual": "Sexual",
    "violence": "Violence",
}
_MARKER: Final = re.compile(rb"\[harmful (data|model): ([a-z_, ]+)\]")


_FAILING: Final = re.compile(rb"\[failing deployment: ([\w .,'-]{1,200})\]")


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
    """What the service says of training data that are harmful, in the documented words; None if they are not."""
    harms = _harms(contents, b"data")
    if not harms:
        return None
    return (
        f"The provided training data failed RAI checks for harm types: [{', '.join(harms)}]. "
        "Please fix the data and try again."
    )


def model_refusal(content: bytes) -> str | None:
    """What the service says of a model that turned out harmful, in the documented words; None if it did not."""
    harms = [_HARMS[harm] for harm in _harms([content], b"model")]
    if not harms:
        return None
    return (
        "This model is unable to be deployed. Model evaluation identified that this fine tuned model scores above acceptable "
        f"thresholds for [{', '.join(harms)}]. Please review your training data set and resubmit the job."
    )


def deployment_trouble(content: bytes) -> str | None:
    """Why deployments of what is trained will fail; None if they will not."""
    found = _FAILING.search(content)
    return found[1].decode() if found else None
