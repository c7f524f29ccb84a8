"""`python -m local.foundry --state DIR`: the stand-in by itself."""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
from pathlib import Path

# Each fit is a thread.  When linear algebra starts threads of its own in every fit, small matrices take eight times as long.
# It reads these variables when it is loaded, so they are set before any other import of ours.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_name, "1")

import uvicorn  # noqa: E402  # after the environment is set
from starlette.types import ASGIApp  # noqa: E402

from local.foundry.app import Foundry, create_app  # noqa: E402  # loads numpy
from local.foundry.common.clock import Timings  # noqa: E402
from local.foundry.common.memory import keep_small  # noqa: E402
from local.foundry.control.api import by_port, create_control_app  # noqa: E402
from local.foundry.control.state import control_key  # noqa: E402
from local.foundry.control.wire import Protocol  # noqa: E402
from local.foundry.training.fitting import Spending  # noqa: E402
from local.listening import listen  # noqa: E402
from local.tls import ensure_certificates  # noqa: E402
from local.watchdog import die_with_parent  # noqa: E402


class _Server(uvicorn.Server):
    """A server that reports when it accepts connections."""

    def __init__(self, config: uvicorn.Config, ready: dict[str, str], state_dir: Path) -> None:
        super().__init__(config)
        self._ready, self._state_dir = ready, state_dir

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        path = self._state_dir / "foundry.json"
        path.touch(mode=0o600)
        path.chmod(0o600)  # it holds the key of the control API
        path.write_text(json.dumps(self._ready))
        print(json.dumps(self._ready), flush=True)  # noqa: T201  # the parent process waits for this line


def main() -> None:
    """Parse the arguments and serve until a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--identity-header", default="local-cloud")
    parser.add_argument("--rft-pause-usd", type=float, default=Spending().pause_usd)
    parser.add_argument(
        "--control", action="store_true", help="open the control API: clock, faults, requests"
    )
    parser.add_argument(
        "--clock-rate", type=float, help="seconds of the clock per real second; kept for the next start"
    )
    given = parser.parse_args()
    die_with_parent()
    keep_small()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    certificates = ensure_certificates(given.state)
    spending = Spending(pause_usd=given.rft_pause_usd)
    app = create_app(
        given.state,
        Timings().at_speed(given.speed),
        given.identity_header,
        spending=spending,
        has_faults=given.control,
    )
    foundry: Foundry = app.state.foundry
    if given.clock_rate is not None:
        foundry.control.change_clock(rate=given.clock_rate)
    sockets = [listen(given.port)]
    endpoint = f"https://127.0.0.1:{sockets[0].getsockname()[1]}"
    ready = {
        "endpoint": endpoint,
        "project_endpoint": f"{endpoint}/api/projects/local",
        "identity_endpoint": f"{endpoint}/msi/token",
        "ca_bundle": str(certificates.bundle.resolve()),
    }
    served: ASGIApp = app
    if given.control:
        key = control_key(given.state)
        sockets.append(listen(0))
        port = sockets[1].getsockname()[1]
        ready |= {"control_endpoint": f"https://127.0.0.1:{port}", "control_key": key}
        served = by_port(app, create_control_app(foundry.control, key), port)
    config = uvicorn.Config(
        served,
        http=Protocol,
        ssl_certfile=str(certificates.server_chain),
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    _Server(config, ready, given.state).run(sockets=sockets)


if __name__ == "__main__":
    main()
