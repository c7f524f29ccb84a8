"""Answers about what people decide, and how they say it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from shared.core.served.base import Answer, Time

#: What a person may say at a gate: a vote, or a hold.
Said = Literal["approve", "reject", "withdraw", "hold"]
#: What a person may do about a run.
Done = Literal["approve", "reject", "withdraw", "hold", "cancel", "retry", "rejudge"]


class Vote(Answer, frozen=True, kw_only=True):
    """What one person decided, asked or answered at a gate.

    Attributes:
        name: of the person.
        decision: `approve`, `reject`, `withdraw` or `hold`.
        comment: why.
        at: when.
        app_version: of the app that recorded it; null in what 0.1.0 wrote.
        role: the app role that it was cast with; null: not known, in what releases before 0.3.0 wrote.
    """

    name: str
    decision: str
    comment: str
    at: Time
    app_version: str | None
    role: str | None


class Gate(Answer, frozen=True, kw_only=True):
    """A gate that is open: a person decides.

    Attributes:
        name: `spend` or `deployment`.
        digest: of exactly what is decided on.
        reason: why a person is asked.
        outlook: at the spend gate, the sentences of the run's `outlook`.
        azure: at the spend gate, those of the run's `azure`.
        opened_at: since when it is open.
        approve_by: until when.
        approvals_needed: of different persons.
        approvals: that there are.
        decisions: the votes, oldest first.
        holds: what persons asked or answered, oldest first; no votes.
        needs_answer: whether what was asked last is open: its author has not voted since, and is not the uploader.
        needs_words: whether an approval has to say why, since the verdict is `unproven`.
    """

    name: str
    digest: str
    reason: str
    outlook: tuple[str, ...]
    azure: tuple[str, ...]
    opened_at: Time
    approve_by: Time
    approvals_needed: int
    approvals: int
    decisions: tuple[Vote, ...]
    holds: tuple[Vote, ...]
    needs_answer: bool
    needs_words: bool


class Decided(Answer, frozen=True, kw_only=True):
    """That a decision is recorded.

    Attributes:
        run: its id.
        gate: `spend` or `deployment`.
        decision: what was decided.
        digest: on what.
        is_new: false if the same was recorded before.
        approvals_missing: how many more persons have to approve.
    """

    run: str
    gate: str
    decision: str
    digest: str
    is_new: bool
    approvals_missing: int


#: Why somebody asks for something or decides.
Comment = Annotated[str, msgspec.Meta(max_length=1000)]


class GateRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a decision: what is decided, on exactly which digest, and why.

    Attributes:
        decision: `withdraw` takes back an approval of one's own; `hold` asks or answers, and is not a vote.
        digest: of the gate, as it is shown.
        comment: why; a hold, and the approval of an `unproven` verdict, need words.
    """

    decision: Said
    digest: Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}$")]
    comment: Comment = ""


class WishRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Body of a wish to stop a run, to try it again or to judge it again; it may be left out.

    Attributes:
        comment: why; the history keeps it.
    """

    comment: Comment = ""
