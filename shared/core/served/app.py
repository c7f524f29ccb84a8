"""Answers about pipelines, and about the app itself."""

from __future__ import annotations

from shared.core.served.base import Answer, Time


class Champion(Answer, frozen=True, kw_only=True):
    """The deployment that a pipeline's clients use.

    Attributes:
        deployment: its name.
        model: that it serves.
        run_id: the run that trained the model.
        since: when it became the champion.
    """

    deployment: str
    model: str
    run_id: str
    since: Time


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
