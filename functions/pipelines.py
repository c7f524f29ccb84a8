"""Reading pipelines: which deployment their clients should use."""

import azure.functions as func

from functions.http import answer, answering, person
from functions.tracing import traced
from shared.wiring import services

bp = func.Blueprint()


@bp.function_name("get_pipeline")
@bp.route(route="pipelines/{name}", methods=["GET"])
@traced
def get_pipeline(req: func.HttpRequest) -> func.HttpResponse:
    """Champion and previous deployment of a pipeline."""

    def respond() -> func.HttpResponse:
        app = services()
        person(req, app.settings)
        return answer(app.views.pipeline(req.route_params["name"]))

    return answering(respond)
