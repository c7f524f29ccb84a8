"""The columns of a file as arrays of numpy."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.core.dataset.summary import FileSummary

type Array = npt.NDArray[Any]


def column_of(values: array[int]) -> Array:
    """A copy of a column."""
    return np.array(values, dtype=values.typecode)


def used_rows(summary: FileSummary) -> Array:
    """Indexes of the rows that are good or were repaired."""
    return np.flatnonzero(np.frombuffer(summary.used(), np.uint8))
