"""The pages that list: what is wrong, what waits, what was done, runs, pipelines, decisions."""

from typing import Final

import azure.functions as func
import msgspec

from functions.html import Shown, file_answer, page
from functions.http import Request
from functions.paging import FROM, RUN_AND_LINE, TO, after_of, time_of
from shared.core import naming
from shared.core.errors import Malformed
from shared.core.shown import json_text
from shared.pages.render import Nothing
from shared.views.asked import Filter, Period
from shared.views.statuses import GROUPS

bp = func.Blueprint()

_TEXT_MAX: Final = 200


@bp.function_name("home_page")
@bp.route(route="ui", methods=["GET"])
@page
def home_page(request: Request) -> Shown:
    """What is wrong now, and what waits for people."""
    return Shown("home", request.app.home.page(request.person), place="home")


@bp.function_name("today_page")
@bp.route(route="ui/today", methods=["GET"])
@page
def today_page(request: Request) -> Shown:
    """What the app did today by itself."""
    return Shown("today", request.app.today.page(after_of(request.http, naming.LISTING_KEY)), place="home")


@bp.function_name("runbook_page")
@bp.route(route="ui/runbook", methods=["GET"])
@page
def runbook_page(request: Request) -> Shown:
    """What each alert means and what to do: docs/operate.md, of the version that runs."""
    del request
    return Shown("runbook", Nothing(), place="home")


@bp.function_name("runs_page")
@bp.route(route="ui/runs", methods=["GET"])
@page
def runs_page(request: Request) -> Shown:
    """Runs by pipeline, status and name of the dataset, page by page."""
    asked = Filter(_text(request, "pipeline"), _text(request, "status"), _text(request, "text"))
    if asked.group and asked.group not in GROUPS:
        msg = f"status is {asked.group!r}, expected one of {', '.join(GROUPS)}"
        raise Malformed(msg)
    made = request.app.listed_runs.page(asked, after_of(request.http, naming.LISTING_KEY))
    return Shown("runs", made, place="runs")


@bp.function_name("pipelines_page")
@bp.route(route="ui/pipelines", methods=["GET"])
@page
def pipelines_page(request: Request) -> Shown:
    """The pipelines with their champions."""
    return Shown("pipelines", request.app.pipeline_pages.listing(), place="pipelines")


@bp.function_name("pipeline_page")
@bp.route(route="ui/pipelines/{name}", methods=["GET"])
@page
def pipeline_page(request: Request) -> Shown:
    """A pipeline: champion, gates, runs, quality, spending, file."""
    return Shown("pipeline", request.app.pipeline_pages.page(request.route("name")), place="pipelines")


@bp.function_name("decisions_page")
@bp.route(route="ui/decisions", methods=["GET"])
@page
def decisions_page(request: Request) -> Shown:
    """What people decided in a period, page by page."""
    asked = (_text(request, "from").strip(), _text(request, "to").strip())
    after = after_of(request.http, RUN_AND_LINE)
    return Shown(
        "decisions", request.app.decision_pages.page(_period(request), asked, after), place="decisions"
    )


@bp.function_name("decisions_csv")
@bp.route(route="ui/decisions.csv", methods=["GET"])
@page
def decisions_csv(request: Request) -> func.HttpResponse:
    """What people decided in a period, whole, for spreadsheets."""
    found = request.app.decision_pages.csv(_period(request))
    return file_answer(found, "text/csv", "decisions.csv")


@bp.function_name("decisions_json")
@bp.route(route="ui/decisions.json", methods=["GET"])
@page
def decisions_json(request: Request) -> func.HttpResponse:
    """What people decided in a period, whole, for programs: as the API answers it."""
    found = request.app.decision_pages.export(_period(request))
    return file_answer(json_text(msgspec.json.encode(found)), "application/json", "decisions.json")


def _period(request: Request) -> Period:
    """The period of a query; an empty field of the form is no bound."""
    given = {name: value for name, value in request.http.params.items() if value.strip()}
    return Period(time_of(given, FROM), time_of(given, TO))


def _text(request: Request, name: str) -> str:
    """A text of the query.

    Raises:
        Malformed: it is too long.
    """
    text = str(request.http.params.get(name, ""))
    if len(text) > _TEXT_MAX:
        msg = f"{name} has {len(text)} characters, at most {_TEXT_MAX} are taken"
        raise Malformed(msg)
    return text
