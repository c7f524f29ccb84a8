"""Records a dataset as a run.  Insert-only: the same version, announced twice, is the same run."""

from __future__ import annotations

from contextlib import suppress

from shared.core import endings, identity, naming
from shared.core.errors import Conflict
from shared.core.run import DatasetRef, Run, Status
from shared.ports import World
from shared.run_writer import RunWriter
from shared.telemetry import names
from shared.telemetry.records import log
from shared.telemetry.signals import traceparent


class Intake:
    """Accepts datasets."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._writer = RunWriter(world)

    def restore(self, run_id: str) -> bool:
        """Record a run anew whose row was lost, from its row in the index; False if that is not there either.

        What the run did in the world is found again by its names; what persons decided has to be decided again.
        """
        for row in self._world.index.active():
            if row.run_id == run_id:
                self.accept(row.dataset)
                return True
        return False

    def find(self, name: str) -> DatasetRef | None:
        """The present version of a blob that an event names; None if it was deleted, or may not be asked for by this name.

        A blob that does have such a name is found by listing its container, and its run says that it is refused.
        """
        if not naming.is_safe(name):
            log(names.DATASET_REFUSED, code=endings.UNSAFE_NAME.code)
            return None
        dataset = self._world.datasets.properties(name)
        if dataset is None:
            log(names.DATASET_GONE)  # people choose names of blobs: they stay out of the log
        return dataset

    def accept(self, dataset: DatasetRef) -> str | None:
        """Record a dataset version as a run, once.

        Returns:
            The run's id, or None for a companion file, which has no run of its own.
        """
        if naming.companion_role(dataset.name):
            return None
        run_id = identity.run_id(dataset.container, dataset.name, dataset.etag)
        now = self._world.clock.now()
        run = Run(
            id=run_id,
            pipeline=naming.pipeline_of(dataset.name) or dataset.name.partition("/")[0][:63],
            dataset=dataset,
            status=Status.RECEIVED,
            status_since=now,
            created_at=now,
            updated_at=now,
            due_at=now,
            trace_parent=traceparent(),
        )
        with suppress(Conflict):  # it is there already, and its own row says where it stands
            self._writer.insert(run)
        return run_id
