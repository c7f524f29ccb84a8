"""What a reinforcement job has cost so far, and when the service pauses it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spending:
    """Rates and the limit.  A job that reached the limit and was resumed has none any more."""

    pause_usd: float = 5_000.0
    """Documented: a job pauses by itself at this cost of training and grading."""
    training_usd_per_hour: float = 100.0
    """Documented as an example for o4-mini."""
    step_hours: float = 731.5 / 3600
    """Of one step in OpenAI's published example; the stand-in's own steps take milliseconds."""

    def usd(self, steps: int) -> float:
        """Cost of so many steps."""
        return steps * self.step_hours * self.training_usd_per_hour

    def is_spent(self, steps: int) -> bool:
        """Whether the limit is reached."""
        return self.usd(steps) >= self.pause_usd
