"""What `doctor` asks of this machine, and of Azure through `az`."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from cli import azure
from shared.core import served
from shared.core.offered import TUNED_USAGE

_PYTHON: Final = (3, 13)
_NODE: Final = 20
_AZD: Final = (1, 24, 1)
_SUBSCRIPTION: Final = "dataset-uploaded"
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Found(NamedTuple):
    """What was asked, and what came of it.

    Attributes:
        name: of what was asked for.
        ok: whether it is there; None if that is not known.
        said: what was found, or what is missing.
        remedy: what to do.
        needed: whether anything that was asked for fails without it.
    """

    name: str
    ok: bool | None
    said: str
    remedy: str
    needed: bool

    def as_check(self) -> served.Check:
        """As the API answers it; `code` says why it is not there."""
        code = (
            None
            if self.ok
            else "not_known"
            if self.ok is None
            else "missing"
            if self.needed
            else "not_needed"
        )
        said = f"{self.said}.  {self.remedy}" if self.remedy else self.said
        return served.Check(name=self.name, ok=self.ok is True, code=code, remedy=None if self.ok else said)


def here_checks(*, is_deployed: bool) -> Iterator[Found]:
    """What this machine has.

    Args:
        is_deployed: whether a deployed app is meant, and not the local cloud.
    """
    yield Found(
        "Python",
        sys.version_info[:2] >= _PYTHON,
        platform.python_version(),
        "Install Python 3.13: https://www.python.org/downloads/",
        needed=True,
    )
    yield _program(
        "Node",
        lambda: azure.run("node", "--version"),
        (_NODE,),
        "The local cloud needs Node 20 or newer.",
        needed=not is_deployed,
    )
    yield _program(
        "az",
        lambda: azure.run("az", "version"),
        (2,),
        "To work with a deployed app, the Azure CLI 2.",
        needed=is_deployed,
    )
    yield _program(
        "azd",
        lambda: azure.run("azd", "version"),
        _AZD,
        "To deploy, azd 1.24.1 or newer.",
        needed=False,
    )
    yield _path(
        "Bicep",
        os.environ.get("BICEP")
        or shutil.which("bicep")
        or shutil.which("bicep", path=str(Path.home() / ".azure" / "bin")),
        "To change infra/: az bicep install",
    )
    yield _path(
        "Chromium",
        next(filter(None, map(shutil.which, _BROWSERS)), None),
        "For the tests of the page: Debian's package chromium",
    )
    yield _sign_in(needed=is_deployed)


def _program(
    name: str, version: Callable[[], str], least: tuple[int, ...], remedy: str, *, needed: bool
) -> Found:
    """A program, and whether its version is new enough."""
    try:
        said = version()
    except azure.Failed as error:
        return Found(name, ok=False, said=str(error), remedy=remedy, needed=needed)
    match = re.search(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", said)
    found = tuple(int(part or 0) for part in match.groups()) if match else ()
    shown = ".".join(map(str, found)) or "of no known version"
    return Found(name, ok=found >= least, said=shown, remedy=remedy, needed=needed)


def _path(name: str, path: str | None, remedy: str) -> Found:
    return Found(name, ok=path is not None, said=path or "not found", remedy=remedy, needed=False)


def _sign_in(*, needed: bool) -> Found:
    try:
        account = azure.az("account", "show")
        said = f"{account['user']['name']}, subscription {account['name']}"
    except (azure.Failed, TypeError, KeyError) as error:
        said = str(error) if isinstance(error, azure.Failed) else "az answered otherwise than expected"
        return Found("sign-in", ok=False, said=said, remedy="az login", needed=needed)
    return Found("sign-in", ok=True, said=said, remedy="", needed=needed)


def cloud_checks(values: Mapping[str, str]) -> Iterator[Found]:
    """What Azure says of the deployment.

    Args:
        values: its outputs, by name.
    """
    yield _asked("storage", ("DATA_STORAGE_NAME",), values, _storage)
    yield _asked("Event Grid", ("AZURE_RESOURCE_GROUP", "SYSTEM_TOPIC_NAME"), values, _events)
    yield _asked("quota", ("FOUNDRY_RESOURCE_GROUP", "FOUNDRY_ACCOUNT_NAME"), values, _quota)


def _asked(name: str, needs: tuple[str, ...], values: Mapping[str, str], ask: Callable[..., Found]) -> Found:
    """An answer of Azure; what cannot be asked is not known."""
    missing = [need for need in needs if not values.get(need)]
    if missing:
        remedy = f"Set {', '.join(missing)}, or call this in the folder of the azd environment."
        return Found(name, None, "not asked: its name is not known", remedy, needed=False)
    try:
        return ask(*(values[need] for need in needs))
    except azure.Failed as error:
        return Found(
            name, None, str(error), "Ask somebody who may read it, or look into the portal.", needed=False
        )
    except (TypeError, KeyError, ValueError, AttributeError):
        return Found(name, None, "az answered otherwise than expected", "Look into the portal.", needed=False)


def _storage(account: str) -> Found:
    """Whether datasets may be read; who may write them reads them, too."""
    where = ("--account-name", account, "--container-name", "datasets", "--auth-mode", "login")
    remedy = "To drop datasets you need the role Storage Blob Data Contributor on the container datasets (docs/azure.md)."
    try:
        azure.az("storage", "blob", "list", *where, "--num-results", "1", "--query", "length(@)")
    except azure.Failed as error:
        return Found("storage", ok=False, said=str(error), remedy=remedy, needed=False)
    return Found("storage", ok=True, said=f"{account}: datasets can be listed", remedy="", needed=False)


def _events(group: str, topic: str) -> Found:
    where = ("--resource-group", group, "--system-topic-name", topic, "--name", _SUBSCRIPTION)
    remedy = "azd deploy makes it again; until then the timer finds uploads, later."
    try:
        state = azure.az(
            "eventgrid", "system-topic", "event-subscription", "show", *where, "--query", "provisioningState"
        )
    except azure.Failed as error:
        if "NotFound" not in str(error) and "not found" not in str(error).lower():
            raise
        return Found(
            "Event Grid",
            ok=False,
            said=f"{topic} has no subscription {_SUBSCRIPTION}",
            remedy=remedy,
            needed=True,
        )
    return Found(
        "Event Grid", ok=state == "Succeeded", said=f"{_SUBSCRIPTION}: {state}", remedy=remedy, needed=True
    )


def _quota(group: str, account: str) -> Found:
    """How many tuned models may be deployed besides those that are."""
    region = azure.az(
        "cognitiveservices", "account", "show", "-g", group, "-n", account, "--query", "location"
    )
    usages: list[dict[str, Any]] = azure.az("cognitiveservices", "usage", "list", "--location", str(region))
    usage = next((one for one in usages if one["name"]["value"] == TUNED_USAGE), None)
    if usage is None:
        remedy = "The documented limit is 10 deployments of tuned models in an account; the app says more at the spend gate."
        return Found("quota", None, f"{region} names no limit of {TUNED_USAGE}", remedy, needed=False)
    used, limit = float(usage["currentValue"]), float(usage["limit"])
    remedy = "Delete deployments that nobody uses, or ask Azure for more; jobs wait until there is room."
    return Found(
        "quota",
        ok=used < limit,
        said=f"{used:g} of {limit:g} in use in {region}",
        remedy=remedy,
        needed=False,
    )
