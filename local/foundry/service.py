"""Everything behind the routes, made once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.requests import Request

from local.foundry.answers.answering import Models
from local.foundry.arm.deployments import Deployments
from local.foundry.common.clock import Timings
from local.foundry.common.errors import ServiceError
from local.foundry.common.offer import Offer
from local.foundry.common.store import Store
from local.foundry.control.state import Control
from local.foundry.data_plane.files import Files
from local.foundry.data_plane.jobs import Jobs
from local.foundry.identity import Identity
from local.foundry.training.spending import Spending
from local.foundry.training.trainer import Trainer


class Foundry:
    """Everything behind the routes."""

    def __init__(
        self, state_dir: Path, timings: Timings, identity_header: str, spending: Spending | None = None
    ) -> None:
        self.store = Store(state_dir / "foundry.sqlite")
        self.control = Control(self.store)
        self.identity = Identity(state_dir, identity_header)
        self.files = Files(self.store, timings)
        self.offer = Offer(state_dir)
        self.jobs = Jobs(self.store, self.files, self.offer)
        self.trainer = Trainer(
            self.store, self.files, self.jobs, timings, offer=self.offer, spending=spending
        )
        self.deployments = Deployments(self.store, timings, self.offer)
        self.models = Models(self.store)


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries.

    Raises:
        ServiceError: 400, if it carries none, or text that is no Unicode.
    """
    try:
        body = await request.json()
        json.dumps(body, ensure_ascii=False).encode()  # a lone surrogate is no text
    except (ValueError, RecursionError) as error:
        raise ServiceError(400, "invalidPayload", f"The request body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise ServiceError(400, "invalidPayload", "The request body is no JSON object.")
    return body
