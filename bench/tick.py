"""Counts what a tick of the poller asks of the container of datasets: `python -m bench.tick`, or `make bench WHAT=tick`.

An hour of ticks, one per minute, on the twins of the tests.  No run is active, and all files are too old to be looked at, so
listing them is all there is to do.  Times are CPU seconds, without any network.  The peer lists in every tick, whatever the size;
both take turns, and the ratio is of the best turns.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rich.console import Console
from rich.table import Table

from shared.core.policy import Policy
from shared.core.run import DatasetRef
from shared.intake import Intake
from shared.poller import Poller
from shared.reconciler import Reconciler
from tests.twins.blobs import TwinDatasetSource
from tests.twins.world import TwinWorld

_SIZES: Final = (100, 5_001, 50_000)
_TICKS: Final = 60
_TURNS: Final = 3
_POLICY: Final = Policy()
_EACH_TICK: Final = Policy(large_listing_s=0)


class _CountingSource(TwinDatasetSource):
    """Counts pages, each of which is a call to the storage account."""

    pages = 0

    def changed_since(self, since: datetime) -> Iterator[list[DatasetRef]]:
        """See `ports.DatasetSource`."""
        for page in super().changed_since(since):
            self.pages += 1
            yield page


@dataclass(frozen=True)
class _Hour:
    """What an hour of ticks took.

    Attributes:
        calls: pages of the listing, per tick.
        names: names in them.
        seconds: CPU time of all of them.
    """

    calls: list[int]
    names: int
    seconds: float


def _world(files: int) -> TwinWorld:
    """A world with so many files that are older than any lost event that is looked for."""
    world = TwinWorld()
    world.datasets = _CountingSource(world.clock)
    for number in range(files):
        world.datasets.put(f"boxes/{number}.jsonl", b"{}")
    world.clock.advance(2 * _POLICY.lost_event_window_s)
    return world


def _hour(files: int, policy: Policy) -> _Hour:
    world = _world(files)
    poller = Poller(world, policy, Reconciler(world, policy), Intake(world))
    calls: list[int] = []
    started = time.process_time()
    for _ in range(_TICKS):
        before = world.datasets.pages
        poller.tick()
        calls.append(world.datasets.pages - before)
        world.clock.advance(timedelta(minutes=1).total_seconds())
    seconds = time.process_time() - started
    return _Hour(calls, world.datasets.calls.count("changed_since") * files, seconds)


def main() -> None:
    """Measure and print."""
    columns = (
        "files",
        "calls per tick",
        "most in a tick",
        "names per tick",
        "of the peer",
        "CPU time / peer",
    )
    table = Table(*columns)
    for files in _SIZES:
        turns = [(_hour(files, _POLICY), _hour(files, _EACH_TICK)) for _ in range(_TURNS)]
        ours, peer = (min(of_one, key=lambda hour: hour.seconds) for of_one in zip(*turns, strict=True))
        table.add_row(
            f"{files:,}",
            f"{sum(ours.calls) / _TICKS:.2f}",
            f"{max(ours.calls)}",
            f"{ours.names / _TICKS:,.0f}",
            f"{peer.names / _TICKS:,.0f}",
            f"{ours.seconds / peer.seconds:.2f}",
        )
    Console(width=120, highlight=False).print(table)


if __name__ == "__main__":
    main()
