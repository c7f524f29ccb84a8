"""Signs of lines, looked for in a block at once: most blocks have none, and their lines need not be searched one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.core.dataset.reading.blocks import TooLong
from shared.core.dataset.reading.line import Signs
from shared.core.dataset.rows.prefilter import Prefilter
from shared.core.dataset.rules.lines import DOUBTFUL

_NULL: Final = b"null"


class SignReader:
    """Looks at the blocks of one file."""

    def __init__(self) -> None:
        needles = {doubt.needle: (doubt.needle,) for doubt in DOUBTFUL if doubt.needle is not None}
        self._prefilter = Prefilter(needles | {_NULL: (_NULL,)}, is_once=True)

    def signs_of(self, lines: Sequence[bytes | TooLong]) -> Signs:
        """What may be in the lines of a block."""
        seen = self._prefilter.candidates(b"\n".join([line for line in lines if isinstance(line, bytes)]))
        return Signs(
            [doubt for doubt in DOUBTFUL if doubt.needle in seen or doubt.needle is None], _NULL in seen
        )
