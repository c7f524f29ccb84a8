"""The routes: data plane under two prefixes, Resource Manager, and the managed identity's token."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from local.foundry import tokens
from local.foundry.answering import Models
from local.foundry.catalogue import MODELS
from local.foundry.clock import Timings
from local.foundry.deployments import Deployments
from local.foundry.errors import ArmError, ServiceError, answer_arm_error, answer_service_error
from local.foundry.files import Files
from local.foundry.identity import Identity
from local.foundry.jobs import Jobs, show
from local.foundry.paging import page
from local.foundry.store import Store
from local.foundry.training import Trainer

_ACCOUNT: Final = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{account}"


class Foundry:
    """Everything behind the routes."""

    def __init__(self, state_dir: Path, timings: Timings, identity_header: str) -> None:
        self.store = Store(state_dir / "foundry.sqlite")
        self.identity = Identity(state_dir, identity_header)
        self.files = Files(self.store, timings)
        self.jobs = Jobs(self.store, self.files)
        self.trainer = Trainer(self.store, self.files, self.jobs, timings)
        self.deployments = Deployments(self.store, timings)
        self.models = Models(self.store)

    # Files

    async def create_file(self, request: Request) -> Response:
        async with request.form(max_part_size=600 * 1024 * 1024) as form:
            upload = form.get("file")
            if not isinstance(upload, UploadFile):
                raise ServiceError(400, "invalidPayload", "The file is missing.", "file")
            content = await upload.read()
            purpose = str(form.get("purpose", ""))
            made = await run_in_threadpool(
                self.files.create, upload.filename or "", upload.content_type, content, purpose
            )
        return JSONResponse(made)

    async def list_files(self, request: Request) -> Response:
        rows = self.files.listing(request.query_params.get("purpose"))
        if request.query_params.get("order") == "asc":
            rows.reverse()
        return JSONResponse(page(request, rows, default=100, most=10_000))

    async def get_file(self, request: Request) -> Response:
        return JSONResponse(self.files.get(request.path_params["id"]))

    async def file_content(self, request: Request) -> Response:
        file_id = request.path_params["id"]
        self.files.get(file_id)
        return Response(self.store.content(file_id), media_type="application/octet-stream")

    async def delete_file(self, request: Request) -> Response:
        file_id = request.path_params["id"]
        self.files.get(file_id)
        self.store.delete_file(file_id)
        return JSONResponse({"id": file_id, "object": "file", "deleted": True})

    # Jobs

    async def create_job(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self.jobs.create, await _json(request)))

    async def list_jobs(self, request: Request) -> Response:
        return JSONResponse(page(request, [show(job) for job in self.store.jobs()]))

    async def get_job(self, request: Request) -> Response:
        return JSONResponse(show(self.jobs.get(request.path_params["id"])))

    async def change_job(self, request: Request) -> Response:
        changes = {"cancel": self.jobs.cancel, "pause": self.jobs.pause, "resume": self.jobs.resume}
        change = changes.get(request.path_params["change"])
        if change is None:
            raise ServiceError(404, "notFound", "Resource not found")
        return JSONResponse(change(request.path_params["id"]))

    async def job_events(self, request: Request) -> Response:
        job_id = request.path_params["id"]
        self.jobs.get(job_id)
        return JSONResponse(page(request, self.store.events(job_id), most=10_000))

    async def job_checkpoints(self, request: Request) -> Response:
        return JSONResponse(page(request, self.jobs.checkpoints(request.path_params["id"]), default=10))

    # Inference

    async def chat(self, request: Request) -> Response:
        body = await _json(request)
        deployment = self._serving(str(body.get("model", "")))
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise ServiceError(400, "invalid_request_error", "'messages' is a required property", "messages")
        message = await run_in_threadpool(self.models.answer, deployment["model"], messages)
        return JSONResponse(_completion(deployment["model"], messages, message, body))

    def _serving(self, name: str) -> dict[str, Any]:
        try:
            deployment = self.deployments.get(name)
        except ArmError:
            message = (
                "The API deployment for this resource does not exist. If you created the deployment within the last "
                "5 minutes, please wait a moment and try again."
            )
            raise ServiceError(404, "DeploymentNotFound", message) from None
        if not self.deployments.is_serving(deployment):
            raise ServiceError(
                404, "DeploymentNotReady", f"The deployment '{name}' is not ready to serve yet."
            )
        return deployment

    async def list_models(self, request: Request) -> Response:
        names = sorted({model.dated for model in MODELS.values()})
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": "system"} for name in names]
        return JSONResponse(page(request, rows, default=100))

    async def project_deployments(self, request: Request) -> Response:
        self.identity.check_data_plane(request.headers.get("Authorization", ""))
        shown = [self._project_view(name) for name in self.deployments.names()]
        if name := request.path_params.get("name"):
            found = next((view for view in shown if view["name"] == name), None)
            if found is None:
                raise ServiceError(404, "not_found", f"Deployment {name} not found")
            return JSONResponse(found)
        return JSONResponse({"value": shown})

    def _project_view(self, name: str) -> dict[str, Any]:
        deployment = self.deployments.get(name)
        return {
            "type": "ModelDeployment",
            "name": name,
            "modelName": deployment["model"],
            "modelVersion": "1",
            "modelPublisher": deployment["format"],
            "capabilities": {"chat_completion": "true"},
            "sku": {"name": deployment["sku"], "capacity": deployment["capacity"]},
        }

    # Resource Manager

    async def put_deployment(self, request: Request) -> Response:
        deployment, status = self.deployments.put(request.path_params["name"], await _json(request))
        shown = self.deployments.show(request.url.path, deployment)
        return JSONResponse(shown, status_code=status, headers=self._operation_header(request))

    async def get_deployment(self, request: Request) -> Response:
        deployment = self.deployments.get(request.path_params["name"])
        return JSONResponse(self.deployments.show(request.url.path, deployment))

    async def list_deployments(self, request: Request) -> Response:
        rows = [
            self.deployments.show(f"{request.url.path}/{name}", self.deployments.get(name))
            for name in self.deployments.names()
        ]
        return JSONResponse({"value": rows})

    async def patch_deployment(self, request: Request) -> Response:
        present = self.deployments.get(request.path_params["name"])
        body = await _json(request)
        sku = {"name": present["sku"], "capacity": present["capacity"]} | (body.get("sku") or {})
        model = {"format": present["format"], "name": present["model"]}
        changed, _ = self.deployments.put(present["name"], {"sku": sku, "properties": {"model": model}})
        shown = self.deployments.show(request.url.path, changed)
        return JSONResponse(shown, status_code=202, headers=self._operation_header(request))

    async def delete_deployment(self, request: Request) -> Response:
        try:
            self.deployments.delete(request.path_params["name"])
        except ArmError as error:
            if error.status == 404:
                return Response(status_code=204)
            raise
        return Response(status_code=202, headers=self._operation_header(request))

    def _operation_header(self, request: Request) -> dict[str, str]:
        where = f"{request.url.scheme}://{request.url.netloc}/operations/{request.path_params['name']}"
        return {"Azure-AsyncOperation": f"{where}?api-version=2025-09-01"}

    async def operation(self, request: Request) -> Response:
        return JSONResponse({"status": self.deployments.operation(request.path_params["name"])})

    async def get_account(self, request: Request) -> Response:
        names = request.path_params
        shown = {
            "id": request.url.path,
            "name": names["account"],
            "type": "Microsoft.CognitiveServices/accounts",
            "kind": "AIServices",
            "location": "northcentralus",
            "sku": {"name": "S0"},
            "properties": {"provisioningState": "Succeeded", "customSubDomainName": names["account"]},
        }
        return JSONResponse(shown)

    async def token(self, request: Request) -> Response:
        resource = request.query_params.get("resource", "")
        return JSONResponse(self.identity.issue(resource, request.headers.get("X-IDENTITY-HEADER")))


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise ServiceError(400, "invalidPayload", f"The request body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise ServiceError(400, "invalidPayload", "The request body is no JSON object.")
    return body


def _completion(
    model: str, messages: list[dict[str, Any]], message: dict[str, Any], body: dict[str, Any]
) -> dict[str, Any]:
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    asked = tokens.of_messages(messages)
    said = tokens.count([str(message.get("content") or "") + str(message.get("tool_calls") or "")])[0]
    reason = "tool_calls" if message.get("tool_calls") else "stop"
    if isinstance(limit, int) and said > limit and not message.get("tool_calls"):
        words = str(message["content"]).split(" ")
        message = message | {"content": " ".join(words[: max(1, len(words) * limit // said)])}
        said, reason = limit, "length"
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"content": None, "refusal": None} | message,
                "finish_reason": reason,
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }


class _RequestIds(BaseHTTPMiddleware):
    """Azure names every request."""

    async def dispatch(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers["apim-request-id"] = str(uuid.uuid4())
        return response


class _Guard(BaseHTTPMiddleware):
    """Asks for a token, by the part of the service that is called."""

    async def dispatch(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        identity: Identity = request.app.state.foundry.identity
        given = request.headers.get("Authorization", "")
        try:
            if request.url.path.startswith(("/subscriptions/", "/operations/")):
                identity.check_arm(given, f"{request.url.scheme}://{request.url.netloc}")
            elif not request.url.path.startswith("/msi/"):
                identity.check_data_plane(given)
        except ServiceError as error:
            return await answer_service_error(request, error)
        except ArmError as error:
            return await answer_arm_error(request, error)
        return await call_next(request)


def _data_plane(it: Foundry) -> list[Route]:
    job = "/fine_tuning/jobs/{id}"
    return [
        Route("/files", it.create_file, methods=["POST"]),
        Route("/files", it.list_files),
        Route("/files/{id}", it.get_file),
        Route("/files/{id}", it.delete_file, methods=["DELETE"]),
        Route("/files/{id}/content", it.file_content),
        Route("/fine_tuning/jobs", it.create_job, methods=["POST"]),
        Route("/fine_tuning/jobs", it.list_jobs),
        Route(job, it.get_job),
        Route(job + "/events", it.job_events),
        Route(job + "/checkpoints", it.job_checkpoints),
        Route(job + "/{change}", it.change_job, methods=["POST"]),
        Route("/chat/completions", it.chat, methods=["POST"]),
        Route("/models", it.list_models),
    ]


def create_app(
    state_dir: Path, timings: Timings | None = None, identity_header: str = "local-cloud"
) -> Starlette:
    """The stand-in as an ASGI app; its trainer runs while the app does."""
    state_dir.mkdir(parents=True, exist_ok=True)
    it = Foundry(state_dir, timings or Timings(), identity_header)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> Any:
        it.trainer.start()
        yield
        it.trainer.stop()

    one = f"{_ACCOUNT}/deployments/{{name}}"
    app = Starlette(
        routes=[
            Route("/msi/token", it.token),
            Mount("/api/projects/{project}/openai/v1", routes=_data_plane(it)),
            Mount("/openai/v1", routes=_data_plane(it)),
            Route("/api/projects/{project}/deployments", it.project_deployments),
            Route("/api/projects/{project}/deployments/{name}", it.project_deployments),
            Route(one, it.put_deployment, methods=["PUT"]),
            Route(one, it.get_deployment),
            Route(one, it.patch_deployment, methods=["PATCH"]),
            Route(one, it.delete_deployment, methods=["DELETE"]),
            Route(f"{_ACCOUNT}/deployments", it.list_deployments),
            Route(_ACCOUNT, it.get_account),
            Route("/operations/{name}", it.operation),
        ],
        middleware=[Middleware(_RequestIds), Middleware(_Guard)],
        exception_handlers={ServiceError: answer_service_error, ArmError: answer_arm_error},
        lifespan=lifespan,
    )
    app.state.foundry = it
    return app
