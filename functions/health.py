"""Is everything there that the app needs?  What is not, and what to do about it."""

import azure.functions as func

from functions.http import Request, answer, endpoint
from shared.health import check
from shared.wiring import services

bp = func.Blueprint()


@bp.function_name("health")
@bp.route(route="health", methods=["GET"])
@endpoint(needs=None)
def health(_: Request) -> func.HttpResponse:
    """What is missing, and how to fix it."""
    report = check(services)
    return answer(report, 200 if report["ok"] else 503)
