"""Answers about pipelines, and about the app itself."""

from __future__ import annotations

from shared.core import serving
from shared.core.served.base import Answer, Time


class Route(Answer, frozen=True, kw_only=True):
    """How clients ask a deployment.

    Attributes:
        name: `project` or `account`: below whose endpoint the path is.
        path: of chat completions.
        audience: whom a token has to be for.
    """

    name: serving.Route
    path: str
    audience: str


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
