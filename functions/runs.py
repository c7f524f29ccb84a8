"""Reading runs, stopping them, trying failed ones again, judging them again."""

import re
from typing import Final

import azure.functions as func
import msgspec

from functions.http import Request, answer, body_if_any, endpoint, raw_answer
from functions.messages import QUEUE, to_message
from functions.operations import Operation, Parameter
from functions.paging import KIND, LINE, after, after_of, limit, limit_of, one_of
from shared.core import artifacts, naming, served
from shared.core.errors import ArtifactGone, CannotJudge, Expired, GateClosed, Malformed, NotFound, NotReady
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
        query=(Parameter("pipeline", str, "Those of one pipeline only."), limit(), after(naming.LISTING_KEY)),
        refuses=(Malformed,),
    )
)
def list_runs(request: Request) -> served.Runs:
    """The newest runs, page by page, all or those of one pipeline."""
    cursor = after_of(request.http, naming.LISTING_KEY)
    return request.app.views.listing(request.http.params.get("pipeline"), limit_of(request.http), cursor)


@bp.function_name("get_run")
@bp.route(route="runs/{run_id}", methods=["GET"])
@endpoint(Operation(needs=Right.READ, gives=served.Run, refuses=(NotFound,)))
def get_run(request: Request) -> served.Run | func.HttpResponse:
    """Everything about a run: report, findings, job, evaluation, open gate, history.

    Ask it again once a minute, with the `ETag` of the answer before, until `is_finished`; while `gate` is not null a person has
    to decide.
    """
    run = request.app.views.detail(request.run_id, request.reader)
    return answer(run) if request.reader.sees_rows else run  # with excerpts of rows nobody keeps it


@bp.function_name("get_history")
@bp.route(route="runs/{run_id}/history", methods=["GET"])
@endpoint(
    Operation(
        needs=Right.READ,
        gives=served.History,
        query=(KIND, limit(), after(LINE)),
        refuses=(Malformed, NotFound),
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
@endpoint(
    Operation(
        needs=Right.READ, gives=None, refuses=(NotFound, ArtifactGone), gives_files=artifacts.SERVED_TYPES
    )
)
def get_artifact(request: Request) -> func.HttpResponse:
    """A file of a run's evidence: report, losses, answers, comparison.

    Slashes of the name may be encoded or not. What is made of rows is for the role of `DATA_ROLE`: others get `report.md`,
    `report.json`, `evaluation/comparison.md` and `evaluation/comparison.json` without rows, made anew at each request, and 403
    for the rest. A file that was changed since it was stored is 409 `artifact_gone`.
    """
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
        refuses=(NotFound, GateClosed),
    )
)
def cancel_run(request: Request, due: func.Out[str]) -> func.HttpResponse:
    """Stop a run; its job is cancelled first.

    202: the wish is recorded, and the run ends as `cancelled` by itself, mostly within minutes. If somebody asked before, it is
    202, too, whatever became of the run, and nothing is recorded, also not the comment: `cancel` of the run names who asked
    first. 409 `gate_closed` if nobody asked before and the run has ended, or is being deployed.
    """
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
        refuses=(NotFound, GateClosed, Expired),
    )
)
def retry_run(request: Request, due: func.Out[str]) -> func.HttpResponse:
    """Put a failed run back to work.

    It goes on where nothing is paid twice; without a model it passes claim, budget and spend gate again, and a new job costs
    again. 403 also for the uploader, unless the pipeline file lets them approve. 409 `gate_closed` if it did not fail, or a
    retry cannot mend it (`failure.can_retry`); 410 later than `approval.expires_after` after it ended.
    """
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
        refuses=(NotFound, GateClosed, CannotJudge, Expired, NotReady),
    )
)
def rejudge_run(request: Request, due: func.Out[str]) -> func.HttpResponse:
    """Judge a run again by the pipeline file of today; nothing is trained.

    For runs with a model that wait at their deployment gate without all approvals, ended there as `rejected` or `expired`, or
    ended as `not_promoted`, as `cancelled`, or as `failed` on the way to a verdict or by a smoke test of a deployment that no
    clients ask yet; else 409 `gate_closed`. In the end a person is asked. Whenever it is not 202, nothing was changed.
    """
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
