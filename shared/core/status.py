"""The statuses of a run: all facts of each, in one table.

This file owns the state machine.  Whoever wants to know how a run may move, how long it may wait, where a retry begins or which
statuses are ends reads `STATUSES`, or one of the views of it at the end of this file; nothing of the kind is written down a
second time anywhere.  The diagram and the tables of docs/statuses.md and the hours of the alert `Run stuck` come from it.

There are two kinds of statuses:

* A question to the world that is asked again and again, named by what goes on: `training` asks "how is the job?".  One status
  has one question, one kind of answer (a class in `observations.py`), one function that asks it (in `shared/observer.py`) and one
  that decides what the answer means (in `steps/`, listed in `decide.py`).  Every question has a deadline, so that no run waits
  for ever: when it has passed, the run fails visibly.
* An end, named by what came of the run.  Nothing happens after it but the clean-up of what the run left in Azure.  An end is
  left again only when a person asks: `failed` by a retry; `not_promoted`, `expired` and `failed` to be judged again.

In two statuses the question goes to people: a gate is open.  Instead of a deadline a gate has a time limit, which the pipeline
file sets (`approval.expires_after`); when that has passed, the run is `expired`.

From `uploading` to `evaluating`, both included, a run is in flight: it occupies things of which Azure has little, such as files,
a job, a candidate's deployment, and waits for machines only.  `queueing` alone leads there, so that no more are in flight than
there are places (docs/adr/0006-places-for-runs-in-flight.md).  While a gate is open a run holds no place: people may think for a
week.

From `deploying` on a run cannot be stopped any more: what is being deployed was approved.

A verdict is about the champion that the candidate was measured against.  If another run's model became the champion before this
one's did, the run goes back to `queueing` and is measured again; what was approved counts no more (`champion.py`).

A retry goes back to where nothing is paid twice.  Without a model that is `validating`, which asks for claim and budget again;
with one it is `queueing` (see `retry` in `people.py`), or `deploying` once the deployment was approved.

A run whose model was measured, or should have been, may be judged again by the pipeline file of another day (`people.py`): no job
is paid for, it goes on in `queueing`, and from there straight to `evaluating` if its candidate owes no answer.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

import msgspec

GateName = Literal["spend", "deployment"]

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


class Status(StrEnum):
    """Where a run is."""

    RECEIVED = "received"
    VALIDATING = "validating"
    AWAITING_SPEND_APPROVAL = "awaiting_spend_approval"
    QUEUEING = "queueing"
    UPLOADING = "uploading"
    SUBMITTING = "submitting"
    TRAINING = "training"
    STAGING = "staging"
    EVALUATING = "evaluating"
    AWAITING_APPROVAL = "awaiting_approval"
    DEPLOYING = "deploying"
    VERIFYING = "verifying"
    DEPLOYED = "deployed"
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    NOT_PROMOTED = "not_promoted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    FAILED = "failed"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one status."""

    about: str
    """The question that is asked in it; of an end, what it means."""
    now: str
    """What goes on in it, for people: a sentence."""
    then: str
    """What comes next if nothing is in the way: a sentence."""
    moves: frozenset[Status] = frozenset()
    """The statuses that may follow."""
    deadline_s: float | None = None
    """How long a run may be in it before it fails; None for gates and ends."""
    alert_s: float | None = None
    """After how long an alert reports that a run is stuck in it; None: after half of the deadline."""
    retry_in: Status | None = None
    """Where a run that failed in it goes on after a retry."""
    is_in_flight: bool = False
    """Whether a run occupies things of which Azure has little, and so one of the places."""
    gate: GateName | None = None
    """The gate that is open in it."""
    is_end: bool = False


_S = Status

#: All facts of each status, in the order in which a run goes through them.
STATUSES: Final[MappingProxyType[Status, Facts]] = MappingProxyType(
    {
        _S.RECEIVED: Facts(
            about="Is this version still there, what accompanies it, what does the pipeline file say?",
            now="The dataset was noticed; the run is being pinned to this version and to today's pipeline file.",
            then="Then every row is checked.",
            moves=frozenset({_S.VALIDATING, _S.INVALID, _S.SUPERSEDED, _S.CANCELLED, _S.FAILED}),
            deadline_s=6 * _HOUR,  # an outage of storage may take hours, and fails nothing
            retry_in=_S.RECEIVED,
        ),
        _S.VALIDATING: Facts(
            about="What do the rules find, who holds the claim on this work, does the budget allow it?",
            now="Every row is being checked, and the cost estimated.",
            then="Then a person is asked about the money, or the run queues for a place.",
            moves=frozenset(
                {
                    _S.AWAITING_SPEND_APPROVAL,
                    _S.QUEUEING,
                    _S.INVALID,
                    _S.DUPLICATE,
                    _S.SUPERSEDED,
                    _S.CANCELLED,
                    _S.FAILED,
                }
            ),
            deadline_s=6 * _HOUR,
            retry_in=_S.VALIDATING,
        ),
        _S.AWAITING_SPEND_APPROVAL: Facts(
            about="Has a person decided on the money?",
            now="A person decides whether the money is spent; nothing has been sent to Foundry.",
            then="If it is approved, the run queues for a place and is trained.",
            moves=frozenset({_S.QUEUEING, _S.REJECTED, _S.EXPIRED, _S.CANCELLED}),
            gate="spend",
        ),
        _S.QUEUEING: Facts(
            about="Is there a place among the runs in flight?",
            now="The run waits for a place among the runs in flight.",
            then="Then it goes on where it has work left: training, or its evaluation.",
            moves=frozenset({_S.UPLOADING, _S.STAGING, _S.EVALUATING, _S.CANCELLED, _S.FAILED}),
            deadline_s=60 * _DAY,  # a thousand datasets, two hours each, three at a time: four weeks
            alert_s=10 * _DAY,
            retry_in=_S.VALIDATING,
        ),
        _S.UPLOADING: Facts(
            about="Are the run's files in Foundry, and processed?",
            now="The files are being sent to Foundry, which processes them.",
            then="Then one job is started.",
            moves=frozenset({_S.SUBMITTING, _S.CANCELLED, _S.FAILED}),
            deadline_s=6 * _HOUR,  # image sets are moderated file by file
            retry_in=_S.VALIDATING,
            is_in_flight=True,
        ),
        _S.SUBMITTING: Facts(
            about="Is there a job on the run's training file?",
            now="One fine-tuning job is being started.",
            then="Then it trains; that takes from minutes to hours.",
            moves=frozenset({_S.TRAINING, _S.CANCELLED, _S.FAILED}),
            deadline_s=_DAY,  # 20 queued jobs per resource: a slot may take long
            retry_in=_S.VALIDATING,
            is_in_flight=True,
        ),
        _S.TRAINING: Facts(
            about="How is the job?",
            now="Foundry trains the model.",
            then="Then the model is deployed for evaluation only, and measured.",
            moves=frozenset({_S.STAGING, _S.CANCELLED, _S.FAILED}),
            deadline_s=37 * _DAY,  # Foundry fails a job after 720 h; a week of queueing before that
            alert_s=3 * _DAY,
            retry_in=_S.VALIDATING,
            is_in_flight=True,
        ),
        _S.STAGING: Facts(
            about="Is the candidate deployed, and does it answer?",
            now="The candidate is being deployed for evaluation only; clients do not get it.",
            then="Then it answers the held-out examples.",
            moves=frozenset({_S.EVALUATING, _S.CANCELLED, _S.FAILED}),
            deadline_s=6 * _HOUR,
            retry_in=_S.QUEUEING,
            is_in_flight=True,
        ),
        _S.EVALUATING: Facts(
            about="Which held-out examples are answered, who is better?",
            now="The candidate and its baselines answer the held-out examples.",
            then="Then the verdict is given: a person is asked, or the run ends as not promoted.",
            moves=frozenset({_S.AWAITING_APPROVAL, _S.DEPLOYING, _S.NOT_PROMOTED, _S.CANCELLED, _S.FAILED}),
            deadline_s=_DAY,
            retry_in=_S.QUEUEING,
            is_in_flight=True,
        ),
        _S.AWAITING_APPROVAL: Facts(
            about="Have enough persons decided, and is the champion still the one that was measured against?",
            now="A person decides whether clients get the model.",
            then="If it is approved, it is deployed, asked its smoke test, and becomes the champion.",
            moves=frozenset({_S.DEPLOYING, _S.QUEUEING, _S.REJECTED, _S.EXPIRED, _S.CANCELLED}),
            gate="deployment",
        ),
        _S.DEPLOYING: Facts(
            about="Does the production deployment serve exactly what was approved?",
            now="What was approved is being deployed for clients.",
            then="Then it is asked its smoke test.",
            moves=frozenset({_S.VERIFYING, _S.QUEUEING, _S.FAILED}),
            deadline_s=_DAY,
            retry_in=_S.DEPLOYING,
        ),
        _S.VERIFYING: Facts(
            about="Does it answer the smoke test?",
            now="The new deployment is asked its smoke test.",
            then="If it answers, it becomes the pipeline's champion.",
            moves=frozenset({_S.DEPLOYED, _S.QUEUEING, _S.FAILED}),
            deadline_s=6 * _HOUR,  # ARM may say Succeeded long before the data plane serves
            retry_in=_S.DEPLOYING,
        ),
        _S.DEPLOYED: Facts(
            about="The model answers and is the pipeline's champion.",
            now="The model answered its smoke test and became the pipeline's champion.",
            then="Nothing more happens to this run.",
            is_end=True,
        ),
        _S.INVALID: Facts(
            about="The file, its place or its pipeline file cannot be used; nothing was sent to Foundry.",
            now="The dataset or the pipeline file cannot be used; nothing was sent to Foundry.",
            then="Mend what is said below and drop the dataset again: that is another run.",
            is_end=True,
        ),
        _S.DUPLICATE: Facts(
            about="Another run does the same work; it is linked.",
            now="Another run does the same work; nothing was paid for twice.",
            then="Look at that run.",
            is_end=True,
        ),
        _S.SUPERSEDED: Facts(
            about="The blob was overwritten; the newer version has a run of its own.",
            now="The dataset was overwritten while this run was at its beginning.",
            then="The newer version has a run of its own.",
            is_end=True,
        ),
        _S.CANCELLED: Facts(
            about="A person stopped the run, or somebody cancelled its job outside; with a model it may be "
            "[judged again](#judge-again).",
            now="The run was stopped.",
            then="With its model it may be judged again; without, drop the dataset again: that is another run.",
            moves=frozenset({_S.QUEUEING}),
            is_end=True,
        ),
        _S.NOT_PROMOTED: Facts(
            about="The candidate is not better than every baseline by the pipeline's rule; it may be "
            "[judged again](#judge-again).",
            now="The candidate is not better by the pipeline's rule; clients keep the model that they have.",
            then="Nothing happens by itself; the run may be judged again by a corrected pipeline file.",
            moves=frozenset({_S.QUEUEING}),
            is_end=True,
        ),
        _S.REJECTED: Facts(
            about="A person rejected it at a gate; about a deployment it may be [judged again](#judge-again).",
            now="A person rejected it; nothing was deployed.",
            then="Nothing happens by itself.",
            moves=frozenset({_S.QUEUEING}),
            is_end=True,
        ),
        _S.EXPIRED: Facts(
            about="Nobody decided in time; about a deployment it may be [judged again](#judge-again).",
            now="Nobody decided in time; nothing was deployed.",
            then="Nothing happens by itself.",
            moves=frozenset({_S.QUEUEING}),
            is_end=True,
        ),
        _S.FAILED: Facts(
            about="Something could not be done; the run keeps the step, a code, a message, a remedy, and whether a "
            "[retry](#retry) may help.",
            now="Something could not be done; the run has stopped.",
            then="Nothing happens by itself; below is what to do.",
            moves=frozenset({_S.RECEIVED, _S.VALIDATING, _S.QUEUEING, _S.DEPLOYING}),
            is_end=True,
        ),
    }
)

#: status -> the statuses that may follow it.
TRANSITIONS: Final = MappingProxyType({status: facts.moves for status, facts in STATUSES.items()})

#: The ends.
FINISHED: Final = frozenset(status for status, facts in STATUSES.items() if facts.is_end)

#: Statuses in which a run has one of the places.
IN_FLIGHT: Final = frozenset(status for status, facts in STATUSES.items() if facts.is_in_flight)

#: Statuses in which a person can still stop the run.
CANCELLABLE: Final = frozenset(status for status, facts in STATUSES.items() if _S.CANCELLED in facts.moves)

#: How long a run may stay in a status before it fails visibly, in seconds.
DEADLINES_S: Final = MappingProxyType(
    {status: facts.deadline_s for status, facts in STATUSES.items() if facts.deadline_s is not None}
)

#: After how long in a status an alert reports that a run is stuck, in seconds.
ALERTS_S: Final = MappingProxyType(
    {status: STATUSES[status].alert_s or limit / 2 for status, limit in DEADLINES_S.items()}
)

#: Where a retry of what failed in a status begins.
RETRIES: Final = MappingProxyType(
    {status: facts.retry_in for status, facts in STATUSES.items() if facts.retry_in is not None}
)

#: gate -> the status in which it is open.
GATES: Final[dict[GateName, Status]] = {
    facts.gate: status for status, facts in STATUSES.items() if facts.gate is not None
}
