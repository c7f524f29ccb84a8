"""Until when Azure serves the models of `models.py`, by its published schedule: for people who choose one (docs/models.md).

A run asks Azure itself (`offered.py`), and what Azure says of an account counts.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Retirement(msgspec.Struct, frozen=True):
    """Until when Azure serves a family, as days in the form 2027-04-14; None where its schedule names none.

    Attributes:
        base: then the model can be neither deployed nor asked as it is, and new customers cannot tune it.
        training: not before this day customers who tune it already cannot tune it any more.
        tuned: then what was tuned from it can be neither deployed nor asked.
        note: what the schedule, or others, say besides.
    """

    base: str | None = None
    training: str | None = None
    tuned: str | None = None
    note: str = ""


SOURCE: Final = (
    "https://learn.microsoft.com/azure/foundry/openai/concepts/model-retirement-schedule, as of 2026-09-02"
)
_OF_4_1: Final = Retirement("2027-04-14", "2027-04-14", "2027-10-14")
_OF_4O: Final = Retirement("2027-04-14", "2027-04-01", "2027-10-01")
_UNDATED: Final = Retirement(note="listed without a date")
#: By family, from that page.  A family that is missing is not listed there.
RETIREMENTS: Final[dict[str, Retirement]] = {
    "gpt-4.1": _OF_4_1,
    "gpt-4.1-mini": _OF_4_1,
    "gpt-4.1-nano": Retirement(
        "2027-04-14",
        "2027-04-14",
        "2027-10-14",
        "others, in November 2026: new customers lost it on 2026-10-14",
    ),
    "gpt-4o": _OF_4O,
    "gpt-4o-mini": _OF_4O,
    "o4-mini": Retirement("2026-10-16", "2027-04-16", "2027-10-16"),
    "gpt-5": Retirement("2027-02-09", note="no dates for what is tuned from it"),
    "Llama-3.3-70B-Instruct": _UNDATED,
    "Qwen3-32B": Retirement(note="not listed any more; on 2026-04-23 without a date"),
    "Ministral-3B": _UNDATED,
    "gpt-oss-20b": Retirement(note="not listed any more; on 2026-04-23 without a date"),
    "gpt-oss-120b": _UNDATED,
}
