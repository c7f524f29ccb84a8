"""The routes of the data plane: files, jobs, graders, models, and answers."""

from __future__ import annotations

from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.foundry.answers import oddities
from local.foundry.answers.answering import Models
from local.foundry.answers.asking import reply
from local.foundry.answers.chat import completion, read_chat, stream
from local.foundry.answers.responses import read_response, response, response_stream
from local.foundry.arm.deployments import Deployments
from local.foundry.common.bodies import read_json
from local.foundry.common.catalogue import MODELS, base_of, is_tuned
from local.foundry.common.errors import ArmError, ServiceError
from local.foundry.common.store import Asked, Store
from local.foundry.control.state import Lags
from local.foundry.data_plane.files import Files
from local.foundry.data_plane.jobs import Jobs, show
from local.foundry.graders import grading

_UPLOAD_BYTES_MAX = 600 * 1024 * 1024
_NO_DEPLOYMENT: Final = (
    "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a "
    "moment and try again."
)


class DataPlane:
    """Answers what is asked under `/openai/v1`."""

    def __init__(
        self,
        *,
        store: Store,
        files: Files,
        jobs: Jobs,
        deployments: Deployments,
        models: Models,
        lags: Lags,
    ) -> None:
        self._store, self._files, self._jobs = store, files, jobs
        self._deployments, self._models, self._lags = deployments, models, lags

    async def create_file(self, request: Request) -> Response:
        """POST /files (multipart)."""
        async with request.form(max_part_size=_UPLOAD_BYTES_MAX) as form:
            upload = form.get("file")
            if not isinstance(upload, UploadFile):
                raise ServiceError(400, "invalidPayload", "The file is missing.", "file")
            content = await upload.read()
            purpose = str(form.get("purpose", ""))
            made = await run_in_threadpool(
                self._files.create, upload.filename or "", upload.content_type, content, purpose
            )
        return JSONResponse(made)

    async def list_files(self, request: Request) -> Response:
        """GET /files."""
        query = request.query_params
        wanted = _asked(request, default=100, most=10_000, hidden=self._lags.read("files"))
        is_newest_first = query.get("order") != "asc"
        found = self._store.files(wanted, query.get("purpose"), is_newest_first=is_newest_first)
        rows = [self._files.show(file) for file in found.rows]
        return JSONResponse(_listed(rows, has_more=found.has_more))

    async def get_file(self, request: Request) -> Response:
        """GET /files/{id}."""
        return JSONResponse(self._files.get(request.path_params["id"]))

    async def file_content(self, request: Request) -> Response:
        """GET /files/{id}/content."""
        file_id = request.path_params["id"]
        self._files.get(file_id)
        return Response(self._store.content(file_id), media_type="application/octet-stream")

    async def delete_file(self, request: Request) -> Response:
        """DELETE /files/{id}."""
        file_id = request.path_params["id"]
        self._files.get(file_id)
        self._store.delete_file(file_id)
        return JSONResponse({"id": file_id, "object": "file", "deleted": True})

    async def create_job(self, request: Request) -> Response:
        """POST /fine_tuning/jobs."""
        return JSONResponse(await run_in_threadpool(self._jobs.create, await read_json(request)))

    async def list_jobs(self, request: Request) -> Response:
        """GET /fine_tuning/jobs."""
        found = self._store.jobs(_asked(request, hidden=self._lags.read("jobs")))
        return JSONResponse(_listed([show(job) for job in found.rows], has_more=found.has_more))

    async def get_job(self, request: Request) -> Response:
        """GET /fine_tuning/jobs/{id}."""
        return JSONResponse(show(self._jobs.get(request.path_params["id"])))

    async def cancel_job(self, request: Request) -> Response:
        """POST /fine_tuning/jobs/{id}/cancel."""
        return JSONResponse(self._jobs.cancel(request.path_params["id"]))

    async def pause_job(self, request: Request) -> Response:
        """POST /fine_tuning/jobs/{id}/pause."""
        return JSONResponse(self._jobs.pause(request.path_params["id"]))

    async def resume_job(self, request: Request) -> Response:
        """POST /fine_tuning/jobs/{id}/resume."""
        return JSONResponse(self._jobs.resume(request.path_params["id"]))

    async def job_events(self, request: Request) -> Response:
        """GET /fine_tuning/jobs/{id}/events, newest first."""
        job_id = request.path_params["id"]
        self._jobs.get(job_id)
        found = self._store.events(job_id, _asked(request, most=10_000))
        return JSONResponse(_listed(found.rows, has_more=found.has_more))

    async def job_checkpoints(self, request: Request) -> Response:
        """GET /fine_tuning/jobs/{id}/checkpoints."""
        return JSONResponse(_page(request, self._jobs.checkpoints(request.path_params["id"]), default=10))

    async def chat(self, request: Request) -> Response:
        """POST /chat/completions.  What was tuned from an open model does not answer here."""
        body = await read_json(request)
        name = str(body.get("model", ""))
        model = self._serving(name)
        base = base_of(model)
        if base is not None and base.is_open and is_tuned(model):
            raise ServiceError(404, "DeploymentNotFound", _NO_DEPLOYMENT)
        return await self._chat(body, model)

    async def chat_at_account(self, request: Request) -> Response:
        """POST /openai/deployments/{name}/chat/completions, of the account: any model answers."""
        if not request.query_params.get("api-version"):
            raise ServiceError(404, "404", "Resource not found")
        return await self._chat(await read_json(request), self._serving(request.path_params["name"]))

    async def _chat(self, body: dict[str, Any], model: str) -> Response:
        ask = read_chat(body, model)
        oddities.refuse(ask, body)
        thought = oddities.reasoning(ask)
        said = await run_in_threadpool(reply, self._models, model, oddities.within(ask, thought))
        said = oddities.turned(said, ask, thought)
        if body.get("stream"):
            return StreamingResponse(stream(model, said, body), media_type="text/event-stream")
        return JSONResponse(completion(model, said, body))

    async def respond(self, request: Request) -> Response:
        """POST /responses."""
        body = await read_json(request)
        deployment = str(body.get("model", ""))
        model = self._serving(deployment)
        ask = read_response(body, model)
        said = await run_in_threadpool(reply, self._models, model, ask)
        answer = response(deployment, said, body)
        if body.get("stream"):
            return StreamingResponse(response_stream(answer), media_type="text/event-stream")
        return JSONResponse(answer)

    async def validate_grader(self, request: Request) -> Response:
        """POST /fine_tuning/alpha/graders/validate."""
        return JSONResponse({"grader": _grader(await read_json(request))})

    async def run_grader(self, request: Request) -> Response:
        """POST /fine_tuning/alpha/graders/run."""
        body = await read_json(request)
        grader, sample, item = _grader(body), body.get("model_sample"), body.get("item", {})
        if not isinstance(sample, str):
            raise ServiceError(
                400, "invalidPayload", "Missing required parameter: 'model_sample'.", "model_sample"
            )
        if not isinstance(item, dict):
            raise ServiceError(400, "invalidPayload", "Invalid value for 'item': expected an object.", "item")
        return JSONResponse(await run_in_threadpool(grading.run, grader, sample, item))

    def _serving(self, name: str) -> str:
        try:
            deployment = self._deployments.get(name)
        except ArmError:
            raise ServiceError(404, "DeploymentNotFound", _NO_DEPLOYMENT) from None
        model = self._deployments.served_model(deployment)
        if model is None:
            raise ServiceError(
                404, "DeploymentNotReady", f"The deployment '{name}' is not ready to serve yet."
            )
        if retired_on := self._deployments.retired_on(deployment):
            raise ServiceError(
                410,
                "ModelDeprecated",
                f"The model '{model}' was retired on {retired_on} and is no longer available.",
            )
        self._deployments.used(deployment)
        return model

    async def list_models(self, request: Request) -> Response:
        """GET /models."""
        names = sorted({model.dated for model in MODELS.values()})
        tuned = [name for name, _ in self._store.tuned_models()]
        return JSONResponse(_page(request, [_model(name) for name in (*names, *tuned)], default=100))

    async def get_model(self, request: Request) -> Response:
        """GET /models/{id}: a base model, or a tuned one that can be deployed."""
        name = request.path_params["id"]
        base = MODELS.get(name)
        if base is None and not self._store.has_model(name):
            raise ServiceError(404, "notFound", f"The model '{name}' does not exist.", "model")
        return JSONResponse(_model(base.dated if base else name))

    def routes(self) -> list[Route]:
        """The routes, without the prefix under which they are served."""
        job = "/fine_tuning/jobs/{id}"
        return [
            Route("/files", self.create_file, methods=["POST"]),
            Route("/files", self.list_files),
            Route("/files/{id}", self.get_file),
            Route("/files/{id}", self.delete_file, methods=["DELETE"]),
            Route("/files/{id}/content", self.file_content),
            Route("/fine_tuning/jobs", self.create_job, methods=["POST"]),
            Route("/fine_tuning/jobs", self.list_jobs),
            Route(job, self.get_job),
            Route(job + "/events", self.job_events),
            Route(job + "/checkpoints", self.job_checkpoints),
            Route(job + "/cancel", self.cancel_job, methods=["POST"]),
            Route(job + "/pause", self.pause_job, methods=["POST"]),
            Route(job + "/resume", self.resume_job, methods=["POST"]),
            Route("/chat/completions", self.chat, methods=["POST"]),
            Route("/responses", self.respond, methods=["POST"]),
            Route("/models", self.list_models),
            Route("/models/{id}", self.get_model),
            Route("/fine_tuning/alpha/graders/validate", self.validate_grader, methods=["POST"]),
            Route("/fine_tuning/alpha/graders/run", self.run_grader, methods=["POST"]),
        ]


def _asked(
    request: Request, *, default: int = 20, most: int = 100, hidden: frozenset[str] = frozenset()
) -> Asked:
    """Which page a request asks for.

    Raises:
        ServiceError: 400, for a limit out of bounds.
    """
    raw = request.query_params.get("limit", str(default))
    if not raw.isdecimal() or len(raw) > len(str(most)) or not 1 <= int(raw) <= most:
        raise ServiceError(400, "invalidPayload", f"limit must be between 1 and {most}.", "limit")
    return Asked(int(raw), request.query_params.get("after") or None, hidden)


def _listed(rows: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """A page as the service answers it."""
    return {"object": "list", "data": rows, "has_more": has_more}


def _page(
    request: Request, rows: list[dict[str, Any]], *, default: int = 20, most: int = 100
) -> dict[str, Any]:
    """The page that a request asks for, of a list that is in memory."""
    wanted = _asked(request, default=default, most=most)
    start = 0
    if wanted.after:
        start = next((at + 1 for at, row in enumerate(rows) if row["id"] == wanted.after), len(rows))
    shown = rows[start : start + wanted.limit]
    return _listed(shown, has_more=start + len(shown) < len(rows))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "system"}


def _grader(body: dict[str, Any]) -> dict[str, Any]:
    """The grader of a request.

    Raises:
        ServiceError: 400, if it cannot be run.
    """
    if problem := next(grading.problems(body.get("grader")), None):
        raise ServiceError(400, "invalidPayload", problem, "grader")
    return dict(body["grader"])
