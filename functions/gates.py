"""Where persons decide."""

from typing import Final

import azure.functions as func
import msgspec

from functions.http import Request, body, endpoint
from functions.messages import QUEUE, to_message
from functions.operations import Operation
from shared.core import served
from shared.core.errors import ArtifactGone, Expired, GateClosed, NotFound, StaleDigest
from shared.core.people import Person, Ruling
from shared.core.roles import Right
from shared.core.served import GateRequest
from shared.core.shown import clipped
from shared.core.status import GATES, GateName

bp = func.Blueprint()

_NAME_MAX: Final = 100

decode_request: Final = msgspec.json.Decoder(GateRequest).decode


@bp.function_name("decide_gate")
@bp.route(route="runs/{run_id}/gates/{gate}", methods=["POST"])
@bp.queue_output(arg_name="due", queue_name=QUEUE, connection="STATE")
@endpoint(
    Operation(
        needs=Right.VOTE,
        gives=served.Decided,
        takes=GateRequest,
        refuses=(NotFound, GateClosed, StaleDigest, ArtifactGone, Expired),
    )
)
def decide_gate(request: Request, due: func.Out[str]) -> served.Decided:
    """Approve or reject exactly the digest that a gate shows, withdraw an approval, or ask something first.

    Read the run, and send `gate.digest` as it is there. One `reject` ends the run. The same decision of the same person again
    changes nothing and is 200 with `is_new` false. 409 `stale_digest` where the champion was replaced since: the run is
    measured again by itself, and its next gate has another digest. 409 `gate_closed` where the gate is not open, or this person
    decided otherwise before (an approval can be withdrawn), or there is nothing to withdraw. 403 also for the uploader, unless
    the pipeline file lets them approve. 400 for a hold, or an approval of an `unproven` verdict, without words.
    """
    run_id, gate = request.run_id, gate_of(request.route("gate"))
    wanted = body(request.http, decode_request)
    ruling = record(request, request.person, gate, wanted, due)
    return served.Decided(
        run=run_id,
        gate=gate,
        decision=wanted.decision,
        digest=wanted.digest,
        is_new=ruling.is_new,
        approvals_missing=ruling.approvals_missing,
    )


def gate_of(name: str) -> GateName:
    """A gate by its name.

    Raises:
        NotFound: there is none of that name.
    """
    for gate in GATES:
        if gate == name:
            return gate
    msg = f"there is no gate {clipped(name, _NAME_MAX)!r}"
    raise NotFound(msg, remedy="The gates are spend and deployment.")


def record(
    request: Request, person: Person, gate: GateName, wanted: GateRequest, due: func.Out[str]
) -> Ruling:
    """Record what somebody says at a gate of the run that the path names; queue the run if anything may follow from it."""
    run_id, people = request.run_id, request.app.people
    if wanted.decision == "hold":
        return people.hold(run_id, gate, person, digest=wanted.digest, comment=wanted.comment)
    try:
        ruling = people.vote(
            run_id, gate, person, decision=wanted.decision, digest=wanted.digest, comment=wanted.comment
        )
    except StaleDigest:
        due.set(to_message(run_id))  # perhaps the champion was replaced, and nobody has looked since
        raise
    due.set(to_message(run_id))  # a repeated decision too: the first time may have died before this
    return ruling
