"""The statuses of a run, and the only moves between them.

A status is either a question to the world that is being asked again and again (a gerund), or an end (a participle).
`TRANSITIONS` is the whole truth about moves; the code, the tests and the diagram in the docs come from it.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final


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


_S = Status

#: status -> the statuses that may follow it.  `failed` is left only when a person asks for a retry.
TRANSITIONS: Final[MappingProxyType[Status, frozenset[Status]]] = MappingProxyType(
    {
        _S.RECEIVED: frozenset({_S.VALIDATING, _S.INVALID, _S.SUPERSEDED, _S.CANCELLED, _S.FAILED}),
        _S.VALIDATING: frozenset(
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
        _S.AWAITING_SPEND_APPROVAL: frozenset({_S.QUEUEING, _S.REJECTED, _S.EXPIRED, _S.CANCELLED}),
        _S.QUEUEING: frozenset({_S.UPLOADING, _S.STAGING, _S.CANCELLED, _S.FAILED}),
        _S.UPLOADING: frozenset({_S.SUBMITTING, _S.CANCELLED, _S.FAILED}),
        _S.SUBMITTING: frozenset({_S.TRAINING, _S.CANCELLED, _S.FAILED}),
        _S.TRAINING: frozenset({_S.STAGING, _S.CANCELLED, _S.FAILED}),
        _S.STAGING: frozenset({_S.EVALUATING, _S.CANCELLED, _S.FAILED}),
        _S.EVALUATING: frozenset(
            {_S.AWAITING_APPROVAL, _S.DEPLOYING, _S.NOT_PROMOTED, _S.CANCELLED, _S.FAILED}
        ),
        _S.AWAITING_APPROVAL: frozenset({_S.DEPLOYING, _S.REJECTED, _S.EXPIRED, _S.CANCELLED}),
        _S.DEPLOYING: frozenset({_S.VERIFYING, _S.FAILED}),
        _S.VERIFYING: frozenset({_S.DEPLOYED, _S.FAILED}),
        _S.FAILED: frozenset({_S.RECEIVED, _S.VALIDATING, _S.QUEUEING, _S.DEPLOYING}),
        _S.DEPLOYED: frozenset(),
        _S.INVALID: frozenset(),
        _S.DUPLICATE: frozenset(),
        _S.SUPERSEDED: frozenset(),
        _S.CANCELLED: frozenset(),
        _S.NOT_PROMOTED: frozenset(),
        _S.REJECTED: frozenset(),
        _S.EXPIRED: frozenset(),
    }
)

#: The ends.  Nothing but the clean-up of what a run left in Azure happens after them.
FINISHED: Final = frozenset(
    {
        _S.DEPLOYED,
        _S.INVALID,
        _S.DUPLICATE,
        _S.SUPERSEDED,
        _S.CANCELLED,
        _S.NOT_PROMOTED,
        _S.REJECTED,
        _S.EXPIRED,
        _S.FAILED,
    }
)

#: Statuses in which a run occupies something in Azure of which there is little, files, a job, a candidate's deployment, and
#: waits for machines only; `queueing` alone leads there.
IN_FLIGHT: Final = frozenset({_S.UPLOADING, _S.SUBMITTING, _S.TRAINING, _S.STAGING, _S.EVALUATING})

#: Statuses in which a person can still stop the run.
CANCELLABLE: Final = frozenset(status for status, after in TRANSITIONS.items() if _S.CANCELLED in after)
