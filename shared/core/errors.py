"""Errors, split by who acts next.

The class says what may be done: wait and repeat (`Retryable`), look before doing anything (`OutcomeUnknown`), tell a person
(`Refused`), re-read (`Conflict`).  Adapters translate what an SDK raises into these; the core never sees an SDK's own classes.
Expected bad data is a value (a finding), not an exception.

    FinetuneError               only its subclasses are raised
        ConfigurationError      whoever set the app up corrects the settings
        NotFound                the caller
        Conflict                the caller reads again
        DatasetChanged          nobody: the newer version has a run of its own
        Retryable               nobody: the app tries again
            Throttled
            Unavailable
                Busy
            NotReady
            QuotaExhausted      whoever owns the quota may help
                InsufficientQuota
            Unauthorized        whoever grants roles may help
            StartWindowPassed
        OutcomeUnknown          nobody: the app looks before it tries again
            Unforeseen          whoever looks after the app: a mistake of it, or of what it was given
        Refused                 whoever owns the pipeline
            ModelRetired
            ModelRetiring
        ArtifactGone            whoever may restore blobs
        Malformed               the person who asked: the request
        Unauthenticated         ... signs in
        Forbidden               ... asks for the role
        TooManyRequests         ... waits
        GateClosed              ... reads the run again
        StaleDigest             ... reads the run again
        Expired                 ... drops the dataset again
        CannotJudge             ... does what the message says
        KeyReused               ... sends another key
        StillRunning            ... waits
    IllegalTransition           a bug
"""

from __future__ import annotations

import traceback
from typing import ClassVar, Final, Self

from shared.core.shown import words

#: Where the product's own files lie.
_ROOT: Final = __file__.removesuffix("shared/core/errors.py")


class FinetuneError(Exception):
    """Base of all errors that the product raises on purpose; only its subclasses are raised.

    Attributes:
        message: what happened, without secrets, on one line.
        code: stable name of the error, the same in logs, rows, HTTP answers and docs.
        remedy: what the reader can do about it.
        http_status: the status code with which the HTTP edge answers.
    """

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    default_remedy: ClassVar[str] = "Look the code up in docs/errors.md."
    _keep: ClassVar[str] = ""

    def __init__(self, message: str | None = None, *, remedy: str | None = None) -> None:
        if type(self) is FinetuneError:
            msg = "raise one of the subclasses of FinetuneError"
            raise TypeError(msg)
        said = message or (type(self).__doc__ or "").split("\n", 1)[0]
        # It quotes names and words of others, and stands in logs, rows, answers and terminals.
        self.message = words(said, keep=self._keep)
        self.remedy = words(remedy, keep=self._keep) if remedy else self.default_remedy
        super().__init__(self.message)


class ConfigurationError(FinetuneError):
    """The settings cannot be used."""

    code = "configuration_error"
    _keep = "\n"  # a line for each setting
    default_remedy = "Correct the app settings named in the message; docs/settings.md describes each."


class NotFound(FinetuneError):
    """There is no such thing."""

    code = "not_found"
    http_status = 404
    default_remedy = "Check the name: the list of runs has every run."


class Conflict(FinetuneError):
    """Somebody else wrote first: read again."""

    code = "conflict"
    http_status = 409
    default_remedy = "Read the current state and try again."


class DatasetChanged(FinetuneError):
    """The blob is no longer the version that this run is about."""

    code = "dataset_changed"
    http_status = 409
    default_remedy = "Nothing to do: the newer version has a run of its own."


class Retryable(FinetuneError):
    """Nothing was applied, or applying it twice is harmless: try again later.

    Args:
        message: what happened.
        retry_after_s: seconds that the service asked to wait, if it did.
    """

    code = "unavailable"
    http_status = 503
    default_remedy = "The app tries again by itself; look at the service's status if this lasts."

    def __init__(
        self, message: str | None = None, *, remedy: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


class Throttled(Retryable):
    """The service asked for fewer requests."""

    code = "throttled"


class Unavailable(Retryable):
    """The service could not be reached or answered with a server error."""

    code = "unavailable"


class Busy(Unavailable):
    """The service does one such thing at a time and is at it for somebody else; nothing was applied."""

    code = "busy"


class NotReady(Retryable):
    """The deployment exists but does not answer yet."""

    code = "deployment_not_ready"


class QuotaExhausted(Retryable):
    """A quota of the resource is used up."""

    code = "quota_exhausted"
    default_remedy = "Free or raise the quota named in the message; the run waits for it until its deadline."


class InsufficientQuota(QuotaExhausted):
    """Too little of the quota is left for a deployment."""

    code = "insufficient_quota"
    default_remedy = (
        "Delete deployments that nobody uses, or ask Azure for more quota of this model and SKU; the run waits for it until its "
        "deadline. A lower `capacity` in the pipeline file counts for later runs only: a run keeps the file that it began with."
    )


class Unauthorized(Retryable):
    """The app's identity may not do this."""

    code = "unauthorized"
    default_remedy = "Give the app's managed identity the role named in docs/permissions.md; roles take some minutes to spread."


class StartWindowPassed(Retryable):
    """The effect was not sent, because its start window was over."""

    code = "start_window_passed"


class OutcomeUnknown(FinetuneError):
    """A request that is not idempotent may or may not have been applied."""

    code = "outcome_unknown"
    http_status = 503
    default_remedy = "Nothing to do: the app looks for the result before it tries again."


class Unforeseen(OutcomeUnknown):
    """Something was raised that nobody had foreseen; what was being done may or may not have happened."""

    code = "unforeseen"
    http_status = 500
    default_remedy = (
        "Cancel the run, or wait until its deadline ends it. It is a mistake of the app, or of what the app was given: report "
        "the place that the message names."
    )

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """What to say of an exception: its kind and its place.  Its own words may quote whatever was being worked on."""
        places = [
            f" at {frame.filename.removeprefix(_ROOT)}:{frame.lineno}, {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename.startswith(_ROOT) and "site-packages" not in frame.filename
        ]
        return cls(f"{type(error).__name__}{places[-1] if places else ''}")


def foreseen(error: Exception) -> FinetuneError:
    """One of our errors for whatever was raised."""
    return error if isinstance(error, FinetuneError) else Unforeseen.of(error)


class Refused(FinetuneError):
    """The service refused the request, and would refuse it again."""

    code = "refused"
    http_status = 502

    def __init__(
        self, message: str | None = None, *, remedy: str | None = None, service_code: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.service_code = service_code


class ModelRetired(Refused):
    """Azure has retired the model."""

    code = "model_retired"
    default_remedy = "Name a model in the pipeline file that Azure still offers, and drop the dataset again."


class ModelRetiring(Refused):
    """Azure is retiring the model, and takes no new deployment of it."""

    code = "model_retiring"
    default_remedy = (
        "Where a deployment of the model is there already, Azure takes another one; else name another model in the pipeline "
        "file, and drop the dataset again."
    )


class ArtifactGone(FinetuneError):
    """An artifact that the run goes by was deleted or changed."""

    code = "artifact_gone"
    http_status = 409
    default_remedy = (
        "Restore it: the container `artifacts` keeps versions and deleted blobs for a while. What failed for it can be retried "
        "(POST .../retry); files of a dataset are prepared again then, before they are sent."
    )


class Malformed(FinetuneError):
    """The request cannot be understood."""

    code = "malformed_request"
    http_status = 400
    default_remedy = "Correct the request as the message says."


class Unauthenticated(FinetuneError):
    """Nobody signed in."""

    code = "unauthenticated"
    http_status = 401
    default_remedy = (
        "Sign in with Microsoft Entra and send the token; function keys do not count as a person."
    )


class Forbidden(FinetuneError):
    """This person may not do that."""

    code = "forbidden"
    http_status = 403
    default_remedy = "Ask for the app role named in the message."


class TooManyRequests(FinetuneError):
    """This person asks too often.

    Args:
        message: what happened.
        retry_after_s: seconds after which the next request is answered.
    """

    code = "too_many_requests"
    http_status = 429
    default_remedy = "Wait as long as Retry-After says; the setting REQUESTS_PER_MINUTE is the limit."

    def __init__(self, message: str | None = None, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class GateClosed(FinetuneError):
    """The gate is not open, or was decided otherwise already."""

    code = "gate_closed"
    http_status = 409
    default_remedy = "Read the run and decide on what it shows now."


class StaleDigest(FinetuneError):
    """The decision names another digest than the gate shows."""

    code = "stale_digest"
    http_status = 409
    default_remedy = "Read the run again and decide on the digest that it shows now."


class Expired(FinetuneError):
    """The time for this decision is over."""

    code = "gate_expired"
    http_status = 410
    default_remedy = "Drop the dataset again: with another job (a seed is enough) if its model was trained, or it is a duplicate."


class CannotJudge(FinetuneError):
    """The run cannot be judged again as things are; nothing was changed."""

    code = "cannot_judge_again"
    http_status = 409


class KeyReused(FinetuneError):
    """The Idempotency-Key was sent with another request before."""

    code = "key_reused"
    http_status = 422
    default_remedy = "Send another key with another request."


class StillRunning(FinetuneError):
    """The request with this Idempotency-Key is being worked on."""

    code = "still_running"
    http_status = 409
    default_remedy = "Send the same request with the same key in a moment: its answer is kept for 24 hours."


class IllegalTransition(AssertionError):
    """A step that TRANSITIONS does not allow: a bug, never caught."""
