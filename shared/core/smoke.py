"""What a deployment answered to the questions of its smoke test."""

from __future__ import annotations

from datetime import datetime

import msgspec


class SmokeResult(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact `deployment/smoke.json`."""

    passed: bool
    message: str
    deployment: str = ""
    """Which one was asked; empty in what 0.1.0 and 0.2.0 wrote, as is the next."""
    at: datetime | None = None
    """The attempt: when it was intended."""
    route: str | None = None
    """On which route it answered; None in what 0.1.0 and 0.2.0 wrote, and where it did not answer."""
