"""What people do on pages: a page that says what will happen, and the form that does it by the same services as the API."""

from collections.abc import Callable
from typing import Final

import azure.functions as func
import msgspec

from functions.gates import decode_request, gate_of, record
from functions.html import Shown, form_of, insist_on_form, page, see_other
from functions.http import Request, problem_of
from functions.messages import QUEUE, to_message
from functions.runs import decode_wish
from shared.core.errors import Malformed, NotFound, foreseen
from shared.core.people import Person
from shared.core.roles import insist
from shared.core.shown import clipped
from shared.views.errors import problem_page
from shared.views.offers import ACTS, SAYS, right_of

bp = func.Blueprint()

_COMMENT_MAX: Final = 1000
_NAME_MAX: Final = 100
_FIELDS: Final = frozenset({"gate", "digest", "comment"})


@bp.function_name("act_page")
@bp.route(route="ui/runs/{run_id}/do/{act}", methods=["GET"])
@page
def act_page(request: Request) -> Shown:
    """What will happen if somebody does something with a run, and the form that does it."""
    act = _act(request)
    return Shown("act", request.app.acts.page(request.run_id, act, request.person), place="runs")


@bp.function_name("lost_form_page")
@bp.route(route="ui/runs/{run_id}/do/{act}/send", methods=["GET"])
@page
def lost_form_page(request: Request) -> Shown:
    """Where somebody arrives whose session had ended when they sent a form: the form again; nothing was recorded."""
    act = _act(request)
    made = request.app.acts.page(request.run_id, act, request.person)
    return Shown("act", msgspec.structs.replace(made, is_lost=True), place="runs")


@bp.function_name("send_form")
@bp.route(route="ui/runs/{run_id}/do/{act}/send", methods=["POST"])
@bp.queue_output(arg_name="due", queue_name=QUEUE, connection="STATE")
@page
def send_form(request: Request, due: func.Out[str]) -> Shown | func.HttpResponse:
    """Do something with a run; then the page of the run, or why nothing was recorded."""
    act, run_id = _act(request), request.run_id
    insist_on_form(request)
    fields = form_of(request)
    try:
        person = insist(request.person, right_of(act), request.app.settings.roles)
        notice = _do(request, act, person, fields, due)
    except Exception as error:  # noqa: BLE001  whatever it is, what was typed is kept, and the state of now is shown
        known = foreseen(error)
        made = request.app.acts.page(run_id, act, request.person)
        typed = clipped(fields.get("comment", ""), _COMMENT_MAX)
        shown = msgspec.structs.replace(made, comment=typed, problem=problem_page(problem_of(known)))
        return Shown("act", shown, place="runs", status=known.http_status)
    return see_other(f"/api/ui/runs/{run_id}?notice={notice}")


def _do(request: Request, act: str, person: Person, fields: dict[str, str], due: func.Out[str]) -> str:
    """Do it.

    Returns:
        The name of what is to be said of it.
    """
    if unknown := fields.keys() - _FIELDS:
        msg = f"the form has a field {clipped(min(unknown), _NAME_MAX)!r}, which nothing asks for"
        raise Malformed(msg)
    people, run_id, comment = request.app.people, request.run_id, fields.get("comment", "").strip()
    if act in SAYS:
        said = {"decision": act, "digest": fields.get("digest", ""), "comment": comment}
        wanted = _decoded(decode_request, said)
        ruling = record(request, person, gate_of(fields.get("gate", "")), wanted, due)
        return act if ruling.is_new else "before"
    _decoded(decode_wish, {"comment": comment})
    if act == "rejudge":
        people.rejudge(run_id, person, comment)
    else:
        (people.cancel if act == "cancel" else people.retry)(run_id, person, comment)
    due.set(to_message(run_id))
    return act


def _decoded[T](decode: Callable[[bytes], T], said: dict[str, str]) -> T:
    """What a form says, as the API takes it.

    Raises:
        Malformed: naming what is wrong and where.
    """
    try:
        return decode(msgspec.json.encode(said))
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from error


def _act(request: Request) -> str:
    """What is to be done.

    Raises:
        NotFound: it is nothing that people do.
    """
    act = request.route("act")
    if act not in ACTS:
        msg = f"{clipped(act, _NAME_MAX)!r} is nothing that is done with a run"
        raise NotFound(msg, remedy=f"People do: {', '.join(ACTS)}.")
    return act
