"""Tables for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from shared.core.shown import csv_cell

type Cell = str | int | float | None


def csv_of(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table as CSV; text that a spreadsheet would take for a formula is marked as text, and None is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in (head, *rows):
        writer.writerow([csv_cell(one) if isinstance(one, str) else one for one in row])
    return out.getvalue()
