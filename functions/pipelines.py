"""Reading pipelines: which deployment their clients should use."""

import azure.functions as func

from functions.http import Request, endpoint, person

bp = func.Blueprint()


@bp.function_name("get_pipeline")
@bp.route(route="pipelines/{name}", methods=["GET"])
@endpoint(needs=person)
def get_pipeline(request: Request) -> object:
    """Which deployment clients should use."""
    return request.app.views.pipeline(request.route("name"))
