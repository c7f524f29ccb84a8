"""Where a deployment answers chat completions: at its project, or at its account.

Tuned open models are served by the older interface of the account alone; the project's v1 answers 404 for them.  Source:
microsoft/azure-skills, 2026-08-21.  OpenAI models keep to v1, where a deployment that is not ready answers 404 too.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.core.models import is_open

#: Of the account's interface.
API_VERSION: Final = "2025-04-01-preview"


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
