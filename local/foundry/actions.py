"""The action that each call of the stand-in needs.  A route without one keeps the stand-in from starting.

Data actions are from Microsoft's list of permissions for AI and machine learning (read 2026-11-28).  It names none for calls that
are marked with "?"; there the nearest was taken.  The built-in role that we give allows all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from starlette.routing import BaseRoute, Mount, Route, compile_path

_PROVIDER: Final = "Microsoft.CognitiveServices"
_DATA_PREFIXES: Final = ("/openai/v1", "/api/projects/{project}/openai/v1")
_SUBSCRIPTION: Final = f"/subscriptions/{{subscription}}/providers/{_PROVIDER}"
_ACCOUNT: Final = (
    f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{_PROVIDER}/accounts/{{account}}"
)

#: Below the address of a project's or the account's OpenAI -> data action below `accounts/OpenAI`.
_OPENAI: Final = {
    "POST /files": "files/write",
    "GET /files": "files/read",
    "GET /files/{id}": "files/read",
    "DELETE /files/{id}": "files/delete",
    "GET /files/{id}/content": "files/read",
    "POST /fine_tuning/jobs": "fine-tunes/write",
    "GET /fine_tuning/jobs": "fine-tunes/read",
    "GET /fine_tuning/jobs/{id}": "fine-tunes/read",
    "GET /fine_tuning/jobs/{id}/events": "fine-tunes/read",
    "GET /fine_tuning/jobs/{id}/checkpoints": "fine-tunes/read",
    "POST /fine_tuning/jobs/{id}/cancel": "fine-tunes/write",
    "POST /fine_tuning/jobs/{id}/pause": "fine-tunes/write",  # ?
    "POST /fine_tuning/jobs/{id}/resume": "fine-tunes/write",  # ?
    "POST /fine_tuning/alpha/graders/validate": "fine-tunes/write",  # ?
    "POST /fine_tuning/alpha/graders/run": "fine-tunes/write",  # ?
    "POST /chat/completions": "deployments/chat/completions/action",
    "POST /responses": "responses/write",  # named by the service when it refuses
    "GET /models": "models/read",
    "GET /models/{id}": "models/read",
}
#: Other addresses of the data plane -> data action below `accounts`.
_DATA: Final = {
    "POST /openai/deployments/{name}/chat/completions": "OpenAI/deployments/chat/completions/action",
    "GET /api/projects/{project}/deployments": "AIServices/deployments/read",
    "GET /api/projects/{project}/deployments/{name}": "AIServices/deployments/read",
}
#: Resource Manager -> action below the provider.
_ARM: Final = {
    f"GET {_ACCOUNT}": "accounts/read",
    f"GET {_ACCOUNT}/models": "accounts/models/read",
    f"GET {_ACCOUNT}/skus": "accounts/skus/read",
    f"GET {_ACCOUNT}/usages": "accounts/usages/read",
    f"GET {_ACCOUNT}/deployments": "accounts/deployments/read",
    f"GET {_ACCOUNT}/deployments/{{name}}": "accounts/deployments/read",
    f"PUT {_ACCOUNT}/deployments/{{name}}": "accounts/deployments/write",
    f"PATCH {_ACCOUNT}/deployments/{{name}}": "accounts/deployments/write",
    f"DELETE {_ACCOUNT}/deployments/{{name}}": "accounts/deployments/delete",
    f"GET {_ACCOUNT}/deployments/{{name}}/skus": "accounts/deployments/skus/read",
    f"GET {_SUBSCRIPTION}/locations/{{location}}/models": "locations/models/read",
    f"GET {_SUBSCRIPTION}/locations/{{location}}/usages": "locations/usages/read",
    f"GET {_SUBSCRIPTION}/locations/{{location}}/modelCapacities": "locations/modelCapacities/read",
    f"GET {_SUBSCRIPTION}/modelCapacities": "modelCapacities/read",
    f"GET {_SUBSCRIPTION}/skus": "skus/read",
    "GET /operations/{name}": "accounts/deployments/read",  # ?
    "GET /operations/{name}/result": "accounts/deployments/read",  # ?
}
#: For everybody, and before anybody is known.
_OPEN: Final = frozenset({"GET /msi/token"})


@dataclass(frozen=True, slots=True)
class Needed:
    """What a call needs.

    Attributes:
        action: its name in Azure.
        is_data: whether it is a data action.
        on: of which resource.
        operation: the call as a refusal names it.
    """

    action: str
    is_data: bool
    on: Literal["project", "account", "subscription"]
    operation: str


def _table() -> dict[str, Needed]:
    table = {}
    for call, action in _OPENAI.items():
        method, _, path = call.partition(" ")
        for prefix in _DATA_PREFIXES:
            table[f"{method} {prefix}{path}"] = _data(f"{method} {prefix}{path}", f"OpenAI/{action}")
    table |= {call: _data(call, action) for call, action in _DATA.items()}
    for call, action in _ARM.items():
        on: Literal["account", "subscription"] = "subscription" if _SUBSCRIPTION in call else "account"
        table[call] = Needed(f"{_PROVIDER}/{action}", is_data=False, on=on, operation=call)
    return table


def _data(call: str, action: str) -> Needed:
    on: Literal["project", "account"] = "project" if "/projects/" in call else "account"
    return Needed(f"{_PROVIDER}/accounts/{action}", is_data=True, on=on, operation=call)


NEEDED: Final = _table()
_PATTERNS: Final[list[tuple[str, re.Pattern[str], Needed]]] = [
    (call.partition(" ")[0], compile_path(call.partition(" ")[2])[0], needed)
    for call, needed in NEEDED.items()
]


def needed_by(method: str, path: str) -> Needed | None:
    """What a call needs; None if there is no such route, since each route has its action."""
    asked = "GET" if method == "HEAD" else method
    return next((n for m, pattern, n in _PATTERNS if m == asked and pattern.fullmatch(path)), None)


def calls_of(routes: Iterable[BaseRoute], prefix: str = "") -> list[str]:
    """Method and path of each route."""
    calls = []
    for route in routes:
        if isinstance(route, Mount):
            calls += calls_of(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            calls += [
                f"{method} {prefix}{route.path}" for method in (route.methods or ()) if method != "HEAD"
            ]
    return calls


def check_written_down(routes: Iterable[BaseRoute]) -> None:
    """Refuse routes of which nobody wrote down what they need.

    Raises:
        LookupError: naming them.
    """
    if missing := sorted(set(calls_of(routes)) - NEEDED.keys() - _OPEN):
        msg = f"local/foundry/actions.py does not say which action these need: {', '.join(missing)}"
        raise LookupError(msg)
