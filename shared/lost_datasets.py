"""Datasets whose event was lost: found by listing their container.

A listing costs one call for each page of 5,000 names, those of datasets whose runs ended long ago included.  So a container that
fits in one page is listed in every tick, and a larger one only every `Policy.large_listing_s` and in the first tick of a process.
`python -m bench.tick` counts the calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from shared.core import identity, naming
from shared.core.errors import NotFound, Refused, foreseen
from shared.core.policy import Policy
from shared.core.run import DatasetRef
from shared.intake import Intake
from shared.ports import ActiveRun, World
from shared.telemetry import names
from shared.telemetry.records import log
from shared.tick_budget import TickBudget

#: A process forgets runs of datasets that are too old to be looked for, once it knows more than this.
_KNOWN_MAX: Final = 50_000


class LostDatasets:
    """Accepts datasets that have no run."""

    def __init__(self, world: World, policy: Policy, intake: Intake) -> None:
        self._world = world
        self._policy = policy
        self._intake = intake
        #: Runs that are there.  It only spares calls: a new process begins without it.
        self._known: set[str] = set()
        #: When the container was last listed to its end, if that took several pages.
        self._large_at: datetime | None = None

    def accept(self, rows: Iterable[ActiveRun], budget: TickBudget) -> list[str]:
        """List the container if it is time to, and accept what has no run.

        A listing that fails, or for which too little work is left, is begun again in the next tick.

        Args:
            rows: the active runs, whose datasets are not lost.
            budget: what the tick still does; a dataset that is looked up takes one piece of it.

        Returns:
            Ids of the runs that were made.
        """
        self._known.update(row.run_id for row in rows)
        now = self._world.clock.now()
        if not self._is_time(now):
            return []
        accepted: list[str] = []
        try:
            pages = self._list(now, budget, accepted)
        except Exception as error:  # noqa: BLE001  the runs that are known go on all the same
            log(names.DATASETS_UNLISTED, code=foreseen(error).code)
        else:
            self._large_at = now if pages > 1 else None
        return accepted

    def _list(self, now: datetime, budget: TickBudget, accepted: list[str]) -> int:
        """Go through the container and fill `accepted`; the number of its pages, 0 if the work was used up before its end."""
        since = now - timedelta(seconds=self._policy.lost_event_window_s)
        young: set[str] = set()
        pages = 0
        for page in self._world.datasets.changed_since(since):
            pages += 1
            for dataset in page:
                if naming.companion_role(dataset.name):
                    continue
                run_id = identity.run_id(dataset.container, dataset.name, dataset.etag)
                young.add(run_id)
                if run_id in self._known:
                    continue
                if not budget.take():
                    return 0
                if self._accept(run_id, dataset):
                    accepted.append(run_id)
                self._known.add(run_id)
        if len(self._known) > _KNOWN_MAX:
            self._known = young  # older ones are not looked for any more
        return pages

    def _is_time(self, now: datetime) -> bool:
        """Whether to list; also if the clock was set back meanwhile."""
        if self._large_at is None:
            return True
        return not timedelta() <= now - self._large_at < timedelta(seconds=self._policy.large_listing_s)

    def _accept(self, run_id: str, dataset: DatasetRef) -> bool:
        """Accept a dataset unless its run is there; whether it was accepted."""
        try:
            self._world.runs.load(run_id)
        except NotFound:
            self._intake.accept(dataset)
            return True
        except Refused:  # a newer release wrote its row
            return False
        return False
