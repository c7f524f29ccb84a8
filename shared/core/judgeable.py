"""Which runs may be judged again."""

from __future__ import annotations

from typing import Final

from shared.core import endings
from shared.core.run import Run
from shared.core.status import GATES, Status

#: Steps in which a run with a model fails without a verdict.
_ON_THE_WAY_TO_A_VERDICT: Final = frozenset({Status.QUEUEING, Status.STAGING, Status.EVALUATING})


def may_be_judged(run: Run) -> bool:
    """Whether a run has a model, and waits with a verdict, or ended by one, on the way to one, by its smoke test, or by a wish.

    The same data dropped again is a duplicate of a run with a model: without this, what was paid for would be lost.

    With the strategy `replace`, where all runs share the pipeline's name, clients have the model before its smoke test: that
    can only be tried again.
    """
    if not run.model:
        return False
    step = run.failure.step if run.failure else None
    match run.status:
        case Status.AWAITING_APPROVAL:
            return not (run.gate and run.gate.is_approved)
        case Status.NOT_PROMOTED | Status.CANCELLED:
            return True
        case Status.REJECTED | Status.EXPIRED:
            return step == GATES["deployment"]
        case Status.FAILED:
            return step in _ON_THE_WAY_TO_A_VERDICT or _failed_by_its_smoke_test(run)
        case _:
            return False


def _failed_by_its_smoke_test(run: Run) -> bool:
    is_own = run.production != run.pipeline
    return run.failure is not None and run.failure.code == endings.SMOKE_TEST_FAILED.code and is_own
