"""How much one tick of the poller does."""

from __future__ import annotations


class TickBudget:
    """The pieces of work that still fit into a tick."""

    def __init__(self, pieces: int) -> None:
        self._left = pieces

    def take(self) -> bool:
        """Take one piece; False if none is left."""
        if self._left == 0:
            return False
        self._left -= 1
        return True
