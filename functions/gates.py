"""Where persons decide."""

from typing import Annotated, Final, Literal

import azure.functions as func
import msgspec

from functions.http import answer, answering, approver, body
from functions.tracing import to_message, traced
from shared.core.approval import GATES
from shared.core.errors import NotFound
from shared.wiring import services

bp = func.Blueprint()


class GateRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a decision: what is decided, on exactly which digest, and why."""

    decision: Literal["approve", "reject"]
    digest: Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}$")]
    comment: Annotated[str, msgspec.Meta(max_length=1000)] = ""


decode_request: Final = msgspec.json.Decoder(GateRequest).decode


@bp.function_name("decide_gate")
@bp.route(route="runs/{run_id}/gates/{gate}", methods=["POST"])
@bp.queue_output(arg_name="due", queue_name="runs-to-advance", connection="STATE")
@traced
def decide_gate(req: func.HttpRequest, due: func.Out[str]) -> func.HttpResponse:
    """Record a person's decision on a gate, and queue the run."""

    def respond() -> func.HttpResponse:
        app = services()
        someone = approver(req, app.settings)
        run_id, gate = req.route_params["run_id"], req.route_params["gate"]
        if gate not in GATES:
            msg = f"there is no gate {gate!r}"
            raise NotFound(msg, remedy="The gates are spend and deployment.")
        wanted = body(req, decode_request)
        ruling = app.decisions.decide(
            run_id,
            gate,
            someone,
            decision=wanted.decision,
            digest=wanted.digest,
            comment=wanted.comment,
        )
        due.set(to_message(run_id))  # a repeated decision too: the first time may have died before this
        return answer(
            {
                "run": run_id,
                "gate": gate,
                "decision": wanted.decision,
                "digest": wanted.digest,
                "is_new": ruling.is_new,
                "approvals_missing": ruling.approvals_missing,
            }
        )

    return answering(respond)
