"""Measures the dataset validator against its peers, all in one run: `make bench`.

Every case runs in fresh processes, after a warm-up, on generated files; the best of some runs counts.  Peers that are not there
are said to be missing.  Ratios are against the cookbook's checks of the same run; nothing here is a test.
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

from bench.cases import PEERS, ROOT
from bench.generate import generate

_DIR: Final = ROOT / ".local" / "bench"
_TITLES: Final = {
    "cookbook": "OpenAI cookbook checks, streamed",
    "structure": "ours: structure and meaning",
    "gate": "ours: and duplicates, leakage, secrets, personal data",
    "full": "ours: everything",
    "full_2": "ours: everything, two cores",
    "together": "together files check",
    "parallelogram": "parallelogram check (20 MB)",
    "tokens": "ours: token counts (20 MB)",
    "tiktoken": "tiktoken (20 MB)",
}
_SMALL: Final = frozenset({"parallelogram", "tokens", "tiktoken"})
_PEERS: Final = frozenset({"together", "parallelogram"})


def _file(mb: float) -> Path:
    """A generated file of so many megabytes, made once."""
    path = _DIR / f"supervised-{mb:g}.jsonl"
    if not path.exists():
        _DIR.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        generate(part, int(mb * 1e6))
        part.rename(path)
    return path


def _measure(case: str, file: Path, repeat: int) -> dict[str, Any] | None:
    """The best of some runs of a case; None if it cannot run here."""
    best: dict[str, Any] | None = None
    for _ in range(repeat):
        done = subprocess.run(
            [sys.executable, "-m", "bench.run", case, file, _file(0.2)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"{case}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return None
        found = json.loads(done.stdout.splitlines()[-1])
        if best is None or found["seconds"] < best["seconds"]:
            best = found
    assert best is not None
    return best | {"mb_s": file.stat().st_size / 1e6 / best["seconds"]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mb", type=float, default=200, help="size of the file (default: 200)")
    parser.add_argument(
        "--repeat", type=int, default=3, help="runs of each case, the best counts (default: 3)"
    )
    parser.add_argument("--only", nargs="*", default=list(_TITLES), choices=list(_TITLES))
    parser.add_argument("--no-memory", action="store_true", help="leave out the 50 MB and 512 MB files")
    given = parser.parse_args()
    console = Console(width=110, highlight=False)
    console.print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, file of {given.mb:g} MB, best of {given.repeat}"
    )
    results: dict[str, dict[str, Any]] = {}
    for case in given.only:
        if case in _PEERS and not PEERS.exists():
            console.print(f"{_TITLES[case]}: not installed, see `make bench`")
            continue
        repeat = 1 if case == "parallelogram" else given.repeat
        found = _measure(case, _file(20 if case in _SMALL else given.mb), repeat)
        if found is not None:
            results[case] = found
    memory = {} if given.no_memory else {mb: _measure("full", _file(mb), 1) for mb in (50, 512)}
    console.print(_table(results))
    for line in [*_verdicts(results), *_memory_verdicts(memory)]:
        console.print(line, soft_wrap=True)


def _table(results: dict[str, dict[str, Any]]) -> Table:
    table = Table("", "MB/s", "x cookbook", "CPU s", "peak MB above idle", "findings")
    for column in table.columns[1:]:
        column.justify = "right"
    base = results.get("cookbook")
    for case, found in results.items():
        ratio = f"{found['mb_s'] / base['mb_s']:.2f}" if base else ""
        above = f"{found['peak_mb'] - found['idle_mb']:.0f}"
        table.add_row(
            _TITLES[case],
            f"{found['mb_s']:.1f}",
            ratio,
            f"{found['cpu_seconds']:.2f}",
            above,
            f"{found['findings']:,}",
        )
    return table


def _verdicts(results: dict[str, dict[str, Any]]) -> list[str]:
    """Each target with what was measured."""
    lines = []

    def ratio(case: str, other: str, target: float) -> None:
        if case in results and other in results:
            found = results[case]["mb_s"] / results[other]["mb_s"]
            lines.append(
                _line(
                    f"{_TITLES[case]}: at least {target:g} x {_TITLES[other]}",
                    f"{found:.2f} x",
                    found >= target,
                )
            )

    def speed(case: str, target: float) -> None:
        if case in results:
            found = results[case]["mb_s"]
            lines.append(
                _line(f"{_TITLES[case]}: at least {target:g} MB/s", f"{found:.1f} MB/s", found >= target)
            )

    ratio("structure", "cookbook", 2)
    ratio("gate", "cookbook", 1)
    speed("full", 30)
    speed("full_2", 55)
    ratio("full", "parallelogram", 5)
    ratio("structure", "together", 1)
    ratio("tokens", "tiktoken", 4)
    return lines


def _memory_verdicts(memory: dict[int, dict[str, Any] | None]) -> list[str]:
    small, large = memory.get(50), memory.get(512)
    if small is None or large is None:
        return []
    above = large["peak_mb"] - large["idle_mb"]
    growth = large["peak_mb"] / small["peak_mb"]
    return [
        _line("512 MB: at most 250 MB above idle", f"{above:.0f} MB, {large['mb_s']:.1f} MB/s", above <= 250),
        _line("512 MB: at most 1.2 x the peak of 50 MB", f"{growth:.2f} x", growth <= 1.2),
    ]


def _line(target: str, found: str, is_met: bool) -> str:  # noqa: FBT001  a fact to print
    return f"{'[green]met    [/]' if is_met else '[red]not met[/]'} {target}: {found}"


if __name__ == "__main__":
    main()
