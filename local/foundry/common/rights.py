"""Who may do what, as roles say it in Azure.

It is read from `rights.json` in the state directory, again for each request.  Without that file everybody may do everything:

    {"CLIENT ID": [{"scope": "account", "actions": ["Microsoft.CognitiveServices/accounts/read"], "dataActions": []}]}

A scope is `subscription`, `account` or `project`; what is given on one holds below it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

_PROVIDER: Final = "Microsoft.CognitiveServices"
_SCOPES: Final = ("subscription", "account", "project")
_VERBS: Final = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
_CHAT: Final = f"{_PROVIDER}/accounts/OpenAI/deployments/chat/completions/action"


@dataclass(frozen=True, slots=True)
class Need:
    """What a request takes.

    Attributes:
        action: name of the right.
        scope: on which it has to hold.
        is_data: whether it is a data action.
    """

    action: str
    scope: str
    is_data: bool


def need(method: str, path: str) -> Need:
    """What a request takes.

    Resource Manager names a right after the types in the path.  What the data plane asks for is known for chat completions at the
    account alone; other calls get a name of ours, which only a wildcard allows, as Foundry User has one.
    """
    _, found, below = path.partition(f"/providers/{_PROVIDER}/")
    if found:
        types = below.split("/")[::2]
        scope = "account" if types[0] == "accounts" else "subscription"
        return Need("/".join((_PROVIDER, *types, _VERBS.get(method, "action"))), scope, is_data=False)
    if path.startswith("/openai/deployments/"):
        return Need(_CHAT, "account", is_data=True)
    if path.startswith(("/subscriptions/", "/operations/")):
        return Need(f"nobody knows the right for {path}", "subscription", is_data=False)
    scope = "project" if path.startswith("/api/projects/") else "account"
    return Need(f"{_PROVIDER}/accounts/projects/data/action", scope, is_data=True)


class Rights:
    """The rights, always as the file has them now."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "rights.json"

    def missing(self, client: str, method: str, path: str) -> Need | None:
        """What a client lacks for a request; None if nothing."""
        try:
            given: Mapping[str, list[dict[str, Any]]] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return None
        wanted = need(method, path)
        kind = "dataActions" if wanted.is_data else "actions"
        for role in given.get(client, []):
            is_above = _SCOPES.index(role["scope"]) <= _SCOPES.index(wanted.scope)
            if is_above and any(fnmatchcase(wanted.action, pattern) for pattern in role.get(kind, ())):
                return None
        return wanted
