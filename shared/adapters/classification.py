"""What an HTTP answer, or none, means: one pure function for all services.

The rules, in order:

1. 401, 403: `Unauthorized`; roles take minutes to spread, so it is worth repeating.
2. A code that speaks of a quota, whatever the status: `QuotaExhausted`; `InsufficientQuota` of a deployment has its own.
3. 429: `Throttled`.  Nothing was applied.
4. 408, 5xx, no answer or one that cannot be read (an SDK's error with status 2xx), on a request that may have reached the
   service and is not idempotent: `OutcomeUnknown`.
5. The same otherwise: `Unavailable`.
6. 409 of a kind that says so: `Busy`.
7. 404 with the words "Project not found": `Unavailable`, since a new project answers so for minutes.
8. A model that was retired, or is on its way out: `ModelRetired`, `ModelRetiring`.
9. Any other 4xx: `Refused`, with the service's own words.

Sources of codes and words: issues of terraform-provider-azurerm, microsoft-foundry-for-vscode (#491, #557), Deploy-Your-AI-
Application-In-Production (#27); of the project's 404: runs of Microsoft's samples in 2026.
"""

from __future__ import annotations

import math
import re
from typing import Final

from shared.core.errors import (
    Busy,
    FinetuneError,
    InsufficientQuota,
    ModelRetired,
    ModelRetiring,
    OutcomeUnknown,
    QuotaExhausted,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)
from shared.core.shown import clipped, words

_QUOTA: Final = re.compile(r"quota", re.IGNORECASE)
_BUSY: Final = frozenset(
    {"RequestConflict", "Conflict", "AnotherOperationInProgress", "conflict", "OperationNotAllowed"}
)
#: As the whole of what is said, also where a client quotes it.
_NO_PROJECT: Final = re.compile(
    r"(?:^|['\"]\s*|- )(?:The )?project (?:['\"]?[\w.-]+['\"]? )?(?:was )?not found", re.IGNORECASE
)
_REFUSALS: Final[dict[str, type[Refused]]] = {
    "ServiceModelDeprecated": ModelRetired,
    "ServiceModelDeprecating": ModelRetiring,
}
_BUSY_WAIT_S: Final = 20.0
_WORDS_MAX: Final = 600
_WAIT_MAX_S: Final = 3600.0


def redact(text: str) -> str:
    """A service's words without secrets, on one line that prints, clipped."""
    one_line = words(" ".join(text[: 4 * _WORDS_MAX].split()))
    return clipped(one_line, _WORDS_MAX, is_whole=len(text) <= 4 * _WORDS_MAX)


def seconds(text: str | None) -> float | None:
    """A wait in seconds from a header, at most an hour; None if there is none, or if it is not such a number."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return min(value, _WAIT_MAX_S) if value >= 0 and math.isfinite(value) else None


def classify(
    what: str,
    *,
    status: int | None,
    code: str | None = None,
    message: str = "",
    retry_after_s: float | None = None,
    was_sent: bool = True,
    is_idempotent: bool = True,
) -> FinetuneError:
    """The error that an answer amounts to, by the rules above.

    Args:
        what: what was asked, for people.
        status: HTTP status; None if no answer came.
        code: the service's own code.
        message: the service's own words.
        retry_after_s: seconds that it asks to wait.
        was_sent: False if the request surely never reached the service.
        is_idempotent: whether repeating the request is harmless.
    """
    words = redact(message)
    reason = f"{what}: {f'HTTP {status}' if status else 'no answer'}{f' {code}' if code else ''}: {words}"
    if status in {401, 403}:
        return Unauthorized(reason, retry_after_s=retry_after_s)
    if status is not None and _QUOTA.search(code or ""):
        kind = InsufficientQuota if code == "InsufficientQuota" else QuotaExhausted
        # The run waits, and shows no more than these words.
        advice = f" {kind.default_remedy}" if kind is InsufficientQuota else ""
        return kind(reason + advice, retry_after_s=retry_after_s)
    if status == 429:
        return Throttled(reason, retry_after_s=retry_after_s)
    if status is None or not 400 <= status < 500 or status == 408:
        if was_sent and not is_idempotent:
            return OutcomeUnknown(reason)
        return Unavailable(reason, retry_after_s=retry_after_s)
    if status == 409 and (code in _BUSY or "another operation" in message.lower()):
        return Busy(reason, retry_after_s=retry_after_s or _BUSY_WAIT_S)
    if status == 404 and is_project_missing(message):
        return Unavailable(reason, retry_after_s=retry_after_s)
    return _REFUSALS.get(code or "", Refused)(reason, service_code=code)


def is_project_missing(message: str) -> bool:
    """Whether a 404 is about the whole project, which says nothing about what was asked for.

    A project that was made a moment ago answers so for up to 150 seconds.
    """
    return _NO_PROJECT.search(message) is not None
