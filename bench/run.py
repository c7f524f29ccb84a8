"""Runs one case in this process and prints what it took as JSON: `python -m bench.run CASE FILE WARM_UP_FILE`.

Works in the peers' environment too, so nothing but the standard library is imported here.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import time
from pathlib import Path

from bench.cases import CASES


def _memory_mb(field: str) -> float:
    """A figure of `/proc`: `VmRSS` is resident memory now, `VmHWM` its peak; elsewhere the peak."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main() -> None:
    """Warm up, measure, print."""
    check, file, warm_up = CASES[sys.argv[1]].check, Path(sys.argv[2]), Path(sys.argv[3])
    idle = _memory_mb("VmRSS")
    with contextlib.redirect_stdout(io.StringIO()):  # peers print what they found
        check(warm_up)
        started, cpu = time.perf_counter(), time.process_time()
        findings = check(file)
        took = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    memory = {"idle_rss_mb": idle, "peak_rss_mb": _memory_mb("VmHWM")}
    print(json.dumps(took | memory | {"findings": findings}))


if __name__ == "__main__":
    main()
