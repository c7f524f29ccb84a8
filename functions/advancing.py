"""One run at a time, as many at once as the plan scales out."""

import azure.functions as func

from functions.messages import POISON_QUEUE, QUEUE, from_message, to_message
from functions.poisoned import tell
from functions.tracing import traced
from shared.core.errors import NotFound
from shared.core.progress import Progress
from shared.telemetry import names
from shared.telemetry.records import log
from shared.wiring import services

bp = func.Blueprint()


@bp.function_name("advance_run")
@bp.queue_trigger(arg_name="message", queue_name=QUEUE, connection="STATE")
@bp.queue_output(arg_name="again", queue_name=QUEUE, connection="STATE")
@traced
def advance_run(message: func.QueueMessage, again: func.Out[str]) -> None:
    """Advance one run; queue it again if there is more to do than fits into one invocation."""
    run_id = from_message(message.get_body())
    app = services()
    try:
        progress = app.reconciler.advance(run_id)
    except NotFound:
        log(names.RUN_UNKNOWN, run_id=run_id)
        progress = Progress.AGAIN if app.intake.restore(run_id) else Progress.SETTLED
    if progress is Progress.AGAIN:
        again.set(to_message(run_id))


@bp.function_name("advance_poisoned")
@bp.queue_trigger(arg_name="message", queue_name=POISON_QUEUE, connection="STATE")
@traced
def advance_poisoned(message: func.QueueMessage) -> None:
    """Tell that a run could not be advanced in five tries.  The timer queues it again; its deadline ends it."""
    tell(QUEUE, from_message(message.get_body()))
