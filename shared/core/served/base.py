"""What all answers have in common."""

from __future__ import annotations

from typing import Annotated

import msgspec

#: A time in UTC, such as `2026-11-23T10:00:00.000Z`.
Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that is answered, and of its parts."""
