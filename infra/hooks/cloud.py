"""Azure through its CLI, and patience."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
ARM: Final = "https://management.azure.com"
GRAPH: Final = "https://graph.microsoft.com/v1.0"


class Stop(Exception):
    """Something that a person has to do; the message says what."""


def say(text: str) -> None:
    """Print at once; azd shows it as it comes."""
    print(text, flush=True)


def remember(name: str, value: str) -> None:
    """Set a variable of the azd environment; empty means the default."""
    run("azd", "env", "set", name, value)


def need(name: str) -> str:
    """A value of the azd environment."""
    value = os.environ.get(name, "").strip()
    if not value:
        is_first = name in {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID"}
        way = "Run `azd up`, which asks for it" if is_first else "Run `azd provision` first"
        raise Stop(f"{name} is not set. {way}, or `azd env set {name} ...`.")
    return value


def run(program: str, *arguments: str) -> str:
    """Output of a program.

    Raises:
        Stop: if it is missing or fails, with what it said.
    """
    found = shutil.which(program)
    if found is None:
        raise Stop(f"{program} is missing. Install it: docs/azure.md says from where.")
    # Commands of extensions would ask whether to install them, into output that nobody sees, and wait for ever.
    environ = os.environ | {"AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "yes_without_prompt"}
    done = subprocess.run(
        [found, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise Stop(f"`{program} {' '.join(arguments[:3])} ...` failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def az(*arguments: str) -> Any:
    """What the Azure CLI answers, decoded."""
    output = run("az", *arguments, "--only-show-errors", "--output", "json")
    return json.loads(output) if output.strip() else None


def graph(method: str, path: str, body: dict[str, Any] | None = None, *, upsert: bool = False) -> Any:
    """Ask Microsoft Graph as the person who is signed in."""
    arguments = ["rest", "--method", method, "--url", f"{GRAPH}/{path}"]
    if body is None:
        return az(*arguments)
    headers = ["Content-Type=application/json", *(["Prefer=create-if-missing"] if upsert else [])]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "body.json")  # on Windows az is a batch file: it eats the quotes of an argument
        file.write_text(json.dumps(body), encoding="utf-8")
        return az(*arguments, "--headers", *headers, "--body", f"@{file}")


def eventually(what: str, attempt: Callable[[], bool]) -> None:
    """Try until it is true, for at most HOOK_WAIT_SECONDS (300).

    Raises:
        Stop: with the last failure.
    """
    wait_s = float(os.environ.get("HOOK_WAIT_SECONDS", "300"))
    pause_s = float(os.environ.get("HOOK_PAUSE_SECONDS", "10"))
    give_up_at = time.monotonic() + wait_s
    last = "it did not happen"
    while True:
        try:
            if attempt():
                say(f"  {what}: yes")
                return
        except Stop as problem:
            last = str(problem)
        if time.monotonic() >= give_up_at:
            raise Stop(f"{what}: not within {wait_s:g} s. {last}")
        say(f"  {what}: not yet")
        time.sleep(pause_s)
