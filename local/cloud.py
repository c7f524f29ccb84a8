"""The whole local cloud: Azurite, the Foundry stand-in and the Functions host, started and stopped together."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

from local import azurite
from local.azurite import ROOT, Ports
from local.host.easyauth import load_identities
from local.processes import Child, ChildError, start, start_and_wait
from local.rights import client_id
from local.stand_in import client_environment, start_stand_in

_CONTAINERS: Final = ("datasets", "pipelines", "artifacts")
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT")
_ACCOUNT: Final = "local-foundry"
_HOST_CRASHES_MAX: Final = 3
#: Where `func start` listens.
_CORE_TOOLS_PORT: Final = 7071


class CloudError(Exception):
    """The local cloud cannot be started."""


@dataclass(frozen=True, slots=True)
class CloudInfo:
    """What is needed to use a running cloud; stored in its state directory."""

    pid: int
    url: str
    storage: str
    project_endpoint: str
    arm_endpoint: str
    identity_endpoint: str
    ca_bundle: str
    identities: dict[str, dict[str, Any]]

    @classmethod
    def load(cls, state_dir: Path) -> CloudInfo | None:
        """The cloud that runs on a state directory; None if none does."""
        try:
            info = cls(**json.loads((state_dir / "cloud.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return info if _is_running(info.pid) else None

    def token(self, name: str) -> str:
        """The bearer token of an identity."""
        return str(self.identities[name]["token"])


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def app_settings(storage: str, foundry: dict[str, str]) -> dict[str, str]:
    """The app settings that the product gets here: as in Azure, but with local addresses and shorter waits."""
    return {
        "AzureWebJobsStorage": storage,
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "STATE": storage,
        "DATASETS": storage,
        "DATASET_TRIGGER_SOURCE": "LogsAndContainerScan",
        "POLL_SCHEDULE": "* * * * * *",
        "FOUNDRY_PROJECT_ENDPOINT": foundry["project_endpoint"],
        "ARM_ENDPOINT": foundry["endpoint"],
        "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000000",
        "AZURE_RESOURCE_GROUP": "local",
        "FOUNDRY_ACCOUNT_NAME": _ACCOUNT,
        "AZURE_CREDENTIAL": "managed_identity",
        "AZURE_CLIENT_ID": client_id("host"),
        "DEPLOYER_CLIENT_ID": client_id("deployer"),
        **client_environment(foundry["identity_endpoint"], foundry["ca_bundle"]),
        "WEBSITE_AUTH_ENABLED": "True",
        "REQUESTS_PER_MINUTE": "6000",  # who follows a run here looks several times a second
        "COMPANION_SETTLE_SECONDS": "1.5",
        "START_WINDOW_SECONDS": "2",
        "REQUEST_TIMEOUT_SECONDS": "5",
        "UPLOAD_TIMEOUT_SECONDS": "8",
        "LISTING_LAG_SECONDS": "1",
        "CLOCK_SKEW_SECONDS": "0",
        "EFFECT_LEASE_SECONDS": "60",  # reading a large dataset takes half of it
    }


class Cloud:
    """A cloud on a state directory, which runs within a `with` block."""

    def __init__(
        self,
        state_dir: Path,
        *,
        speed: float = 1.0,
        has_host: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare a cloud; nothing is started yet.

        Args:
            state_dir: where everything is stored that is needed after a restart.
            speed: how many times faster jobs, files and deployments are.
            has_host: whether the app runs too.
            settings: app settings in addition to those that the cloud makes, or instead of them.
        """
        self.state_dir = state_dir.resolve()
        self._speed = speed
        self._has_host = has_host
        self._given = dict(settings or {})
        self._children: dict[str, Child] = {}
        self._port = 0
        self.host_crashes = 0
        self.settings: dict[str, str] = {}
        self.info: CloudInfo

    def __enter__(self) -> Self:
        """Start everything."""
        if CloudInfo.load(self.state_dir):
            msg = (
                f"a local cloud is running on {self.state_dir} already; stop it first (Ctrl-C where it runs)"
            )
            raise CloudError(msg)
        self.state_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        self._stop()

    def _log(self, name: str) -> Path:
        return self.state_dir / f"{name}.log"

    def _start(self) -> None:
        ports = self._storage_ports()
        location = self.state_dir / "azurite"
        storage = start("azurite", azurite.command(ports, location), self._log("azurite"), cwd=self.state_dir)
        self._children["azurite"] = storage
        options = ("--speed", str(self._speed), *self._foundry_port())
        foundry, where = start_stand_in(self.state_dir / "foundry", *options, log=self._log("foundry"))
        self._children["foundry"] = foundry
        azurite.wait_until_ready(ports, storage.process)
        self._fill(ports.connection_string)
        self.settings = app_settings(ports.connection_string, where) | self._given
        if self._has_host:
            self.start_host()
        (self.state_dir / "host").mkdir(exist_ok=True)
        self.info = CloudInfo(
            pid=os.getpid(),
            url=f"http://127.0.0.1:{self._port or _CORE_TOOLS_PORT}",
            storage=ports.connection_string,
            project_endpoint=where["project_endpoint"],
            arm_endpoint=where["endpoint"],
            identity_endpoint=where["identity_endpoint"],
            ca_bundle=where["ca_bundle"],
            identities=load_identities(self.state_dir / "host" / "identities.json"),
        )
        path = self.state_dir / "cloud.json"
        path.touch(mode=0o600)
        path.write_text(
            json.dumps({name: getattr(self.info, name) for name in CloudInfo.__slots__}, indent=2)
        )

    def _storage_ports(self) -> Ports:
        """The ports of last time if they are free, so that connection strings stay valid; otherwise others."""
        path = self.state_dir / "ports.json"
        with contextlib.suppress(OSError, ValueError, TypeError):
            known = Ports(**json.loads(path.read_text()))
            if all(_is_free(port) for port in (known.blob, known.queue, known.table)):
                return known
        blob, queue, table = azurite.free_ports(3)
        path.write_text(json.dumps({"blob": blob, "queue": queue, "table": table}))
        return Ports(blob, queue, table)

    def _foundry_port(self) -> list[str]:
        with contextlib.suppress(OSError, ValueError, KeyError):
            last = json.loads((self.state_dir / "foundry" / "foundry.json").read_text())["endpoint"]
            port = int(last.rpartition(":")[2])
            if _is_free(port):
                return ["--port", str(port)]
        return []

    def _fill(self, storage: str) -> None:
        """Make the containers, and upload the sample pipelines that are not there yet."""
        with BlobServiceClient.from_connection_string(storage) as service:
            for name in _CONTAINERS:
                with contextlib.suppress(ResourceExistsError):
                    service.create_container(name)
            pipelines = service.get_container_client("pipelines")
            folder = ROOT / "samples" / "pipelines"
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    with contextlib.suppress(ResourceExistsError):
                        pipelines.upload_blob(path.relative_to(folder).as_posix(), path.read_bytes())

    def start_host(self) -> None:
        """Start the Functions host, on the port that it had before if that is free."""
        environ = {name: os.environ[name] for name in _INHERITED if name in os.environ} | self.settings
        port = self._port if self._port and _is_free(self._port) else self._last_host_port()
        child, ready = start_and_wait(
            "host",
            [
                sys.executable,
                "-m",
                "local.host",
                "--app",
                str(ROOT),
                "--state",
                str(self.state_dir / "host"),
                "--port",
                str(port),
            ],
            self._log("host"),
            cwd=ROOT,
            environ=environ,
        )
        self._children["host"] = child
        self._port = int(ready["url"].rpartition(":")[2])

    def _last_host_port(self) -> int:
        with contextlib.suppress(OSError, ValueError, KeyError):
            last = json.loads((self.state_dir / "host" / "host.json").read_text())["url"]
            port = int(last.rpartition(":")[2])
            return port if _is_free(port) else 0
        return 0

    def kill_host(self) -> None:
        """Kill the host, whatever it is doing."""
        self._children["host"].kill()

    def check(self) -> None:
        """Check the child processes.  A host that crashed is started again, as in Azure; runs must survive that.

        Raises:
            ChildError: if a child has ended in another way, or the host crashes again and again.
        """
        host = self._children.get("host")
        if (
            host
            and not host.is_alive
            and host.process.returncode < 0
            and self.host_crashes < _HOST_CRASHES_MAX
        ):
            self.host_crashes += 1
            self.start_host()
        for child in self._children.values():
            if not child.is_alive:
                msg = f"{child.name} ended with code {child.process.returncode}; the end of {child.log}:\n{child.tail()}"
                raise ChildError(msg)

    def _stop(self) -> None:
        for name in ("host", "foundry", "azurite"):
            if child := self._children.pop(name, None):
                child.stop()
        with contextlib.suppress(OSError):
            (self.state_dir / "cloud.json").unlink()


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
