"""Runs one case in this process and prints what it took as JSON: `python -m bench.run CASE FILE WARM_UP_FILE`."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from bench.cases import CASES, TWO_CORES, quietly


def _peak_mb() -> float:
    """Peak resident memory of this process or, if it is larger, of a child."""
    own, child = (
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return max(own, child) / 1024


def main() -> None:
    """Warm up, measure, print."""
    name, file, warm_up = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if name not in TWO_CORES and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    case = CASES[name]
    idle = _peak_mb()
    prepared = case(file) if name in {"tokens", "tiktoken"} else None
    if prepared is None:
        quietly(lambda: case(warm_up))
    started, cpu = time.perf_counter(), time.process_time()
    findings = quietly(prepared or (lambda: case(file)))
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu_seconds": cpu_seconds,
                "peak_mb": _peak_mb(),
                "idle_mb": idle,
                "findings": findings,
            }
        )
    )


if __name__ == "__main__":
    main()
