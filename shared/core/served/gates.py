"""Answers about what people decide, and how they say it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from shared.core.served.base import Answer, GateWord, SaidWord, Time

#: What a person may say at a gate: a vote, or a hold.
Said = Literal["approve", "reject", "withdraw", "hold"]


class Vote(Answer, frozen=True, kw_only=True):
    """What one person decided, asked or answered at a gate.

    Attributes:
        name: Name of the person.
        decision: What they said.
        comment: Why, in their words; empty if they did not say.
        at: When they said it.
        app_version: Version of the app that recorded it; null in what 0.1.0 wrote.
        role: the app role that it was cast with; null: not known, in what releases before 0.3.0 wrote.
    """

    name: str
    decision: SaidWord
    comment: str
    at: Time
    app_version: str | None
    role: str | None


class Gate(Answer, frozen=True, kw_only=True):
    """A gate that is open: a person decides.

    Attributes:
        name: Name of the gate.
        digest: Digest of exactly what is decided on; a decision has to name it.
        reason: Why a person is asked.
        outlook: at the spend gate, the sentences of the run's `outlook`.
        azure: at the spend gate, those of the run's `azure`.
        opened_at: When it was opened.
        approve_by: Until when somebody has to decide; afterwards the run is `expired`.
        approvals_needed: How many different persons have to approve.
        approvals: How many have approved, and not withdrawn that.
        decisions: The votes, oldest first.
        holds: what persons asked or answered, oldest first; no votes.
        needs_answer: whether what was asked last is open: its author has not voted since, and is not the uploader.
        needs_words: whether an approval has to say why, since the verdict is `unproven`.
    """

    name: GateWord
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
        run: Id of the run.
        gate: The gate that was decided at.
        decision: What was said.
        digest: Digest of what it was said about.
        is_new: False if the same person said the same about the same digest before, so that nothing was recorded now. The same
            words of a hold are new once somebody else has held since.
        approvals_missing: How many more persons have to approve before the run goes on. After a reject it means nothing: the run
            ends.
    """

    run: str
    gate: GateWord
    decision: SaidWord
    digest: str
    is_new: bool
    approvals_missing: int


#: Why somebody asks for something or decides.
Comment = Annotated[str, msgspec.Meta(max_length=1000)]


class GateRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a decision: what is decided, on exactly which digest, and why.

    Attributes:
        decision: `withdraw` takes back an approval of one's own; `hold` asks or answers, and is not a vote.
        digest: The gate's digest, as the run shows it.
        comment: why; a hold, and the approval of an `unproven` verdict, need words.
    """

    decision: Said
    digest: Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}$")]
    comment: Comment = ""


class WishRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Body of a wish to stop a run, to try it again or to judge it again; it may be left out.

    Attributes:
        comment: Why; the history and the decisions keep it. It is not kept where somebody asked to cancel the run before.
    """

    comment: Comment = ""
