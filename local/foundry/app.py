"""The stand-in as an ASGI app: data plane under two prefixes, Resource Manager, and the managed identity's tokens."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from local.foundry.answers.answering import Models
from local.foundry.arm.deployments import Deployments
from local.foundry.arm.routes import ResourceManager
from local.foundry.common.clock import Timings
from local.foundry.common.errors import (
    ArmError,
    ServiceError,
    answer_arm_error,
    answer_failure,
    answer_no_route,
    answer_service_error,
)
from local.foundry.common.offer import Offer
from local.foundry.common.store import Store
from local.foundry.control.injection import Injector, apply_late_requests
from local.foundry.control.state import Control
from local.foundry.data_plane.files import Files
from local.foundry.data_plane.jobs import Jobs
from local.foundry.data_plane.routes import DataPlane
from local.foundry.identity import Identity
from local.foundry.training.fitting import Spending
from local.foundry.training.trainer import Trainer


class Foundry:
    """Everything behind the routes, made once."""

    def __init__(
        self, state_dir: Path, timings: Timings, identity_header: str, spending: Spending | None = None
    ) -> None:
        self.store = Store(state_dir / "foundry.sqlite")
        self.offer = Offer(state_dir)
        self.control = Control(self.store, self.offer)
        self.identity = Identity(state_dir, identity_header)
        self.files = Files(self.store, timings)
        self.jobs = Jobs(self.store, self.files, self.offer)
        self.trainer = Trainer(
            self.store, self.files, self.jobs, timings, offer=self.offer, spending=spending
        )
        self.deployments = Deployments(self.store, timings, self.offer)
        self.models = Models(self.store)


class _RequestIds(BaseHTTPMiddleware):
    """Gives every answer an id, as Azure does."""

    async def dispatch(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers["apim-request-id"] = str(uuid.uuid4())
        return response


class _Guard(BaseHTTPMiddleware):
    """Refuses a request without a token for the part of the service that it calls, or without the right to call it."""

    async def dispatch(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        identity: Identity = request.app.state.foundry.identity
        given = request.headers.get("Authorization", "")
        asked = (request.method, request.url.path)
        try:
            if request.url.path.startswith(("/subscriptions/", "/operations/")):
                identity.check_arm(given, f"{request.url.scheme}://{request.url.netloc}", *asked)
            elif not request.url.path.startswith("/msi/"):
                identity.check_data_plane(given, *asked)
        except ServiceError as error:
            return await answer_service_error(request, error)
        except ArmError as error:
            return await answer_arm_error(request, error)
        return await call_next(request)


def create_app(
    state_dir: Path,
    timings: Timings | None = None,
    identity_header: str = "local-cloud",
    *,
    spending: Spending | None = None,
    has_faults: bool = False,
) -> Starlette:
    """The app; its trainer runs while the app does.

    Args:
        state_dir: where everything is kept.
        timings: lengths of the phases.
        identity_header: the secret of the managed identity's endpoint.
        spending: what a reinforcement job costs, and when it pauses by itself.
        has_faults: whether faults on demand happen, and requests are noted in the journal.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    foundry = Foundry(state_dir, timings or Timings(), identity_header, spending)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        foundry.trainer.start()
        late = asyncio.create_task(apply_late_requests(app, foundry.control)) if has_faults else None
        yield
        if late is not None:
            late.cancel()
        foundry.trainer.stop()
        foundry.store.close()

    async def token(request: Request) -> Response:
        resource = request.query_params.get("resource", "")
        if not resource:
            raise ServiceError(
                400, "invalid_request", "The query parameter 'resource' is missing.", "resource"
            )
        header, client = request.headers.get("X-IDENTITY-HEADER"), request.query_params.get("client_id")
        return JSONResponse(foundry.identity.issue(resource, header, client))

    lags = foundry.control.lags
    data_plane = DataPlane(
        store=foundry.store,
        files=foundry.files,
        jobs=foundry.jobs,
        deployments=foundry.deployments,
        models=foundry.models,
        lags=lags,
    )
    resource_manager = ResourceManager(foundry.store, foundry.offer, foundry.deployments, lags)
    injector = [Middleware(Injector, control=foundry.control)] if has_faults else []
    app = Starlette(
        routes=[
            Route("/msi/token", token),
            Mount("/api/projects/{project}/openai/v1", routes=data_plane.routes()),
            Mount("/openai/v1", routes=data_plane.routes()),
            Route(
                "/openai/deployments/{name}/chat/completions", data_plane.chat_at_account, methods=["POST"]
            ),
            *resource_manager.routes(),
        ],
        middleware=[*injector, Middleware(_RequestIds), Middleware(_Guard)],
        exception_handlers={
            ServiceError: answer_service_error,
            ArmError: answer_arm_error,
            HTTPException: answer_no_route,
            Exception: answer_failure,
        },
        lifespan=lifespan,
    )
    app.state.foundry = foundry
    return app
