"""The data plane: files, jobs, chat completions, models."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.foundry.answers.asking import reply
from local.foundry.answers.chat import completion, read_chat, stream
from local.foundry.answers.response_stream import response_stream
from local.foundry.answers.responses import read_response, response
from local.foundry.common.catalogue import MODELS
from local.foundry.common.errors import ArmError, ServiceError
from local.foundry.data_plane.jobs import show
from local.foundry.data_plane.paging import asked, listed, page
from local.foundry.graders import grading
from local.foundry.service import Foundry, read_json

_UPLOAD_BYTES_MAX = 600 * 1024 * 1024


class DataPlane:
    """Answers under `/openai/v1`."""

    def __init__(self, foundry: Foundry) -> None:
        self._it = foundry

    async def create_file(self, request: Request) -> Response:
        """POST /files (multipart)."""
        async with request.form(max_part_size=_UPLOAD_BYTES_MAX) as form:
            upload = form.get("file")
            if not isinstance(upload, UploadFile):
                raise ServiceError(400, "invalidPayload", "The file is missing.", "file")
            content = await upload.read()
            purpose = str(form.get("purpose", ""))
            made = await run_in_threadpool(
                self._it.files.create, upload.filename or "", upload.content_type, content, purpose
            )
        return JSONResponse(made)

    async def list_files(self, request: Request) -> Response:
        """GET /files."""
        query = request.query_params
        wanted = asked(request, default=100, most=10_000, hidden=self._it.control.lags.read("files"))
        is_newest_first = query.get("order") != "asc"
        found = self._it.store.files(wanted, query.get("purpose"), is_newest_first=is_newest_first)
        rows = [self._it.files.show(file) for file in found.rows]
        return JSONResponse(listed(rows, has_more=found.has_more))

    async def get_file(self, request: Request) -> Response:
        """GET /files/{id}."""
        return JSONResponse(self._it.files.get(request.path_params["id"]))

    async def file_content(self, request: Request) -> Response:
        """GET /files/{id}/content."""
        file_id = request.path_params["id"]
        self._it.files.get(file_id)
        return Response(self._it.store.content(file_id), media_type="application/octet-stream")

    async def delete_file(self, request: Request) -> Response:
        """DELETE /files/{id}."""
        file_id = request.path_params["id"]
        self._it.files.get(file_id)
        self._it.store.delete_file(file_id)
        return JSONResponse({"id": file_id, "object": "file", "deleted": True})

    async def create_job(self, request: Request) -> Response:
        """POST /fine_tuning/jobs."""
        return JSONResponse(await run_in_threadpool(self._it.jobs.create, await read_json(request)))

    async def list_jobs(self, request: Request) -> Response:
        """GET /fine_tuning/jobs."""
        found = self._it.store.jobs(asked(request, hidden=self._it.control.lags.read("jobs")))
        return JSONResponse(listed([show(job) for job in found.rows], has_more=found.has_more))

    async def get_job(self, request: Request) -> Response:
        """GET /fine_tuning/jobs/{id}."""
        return JSONResponse(show(self._it.jobs.get(request.path_params["id"])))

    async def cancel_job(self, request: Request) -> Response:
        """POST /fine_tuning/jobs/{id}/cancel."""
        return JSONResponse(self._it.jobs.cancel(request.path_params["id"]))

    async def pause_job(self, request: Request) -> Response:
        """POST /fine_tuning/jobs/{id}/pause."""
        return JSONResponse(self._it.jobs.pause(request.path_params["id"]))

    async def resume_job(self, request: Request) -> Response:
        """POST /fine_tuning/jobs/{id}/resume."""
        return JSONResponse(self._it.jobs.resume(request.path_params["id"]))

    async def job_events(self, request: Request) -> Response:
        """GET /fine_tuning/jobs/{id}/events, newest first."""
        job_id = request.path_params["id"]
        self._it.jobs.get(job_id)
        found = self._it.store.events(job_id, asked(request, most=10_000))
        return JSONResponse(listed(found.rows, has_more=found.has_more))

    async def job_checkpoints(self, request: Request) -> Response:
        """GET /fine_tuning/jobs/{id}/checkpoints."""
        return JSONResponse(page(request, self._it.jobs.checkpoints(request.path_params["id"]), default=10))

    async def chat(self, request: Request) -> Response:
        """POST /chat/completions."""
        body = await read_json(request)
        model = self._serving(str(body.get("model", "")))
        ask = read_chat(body, model)
        said = await run_in_threadpool(reply, self._it.models, model, ask)
        if body.get("stream"):
            return StreamingResponse(stream(model, said, body), media_type="text/event-stream")
        return JSONResponse(completion(model, said, body))

    async def respond(self, request: Request) -> Response:
        """POST /responses."""
        body = await read_json(request)
        deployment = str(body.get("model", ""))
        model = self._serving(deployment)
        ask = read_response(body, model)
        said = await run_in_threadpool(reply, self._it.models, model, ask)
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
            deployment = self._it.deployments.get(name)
        except ArmError:
            message = (
                "The API deployment for this resource does not exist. If you created the deployment within the last "
                "5 minutes, please wait a moment and try again."
            )
            raise ServiceError(404, "DeploymentNotFound", message) from None
        model = self._it.deployments.served_model(deployment)
        if model is None:
            raise ServiceError(
                404, "DeploymentNotReady", f"The deployment '{name}' is not ready to serve yet."
            )
        if retired_on := self._it.deployments.retired_on(deployment):
            raise ServiceError(
                410,
                "ModelDeprecated",
                f"The model '{model}' was retired on {retired_on} and is no longer available.",
            )
        self._it.deployments.used(deployment)
        return model

    async def list_models(self, request: Request) -> Response:
        """GET /models."""
        names = sorted({model.dated for model in MODELS.values()})
        tuned = [name for name, _ in self._it.store.tuned_models()]
        return JSONResponse(page(request, [_model(name) for name in (*names, *tuned)], default=100))

    async def get_model(self, request: Request) -> Response:
        """GET /models/{id}: a base model, or a tuned one that can be deployed."""
        name = request.path_params["id"]
        base = MODELS.get(name)
        if base is None and not self._it.store.has_model(name):
            raise ServiceError(404, "notFound", f"The model '{name}' does not exist.", "model")
        return JSONResponse(_model(base.dated if base else name))

    def routes(self) -> list[Route]:
        """The routes, relative to the prefix."""
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


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "system"}


def _grader(body: dict[str, Any]) -> dict[str, Any]:
    """The grader of a request, if nothing is wrong with it.

    Raises:
        ServiceError: 400.
    """
    if problem := next(grading.problems(body.get("grader")), None):
        raise ServiceError(400, "invalidPayload", problem, "grader")
    return dict(body["grader"])
