"""What the description of the API says as a whole: how to get in, where files go, what to ask again, statuses, errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from shared.core.errors import (
    ArtifactGone,
    CannotJudge,
    ConfigurationError,
    Expired,
    FinetuneError,
    Forbidden,
    GateClosed,
    KeyReused,
    Malformed,
    NotFound,
    NotReady,
    Refused,
    StaleDigest,
    StillRunning,
    Throttled,
    TooManyRequests,
    Unauthenticated,
    Unauthorized,
    Unavailable,
    Unforeseen,
)
from shared.core.roles import Roles
from shared.core.status import STATUSES, Status

#: What every route that needs somebody may answer.
ALWAYS: Final[tuple[type[FinetuneError], ...]] = (
    *(Unauthenticated, Forbidden, TooManyRequests),
    *(ConfigurationError, Unforeseen, Refused, Unavailable, Throttled, Unauthorized),
)
#: What every POST may answer beside that.
OF_A_POST: Final[tuple[type[FinetuneError], ...]] = (Malformed, StillRunning, KeyReused)
#: All that stand in a problem.
ERRORS: Final[tuple[type[FinetuneError], ...]] = (
    *OF_A_POST,
    *(NotFound, ArtifactGone, GateClosed, StaleDigest, CannotJudge, Expired, NotReady),
    *ALWAYS,
)
#: What a code means here, where its class says it more narrowly: what happened, what to do.
_MEANS: Final[dict[type[FinetuneError], tuple[str, str]]] = {
    GateClosed: (
        (
            "What was asked for does not fit the run: the gate is not open, or was decided; this person decided otherwise "
            "before; there is no approval to withdraw, or enough of them; the run cannot be cancelled, retried or judged again."
        ),
        "Read the run, and do what fits what it shows now.",
    ),
    StaleDigest: (
        (
            "The decision names another digest than the gate, or one that counts no more: another run became the champion, or "
            "the run was judged again. After another champion the run is measured again by itself."
        ),
        "Read the run again. If a gate is open, decide on its digest; else wait until one is.",
    ),
    CannotJudge: (
        CannotJudge.__doc__ or "",
        "Do what `remedy` says: restore what is gone, correct the pipeline file, or raise its budget.",
    ),
    Expired: (
        "The time for this decision is over; or that in which a run may be retried or judged again after its end.",
        Expired.default_remedy,
    ),
    Unauthenticated: (
        "Nobody signed in, or the sign-in is not of Microsoft Entra or of another tenant.",
        Unauthenticated.default_remedy,
    ),
    Forbidden: (
        (
            "The app role is missing; an application wants to act; the uploader decides on their own dataset; or another site "
            "sent the browser."
        ),
        Forbidden.default_remedy,
    ),
    Refused: (
        "A newer release wrote the run, and this one cannot read it.",
        "Ask whoever looks after the app.",
    ),
    NotReady: (
        "The champion's deployment is being changed; nothing was recorded.",
        "Ask again in some minutes.",
    ),
    Throttled: (
        "Storage asked for fewer requests; nothing was recorded.",
        "Wait as long as `Retry-After` says.",
    ),
    Unavailable: ("Storage did not answer; nothing was recorded.", "Wait as long as `Retry-After` says."),
}
_LINK: Final = re.compile(r"\[([^\[\]]+)\]\([^()]*\)")
_ROLES: Final = Roles()

_ABOUT: Final = f"""\
Fine-tunes models of Microsoft Foundry: a dataset is dropped into a container; the app validates it, trains, measures the model
against the one in use, asks persons, and deploys. This API shows runs and their evidence, and takes what people decide.

## Where it is
`https://APP.azurewebsites.net`, or the address that `make up` prints for the local cloud. All paths begin with `/api`. This
document is served at `/api/openapi.json`.

## Signing in
Each request but that for `/api/health` has `Authorization: Bearer TOKEN`, a token of Microsoft Entra for the app's
registration: scope `api://CLIENT_ID/.default`, or `az account get-access-token --resource api://CLIENT_ID --query accessToken
-o tsv`. `CLIENT_ID` is that of the registration with which the app signs people in.

App Service stands in front of the app and checks tokens. Without a token, or with one that is not valid, it answers 401 itself,
with `WWW-Authenticate` and without a body; where it does not let a principal in, 403 without a body; a browser (`Mozilla` in
`User-Agent`) without a session is sent to the sign-in with 302. What the app itself refuses with 401 or 403 is a problem, as
below. Send no token to `/api/health`: one that is not valid may be refused there, too.

| app role (default name) | reads | cancels, retries, judges again | decides at gates |
|---|---|---|---|
| `{_ROLES.reader}` (`READER_ROLE`), persons and applications | yes | | |
| `{_ROLES.operator}` (`OPERATOR_ROLE`), persons only | yes | yes | |
| `{_ROLES.approver}` (`APPROVER_ROLE`), persons only | yes | yes | yes |

An application that signs in by itself may hold the role that reads; whatever it is given, it changes nothing. Rows of datasets,
and answers to them, are shown to the role that `DATA_ROLE` names only (default: that of `APPROVER_ROLE`).

## Where files go in
Not here. A dataset is a blob `PIPELINE/NAME.jsonl` in the container `datasets` of the app's storage account, beside it perhaps
`NAME.validation.jsonl` and `NAME.evaluation.jsonl`; a pipeline is a blob `NAME.yaml` in the container `pipelines`. The page of
a pipeline shows the command with the account's name. The id of the run that a drop begins is known in advance: the first 20
hexadecimal digits of the SHA-256 of container, blob name and ETag (without quotes), joined by line feeds. Until the app has
seen the blob, mostly within a minute, `GET /api/runs/{{run_id}}` answers 404.

## What to ask again, and when
Everything goes on by itself, and nothing calls back. Ask `GET /api/runs/{{run_id}}` once a minute, with the `ETag` of the
answer before in `If-None-Match`: 304 means that nothing changed. The app itself looks at each run about once a minute; training
takes hours. `is_finished` says that a run has ended; while `gate` is not null, a person has to decide. What waits for people in
all pipelines stands in `GET /api/waiting`.

## Statuses
In the order in which a run goes through them; the ends last. An end is left only where a person has the run retried or judged
again.

{{statuses}}

## Lists
`limit` is the most that a page has. Some pages are shorter, or empty, although others follow, since a page takes a bounded
number of calls to storage: **only `next: null` ends a list**. The next page is the same request with `after`, which is `next`
of the page before.

## Null
Every field is there in every answer. Null means that there is no such thing, or not yet, or that nothing is known of it, as the
field says. Only `evaluation.champion` may be missing: the champion was not measured then. Times are in UTC, amounts in US
dollars, sizes in bytes.

## Errors
A refusal is `application/problem+json` (RFC 9457); `code` says what went wrong, `detail` with which names, `remedy` what to do.
`x-codes` of each response lists the codes that it may have. Codes are never renamed. An address or a method that no route has
is answered by the host, 404 or 405 without a problem.

{{errors}}

## How often
One person may send `REQUESTS_PER_MINUTE` requests (120 by default) within 60 seconds to an instance of the app; the next one is
429 with `Retry-After`. The local cloud sets 6,000.

## Sending a request twice
A POST takes the header `Idempotency-Key`. The same person, key, route and body, byte for byte, get the first answer again for
24 hours, and nothing is done twice; another request with this key is 422 `key_reused`; while the first one is being worked on,
409 `still_running`. Only an answer below 400 is kept: a refusal recorded nothing and leaves the key free. Without the header
nothing is paid or counted twice either, but the second answer may be another.
"""


def about() -> str:
    """The text, in Markdown."""
    return _ABOUT.replace("{statuses}", "\n".join(_statuses())).replace("{errors}", "\n".join(_errors()))


def sentence_of(status: Status) -> str:
    """What a status asks, or means."""
    return _LINK.sub(r"\1", STATUSES[status].about)


def _statuses() -> Iterator[str]:
    yield "| status | what is asked in it, or what it means | final |"
    yield "|---|---|---|"
    for status, facts in STATUSES.items():
        yield f"| `{status}` | {sentence_of(status)} | {'yes' if facts.is_end else 'no'} |"


def _errors() -> Iterator[str]:
    yield "| code | status | what happened | what to do |"
    yield "|---|---|---|---|"
    for error in sorted(ERRORS, key=lambda one: (one.http_status, one.code)):
        happened, remedy = _MEANS.get(error) or (
            (error.__doc__ or "").partition("\n")[0],
            error.default_remedy,
        )
        yield f"| `{error.code}` | {error.http_status} | {happened} | {remedy} |"
