"""Lists that are served, as tables for spreadsheets (CSV)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

import msgspec

from shared.core.served.lists import DecisionRow
from shared.core.shown import csv_cell

#: Columns of the export of decisions: the names that the API has for them.
DECISION_COLUMNS: Final = tuple(field.name for field in msgspec.structs.fields(DecisionRow))


def decisions_csv(rows: Iterable[DecisionRow]) -> str:
    """Decisions with a line of names first; what is not known is empty, and no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(DECISION_COLUMNS)
    for row in rows:
        writer.writerow(csv_cell(getattr(row, name) or "") for name in DECISION_COLUMNS)
    return text.getvalue()
