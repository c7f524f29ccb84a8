"""Reading pipelines: which there are, and which deployment their clients should use."""

import azure.functions as func

from functions.http import Request, endpoint
from functions.operations import Operation
from functions.paging import after, after_of, limit, limit_of
from shared.core import naming, served
from shared.core.errors import Malformed, NotFound
from shared.core.roles import Right

bp = func.Blueprint()


@bp.function_name("list_pipelines")
@bp.route(route="pipelines", methods=["GET"])
@endpoint(
    Operation(
        needs=Right.READ,
        gives=served.Pipelines,
        query=(limit("A page has at most nine."), after(naming.PIPELINE_NAME)),
        refuses=(Malformed,),
    )
)
def list_pipelines(request: Request) -> served.Pipelines:
    """The pipelines with their champions, page by page."""
    return request.app.lists.pipelines(limit_of(request.http), after_of(request.http, naming.PIPELINE_NAME))


@bp.function_name("get_pipeline")
@bp.route(route="pipelines/{name}", methods=["GET"])
@endpoint(Operation(needs=Right.READ, gives=served.Pipeline, refuses=(NotFound,)))
def get_pipeline(request: Request) -> served.Pipeline:
    """Which deployment clients should use, and how they ask it: `champion.route`."""
    return request.app.views.pipeline(request.route("name"))
