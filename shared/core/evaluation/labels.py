"""Labels: the equality that people mean, and macro-F1 over all of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from statistics import fmean
from typing import Final

from shared.core.evaluation.similarity import caseless

_SPACE: Final = re.compile(r"\s+")
#: What models put around a label: quotes, and the marks of bold text and of code.
_AROUND: Final = (
    *(('"', '"'), ("'", "'"), ("“", "”"), ("‘", "’"), ("„", "“"), ("«", "»"), ("‹", "›")),  # noqa: RUF001  # these very quotes
    *(("「", "」"), ("『", "』"), ("《", "》"), ("〈", "〉")),
    *(("`", "`"), ("**", "**")),
)
#: So many of them around each other are taken away; a text of quotes alone would take for ever.
_LAYERS_MAX: Final = 100
#: Full stops of several scripts.
_STOPS: Final = ".。．｡।"  # noqa: RUF001  # these very signs


def normalised(text: str) -> str:
    """A label without case, outer quotes and full stop; a text that has nothing else stays as it is.

    Signs such as `+`, `-`, `*` and `#` may be all that tells one label from another (A+, C#), so they stay.
    """
    label = _SPACE.sub(" ", caseless(text)).strip()
    for _ in range(_LAYERS_MAX):
        shorter = _without_ends(label)
        if shorter in {"", label}:
            break
        label = shorter
    return label


def _without_ends(label: str) -> str:
    for first, last in _AROUND:
        if len(label) > len(first) + len(last) and label.startswith(first) and label.endswith(last):
            return label[len(first) : -len(last)].strip()
    return label.rstrip(_STOPS).strip()


def label_match(given: str, reference: str) -> float:
    """1 if both are the same label."""
    label = normalised(reference)
    return float(bool(label) and normalised(given) == label)


def macro_f1(pairs: Iterable[tuple[str | None, str]]) -> float:
    """Mean over the labels of the references of the harmonic mean of precision and recall; 0 without references.

    Args:
        pairs: what was answered, None for no answer, and the reference.
    """
    right: Counter[str] = Counter()
    given: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    for answer, reference in pairs:
        label = normalised(reference)
        wanted[label] += 1
        if answer is not None:
            said = normalised(answer)
            given[said] += 1
            right[label] += said == label
    return fmean(2 * right[label] / (given[label] + wanted[label]) for label in wanted) if wanted else 0.0
