"""Is everything there that the app needs?  What is not, and what to do about it."""

import azure.functions as func

from functions.http import Request, answer, endpoint
from functions.operations import Operation
from shared.core import served
from shared.core.errors import ConfigurationError
from shared.health import without_settings
from shared.wiring import services

bp = func.Blueprint()


@bp.function_name("health")
@bp.route(route="health", methods=["GET"])
@endpoint(Operation(needs=None, gives=served.Health))
def health(_: Request) -> func.HttpResponse:
    """What is missing, and how to fix it.

    Looks at settings, storage and Foundry once in 30 seconds, and repeats what it found meanwhile. 200 if all is well, 503
    otherwise, both with the same shape. Send no token: App Service may refuse one that is not valid, here too.
    """
    try:
        report = services().health.report()
    except ConfigurationError as error:
        report = without_settings(error)
    return answer(report, 200 if report.ok else 503)
