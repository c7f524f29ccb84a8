"""How long things take.  All lengths are seconds of wall time at speed 1."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Timings:
    """Lengths of the phases that Azure takes its time for."""

    file_pending_s: float = 0.4
    file_running_s: float = 0.6
    job_pending_s: float = 1.2
    job_validating_s: float = 1.2
    job_queued_s: float = 1.2
    job_running_min_s: float = 5.0
    deployment_accepted_s: float = 0.5
    deployment_creating_s: float = 2.0
    deployment_not_ready_s: float = 1.0
    """ARM says Succeeded this long before the data plane serves."""

    def at_speed(self, speed: float) -> Timings:
        """The same phases, `speed` times as fast."""
        return Timings(**{field.name: getattr(self, field.name) / speed for field in fields(self)})


def now() -> float:
    """Seconds since 1970."""
    return time.time()
