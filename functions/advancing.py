"""One run at a time, as many at once as the plan scales out."""

import logging
from typing import Final

import azure.functions as func

from shared.core.errors import NotFound
from shared.reconciler import Progress
from shared.wiring import services

_LOG: Final = logging.getLogger(__name__)

bp = func.Blueprint()


@bp.function_name("advance_run")
@bp.queue_trigger(arg_name="message", queue_name="runs-to-advance", connection="STATE")
@bp.queue_output(arg_name="again", queue_name="runs-to-advance", connection="STATE")
def advance_run(message: func.QueueMessage, again: func.Out[str]) -> None:
    """Advance one run; queue it again if there is more to do than fits into one invocation."""
    run_id = message.get_body().decode()
    app = services()
    try:
        progress = app.reconciler.advance(run_id)
    except NotFound:
        _LOG.warning("there is no run %r", run_id[:64])
        progress = Progress.AGAIN if app.intake.restore(run_id) else Progress.SETTLED
    if progress is Progress.AGAIN:
        again.set(run_id)


@bp.function_name("advance_poisoned")
@bp.queue_trigger(arg_name="message", queue_name="runs-to-advance-poison", connection="STATE")
def advance_poisoned(message: func.QueueMessage) -> None:
    """Say loudly that a run could not be advanced in five tries.  The timer queues it again; its deadline ends it."""
    _LOG.error("run %r could not be advanced in five tries", message.get_body().decode(errors="replace")[:64])
