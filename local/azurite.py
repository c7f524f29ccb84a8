"""Azurite, the storage of the local cloud: its command line, and waiting until it listens."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_SCRIPT: Final = ROOT / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
#: Azurite's published key, the same for everybody.
_KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_READY_S: Final = 30.0
_KEEP_ALIVE_S: Final = "300"


class AzuriteError(Exception):
    """Azurite cannot be run on this machine."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where storage listens."""

    blob: int
    queue: int
    table: int

    @property
    def connection_string(self) -> str:
        """The connection string, for every SDK and for `func start`."""
        account = "devstoreaccount1"
        services = (("Blob", self.blob), ("Queue", self.queue), ("Table", self.table))
        endpoints = "".join(f"{name}Endpoint=http://127.0.0.1:{port}/{account};" for name, port in services)
        return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={_KEY};{endpoints}"


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def command(ports: Ports, location: Path | None) -> list[str]:
    """The command line.

    Telemetry is off.  So is the check of API versions, since the SDKs send versions that Azurite does not know yet.
    Connections are kept for minutes: closed after Azurite's own five seconds, they are at times handed out by a pool just then.

    Args:
        ports: where to listen.
        location: directory of the data; None keeps it in memory.

    Raises:
        AzuriteError: if Node or Azurite is missing.
    """
    node = shutil.which("node")
    if node is None:
        msg = "node is not installed; the local cloud needs Node 20 or newer for its storage"
        raise AzuriteError(msg)
    if not _SCRIPT.exists():
        msg = "node_modules/azurite is missing; run `make setup`"
        raise AzuriteError(msg)
    where = ["--location", str(location)] if location else ["--inMemoryPersistence"]
    listening = [
        "--blobPort",
        str(ports.blob),
        "--queuePort",
        str(ports.queue),
        "--tablePort",
        str(ports.table),
    ]
    options = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    for service in ("blob", "queue", "table"):
        options += [f"--{service}KeepAliveTimeout", _KEEP_ALIVE_S]
    return [node, str(_SCRIPT), *options, *where, *listening]


def wait_until_ready(ports: Ports, process: subprocess.Popen[bytes]) -> None:
    """Wait until all three services accept connections.

    Raises:
        AzuriteError: if it ended, or took too long.
    """
    stop_at = time.monotonic() + _READY_S
    for port in (ports.blob, ports.queue, ports.table):
        while True:
            if process.poll() is not None:
                msg = f"azurite ended with code {process.returncode}"
                raise AzuriteError(msg)
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > stop_at:
                    msg = f"azurite did not listen on port {port} within {_READY_S:.0f} seconds"
                    raise AzuriteError(msg) from None
                time.sleep(0.05)
