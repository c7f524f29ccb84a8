"""What can be said of a block of lines by itself, so that other processes can say it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.dataset.analysis import Analysed, Analyst
from shared.core.dataset.content import content_of_sound
from shared.core.dataset.options import Depth
from shared.core.dataset.plain import read_sound
from shared.core.dataset.reader import Block
from shared.core.dataset.rows import declared_functions
from shared.core.dataset.sketch import Sketcher
from shared.core.pipeline_types import MethodType


@dataclass(slots=True)
class Examined:
    """A block of lines.

    Attributes:
        sound: of each line, whether it is a row that surely has no issue; the others must be looked at thoroughly.
        analysed: what is known of the sound rows; None if there are none, or if only the structure is looked at.
    """

    sound: list[bool]
    analysed: Analysed | None


class Examiner:
    """Examines blocks of one file."""

    def __init__(
        self, method: MethodType, depth: Depth, sketcher: Sketcher, *, strips: bool, samples: bool = True
    ) -> None:
        self._method, self._depth, self._strips = method, depth, strips
        self.analyst = Analyst(method, depth, sketcher, samples=samples)

    def examine(self, block: Block) -> Examined:
        """The sound rows of a block."""
        if self._method is not MethodType.SUPERVISED:
            return Examined([False] * block.line_count, None)
        is_deep = self._depth is not Depth.STRUCTURE
        rows, whole = read_sound(block, declared_functions, has_needles=is_deep)
        if self._strips and not (
            whole and whole.marks.are_usual
        ):  # what is to be repaired goes the thorough way
            rows = [None if row is None or content_of_sound(row).is_spaced else row for row in rows]
        good = [row for row in rows if row is not None]
        if len(good) == len(rows):
            sound = [True] * len(rows)
        else:
            sound, whole = [row is not None for row in rows], None
        return Examined(sound, self.analyst.analyse(good, whole) if good and is_deep else None)
