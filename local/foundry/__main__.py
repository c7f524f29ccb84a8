"""`python -m local.foundry --state DIR`: the stand-in by itself."""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
from pathlib import Path

# The fits are threads already; with threads of its own in each, linear algebra on small matrices takes eight times as long.
# It reads this when it is loaded, which is before anything else of ours runs.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_name, "1")

import uvicorn  # noqa: E402  # after the environment is set

from local.foundry.app import create_app  # noqa: E402  # loads numpy
from local.foundry.clock import Timings  # noqa: E402
from local.foundry.spending import Spending  # noqa: E402
from local.listening import listen  # noqa: E402
from local.tls import ensure_certificates  # noqa: E402
from local.watchdog import die_with_parent  # noqa: E402


class _Server(uvicorn.Server):
    """Says when it accepts connections."""

    def __init__(self, config: uvicorn.Config, ready: dict[str, str], state_dir: Path) -> None:
        super().__init__(config)
        self._ready, self._state_dir = ready, state_dir

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        (self._state_dir / "foundry.json").write_text(json.dumps(self._ready))
        print(json.dumps(self._ready), flush=True)  # noqa: T201  # the parent process waits for this line


def main() -> None:
    """Parse the arguments and serve until a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--identity-header", default="local-cloud")
    parser.add_argument("--rft-pause-usd", type=float, default=Spending().pause_usd)
    given = parser.parse_args()
    die_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    certificates = ensure_certificates(given.state)
    spending = Spending(pause_usd=given.rft_pause_usd)
    app = create_app(given.state, Timings().at_speed(given.speed), given.identity_header, spending=spending)
    listening = listen(given.port)
    endpoint = f"https://127.0.0.1:{listening.getsockname()[1]}"
    ready = {
        "endpoint": endpoint,
        "project_endpoint": f"{endpoint}/api/projects/local",
        "identity_endpoint": f"{endpoint}/msi/token",
        "ca_bundle": str(certificates.bundle.resolve()),
    }
    config = uvicorn.Config(
        app, ssl_certfile=str(certificates.server_chain), log_level="warning", timeout_graceful_shutdown=2
    )
    _Server(config, ready, given.state).run(sockets=[listening])


if __name__ == "__main__":
    main()
