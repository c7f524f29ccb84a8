"""Starts the Foundry stand-in as a child process, and lets Azure's clients find it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from local.processes import Child, start_and_wait

_ROOT: Final = Path(__file__).parents[1]


def start_stand_in(state: Path, *options: str, log: Path | None = None) -> tuple[Child, dict[str, Any]]:
    """Start the stand-in and wait until it listens.

    Args:
        state: its state directory.
        options: further options of its command line, see `local/foundry/README.md`.
        log: the file for its output; by default `log` in its state directory.

    Returns:
        The child, and where it listens: `endpoint`, `project_endpoint`, `identity_endpoint`, `ca_bundle`, ...

    Raises:
        ChildError: if it ends first, or takes too long.
    """
    command = [sys.executable, "-m", "local.foundry", "--state", str(state), *options]
    return start_and_wait("foundry", command, log or state / "log", cwd=_ROOT)


def client_environment(identity_endpoint: str, ca_bundle: str) -> dict[str, str]:
    """The environment variables with which azure-identity signs in at the stand-in, and clients trust its certificate."""
    return {
        "IDENTITY_ENDPOINT": identity_endpoint,
        "IDENTITY_HEADER": "local-cloud",
        "SSL_CERT_FILE": ca_bundle,
        "REQUESTS_CA_BUNDLE": ca_bundle,
    }
