"""How far a run came by one advance: what the triggers go by."""

from __future__ import annotations

from enum import Enum, auto


class Progress(Enum):
    """How an advance ended."""

    WAITING = auto()
    """Nothing to do until something happens or its time comes."""
    AGAIN = auto()
    """There is more to do: queue the run."""
    SETTLED = auto()
    """The run has ended and is cleared up; there will never be anything to do again."""
