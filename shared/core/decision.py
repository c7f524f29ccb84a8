"""What a step decides: the next state, and at most one effect."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.core.effects import Effect
from shared.core.run import Run


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to remember and what to do next.  The effect happens only after `run` was stored."""

    run: Run
    effect: Effect | None = None


def wait(run: Run, until: datetime) -> Decision:
    """Nothing to do before `until`."""
    return Decision(run=run.evolve(due_at=until))


def poll(run: Run, now: datetime) -> Decision:
    """Azure is still at work: look again at the next tick, even if the patience for the last effect is not over yet."""
    return Decision(run=run.evolve(due_at=min(run.due_at, now)))
