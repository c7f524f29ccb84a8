"""Runs one case in this process and prints what it took as JSON: `python -m bench.run CASE FILE WARM_UP_FILE`.

Works in the peers' environment too, so nothing but the standard library is imported here.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench.cases import CASES, Case

_SAMPLE_S: Final = 0.05


def _memory_mb(field: str, process: str = "self") -> float:
    """A figure of `/proc`: `VmRSS` is resident memory now, `VmHWM` its peak; elsewhere the peak of this process."""
    with contextlib.suppress(OSError):
        for line in (
            Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace").splitlines()
        ):
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    if process != "self":
        return 0.0
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@contextlib.contextmanager
def _watch_children() -> Iterator[dict[str, float]]:
    """Peaks of the processes that this one starts, in MB, looked at now and then.

    Their `ru_maxrss` will not do: it starts at the size of the process that started them.
    """
    peaks: dict[str, float] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(_SAMPLE_S):
            for task in Path("/proc/self/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    for child in task.read_text(encoding="ascii").split():
                        peaks[child] = max(peaks.get(child, 0.0), _memory_mb("VmHWM", child))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def _cpu_seconds() -> float:
    """Processor time of this process and the children that it has waited for."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def _ready(case: Case, file: Path, warm_up: Path) -> Callable[[], int]:
    """What is to be measured, with all imports done."""
    if case.prepare is not None:
        return case.prepare(file)
    check = case.check
    assert check is not None
    check(warm_up)
    return lambda: check(file)


def main() -> None:
    """Warm up, measure, print."""
    case, file, warm_up = CASES[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: case.cores])
    idle = _memory_mb("VmRSS")
    # Peers print what they found; and one process needs no watching, which would take time from it.
    with contextlib.redirect_stdout(io.StringIO()):
        run = _ready(case, file, warm_up)
        with contextlib.ExitStack() as stack:
            children = stack.enter_context(_watch_children()) if case.cores > 1 else {}
            started, cpu = time.perf_counter(), _cpu_seconds()
            findings = run()
            seconds, cpu_seconds = time.perf_counter() - started, _cpu_seconds() - cpu
    took = {"seconds": seconds, "cpu_seconds": cpu_seconds, "findings": findings, "idle_rss_mb": idle}
    print(json.dumps(took | {"peak_rss_mb": _memory_mb("VmHWM") + sum(children.values())}))


if __name__ == "__main__":
    main()
