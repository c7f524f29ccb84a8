"""What waits for people, and what people decided."""

import azure.functions as func

from functions.http import Request, endpoint
from functions.operations import Operation
from functions.paging import FROM, RUN_AND_LINE, TO, after, after_of, limit, limit_of, time_of
from shared.core import naming, served
from shared.core.errors import Malformed
from shared.core.roles import Right
from shared.views.asked import Period

bp = func.Blueprint()


@bp.function_name("list_waiting")
@bp.route(route="waiting", methods=["GET"])
@endpoint(
    Operation(
        needs=Right.READ,
        gives=served.Waiting,
        query=(
            limit("A page has at most eight, and fewer of runs about which people said something."),
            after(naming.LISTING_KEY),
        ),
        refuses=(Malformed,),
    )
)
def list_waiting(request: Request) -> served.Waiting:
    """The runs that wait for a person, the one that waits longest first, page by page."""
    return request.app.lists.waiting(limit_of(request.http), after_of(request.http, naming.LISTING_KEY))


@bp.function_name("list_decisions")
@bp.route(route="decisions", methods=["GET"])
@endpoint(
    Operation(
        needs=Right.READ,
        gives=served.Decisions,
        query=(
            FROM,
            TO,
            limit("A page may have fewer, or none, although others follow."),
            after(RUN_AND_LINE),
        ),
        refuses=(Malformed,),
    )
)
def list_decisions(request: Request) -> served.Decisions:
    """What people decided in a period, page by page, for audits.

    Votes and holds at gates, and each wish to cancel, retry or judge again, with person, role and reason: the newest run first,
    of each run the oldest decision first. **A page may be empty although others follow: only `next: null` ends the list.** It
    is stable for a `to` in the past.
    """
    query = request.http.params
    period = Period(time_of(query, FROM), time_of(query, TO))
    return request.app.lists.decisions(period, limit_of(request.http), after_of(request.http, RUN_AND_LINE))
