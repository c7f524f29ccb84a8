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
        deployment: its name.
        model: that it serves.
        run_id: the run that trained the model.
        since: when it became the champion.
        route: on which clients ask it.
    """

    deployment: str
    model: str
    run_id: str
    since: Time
    route: Route


class Pipeline(Answer, frozen=True, kw_only=True):
    """Which deployment a pipeline's clients should use.

    Attributes:
        name: of the pipeline.
        champion: the deployment in use; null before the first.
        previous: the one before it.
    """

    name: str
    champion: Champion | None
    previous: Champion | None


class OldError(Answer, frozen=True, kw_only=True):
    """An error as 0.1.0 and 0.2.0 answered it; the release after 0.3.0 leaves it out.

    Attributes:
        code: as in the problem.
        message: its `detail`.
        remedy: as in the problem.
    """

    code: str
    message: str
    remedy: str


class Problem(Answer, frozen=True, kw_only=True):
    """What went wrong, as RFC 9457 has it, and what to do about it.

    Attributes:
        type: always `about:blank`; `code` says what went wrong.
        title: the status in words.
        status: the HTTP status.
        detail: what happened.
        code: stable name of the error, as docs/errors.md explains it.
        remedy: what the reader can do about it.
        error: the same as earlier releases answered it.
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
        name: what was asked.
        ok: whether it is there.
        code: of the error.
        remedy: what to do.
    """

    name: str
    ok: bool
    code: str | None
    remedy: str | None


class Health(Answer, frozen=True, kw_only=True):
    """What is missing.

    Attributes:
        ok: nothing is.
        checks: what was asked, one by one.
    """

    ok: bool
    checks: tuple[Check, ...]
