"""Measures the dataset validator against its peers, all in one run: `make bench`.

Every case runs in fresh processes, after imports and a warm-up, on generated files.  The cases take turns: a ratio is the median
of the ratios within each turn, because machines change their speed from one turn to the next.  Speeds are megabytes (10^6 bytes
of the file) per second of processor time, which other work on the machine changes less than the clock.  Peers that are not there
are named as missing.  "Idle" is the interpreter before it imports anything.  Nothing here is a test.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench import generate
from bench.cases import CASES, PEERS, ROOT
from bench.peers import RANKS
from bench.ranks import keep_for_tiktoken

_DIR: Final = ROOT / ".local" / "bench"
_RECORD: Final = Path(__file__).with_name("speed.json")
_WARM_UP_MB: Final = 0.2
_TIMEOUT_S: Final = 1800
#: Sizes of the files that memory is compared on, in MB.
_SMALL_MB, _LARGE_MB = 50, 512

type Result = dict[str, Any]


def _file(mb: float) -> Path:
    """A generated file of so many megabytes, made once for each version of the generator."""
    path = _DIR / f"supervised-{mb:g}.jsonl"
    if not path.exists() or path.stat().st_mtime < Path(generate.__file__).stat().st_mtime:
        _DIR.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        planted = generate.generate(part, int(mb * 1e6))
        part.rename(path)
        print(f"{path.name}: {json.dumps(planted)}", file=sys.stderr)
    return path


def _measure(name: str, mb: float) -> Result:
    """One turn of a case: what `bench.run` prints and MB/s, or `error`."""
    file = _file(mb)
    python = str(PEERS) if CASES[name].is_foreign else sys.executable
    if not Path(python).exists():
        return {"error": "not installed, see `make bench`"}
    command = [python, "-m", "bench.run", name, str(file), str(_file(_WARM_UP_MB))]
    print(f"{name}: {mb:g} MB", file=sys.stderr)
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {_TIMEOUT_S} s"}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]}
    took: Result = json.loads(done.stdout.splitlines()[-1])
    above = took["peak_rss_mb"] - took["idle_rss_mb"]
    return took | {"mb_s": file.stat().st_size / 1e6 / took["cpu_seconds"], "above_mb": above}


def _speeds(turns: dict[str, list[Result]]) -> Table:
    table = Table("case", "MB/s", "ours is so many times as fast", "peak MB above idle", "findings")
    for name, of_case in turns.items():
        failed = next((turn["error"] for turn in of_case if "error" in turn), None)
        if failed is not None:
            table.add_row(CASES[name].title, f"not run: {failed}")
            continue
        ratio = _ratio(turns.get("ours", of_case), of_case)
        best = max(of_case, key=lambda turn: float(turn["mb_s"]))
        above = max(turn["above_mb"] for turn in of_case)
        table.add_row(
            CASES[name].title, f"{best['mb_s']:.1f}", f"{ratio:.2f}", f"{above:.0f}", f"{best['findings']:,}"
        )
    return table


def _record(machine: str, mb: float, turns: dict[str, list[Result]], small: Result, large: Result) -> None:
    """Write what the page shows."""
    found = {
        "day": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "python": platform.python_version(),
        "mb": mb,
        "turns": len(turns["ours"]),
        "machine": machine,
        "cases": [
            {
                "title": CASES[name].title,
                "mb_s": float(f"{statistics.median(turn['mb_s'] for turn in of_case):.3g}"),
                "ratio": round(_ratio(turns["ours"], of_case), 2),
            }
            for name, of_case in turns.items()
        ],
        "memory": {
            "mb": _LARGE_MB,
            "small_mb": _SMALL_MB,
            "above_mb": round(large["above_mb"]),
            "ratio": round(large["peak_rss_mb"] / small["peak_rss_mb"], 2),
        },
    }
    _RECORD.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def _ratio(own: list[Result], others: list[Result]) -> float:
    """How many times as fast ours is: the median of the ratios within each turn."""
    return statistics.median(one["mb_s"] / other["mb_s"] for one, other in zip(own, others, strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mb", type=float, default=200, help="size of the file (default: 200)")
    parser.add_argument("--repeat", type=int, default=3, help="turns (default: 3)")
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES), metavar="CASE")
    parser.add_argument(
        "--record",
        metavar="MACHINE",
        help="write the table of docs/validators.md (bench/speed.json), with what it was measured on",
    )
    parser.add_argument("--no-memory", action="store_true", help="leave out the files of 50 MB and 512 MB")
    given = parser.parse_args()
    if given.record and (given.no_memory or given.only != list(CASES)):
        parser.error("--record needs all cases, and the memory")
    keep_for_tiktoken(_DIR / RANKS)
    turns: dict[str, list[Result]] = {name: [] for name in given.only}
    for _ in range(given.repeat):
        for name, of_case in turns.items():
            of_case.append(_measure(name, given.mb))
    console = Console(width=120, highlight=False)
    console.print(f"Python {platform.python_version()}, file of {given.mb:g} MB, {given.repeat} turns")
    console.print(_speeds(turns))
    if given.no_memory:
        return
    small, large = _measure("ours", _SMALL_MB), _measure("ours", _LARGE_MB)
    ratio = large["peak_rss_mb"] / small["peak_rss_mb"]
    console.print(
        f"Everything on {_LARGE_MB} MB takes {large['above_mb']:.0f} MB more than the idle process, "
        f"{ratio:.2f} times the peak on {_SMALL_MB} MB."
    )
    if given.record:
        _record(given.record, given.mb, turns, small, large)


if __name__ == "__main__":
    main()
