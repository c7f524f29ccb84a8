"""Reading runs, stopping them, trying failed ones again, judging them again."""

import re
from typing import Final

import azure.functions as func
import msgspec

from functions.http import Request, answer, body_if_any, endpoint, raw_answer
from functions.messages import QUEUE, to_message
from functions.operations import Operation, Parameter
from functions.paging import KIND, LIMIT, LINE, after, after_of, limit_of, one_of
from shared.core import artifacts, naming, served
from shared.core.roles import Right
from shared.core.run import Run

bp = func.Blueprint()

_ENCODED_SLASH: Final = re.compile("%2f", re.IGNORECASE)
decode_wish: Final = msgspec.json.Decoder(served.WishRequest).decode


@bp.function_name("list_runs")
@bp.route(route="runs", methods=["GET"])
@endpoint(
    Operation(
        needs=Right.READ,
        gives=served.Runs,
        query=(Parameter("pipeline", str, "Those of one pipeline only."), LIMIT, after(naming.LISTING_KEY)),
        refuses=(400,),
    )
)
def list_runs(request: Request) -> served.Runs:
    """The newest runs, page by page, all or those of one pipeline."""
    limit, cursor = limit_of(request.http), after_of(request.http, naming.LISTING_KEY)
    return request.app.views.listing(request.http.params.get("pipeline"), limit, cursor)


@bp.function_name("get_run")
@bp.route(route="runs/{run_id}", methods=["GET"])
@endpoint(Operation(needs=Right.READ, gives=served.Run, refuses=(404,)))
def get_run(request: Request) -> served.Run | func.HttpResponse:
    """Everything about a run: report, findings, job, evaluation, open gate, history."""
    run = request.app.views.detail(request.run_id, request.reader)
    return answer(run) if request.reader.sees_rows else run  # with excerpts of rows nobody keeps it


@bp.function_name("get_history")
@bp.route(route="runs/{run_id}/history", methods=["GET"])
@endpoint(
    Operation(
        needs=Right.READ,
        gives=served.History,
        query=(KIND, LIMIT, after(LINE)),
        refuses=(400, 404),
    )
)
def get_history(request: Request) -> served.History:
    """A run's history page by page, all lines or those of one kind."""
    kind = one_of(request.http, KIND)
    line = after_of(request.http, LINE)
    return request.app.lists.history(
        request.run_id, (kind,) if kind else (), limit_of(request.http), int(line or 0)
    )


@bp.function_name("get_artifact")
@bp.route(route="runs/{run_id}/artifacts/{*name}", methods=["GET"])
@endpoint(Operation(needs=Right.READ, gives=None, refuses=(404, 409), gives_files=artifacts.SERVED_TYPES))
def get_artifact(request: Request) -> func.HttpResponse:
    """A file of a run's evidence: report, losses, answers, comparison."""
    # Hosts leave the slash encoded that generated clients encode.
    name = _ENCODED_SLASH.sub("/", request.route("name"))
    served = request.app.views.artifact(request.run_id, name, request.reader)
    return raw_answer(served.data, served.content_type, is_checked=served.is_checked)


@bp.function_name("cancel_run")
@bp.route(route="runs/{run_id}/cancel", methods=["POST"])
@bp.queue_output(arg_name="due", queue_name=QUEUE, connection="STATE")
@endpoint(
    Operation(
        needs=Right.OPERATE,
        gives=served.Accepted,
        status=202,
        takes=served.WishRequest,
        refuses=(400, 404, 409),
    )
)
def cancel_run(request: Request, due: func.Out[str]) -> func.HttpResponse:
    """Stop a run; its job is cancelled first."""
    why = _why(request)
    return _changed(request.app.people.cancel(request.run_id, request.person, why), due)


@bp.function_name("retry_run")
@bp.route(route="runs/{run_id}/retry", methods=["POST"])
@bp.queue_output(arg_name="due", queue_name=QUEUE, connection="STATE")
@endpoint(
    Operation(
        needs=Right.OPERATE,
        gives=served.Accepted,
        status=202,
        takes=served.WishRequest,
        refuses=(400, 404, 409, 410),
    )
)
def retry_run(request: Request, due: func.Out[str]) -> func.HttpResponse:
    """Put a failed run back to work."""
    why = _why(request)
    return _changed(request.app.people.retry(request.run_id, request.person, why), due)


@bp.function_name("rejudge_run")
@bp.route(route="runs/{run_id}/rejudge", methods=["POST"])
@bp.queue_output(arg_name="due", queue_name=QUEUE, connection="STATE")
@endpoint(
    Operation(
        needs=Right.OPERATE,
        gives=served.Rejudged,
        status=202,
        takes=served.WishRequest,
        refuses=(400, 404, 409, 410),
    )
)
def rejudge_run(request: Request, due: func.Out[str]) -> func.HttpResponse:
    """Judge a run again by the pipeline file of today; nothing is trained."""
    run, prepared = request.app.people.rejudge(request.run_id, request.person, _why(request))
    due.set(to_message(run.id))
    judging, asked, cost = prepared.judging, prepared.asked, prepared.cost
    shown = served.Rejudged(
        run=run.id,
        status=run.status,
        changed=judging.changed,
        notes=(*judging.notes, *prepared.grading),
        answers_missing=asked.questions,
        estimated_usd=cost.usd,
        estimate_basis=cost.basis,
    )
    return answer(shown, 202)


def _why(request: Request) -> str:
    return body_if_any(request.http, decode_wish).comment.strip()


def _changed(run: Run, due: func.Out[str]) -> func.HttpResponse:
    """Accepted: the run is queued and goes on by itself."""
    due.set(to_message(run.id))
    return answer(served.Accepted(run=run.id, status=run.status), 202)
