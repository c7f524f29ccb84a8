"""What persons may do: vote at a gate, stop a run, send a failed one back to work, have a verdict given again.

Each is a function of the run and the wish that gives the run with the wish recorded.  Nothing else follows at once: the
conclusions are drawn when the run is looked at next (`decide.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from shared.core import room
from shared.core.anew import begun_anew, deletion
from shared.core.artifacts import TRAINING
from shared.core.endings import NEW_WORK
from shared.core.errors import ArtifactGone, Expired, Forbidden, GateClosed, Malformed, StaleDigest
from shared.core.evaluation.verdict import Outcome
from shared.core.judgeable import may_be_judged
from shared.core.naming import person_key
from shared.core.run import DatasetRef, Gate, GateDecision, Judging, Run, Wish
from shared.core.spec import Approval
from shared.core.standing import not_stopped, stands
from shared.core.status import CANCELLABLE, GATES, RETRIES, GateName, Status

#: What a person may say at a gate.
type Choice = Literal["approve", "reject", "withdraw"]
#: At one gate; a row has room for so many decisions.
_WITHDRAWALS_MAX: Final = 20
_JUDGEMENTS_MAX: Final = 20


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom the platform authenticated."""

    id: str
    """Object id of the Entra principal."""
    name: str
    roles: frozenset[str] = frozenset()
    is_application: bool = False
    """An application signed in by itself: it may read, and never acts."""
    role: str = ""
    """The one of their app roles by which they may do what they ask for; empty where that was not looked at."""


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who reads the evidence of runs."""

    person: Person
    data_role: str
    """The app role whose holders may see rows of datasets, and what models answered to them."""

    @property
    def sees_rows(self) -> bool:
        """Whether rows are shown; every route, artifact and page asks here."""
        return self.data_role in self.person.roles


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision leads to."""

    run: Run
    is_new: bool
    approvals_missing: int


def vote(
    run: Run,
    gate_name: GateName,
    person: Person,
    *,
    decision: Choice,
    digest: str,
    comment: str,
    now: datetime,
    app_version: str,
    replacement: str | None = None,
) -> Ruling:
    """Record a person's decision; the reconciler draws the conclusion.

    The same decision of the same person on the same digest changes nothing, as long as the digest counts.  An approval may be
    withdrawn until there are enough of them; who withdrew theirs may decide again.

    Args:
        run: as it is stored.
        gate_name: which of its gates.
        person: who decides.
        decision: what.
        digest: on what; as the gate shows it.
        comment: why.
        now: the time.
        app_version: of the app that takes the decision.
        replacement: why the evaluation that a deployment gate shows counts no more, if it does not (`champion.py`).

    Raises:
        GateClosed: the gate is not open (yet), or this person decided otherwise before; or there is no approval to withdraw, or
            enough of them.
        StaleDigest: the decision names another digest than the gate, or one that counts no more.
        Expired: the time is over.
        Forbidden: the uploader decides on their own dataset.
        Malformed: an `unproven` verdict is approved without words, or there is no room for words (`room.py`).
    """
    gate = opened(run, gate_name)
    is_open = run.status is GATES[gate_name] and now < gate.approve_by
    why = run.stale_digests.get(digest) or (replacement if is_open and digest == gate.digest else None)
    if why:
        msg = f"the evaluation that {digest} is about counts no more. {why}"
        remedy = "It is measured again: once another gate is open, read the new evaluation and decide on its digest."
        if is_open and digest != gate.digest:
            remedy = "It was measured again, and another gate is open: read the new evaluation and decide on its digest."
        raise StaleDigest(msg, remedy=remedy)
    earlier = next((d for d in reversed(gate.decisions) if is_same_person(d.person, person.id)), None)
    if earlier and (earlier.decision, earlier.digest) == (decision, digest):
        return Ruling(run=run, is_new=False, approvals_missing=gate.approvals_missing)
    if digest != gate.digest:
        msg = f"the {gate_name} gate of run {run.id} is about {gate.digest}, the decision about {digest}"
        raise StaleDigest(msg)
    insist_in_time(run, gate_name, gate, now)
    given = earlier.decision if earlier and earlier.decision != "withdraw" else None
    if run.status is not GATES[gate_name] or (given and decision != "withdraw"):
        reason = f"you decided to {given} before" if given else f"the run is {run.status}"
        msg = f"the {gate_name} gate of run {run.id} was decided already: {reason}"
        raise GateClosed(msg)
    if decision == "withdraw":
        _insist_on_approval(run, gate, given)
    elif uploaded(run, person) and not gate.uploader_may_approve:
        msg = f"{person.name} uploaded this dataset and may not decide on it (approval.uploader_may_approve is false)"
        raise Forbidden(msg, remedy="Ask somebody else to decide.")
    if decision == "approve" and not room.has_words(comment) and needs_words(run, gate_name):
        msg = f"the verdict on run {run.id} is unproven, so approving it needs words: say why it is approved all the same"
        raise Malformed(msg)
    entry = GateDecision(
        person=person.id, name=person.name, decision=decision, digest=digest, comment=comment, at=now,
        app_version=app_version, role=person.role,
    )  # fmt: skip
    room.insist(gate.decisions, entry, room.VOTES_CHARS_MAX)
    decided = msgspec.structs.replace(gate, decisions=(*gate.decisions, entry))
    gates = run.gates | {gate_name: decided}
    return Ruling(
        run=run.evolve(gates=gates, due_at=now), is_new=True, approvals_missing=decided.approvals_missing
    )


def needs_words(run: Run, gate_name: str) -> bool:
    """Whether an approval has to say why: where nothing was proven, a person's words are all that stands for the model."""
    seen = run.evaluation
    return gate_name == "deployment" and seen is not None and seen.outcome == Outcome.UNPROVEN


def opened(run: Run, gate_name: GateName) -> Gate:
    """A gate of a run, whether it is open still or not.

    Raises:
        GateClosed: it was never opened.
    """
    gate = run.gates.get(gate_name)
    if gate is None:
        msg = f"the {gate_name} gate of run {run.id} is not open; the run is {run.status}"
        raise GateClosed(msg)
    return gate


def insist_in_time(run: Run, gate_name: GateName, gate: Gate, now: datetime) -> None:
    """See to it that the time of a gate is not over.

    Raises:
        Expired: it is.
    """
    if run.status is Status.EXPIRED or (run.status is GATES[gate_name] and now >= gate.approve_by):
        msg = f"the {gate_name} gate of run {run.id} expired at {gate.approve_by.isoformat()}"
        raise Expired(msg)


def _insist_on_approval(run: Run, gate: Gate, given: str | None) -> None:
    """See to it that there is something to withdraw, and that nothing follows from it yet."""
    if given != "approve":
        msg = f"you have no approval at the {gate.name} gate of run {run.id}, so there is nothing to withdraw"
        raise GateClosed(msg)
    if gate.is_approved:
        msg = f"the {gate.name} gate of run {run.id} has all its approvals; none can be withdrawn any more"
        raise GateClosed(msg, remedy="Cancel the run while it is not being deployed yet.")
    if sum(made.decision == "withdraw" for made in gate.decisions) >= _WITHDRAWALS_MAX:
        msg = f"{_WITHDRAWALS_MAX} approvals were withdrawn at the {gate.name} gate of run {run.id}; no more can be"
        raise GateClosed(msg, remedy="Cancel the run.")


def is_same_person(one: str, other: str) -> bool:
    """Whether two object ids, as whoever wrote them spelt them, are those of one person."""
    return person_key(one) == person_key(other)


def uploaded(run: Run, person: Person) -> bool:
    """Whether this person dropped the dataset, as far as that is known."""
    return uploaded_by(run.dataset, person.id)


def uploaded_by(dataset: DatasetRef, person_id: str) -> bool:
    """The same, of a dataset and an object id."""
    by = dataset.uploaded_by
    return by is not None and is_same_person(by, person_id)


def _insist_on_right(run: Run, person: Person, rule: Approval, now: datetime, wish: str) -> None:
    """See to it that a person may send a run back to work: in time, and not the uploader, where they may not approve either.

    Raises:
        Forbidden: the uploader asks.
        Expired: the run ended longer ago than people have time to decide.
    """
    if uploaded(run, person) and not rule.uploader_may_approve:
        msg = (
            f"{person.name} uploaded this dataset and may not {wish} (approval.uploader_may_approve is false)"
        )
        raise Forbidden(msg, remedy="Ask somebody else to do it.")
    over_at = run.status_since + timedelta(seconds=rule.expires_after_s)
    if run.is_finished and now >= over_at:
        msg = f"run {run.id} ended at {run.status_since.isoformat()}; until {over_at.isoformat()} one could {wish}"
        raise Expired(msg)


def cancel(run: Run, person: Person, now: datetime, comment: str = "") -> Run:
    """The run with a person's wish to stop it; the same run if they asked before.

    Raises:
        GateClosed: if it has ended or is being deployed.
    """
    if run.cancel:
        return run
    if run.status not in CANCELLABLE:
        msg = f"run {run.id} is {run.status} and cannot be cancelled any more"
        raise GateClosed(msg, remedy=not_stopped(run))
    wish = Wish(person=person.id, name=person.name, at=now, comment=comment, role=person.role)
    return run.evolve(cancel=wish, due_at=now)


def retry(run: Run, person: Person, rule: Approval, now: datetime, comment: str = "") -> Run:
    """The failed run, back in the step that failed (or before it, where money could be spent twice otherwise).

    What was approved at the spend gate pays for one job: if one was asked for, the gate asks again (`identity.spend_digest`).

    Args:
        run: as it is stored.
        person: who asks.
        rule: how people decide on this run, by its pipeline file.
        now: the time.
        comment: why.

    Raises:
        GateClosed: if it did not fail, or not in a way that a retry can mend.
        Forbidden, Expired: this person may not, or not any more.
    """
    if run.status is not Status.FAILED or run.failure is None or not run.failure.can_retry:
        msg = f"run {run.id} is {run.status} and cannot be retried"
        remedy = f"Only failed runs are tried again; {stands(run)}."
        has_failed = run.status is Status.FAILED and run.failure is not None
        raise GateClosed(msg, remedy=run.failure.remedy if has_failed and run.failure else remedy)
    _insist_on_right(run, person, rule, now, "have it tried again")
    step = RETRIES[Status(run.failure.step)]
    if run.model and step is Status.VALIDATING:
        step = Status.QUEUEING  # the job is paid, and its model is there
    wish = Wish(person=person.id, name=person.name, at=now, comment=comment, role=person.role)
    changes: dict[str, Any] = {"failure": None, "candidate_removed": False, "cancel": None, "retry": wish}
    if run.failure.code == ArtifactGone.code and step is Status.VALIDATING:
        changes["is_to_prepare"] = True
    if step in {Status.RECEIVED, Status.VALIDATING}:
        retired = (*run.retired_jobs, run.job_id) if run.job_id else run.retired_jobs
        files = (*run.retired_files, run.training_file_id) if run.training_file_id else run.retired_files
        changes |= {
            "committed_at": None,
            "spend_round": run.spend_round + (run.has_spent or run.job_id is not None),
            "has_spent": False,
            "training_file_id": None,
            "validation_file_id": None,
            "job_id": None,
            "job_status": None,
            "job_trouble_since": None,
            "files_removed": False,
            "evidence": {
                name: known for name, known in run.evidence.items() if not name.startswith(TRAINING)
            },
            "retired_jobs": retired,
            "retired_files": files,
        }
    elif step is Status.QUEUEING and (under_way := deletion(run)):
        return run.move(step, now, **changes).evolve(attempt=under_way)  # waited for in `queueing`
    return run.move(step, now, **changes)


def insist_on_verdict(run: Run) -> None:
    """See to it that a run may be judged again, see `judgeable`.

    Raises:
        GateClosed: if not.
    """
    if may_be_judged(run):
        return
    msg = f"run {run.id} is {run.status} and cannot be judged again"
    if run.status is Status.AWAITING_APPROVAL:
        msg += ": what it shows was approved"
        remedy = "It goes on by itself."
    elif not run.is_finished:
        remedy = f"Only runs that have a verdict, or failed on the way to one, are; {stands(run)}."
    elif run.status is Status.FAILED and run.failure:
        remedy = f"It did not fail on the way to a verdict. {run.failure.remedy}"
    else:
        remedy = f"Only runs that have a verdict are; {stands(run)}."
    raise GateClosed(msg, remedy=remedy)


def insist_on_judge(run: Run, person: Person, rule: Approval, now: datetime) -> None:
    """See to it that this person may have the run judged again now.

    Raises:
        GateClosed: see `insist_on_verdict`.
        Forbidden, Expired: this person may not, or not any more.
    """
    insist_on_verdict(run)
    if run.judging and len(run.judging.before) >= _JUDGEMENTS_MAX:
        msg = f"run {run.id} was judged {_JUDGEMENTS_MAX} times and more; it cannot be judged again"
        raise GateClosed(msg, remedy=NEW_WORK)
    _insist_on_right(run, person, rule, now, "have it judged again")


def rejudge(run: Run, judging: Judging, now: datetime, *, is_answered: bool) -> Run:
    """The run, to be judged by what it is pinned to from now on; model, job, and what was paid for stay.

    Args:
        run: as it is stored.
        judging: by what.
        now: the time.
        is_answered: whether the candidate's answers are all there, so that nothing is deployed to have it asked.

    Raises:
        GateClosed: see `insist_on_verdict`.
    """
    insist_on_verdict(run)
    why = f"{judging.name} had the run judged again at {judging.at:%Y-%m-%d %H:%M} UTC."
    under_way = None if is_answered else deletion(run)
    again = begun_anew(run, why, now, judging=judging, failure=None, cancel=None, candidate_removed=False)
    return again.evolve(attempt=under_way)
