"""How much may be done with the schemas of one file, and what was therefore not done."""

from __future__ import annotations

from typing import Final

#: Steps for all schemas of a file, and so many more for each of its bytes.  A step takes some 40 ns.
FILE_STEPS: Final = 100_000_000
STEPS_PER_BYTE: Final = 4
_PATTERNS_MAX: Final = 1_000
_SHOWN_MAX: Final = 200


class Work:
    """The steps that are left for the schemas of a file.

    Attributes:
        left: steps that are left.
        line: the line that is looked at.
        passed_over: how many values were not held against their schema.
        first_passed_over: the line of the first of them.
        unchecked: patterns that are not checked, at most 1,000 of them, each with the line where it was met first.
    """

    def __init__(self) -> None:
        self.left = FILE_STEPS
        self.line: int | None = None
        self.passed_over = 0
        self.first_passed_over: int | None = None
        self.unchecked: dict[str, int | None] = {}

    def begin(self, line: int, size_bytes: int) -> None:
        """Another line is looked at, for which there are more steps."""
        self.line = line
        self.left += STEPS_PER_BYTE * size_bytes

    def take(self, steps: int) -> bool:
        """Take steps, if so many are left."""
        if steps > self.left:
            return False
        self.left -= steps
        return True

    def spend(self, steps: int) -> None:
        """Take steps that were made already."""
        self.left -= steps

    def pass_over(self) -> None:
        """A value is not held against its schema."""
        self.passed_over += 1
        self.first_passed_over = self.first_passed_over or self.line

    def leave_out(self, patterns: set[str]) -> None:
        """Patterns are not checked."""
        for pattern in sorted(patterns):
            if len(self.unchecked) < _PATTERNS_MAX:
                self.unchecked.setdefault(pattern[:_SHOWN_MAX], self.line)
