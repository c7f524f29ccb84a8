"""`python -m local.host --app DIR --state DIR`: runs a function app, with the environment as its app settings."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import json
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import uvicorn

from local.host.blobs import BlobListener
from local.host.checks import HostError, HostSettings, check_functions, read_host_json, resolve, schedule
from local.host.dispatch import Dispatcher
from local.host.easyauth import EasyAuth, load_identities
from local.host.http import make_site
from local.host.queues import QueueListener
from local.host.sessions import Sessions
from local.host.storage import Storage
from local.host.timers import TimerListener
from local.host.worker import IndexingError, Worker
from local.listening import listen
from local.watchdog import die_with_parent

_GRACE_S: Final = 5


class Host:
    """One app and its listeners."""

    def __init__(self, app_dir: Path, state_dir: Path, settings: HostSettings) -> None:
        self._state_dir = state_dir
        self._settings = settings
        self.worker = Worker(app_dir)
        self._storage = Storage(os.environ)
        self._dispatcher = Dispatcher(self.worker, self._storage)

    def listeners(self) -> list[Coroutine[Any, Any, None]]:
        """One coroutine for each trigger other than HTTP."""
        found = []
        for function in self.worker.functions.values():
            trigger = function.trigger
            if trigger["type"] == "blobTrigger":
                blobs = BlobListener(
                    function, self._dispatcher, self._storage, self._settings, self._state_dir
                )
                found.append(blobs.run())
            elif trigger["type"] == "queueTrigger":
                name = resolve(str(trigger["queueName"]), os.environ)
                found.append(
                    QueueListener(function, name, self._dispatcher, self._storage, self._settings).run()
                )
            elif trigger["type"] == "timerTrigger":
                due = schedule(resolve(str(trigger["schedule"]), os.environ))
                found.append(TimerListener(function, due, self._dispatcher, self._state_dir).run())
        return found

    def server(self) -> uvicorn.Server:
        """The server of the HTTP functions."""
        is_required = os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true"
        identities = load_identities(self._state_dir / "identities.json")
        auth = EasyAuth(identities, Sessions(), is_required=is_required)
        site = make_site(self.worker.functions.values(), self._settings.route_prefix, self._dispatcher, auth)
        config = uvicorn.Config(site, log_level="warning", lifespan="off", timeout_graceful_shutdown=_GRACE_S)
        return uvicorn.Server(config)


async def serve(app_dir: Path, state_dir: Path, port: int, lease_s: int) -> None:
    """Index the app, then listen until a signal comes.

    Raises:
        HostError, IndexingError: if the app cannot be run.
    """
    host = Host(app_dir, state_dir, replace(read_host_json(app_dir), lease_s=lease_s))
    await host.worker.start()
    check_functions(host.worker.functions.values(), os.environ)
    server = host.server()
    listening = listen(port)
    tasks = [asyncio.create_task(listener) for listener in host.listeners()]
    for task in tasks:
        task.add_done_callback(_end_with)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: setattr(server, "should_exit", True))
    ready = {
        "url": f"http://127.0.0.1:{listening.getsockname()[1]}",
        "functions": sorted(host.worker.functions),
    }
    (state_dir / "host.json").write_text(json.dumps(ready))
    print(json.dumps(ready), flush=True)  # noqa: T201  # the parent process waits for this line
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=[listening])
    await server.main_loop()
    for task in tasks:
        task.cancel()
    await server.shutdown(sockets=[listening])


def _end_with(listener: asyncio.Task[None]) -> None:
    """A listener that fails by itself is a mistake of this host: everything ends, rather than wait for ever."""
    if not listener.cancelled() and (error := listener.exception()):
        logging.getLogger(__name__).critical("a listener failed", exc_info=error)
        os._exit(1)


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=Path, default=Path())
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--lease-s", type=int, default=HostSettings().lease_s, help="for how long a message is taken"
    )
    given = parser.parse_args()
    die_with_parent()
    faulthandler.enable()
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        force=True,
    )
    for noisy in ("azure", "httpx2", "httpx", "openai", "azure_functions_runtime", "urllib3", "msal"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    given.state.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(serve(given.app.resolve(), given.state, given.port, given.lease_s))
    except (HostError, IndexingError) as error:
        sys.exit(f"the app cannot be run:\n{error}")
    os._exit(0)  # functions that still run end as if killed, which they must survive anyway


if __name__ == "__main__":
    main()
