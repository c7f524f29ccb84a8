"""Is everything there that the app needs?  What is not, and what to do about it."""

import azure.functions as func

from functions.http import answer
from functions.tracing import traced
from shared.health import check
from shared.wiring import services

bp = func.Blueprint()


@bp.function_name("health")
@bp.route(route="health", methods=["GET"])
@traced
def health(req: func.HttpRequest) -> func.HttpResponse:
    """200 if settings, storage and Foundry are usable, 503 otherwise; says no more than that to strangers."""
    del req
    report = check(services)
    return answer(report, 200 if report["ok"] else 503)
