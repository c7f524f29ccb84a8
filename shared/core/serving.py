"""Where a deployment answers chat completions: at its project, or at its account.

Tuned open models are served by the older interface of the account alone; the project's v1 answers 404 for them.  Source:
microsoft/azure-skills, 2026-08-21.  OpenAI models keep to v1, where a deployment that is not ready answers 404 too.
"""

from __future__ import annotations

import json
import shlex
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import msgspec

from shared.core.models import is_open

#: Of the account's interface.
API_VERSION: Final = "2025-04-01-preview"


_LOCAL: Final = frozenset({"localhost", "127.0.0.1"})
#: Where the local cloud keeps what its certificates are signed with, from the folder of a checkout.
_LOCAL_AUTHORITY: Final = ".local/cloud/foundry/ca.pem"


class Route(StrEnum):
    """One way to ask a deployment; the value is what is stored and served."""

    PROJECT = "project"
    ACCOUNT = "account"


#: Whom a token has to be for.
AUDIENCES: Final = {
    Route.PROJECT: "https://ai.azure.com",
    Route.ACCOUNT: "https://cognitiveservices.azure.com",
}


def routes_of(model: str) -> tuple[Route, ...]:
    """The routes on which a deployment of a model may answer, in the order in which they are tried."""
    return (Route.PROJECT, Route.ACCOUNT) if is_open(model) and ".ft-" in model else (Route.PROJECT,)


def route_of(model: str, known: str | None) -> Route:
    """The route that clients should take: the one that answered, or else the one that is documented for the model."""
    return Route(known) if known in set(Route) else routes_of(model)[-1]


def path_of(route: Route, deployment: str) -> str:
    """Path of chat completions, below the project's endpoint or the account's."""
    if route is Route.PROJECT:
        return "/openai/v1/chat/completions"
    return f"/openai/deployments/{deployment}/chat/completions?api-version={API_VERSION}"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """How a client asks a deployment.

    Attributes:
        route: on which it answers.
        base_url: the project's endpoint, or the account's, which has the same host.
        path: of chat completions, below it.
        audience: whom a token has to be for.
        model: what stands as `model` in a request: the name of the deployment, not that of the model.
    """

    route: Route
    base_url: str
    path: str
    audience: str
    model: str

    @property
    def url(self) -> str:
        """The whole address."""
        return self.base_url + self.path

    @property
    def scope(self) -> str:
        """The audience as clients of Microsoft Entra ask for it."""
        return f"{self.audience}/.default"


def call_of(deployment: str, model: str, known: str | None, endpoint: str) -> Call:
    """How clients ask a deployment.

    Args:
        deployment: its name.
        model: that it serves.
        known: the route on which it answered; None: not known.
        endpoint: of the project.
    """
    route = route_of(model, known)
    parts = urlsplit(endpoint)
    base = endpoint if route is Route.PROJECT else f"{parts.scheme}://{parts.netloc}"
    return Call(
        route=route,
        base_url=base.rstrip("/"),
        path=path_of(route, deployment),
        audience=AUDIENCES[route],
        model=deployment,
    )


def example(url: str, audience: str, model: str) -> str:
    """A whole request as a command, with the reader's own sign-in; at the local cloud, with a token of that.

    Args:
        url: of chat completions.
        audience: whom the token has to be for.
        model: what stands as `model`.
    """
    token = f"az account get-access-token --resource {audience} --query accessToken -o tsv"
    trust = ""
    if urlsplit(url).hostname in _LOCAL:
        token = f".venv/bin/python -m local token {audience}"
        trust = f"--cacert {_LOCAL_AUTHORITY} "
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
    return (
        f"curl {trust}{shlex.quote(url)} \\\n"
        f'  -H "Authorization: Bearer $({token})" \\\n'
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )
