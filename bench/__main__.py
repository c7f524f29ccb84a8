"""Measures the dataset validator against its peers, all in one run: `make bench`.

Every case runs in fresh processes, after imports and a warm-up, on generated files.  The cases take turns: a ratio is the median
of the ratios within each turn, because machines change their speed from one turn to the next; of speeds the best turn is shown.
Peers that are not there are said to be missing.  MB are 10^6 bytes of the file.  "Idle" is the interpreter before it imports
anything.  Nothing here is a test.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench import generate
from bench.cases import CASES, PEERS, ROOT, SMALL_MB
from bench.peers import RANKS
from bench.ranks import keep_for_tiktoken
from bench.targets import judge, ratio

_DIR: Final = ROOT / ".local" / "bench"
_WARM_UP_MB: Final = 0.2
_TIMEOUT_S: Final = 900
#: Sizes of the files that memory is compared on, in MB.
_MEMORY_MB: Final = (50, 512)

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


def _measure(name: str, file: Path) -> Result:
    """One turn of a case: what `bench.run` prints and MB/s, or `error`."""
    python = str(PEERS) if CASES[name].is_foreign else sys.executable
    if not Path(python).exists():
        return {"error": "not installed, see `make bench`"}
    command = [python, "-m", "bench.run", name, str(file), str(_file(_WARM_UP_MB))]
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
    return took | {"mb_s": file.stat().st_size / 1e6 / took["seconds"], "above_mb": above}


def _best(turns: list[Result]) -> Result:
    """The fastest turn with the highest peak and the speeds of all; an error stays."""
    for turn in turns:
        if "error" in turn:
            return turn
    fastest: Result = min(turns, key=lambda turn: turn["seconds"])
    above = max(turn["above_mb"] for turn in turns)
    return fastest | {"above_mb": above, "speeds": [turn["mb_s"] for turn in turns]}


def _measure_all(names: list[str], mb: float, repeat: int, *, with_memory: bool) -> dict[str, Result]:
    """What was measured of each case, by its name, and of `full` on the files for memory as `full@MB`."""
    keep_for_tiktoken(_DIR / RANKS)
    files = {name: _file(min(mb, SMALL_MB) if CASES[name].is_small else mb) for name in names}
    turns: dict[str, list[Result]] = {name: [] for name in names}
    for turn in range(repeat):
        for name, file in files.items():
            print(f"turn {turn + 1} of {repeat}: {name}", file=sys.stderr)
            turns[name].append(_measure(name, file))
    best = {name: _best(of_case) for name, of_case in turns.items()}
    for size in _MEMORY_MB if with_memory else ():
        print(f"memory: {size} MB", file=sys.stderr)
        best[f"full@{size}"] = _measure("full", _file(size))
    return best


def _table(results: dict[str, Result], mb: float) -> Table:
    table = Table()
    for column in ("case", "cores", "MB/s", "x cookbook", "peak MB above idle", "CPU s", "findings"):
        table.add_column(column, justify="left" if column == "case" else "right")
    for key, found in results.items():
        name, _, size = key.partition("@")
        case = CASES[name]
        title = case.title
        if size or (case.is_small and mb > SMALL_MB):
            title += f" ({size or SMALL_MB} MB)"
        if "error" in found:
            table.add_row(title, str(case.cores), "not run")
            continue
        counts_tokens = case.prepare is not None
        times = None if counts_tokens or size else ratio(results, key, "cookbook")
        table.add_row(
            title,
            str(case.cores),
            f"{found['mb_s']:.1f}",
            "" if times is None else f"{times:.2f}",
            # The texts that are counted are all read before, which says nothing of what counts them.
            "" if counts_tokens else f"{found['above_mb']:.0f}",
            f"{found['cpu_seconds']:.2f}",
            f"{found['findings']:,}" + (" tokens" if counts_tokens else ""),
        )
    return table


def _verdicts(results: dict[str, Result]) -> Table:
    table = Table("target", "measured", "met")
    for verdict in judge(results):
        if verdict.is_met is None:
            met = ""
        else:
            met = "[green]yes[/]" if verdict.is_met else "[red]no[/]"
        table.add_row(verdict.target, verdict.measured, met)
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mb", type=float, default=200, help="size of the file (default: 200)")
    parser.add_argument("--repeat", type=int, default=3, help="turns (default: 3)")
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES), metavar="CASE")
    parser.add_argument("--no-memory", action="store_true", help="leave out the files of 50 MB and 512 MB")
    given = parser.parse_args()
    results = _measure_all(given.only, given.mb, given.repeat, with_memory=not given.no_memory)
    console = Console(width=120, highlight=False)
    console.print(
        f"Python {platform.python_version()}, {os.process_cpu_count()} cores, file of {given.mb:g} MB, "
        f"{given.repeat} turns"
    )
    console.print(_table(results, given.mb))
    for key, found in results.items():
        if "error" in found:
            console.print(f"{key} was not run: {found['error']}", soft_wrap=True, markup=False)
    console.print(_verdicts(results))


if __name__ == "__main__":
    main()
