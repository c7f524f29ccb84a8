"""Reading pipelines: which deployment their clients should use."""

import azure.functions as func

from functions.http import Request, endpoint
from functions.operations import Operation
from shared.core import served
from shared.core.roles import Right

bp = func.Blueprint()


@bp.function_name("get_pipeline")
@bp.route(route="pipelines/{name}", methods=["GET"])
@endpoint(Operation(needs=Right.READ, gives=served.Pipeline, refuses=(404,)))
def get_pipeline(request: Request) -> object:
    """Which deployment clients should use."""
    return request.app.views.pipeline(request.route("name"))
