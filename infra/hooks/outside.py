"""The app, seen by somebody who did not sign in: every door but health must be shut."""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from infra.hooks.cloud import Stop, eventually, say

#: App Service tells browsers by this.
BROWSER: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
#: Of the public cloud, the only one that hooks and sign-in know.
_ENTRA: Final = ("https", "login.microsoftonline.com")
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


@dataclass(frozen=True)
class Door:
    """What somebody who did not sign in tries."""

    who: str
    """Words for people: who knocks."""
    method: str
    path: str
    refusals: frozenset[int] = frozenset({401})
    """Statuses that say no."""
    body: bytes | None = None
    is_forged: bool = False
    """Whether a principal is sent that the client made up."""
    is_browser: bool = False
    is_for_people: bool = True
    """Whether being led to the sign-in is a refusal, too."""


@dataclass(frozen=True)
class Answer:
    """What an app answered."""

    status: int
    leads_to: str = ""
    """Where it sent a client instead, as it said it."""

    def __str__(self) -> str:
        """For people."""
        return f"{self.status}, which leads to {self.leads_to}" if self.leads_to else str(self.status)

    def is_sign_in(self, url: str) -> bool:
        """Whether it leads to the sign-in: that of Entra, or that of the app at `url`, which leads there."""
        if self.status not in _REDIRECTS or not self.leads_to:
            return False
        there, app = urlsplit(urljoin(url, self.leads_to)), urlsplit(url)
        is_ours = (there.scheme, there.netloc, there.path) == (app.scheme, app.netloc, "/.auth/login/aad")
        return is_ours or (there.scheme, there.netloc) == _ENTRA


_DECISION: Final = "/api/runs/smoke/gates/deployment"
_VOTE: Final = b'{"decision": "approve", "digest": "sha256:' + b"0" * 64 + b'"}'
_WEBHOOK: Final = "/runtime/webhooks/blobs?functionName=Host.Functions.dataset_uploaded"
DOORS: Final = (
    Door("an anonymous decision", "POST", _DECISION, body=_VOTE),
    Door("a decision with a forged principal", "POST", _DECISION, body=_VOTE, is_forged=True),
    Door("an anonymous reader", "GET", "/api/runs"),
    Door("a browser at the page", "GET", "/api/ui", is_browser=True),
    Door("a decision from a browser", "POST", _DECISION, frozenset({401, 403}), body=_VOTE, is_browser=True),
    Door("a browser with a forged principal", "GET", "/api/ui", is_browser=True, is_forged=True),
    Door("a client with a forged principal at the page", "GET", "/api/ui", is_forged=True),
    Door(
        "an event without the key",
        "POST",
        _WEBHOOK,
        frozenset({400, 401, 403}),
        body=b"[]",
        is_for_people=False,
    ),
    Door("the host's administration", "GET", "/admin/host/status", frozenset({401, 403, 404})),
)


def look_from_outside(url: str) -> None:
    """Nobody who did not sign in gets anything done.

    Raises:
        Stop: naming the door that is open.
    """
    is_closed = (
        bool(os.environ.get("ALLOWED_ADDRESS_RANGES"))
        or os.environ.get("PRIVATE_NETWORK", "").lower() == "true"
    )
    for door in DOORS:
        check_door(url, door, door.refusals | frozenset({403} if is_closed else ()))
    if is_closed:
        say("  health: not asked, addresses are restricted")
        return
    eventually("health answers", lambda: ask(url, Door("", "GET", "/api/health")).status in {200, 503})
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


def check_door(url: str, door: Door, refusals: frozenset[int]) -> None:
    """Knock until the app is up and answers; the answer must be a refusal.

    Raises:
        Stop: if it is anything else.
    """
    answers: list[Answer] = []

    def answered() -> bool:
        answers.append(ask(url, door))
        if answers[-1].status >= 500:
            raise Stop(f"It answered {answers[-1].status}.")
        return True

    eventually(f"{door.who} gets an answer", answered)
    answer = answers[-1]
    is_led_away = door.is_for_people and answer.is_sign_in(url)
    if answer.status not in refusals and not is_led_away:
        raise Stop(
            f"{door.who} got {answer}, expected one of {sorted(refusals)}{' or the sign-in' if door.is_for_people else ''}. "
            "Close the app (`az functionapp stop`) and read docs/security.md."
        )
    say(f"  {door.who} is {'led to the sign-in' if is_led_away else 'refused'} ({answer.status})")


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


def ask(url: str, door: Door) -> Answer:
    """What an app answers to somebody who did not sign in."""
    headers = {"Content-Type": "application/json"} if door.body is not None else {}
    headers |= {"User-Agent": BROWSER} if door.is_browser else {}
    headers |= {"X-MS-CLIENT-PRINCIPAL": FORGED} if door.is_forged else {}
    request = urllib.request.Request(url + door.path, data=door.body, method=door.method, headers=headers)
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=60) as answer:
            return Answer(int(answer.status))
    except urllib.error.HTTPError as refusal:
        return Answer(refusal.code, refusal.headers.get("Location") or "")
    except OSError as problem:
        raise Stop(f"{url} cannot be reached: {problem}") from problem
