"""What people decide on, compared with what the run stored: at its gates, when it is served, and when it is deployed."""

from __future__ import annotations

from shared.core import approval
from shared.core.artifacts import SHOWN_AT
from shared.core.history import SAID
from shared.core.run import Run
from shared.core.status import GateName, Status
from shared.ports import World
from shared.run_folder import Evidence

#: Where votes are counted.
_COUNTED_IN = frozenset(
    {
        Status.VALIDATING,
        Status.AWAITING_SPEND_APPROVAL,
        Status.UPLOADING,
        Status.SUBMITTING,
        Status.AWAITING_APPROVAL,
        Status.DEPLOYING,
    }
)


def insist(world: World, run: Run, gate: GateName) -> None:
    """See to it that what people read at a gate is there as it was stored; what an older release stored is not checked.

    Raises:
        ArtifactGone: if something was changed or deleted.
        Retryable: if storage does not answer.
    """
    Evidence(world.artifacts, run).insist(SHOWN_AT[gate])


def counted(world: World, run: Run) -> Run:
    """The run with those votes and holds only that its history has; where none is counted, as it is.

    Raises:
        Retryable: if the table does not answer.
    """
    if not approval.has_said(run) or run.status not in _COUNTED_IN:
        return run
    return approval.counted(run, world.runs.history(run.id, kinds=SAID))
