"""What there is to say about a pipeline file: problems, which refuse it, and notes, which do not."""

from __future__ import annotations

from typing import Final

import msgspec

from shared.core.shown import words

#: So many problems of a file are told, and so often it is looked for what may have been meant: no request waits for more.
PROBLEMS_MAX: Final = 100

#: Line and column, both counted from 1.
type Position = tuple[int, int]


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a pipeline file, or worth knowing about it.

    Attributes:
        line: counted from 1.
        column: counted from 1.
        path: where in the tree, such as `evaluation.promote.superior_by`; empty for the whole file.
        message: what is wrong.
        remedy: what to do about it.
    """

    line: int
    column: int
    path: str
    message: str
    remedy: str

    @classmethod
    def at(cls, position: Position, path: str, message: str, remedy: str) -> Remark:
        """A remark about what stands at a position."""
        line, column = position
        return cls(line=line, column=column, path=path, message=message, remedy=remedy)

    def render(self, file: str) -> str:
        """The remark as one line that editors can jump to: `file:line:column: path: message. remedy`."""
        where = f"{self.path}: " if self.path else ""
        stop = "" if self.message.endswith("?") else "."
        return words(f"{file}:{self.line}:{self.column}: {where}{self.message}{stop} {self.remedy}".rstrip())


class Remarks:
    """Problems and notes, each in the order in which they were found."""

    def __init__(self) -> None:
        self.problems: list[Remark] = []
        self.notes: list[Remark] = []
