"""Where persons decide."""

from typing import Final

import azure.functions as func
import msgspec

from functions.http import Request, body, endpoint
from functions.messages import QUEUE, to_message
from functions.operations import Operation
from shared.core import served
from shared.core.errors import NotFound, StaleDigest
from shared.core.roles import Right
from shared.core.served import GateRequest
from shared.core.status import GATES

bp = func.Blueprint()


decode_request: Final = msgspec.json.Decoder(GateRequest).decode


@bp.function_name("decide_gate")
@bp.route(route="runs/{run_id}/gates/{gate}", methods=["POST"])
@bp.queue_output(arg_name="due", queue_name=QUEUE, connection="STATE")
@endpoint(Operation(needs=Right.VOTE, gives=served.Decided, takes=GateRequest, refuses=(400, 404, 409, 410)))
def decide_gate(request: Request, due: func.Out[str]) -> served.Decided:
    """Approve or reject exactly the digest that a gate shows, withdraw an approval, or ask something first."""
    run_id, gate = request.run_id, request.route("gate")
    if gate not in GATES:
        msg = f"there is no gate {gate!r}"
        raise NotFound(msg, remedy="The gates are spend and deployment.")
    wanted = body(request.http, decode_request)
    people, person = request.app.people, request.person
    if wanted.decision == "hold":
        ruling = people.hold(run_id, gate, person, digest=wanted.digest, comment=wanted.comment)
    else:
        try:
            ruling = people.vote(
                run_id, gate, person, decision=wanted.decision, digest=wanted.digest, comment=wanted.comment
            )
        except StaleDigest:
            due.set(to_message(run_id))  # perhaps the champion was replaced, and nobody has looked since
            raise
        due.set(to_message(run_id))  # a repeated decision too: the first time may have died before this
    return served.Decided(
        run=run_id,
        gate=gate,
        decision=wanted.decision,
        digest=wanted.digest,
        is_new=ruling.is_new,
        approvals_missing=ruling.approvals_missing,
    )
