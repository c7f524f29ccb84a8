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
    if run.status is Status.AWAITING_APPROVAL:
        return not (run.gate and run.gate.is_approved)
    step, code = (run.failure.step, run.failure.code) if run.failure else ("", "")
    return is_left(run.status, step=step, code=code, is_own=run.production != run.pipeline)


def is_left(status: Status, *, step: str, code: str, is_own: bool) -> bool:
    """Whether an end of a run with a model is left where it is judged again.

    Args:
        status: of the run.
        step: in which it failed; empty if it did not.
        code: of the failure.
        is_own: whether its deployment has a name of its own.
    """
    match status:
        case Status.NOT_PROMOTED | Status.CANCELLED:
            return True
        case Status.REJECTED | Status.EXPIRED:
            return step == GATES["deployment"]
        case Status.FAILED:
            has_failed_by_test = code == endings.SMOKE_TEST_FAILED.code and is_own
            return step in _ON_THE_WAY_TO_A_VERDICT or has_failed_by_test
        case _:
            return False
