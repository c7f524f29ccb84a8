"""The app that is meant: where it is, who asks it, and what its refusals mean for whoever called."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.azure import Tokens, azd_values, claims_of
from cli.client import ApiError, Client, NewerRelease
from cli.console import CannotStart, Refused, show_note
from cli.hints import NOWHERE, At, where
from cli.options import LOCAL_STATE
from cli.remedies import in_commands
from cli.sending import Unreachable, send_by_http

_URL, _CLIENT, _STORAGE = "FUNCTION_APP_URL", "AUTH_CLIENT_ID", "DATA_STORAGE_NAME"
#: Outputs of the deployment that are looked for.
_NAMES: Final = (
    *(_URL, _CLIENT, _STORAGE, "AZURE_RESOURCE_GROUP", "SYSTEM_TOPIC_NAME"),
    *("FOUNDRY_ACCOUNT_NAME", "FOUNDRY_RESOURCE_GROUP"),
)
_WHO: Final = "approver"
_SECOND: Final = "approver-2"
_AZURE_LOOK_S: Final = 5.0
_LOCAL_LOOK_S: Final = 0.4
NO_APP: Final = (
    "no app is named.  Give --app URL --client-id ID, or set FUNCTION_APP_URL and AUTH_CLIENT_ID, or call this in the folder of "
    "an azd environment that is deployed (`azd env get-values` lists both).  The local cloud: --local"
)


@dataclass(frozen=True, slots=True)
class App:
    """An app, and how it is asked.

    Attributes:
        url: its address.
        token: gives an access token.
        storage: name of the account, or connection string, of its datasets; empty if that is not known.
        person: object id of who asks, if it is to be recorded with what they drop.
        roles: app roles that they hold, as far as that is known here.
        look_s: seconds between two looks at a run.
        credential: of the Azure libraries; None for a connection string.
        at: how it is named on this command line, for commands that people are told to call next.
    """

    url: str
    token: Callable[[], str]
    storage: str
    person: Callable[[], str | None]
    roles: Callable[[], list[str]]
    look_s: float
    credential: Any
    at: At

    def client(self) -> Client:
        """A client of its API."""
        try:
            return Client(self.url, self.token, send=send_by_http, pause=_pause)
        except ValueError as error:
            raise CannotStart(str(error)) from None


def _pause(seconds: float) -> None:
    if sys.stderr.isatty():
        show_note(f"the app does not answer now; asking again in {seconds:g} s")
    time.sleep(seconds)


def find(given: argparse.Namespace) -> App:
    """The app that the options, the variables or the azd environment name.

    Raises:
        CannotStart: none does; or what they name is not there.
    """
    if not given.local and given.state is None:
        return _deployed(given)
    for option in ("app", "client_id", "storage"):
        if getattr(given, option) is not None:
            msg = f"--{option.replace('_', '-')} is of a deployed app, --local and --state of the local cloud; give one of them"
            raise CannotStart(msg)
    return local_app(given.state or LOCAL_STATE, given.identity, at=_at_local(given))


def _at_local(given: argparse.Namespace) -> At:
    """Who drops as somebody may not decide, and who decided may not once more: the next one is another approver."""
    base = where(given, has_identity=False)
    second = f"{base} --as {_SECOND}"
    return At(
        words=where(given),
        deciders=second if given.identity == _WHO else base,
        others=second if given.identity in {None, _WHO} else base,
    )


def local_app(state: Path, identity: str | None = None, *, at: At = NOWHERE) -> App:
    """The app of a local cloud.

    Args:
        state: its state directory.
        identity: who asks; None: an approver, who is not recorded with what they drop, and so may approve it.
        at: how it is named in commands.

    Raises:
        CannotStart: none runs there, or it knows no such identity.
    """
    try:
        info = json.loads((state / "cloud.json").read_text("utf-8"))
        url, storage, identities = str(info["url"]), str(info["storage"]), dict(info["identities"])
        os.kill(int(info["pid"]), 0)
    except PermissionError:
        pass  # it is there, and somebody else's
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        msg = f"no local cloud runs on {state}; start one with `make up`, or name its state directory with --state"
        raise CannotStart(msg) from None
    who = identities.get(identity or _WHO)
    if who is None:
        msg = f"nobody here is called {identity or _WHO}; there are {', '.join(sorted(identities))}"
        raise CannotStart(msg)
    return App(
        url=url,
        token=lambda: str(who["token"]),
        storage=storage,
        person=lambda: str(who["oid"]) if identity else None,
        roles=lambda: list(map(str, who.get("roles") or ())),
        look_s=_LOCAL_LOOK_S,
        credential=None,
        at=at,
    )


def _deployed(given: argparse.Namespace) -> App:
    if given.identity is not None:
        msg = "--as is of the local cloud (--local); in Azure you are who is signed in: `az login`"
        raise CannotStart(msg)
    values = known(given)
    url = given.app or values.get(_URL)
    if not url:
        raise CannotStart(NO_APP)
    client_id = given.client_id or values.get(_CLIENT)
    if not client_id:
        msg = (
            f"whom a token for {url} has to be for is not known: give --client-id ID, or set {_CLIENT} (`azd env get-values` "
            "lists it; it is the client id of the Entra application of the app)"
        )
        raise CannotStart(msg)
    tokens, audience = Tokens(), f"api://{client_id}"
    named = where(given, client_id=client_id)
    return App(
        url=url,
        token=lambda: tokens.of(audience),
        storage=given.storage or values.get(_STORAGE, ""),
        person=lambda: claims_of(tokens.of(audience)).get("oid"),
        roles=lambda: list(map(str, claims_of(tokens.of(audience)).get("roles") or ())),
        look_s=_AZURE_LOOK_S,
        credential=tokens,
        at=At(named, named, named),
    )


def known(given: argparse.Namespace) -> dict[str, str]:
    """Variables, else those of azd; of another app than `--app` names they say nothing."""
    variables = {name: os.environ[name] for name in _NAMES if os.environ.get(name)}
    if given.app and given.client_id and given.storage:
        return {}
    for values in (variables, {} if variables.get(_URL) else azd_values(Path.cwd())):
        if given.app and values.get(_URL, given.app).rstrip("/") == given.app.rstrip("/") and values:
            return values
        if not given.app and values.get(_URL):
            return values
    return {}


@contextmanager
def asking(given: argparse.Namespace) -> Iterator[tuple[App, Client]]:
    """The app and its client; what goes wrong within is said as people can act on it.

    Raises:
        CannotStart: the app cannot be asked.
        Refused: it said no.
    """
    app = find(given)
    try:
        yield app, app.client()
    except ApiError as error:
        raise refusal(error, app, getattr(given, "run_id", None)) from None
    except NewerRelease as error:
        msg = f"{error}.  Is {app.url} the app, and is this program of its release?"
        raise CannotStart(msg) from None
    except Unreachable as error:
        msg = f"{app.url} cannot be reached: {error}"
        raise CannotStart(msg) from None


def refusal(error: ApiError, app: App, run_id: str | None = None) -> CannotStart | Refused:
    """What a refusal means for whoever called.

    Args:
        error: of the app, or of what stands in front of it.
        app: that was asked.
        run_id: the run that it was asked for.
    """
    if error.status == 401:
        return CannotStart(f"{app.url} does not take this sign-in ({error}).  Sign in again: `az login`")
    if error.problem is not None:
        said = f"{error.head} {in_commands(error.problem.remedy, run_id, app.at)}"
        return (CannotStart if error.status == 429 or error.status >= 500 else Refused)(said)
    if error.status == 403:
        msg = (
            f"{app.url} lets you in nowhere (403, before the app was asked): you hold no app role of it, or call from an address "
            "that is not allowed.  docs/azure.md has both"
        )
        return Refused(msg)
    return CannotStart(f"{app.url} answered {error}, and not as the app does: is this its address?")
