"""Azure through the programs that people have on their machine: `az` signs in, `azd` knows what was deployed."""

from __future__ import annotations

import base64
import binascii
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from cli.console import CannotStart

#: Seconds that a program has; a person may be asked to sign in meanwhile in no case.
_TIMEOUT_S: Final = 90
#: A token is asked for anew so many seconds before it ends.
_EARLY_S: Final = 300
_SAID_MAX: Final = 1000
WHERE_FROM: Final = {
    "node": "https://nodejs.org/",
    "az": "https://learn.microsoft.com/cli/azure/install-azure-cli",
    "azd": "https://learn.microsoft.com/azure/developer/azure-developer-cli/install-azd",
}


class Failed(Exception):
    """A program is missing, did not end in time or ended with an error; the message says what to do."""


def run(program: str, *arguments: str) -> str:
    """What a program writes.

    Raises:
        Failed: it is missing, takes too long, or fails.
    """
    found = shutil.which(program)
    if found is None:
        msg = f"{program} is not installed, or not on PATH: {WHERE_FROM.get(program, 'docs/azure.md')}"
        raise Failed(msg)
    # Commands of extensions would ask whether to install them, into output that nobody sees, and wait for ever.
    environ = os.environ | {"AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "yes_without_prompt"}
    try:
        done = subprocess.run(  # noqa: S603  the program was found on PATH
            [found, *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            env=environ,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        msg = f"`{program} {' '.join(arguments[:2])}` did not end within {_TIMEOUT_S} s; try it yourself"
        raise Failed(msg) from None
    except OSError as error:
        msg = f"{found} cannot be run: {error.strerror}"
        raise Failed(msg) from None
    if done.returncode:
        msg = f"`{program} {' '.join(arguments[:2])}` failed: {_what_it_said(done.stderr)}"
        raise Failed(msg)
    return done.stdout


def _what_it_said(text: str) -> str:
    said = " ".join(text.split())[-_SAID_MAX:]
    if "az login" in said or "AADSTS" in said:
        said = f"nobody is signed in, or not for this: run `az login`. It said: {said}"
    return said or "it did not say why"


def az(*arguments: str) -> Any:
    """What the Azure CLI answers, decoded.

    Raises:
        Failed: as `run`, or it is not JSON.
    """
    output = run("az", *arguments, "--only-show-errors", "--output", "json")
    try:
        return json.loads(output) if output.strip() else None
    except ValueError:
        msg = f"`az {' '.join(arguments[:2])}` did not answer in JSON"
        raise Failed(msg) from None


def azd_values(folder: Path) -> dict[str, str]:
    """The variables of the azd environment of a folder; none where azd, or a project, is not there."""
    if shutil.which("azd") is None or not any(
        (at / "azure.yaml").exists() for at in (folder, *folder.parents)
    ):
        return {}
    try:
        lines = run("azd", "env", "get-values", "--cwd", str(folder), "--no-prompt").splitlines()
    except Failed:
        return {}
    pairs = (line.partition("=") for line in lines)
    return {name: value.strip().strip('"') for name, sign, value in pairs if sign}


class Tokens:
    """Access tokens of whoever is signed in to the Azure CLI; also a credential of the Azure libraries."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, float]] = {}

    def of(self, resource: str) -> str:
        """A token for a resource, such as `api://CLIENT_ID`.

        Raises:
            CannotStart: nobody is signed in, or not for this.
        """
        return self._kept_or_new(resource)[0]

    def get_token(self, *scopes: str, **_: Any) -> Any:
        """The same, as the libraries ask for it: the scope of a resource ends with `/.default`."""
        from azure.core.credentials import AccessToken  # noqa: PLC0415  only who uploads needs it

        token, ends_at = self._kept_or_new(scopes[0].removesuffix("/.default"))
        return AccessToken(token, int(ends_at))

    def _kept_or_new(self, resource: str) -> tuple[str, float]:
        kept = self._kept.get(resource)
        if kept is None or kept[1] - _EARLY_S < time.time():
            kept = self._kept[resource] = self._new(resource)
        return kept

    @staticmethod
    def _new(resource: str) -> tuple[str, float]:
        try:
            answered = az("account", "get-access-token", "--resource", resource)
            # Versions of az before 2.54 have no `expires_on`: asked again each time then.
            return str(answered["accessToken"]), float(answered.get("expires_on") or 0)
        except Failed as error:
            msg = f"there is no token for {resource}: {error}"
            raise CannotStart(msg) from None
        except (TypeError, KeyError, ValueError, AttributeError):
            msg = f"there is no token for {resource}: az answered otherwise than expected"
            raise CannotStart(msg) from None


def claims_of(token: str) -> dict[str, Any]:
    """What a token says about its bearer, not checked: only the app does that; nothing if it cannot be read."""
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
