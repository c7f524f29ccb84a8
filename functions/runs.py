"""Reading runs, stopping them, trying failed ones again."""

import azure.functions as func

from functions.http import answer, answering, approver, person, raw_answer
from functions.tracing import to_message, traced
from shared.core.errors import Malformed
from shared.core.run import Run
from shared.wiring import services

bp = func.Blueprint()


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100):
        msg = f"limit is {text!r}, expected a whole number from 1 to 100"
        raise Malformed(msg)
    return int(text)


@bp.function_name("list_runs")
@bp.route(route="runs", methods=["GET"])
@traced
def list_runs(req: func.HttpRequest) -> func.HttpResponse:
    """A page of runs, newest first; of one pipeline with `?pipeline=`."""

    def respond() -> func.HttpResponse:
        app = services()
        person(req, app.settings)
        limit = _limit(req.params.get("limit", "50"))
        return answer(app.views.listing(req.params.get("pipeline"), limit, req.params.get("after")))

    return answering(respond)


@bp.function_name("get_run")
@bp.route(route="runs/{run_id}", methods=["GET"])
@traced
def get_run(req: func.HttpRequest) -> func.HttpResponse:
    """Everything about one run."""

    def respond() -> func.HttpResponse:
        app = services()
        person(req, app.settings)
        return answer(app.views.detail(req.route_params["run_id"]))

    return answering(respond)


@bp.function_name("get_artifact")
@bp.route(route="runs/{run_id}/artifacts/{*name}", methods=["GET"])
@traced
def get_artifact(req: func.HttpRequest) -> func.HttpResponse:
    """One file of a run's evidence."""

    def respond() -> func.HttpResponse:
        app = services()
        person(req, app.settings)
        data, content_type = app.views.artifact(req.route_params["run_id"], req.route_params["name"])
        return raw_answer(data, content_type)

    return answering(respond)


@bp.function_name("cancel_run")
@bp.route(route="runs/{run_id}/cancel", methods=["POST"])
@bp.queue_output(arg_name="due", queue_name="runs-to-advance", connection="STATE")
@traced
def cancel_run(req: func.HttpRequest, due: func.Out[str]) -> func.HttpResponse:
    """Stop a run; its job is cancelled first."""

    def respond() -> func.HttpResponse:
        app = services()
        someone = approver(req, app.settings)
        return _changed(app.decisions.cancel(req.route_params["run_id"], someone), due)

    return answering(respond)


@bp.function_name("retry_run")
@bp.route(route="runs/{run_id}/retry", methods=["POST"])
@bp.queue_output(arg_name="due", queue_name="runs-to-advance", connection="STATE")
@traced
def retry_run(req: func.HttpRequest, due: func.Out[str]) -> func.HttpResponse:
    """Put a failed run back to work."""

    def respond() -> func.HttpResponse:
        app = services()
        approver(req, app.settings)
        return _changed(app.decisions.retry(req.route_params["run_id"]), due)

    return answering(respond)


def _changed(run: Run, due: func.Out[str]) -> func.HttpResponse:
    due.set(to_message(run.id))
    return answer({"run": run.id, "status": run.status}, 202)
