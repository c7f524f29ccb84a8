"""Answers about pipelines, and about the app itself."""

from __future__ import annotations

from typing import Literal

from shared.core.served.base import Answer, Time


class Route(Answer, frozen=True, kw_only=True):
    """How clients ask a deployment: POST `url` with a token for `scope` and `{"model": MODEL, "messages": [...]}`.

    Attributes:
        name: Below whose endpoint the path is. `project` is that of the Foundry project; `account` is that of its account, where
            alone tuned open models answer, and for which a role on the project is not enough.
        url: The whole address of chat completions: `base_url` and `path`.
        base_url: Endpoint of the project or the account, without a slash at its end.
        path: Path of chat completions below it, with its query, if it has one.
        model: What goes into `model` of the request's body: the name of the deployment, not that of the model. The address of the
            route `account` names it, too.
        audience: The resource that an access token of Microsoft Entra has to be for, as `az account get-access-token --resource`
            takes it.
        scope: The same as a scope, as SDKs take it: the audience and `/.default`.
    """

    name: Literal["project", "account"]
    url: str
    base_url: str
    path: str
    model: str
    audience: str
    scope: str


class Champion(Answer, frozen=True, kw_only=True):
    """The deployment that a pipeline's clients use.

    Attributes:
        deployment: Name of the deployment.
        model: Name of the tuned model that it serves.
        run_id: Id of the run that trained the model.
        since: When it became the champion.
        route: How clients ask it.
    """

    deployment: str
    model: str
    run_id: str
    since: Time
    route: Route


class Pipeline(Answer, frozen=True, kw_only=True):
    """Which deployment a pipeline's clients should use.

    Attributes:
        name: Name of the pipeline.
        champion: The deployment in use; null before the first.
        previous: The deployment that was in use before it; null if there was none.
    """

    name: str
    champion: Champion | None
    previous: Champion | None


class OldError(Answer, frozen=True, kw_only=True):
    """An error as 0.1.0 and 0.2.0 answered it; the release after 0.3.0 leaves it out.

    Attributes:
        code: The same as `code` of the problem.
        message: The same as its `detail`.
        remedy: The same as its `remedy`.
    """

    code: str
    message: str
    remedy: str


class Problem(Answer, frozen=True, kw_only=True):
    """What went wrong, as RFC 9457 has it, and what to do about it.

    Attributes:
        type: always `about:blank`; `code` says what went wrong.
        title: The status in words.
        status: The HTTP status.
        detail: What happened, with names.
        code: Stable name of the error: those that a route may answer stand in `x-codes` of its response, all of them above under
            *Errors*.
        remedy: What the reader can do about it.
        error: The same as earlier releases answered it.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str
    error: OldError


class Check(Answer, frozen=True, kw_only=True):
    """One thing that the app needs.

    Attributes:
        name: What was looked at.
        ok: Whether it is there and works.
        code: Code of the error; null if it is ok.
        remedy: What to do about it; null if it is ok.
    """

    name: str
    ok: bool
    code: str | None
    remedy: str | None


class Health(Answer, frozen=True, kw_only=True):
    """What is missing.

    Attributes:
        ok: Whether nothing is missing.
        checks: What was looked at, one by one.
    """

    ok: bool
    checks: tuple[Check, ...]
