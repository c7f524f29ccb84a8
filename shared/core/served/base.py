"""What all answers have in common.

Words of a list are described as such, and answered as they are stored: those of a newer release may be others.  Verdicts and
kinds of lines are written down here once more, since the command line loads this module, not their sources; a test compares.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from shared.core.status import GATES

#: A time in UTC, such as `2026-11-23T10:00:00.000Z`.
Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]

_OUTCOMES = ["better", "as_good", "not_better", "unproven"]
_KINDS = ["status", "job", "attempt", "trouble", "decision", "hold", "cancel", "warning", "note"]
_VOTES = ["approve", "reject", "withdraw", "hold"]
#: Name of a gate.
GateWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(GATES)})]
#: What a person said at a gate.
SaidWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": _VOTES})]
#: What a person did about a run.
DoneWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [*_VOTES, "cancel", "retry", "rejudge"]})]
#: A verdict.
OutcomeWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": _OUTCOMES})]
#: What a line of a history is about.
KindWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": _KINDS})]


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that is answered, and of its parts."""
