"""The pages that list: what is wrong, what waits, runs, pipelines, decisions."""

import azure.functions as func

from functions.html import Shown, page
from functions.http import Request

bp = func.Blueprint()


@bp.function_name("home_page")
@bp.route(route="ui", methods=["GET"])
@page
def home_page(request: Request) -> Shown:
    """What is wrong now, and what waits for people."""
    return Shown("home", request.app.home.page(request.person), place="home")
