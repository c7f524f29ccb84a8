"""The timer: looks at everything that is active."""

from typing import List  # noqa: UP035  # the worker library knows the generic of `typing`, not `list[str]`

import azure.functions as func

from functions.messages import QUEUE, to_message
from functions.tracing import traced
from shared.wiring import services

bp = func.Blueprint()


@bp.function_name("poll_runs")
@bp.timer_trigger(arg_name="timer", schedule="%POLL_SCHEDULE%", run_on_startup=False, use_monitor=True)
@bp.queue_output(arg_name="due", queue_name=QUEUE, connection="STATE")
@traced
def poll_runs(timer: func.TimerRequest, due: func.Out[List[str]]) -> None:  # noqa: UP006
    """Mirror job states into the table and queue every run that has something to do."""
    del timer  # a late tick does no more and no less than one in time
    if run_ids := services().poller.tick():
        due.set([to_message(run_id) for run_id in run_ids])
