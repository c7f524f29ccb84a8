"""The app, seen by somebody who did not sign in: every door but health must be shut."""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final

from infra.hooks.cloud import Stop, eventually, say

_CLAIMS: Final = {
    "oid": "me",
    "tid": os.environ.get("AZURE_TENANT_ID", ""),
    "name": "Me",
    "roles": "FineTune.Approver",
}
#: A principal that a client makes up, as App Service would write it: the app would believe it.
FORGED: Final = base64.b64encode(
    json.dumps(
        {
            "auth_typ": "aad",
            "claims": [{"typ": typ, "val": val} for typ, val in _CLAIMS.items()],
            "name_typ": "name",
            "role_typ": "roles",
        }
    ).encode()
).decode()


def look_from_outside(url: str) -> None:
    """Nobody who did not sign in gets anything done.

    Raises:
        Stop: naming the door that is open.
    """
    is_closed = (
        bool(os.environ.get("ALLOWED_ADDRESS_RANGES"))
        or os.environ.get("PRIVATE_NETWORK", "").lower() == "true"
    )
    decision = f"{url}/api/runs/smoke/gates/deployment"
    webhook = f"{url}/runtime/webhooks/blobs?functionName=Host.Functions.dataset_uploaded"
    body = b'{"decision": "approve", "digest": "sha256:' + b"0" * 64 + b'"}'
    doors: list[tuple[str, Callable[[], int], set[int]]] = [
        ("an anonymous decision", lambda: status("POST", decision, body), {401}),
        ("a decision with a forged principal", lambda: status("POST", decision, body, forged=True), {401}),
        ("an anonymous reader", lambda: status("GET", f"{url}/api/runs"), {401}),
        ("an event without the key", lambda: status("POST", webhook, b"[]"), {400, 401, 403}),
        ("the host's administration", lambda: status("GET", f"{url}/admin/host/status"), {401, 403, 404}),
    ]
    for who, knock, allowed in doors:
        check_door(who, knock, allowed | ({403} if is_closed else set()))
    if is_closed:
        say("  health: not asked, addresses are restricted")
        return
    eventually("health answers", lambda: status("GET", f"{url}/api/health") in {200, 503})
    report = health(url)
    failing = [
        f"{check['name']} ({check['code']}): {check['remedy']}"
        for check in report["checks"]
        if not check["ok"]
    ]
    say(
        "  health: all is well"
        if not failing
        else "  health: new roles take minutes; what still fails:\n    " + "\n    ".join(failing)
    )


def check_door(who: str, knock: Callable[[], int], expected: set[int]) -> None:
    """Knock until the app is up and answers; the answer must be a refusal.

    Raises:
        Stop: if it is anything else.
    """
    answers: list[int] = []

    def answered() -> bool:
        answers.append(knock())
        if answers[-1] >= 500:
            raise Stop(f"It answered {answers[-1]}.")
        return True

    eventually(f"{who} gets an answer", answered)
    if answers[-1] not in expected:
        raise Stop(
            f"{who} got {answers[-1]}, expected one of {sorted(expected)}. "
            "Close the app (`az functionapp stop`) and read docs/security.md."
        )
    say(f"  {who} is refused ({answers[-1]})")


def health(url: str) -> dict[str, Any]:
    """What the app says about itself."""
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=60) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as refusal:
        return dict(json.load(refusal))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirection to a sign-in page is an answer of its own."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        del arguments, named


def status(method: str, url: str, body: bytes | None = None, *, forged: bool = False) -> int:
    """Status of an anonymous request, or of one with a principal that a client made up."""
    headers = {"Content-Type": "application/json"} | ({"X-MS-CLIENT-PRINCIPAL": FORGED} if forged else {})
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code
    except OSError as problem:
        raise Stop(f"{url} cannot be reached: {problem}") from problem
