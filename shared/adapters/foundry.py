"""Files, jobs and chat completions of a Foundry project, through the project's OpenAI client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, BinaryIO, Final, cast

import httpx2
import msgspec
import openai
from azure.ai.projects import AIProjectClient
from azure.core.credentials import TokenCredential
from azure.identity import get_bearer_token_provider
from openai import AzureOpenAI, OpenAI
from openai.types.fine_tuning import FineTuningJob

from shared.adapters.bounds import ANSWER_BYTES_MAX, BoundedTransport, looking_at_the_clock
from shared.adapters.classification import is_project_missing, redact
from shared.adapters.completions import answer_of
from shared.adapters.openai_answers import (
    code_of,
    from_openai,
    read,
    read_bytes,
    read_completion,
    read_page,
    read_pages,
    translated,
)
from shared.adapters.refusals import (
    OLDER_NAMES,
    QUESTION_STATUSES,
    is_of_the_question,
    refused_parameter,
    refused_question,
)
from shared.core.errors import NotReady, Refused, StartWindowPassed, Unauthorized
from shared.core.evaluation.answers import Answer
from shared.core.observations import FoundryFile, Job
from shared.core.serving import API_VERSION, AUDIENCES, Route
from shared.ports import Clock

_READ_RETRIES: Final = 2
_FILE_KEYS: Final = ("id", "filename")
_JOB_KEYS: Final = ("id", "status", "created_at", "training_file", "model")
_PAGE: Final = 100
#: Answers may take longer than control calls: a long completion under load.
_ANSWER_S: Final = 120.0
#: Parts of a request beside messages and tools without which the question would be another one.
_OF_THE_QUESTION: Final = frozenset({"functions"})
_NOT_SERVING: Final = frozenset({"DeploymentNotReady", "DeploymentNotFound", "deployment_not_ready"})


def create_openai_client(
    endpoint: str, credential: TokenCredential, *, timeout_s: float, answer_bytes_max: int = ANSWER_BYTES_MAX
) -> OpenAI:
    """The OpenAI client of a project; it never repeats a request unless a call asks for that."""
    project = AIProjectClient(endpoint=endpoint, credential=credential)
    http_client = _http_client(answer_bytes_max)
    client = project.get_openai_client(max_retries=0, timeout=timeout_s, http_client=http_client)
    return cast("OpenAI", client)


def create_account_client(project_endpoint: str, credential: TokenCredential, *, timeout_s: float) -> OpenAI:
    """The client of the interface that an account has for its deployments, at the host of its project."""
    url = httpx2.URL(project_endpoint)
    return AzureOpenAI(
        azure_endpoint=str(url.copy_with(raw_path=b"/")),
        api_version=API_VERSION,
        azure_ad_token_provider=get_bearer_token_provider(credential, f"{AUDIENCES[Route.ACCOUNT]}/.default"),
        max_retries=0,
        timeout=timeout_s,
        http_client=_http_client(ANSWER_BYTES_MAX),
    )


def _http_client(answer_bytes_max: int) -> openai.DefaultHttpxClient:
    """A client of HTTP whose answers end."""
    limits = openai.DEFAULT_CONNECTION_LIMITS
    transport = BoundedTransport(httpx2.HTTPTransport(limits=limits), answer_bytes_max)
    return openai.DefaultHttpxClient(transport=transport)


def _check_project(error: openai.APIStatusError) -> None:
    """Raise again if it is the project that is missing: of what was asked for, nothing is known then."""
    if is_project_missing(error.message):
        raise error


def _in_window(clock: Clock, not_after: datetime) -> Callable[[], None]:
    """A check that the start window is still open."""

    def check() -> None:
        if clock.now() > not_after:
            raise StartWindowPassed

    return check


class FoundryFiles:
    """Files for fine-tuning."""

    def __init__(self, client: OpenAI, clock: Clock, *, upload_timeout_s: float) -> None:
        self._reads = client.with_options(max_retries=_READ_RETRIES)
        self._uploads = client.with_options(max_retries=0, timeout=upload_timeout_s)
        self._clock = clock

    def named(self, filenames: frozenset[str]) -> dict[str, FoundryFile]:
        """Those of the files that exist; see `ports.Files`."""
        found: dict[str, FoundryFile] = {}
        with translated("listing of files"):
            listing = self._reads.files.with_raw_response
            for file in read_pages(
                lambda after: listing.list(purpose="fine-tune", limit=_PAGE, after=after), *_FILE_KEYS
            ):
                if file.filename in filenames:
                    seen, known = _file(file), found.get(file.filename)
                    if known is None or (seen.created_at, seen.id) < (known.created_at, known.id):
                        found[file.filename] = seen
        return found

    def upload(self, filename: str, content: BinaryIO, not_after: datetime) -> FoundryFile:
        """Upload a file; see `ports.Files`.  Name and content type are explicit: Azure refuses files without them."""
        check = _in_window(self._clock, not_after)
        check()
        with translated(f"upload of {filename}", is_idempotent=False), looking_at_the_clock(check):
            sent = (filename, content, "application/jsonl")
            answer = self._uploads.files.with_raw_response.create(file=sent, purpose="fine-tune")
            return _file(read(answer, *_FILE_KEYS))

    def count(self) -> int:
        """How many files there are; see `ports.Files`."""
        with translated("listing of files"):
            listing = self._reads.files.with_raw_response
            pages = read_pages(lambda after: listing.list(limit=_PAGE, after=after), *_FILE_KEYS)
            return sum(1 for _ in pages)

    def delete(self, file_id: str) -> None:
        """Delete; a file that is not there is deleted."""
        with translated(f"deletion of file {file_id}"):
            try:
                self._reads.files.with_raw_response.delete(file_id)  # the rest of the answer is of no use
            except openai.NotFoundError as error:
                _check_project(error)
                return

    def content(self, file_id: str) -> bytes:
        """The bytes of a file."""
        with translated(f"content of file {file_id}"):
            return read_bytes(self._reads.files.content(file_id))


def _file(file: Any) -> FoundryFile:
    return FoundryFile(
        id=file.id,
        filename=file.filename,
        size_bytes=file.bytes,
        status=str(file.status),
        created_at=file.created_at or 0,
        error=redact(file.status_details) if getattr(file, "status_details", None) else None,
    )


class FoundryTrainer:
    """Fine-tuning jobs."""

    def __init__(self, client: OpenAI, clock: Clock) -> None:
        self._reads = client.with_options(max_retries=_READ_RETRIES)
        self._creates = client.with_options(max_retries=0)
        self._clock = clock

    def jobs(self, since: datetime) -> list[Job]:
        """All jobs created after `since`; see `ports.Trainer`."""
        found: list[Job] = []
        with translated("listing of jobs"):
            listing = self._reads.fine_tuning.jobs.with_raw_response
            for job in read_pages(lambda after: listing.list(limit=_PAGE, after=after), *_JOB_KEYS):
                if job.created_at < since.timestamp():
                    break
                found.append(_job(job))
        return found

    def job(self, job_id: str) -> Job | None:
        """One job, or None if the service does not know it."""
        with translated(f"job {job_id}"):
            try:
                answer = self._reads.fine_tuning.jobs.with_raw_response.retrieve(job_id)
            except openai.NotFoundError as error:
                _check_project(error)
                return None
            return _job(read(answer, *_JOB_KEYS))

    def has_model(self, model: str) -> bool:
        """Whether a tuned model is still there."""
        with translated(f"model {model}"):
            try:
                self._reads.models.with_raw_response.retrieve(model)  # that it is there says enough
            except openai.NotFoundError as error:
                _check_project(error)
                return False
            return True

    def create(self, body: dict[str, Any], not_after: datetime) -> Job:
        """Start a job; see `ports.Trainer`.  Sent once: the service knows no idempotency keys."""
        check = _in_window(self._clock, not_after)
        check()
        with translated("creation of a job", is_idempotent=False), looking_at_the_clock(check):
            answer = self._creates.fine_tuning.jobs.with_raw_response.create(**body)
            return _job(read(answer, *_JOB_KEYS))

    def cancel(self, job_id: str) -> None:
        """Cancel; a job that has ended stays as it is."""
        with translated(f"cancellation of job {job_id}"):
            try:
                self._reads.fine_tuning.jobs.with_raw_response.cancel(job_id)
            except (openai.NotFoundError, openai.ConflictError, openai.BadRequestError) as error:
                _check_project(error)
                return  # it has ended or is gone; the next look shows which

    def events(self, job_id: str, limit: int) -> list[dict[str, Any]]:
        """The newest events; one page only, the client would fetch all of them."""
        with translated(f"events of job {job_id}"):
            page = read_page(self._reads.fine_tuning.jobs.with_raw_response.list_events(job_id, limit=limit))
            return [event.model_dump(mode="json", exclude_none=True) for event in page.data]

    def checkpoints(self, job_id: str) -> list[dict[str, Any]]:
        """The checkpoints."""
        with translated(f"checkpoints of job {job_id}"):
            listing = self._reads.fine_tuning.jobs.checkpoints.with_raw_response
            page = read_page(listing.list(job_id, limit=_PAGE))
            return [checkpoint.model_dump(mode="json", exclude_none=True) for checkpoint in page.data]


def _job(job: FineTuningJob) -> Job:
    """A job from an answer in which any key may be absent, null or empty."""
    return Job(
        id=job.id,
        status=str(job.status),
        created_at=job.created_at,
        training_file=job.training_file,
        base_model=job.model,
        suffix=(job.model_extra or {}).get("suffix"),
        model=job.fine_tuned_model or None,
        trained_tokens=job.trained_tokens,
        error=_job_error(job),
        hyperparameters=_hyperparameters(job),
        result_files=tuple(job.result_files or ()),
    )


def _job_error(job: FineTuningJob) -> str | None:
    error = job.error
    if error is None or not (error.code or error.message):
        return None
    where = f" ({error.param})" if error.param else ""
    return redact(f"{error.code}: {error.message}{where}")


def _hyperparameters(job: FineTuningJob) -> dict[str, int | float | str]:
    """What the service reports to use; under the method where there is one, at the top otherwise."""
    source: Any = job.hyperparameters
    if job.method is not None:
        inner = getattr(job.method, str(job.method.type), None)
        source = getattr(inner, "hyperparameters", None) or source
    if source is None:
        return {}
    echoed = source.model_dump(mode="json", exclude_none=True)
    return {name: value for name, value in echoed.items() if isinstance(value, int | float | str)}


class FoundryInference:
    """Chat completions."""

    def __init__(self, client: OpenAI, account: OpenAI | None = None, *, answer_s: float = _ANSWER_S) -> None:
        """Takes the client of the project, and the one of the account, for models that answer there only."""
        clients = {Route.PROJECT: client} | ({Route.ACCOUNT: account} if account else {})
        self._clients = {
            route: one.with_options(max_retries=_READ_RETRIES, timeout=answer_s)
            for route, one in clients.items()
        }
        self._served: dict[str, Route] = {}

    def answer(
        self,
        deployment: str,
        messages: Sequence[dict[str, Any]],
        tools: list[dict[str, Any]] | None,
        *,
        index: int,
        max_completion_tokens: int,
        temperature: float | None = 0.0,
        trained_with: Mapping[str, Any] = MappingProxyType({}),
        left_out: frozenset[str] = frozenset(),
        routes: Sequence[Route] = (Route.PROJECT,),
    ) -> Answer:
        """One answer; see `ports.Inference`."""
        options: dict[str, Any] = {"max_completion_tokens": max_completion_tokens}
        options |= {key: trained_with[key] for key in _options_of(trained_with, has_tools=bool(tools))}
        if temperature is not None:
            options |= {"temperature": temperature, "seed": 1}
        for left in [name for name in (*options, *OLDER_NAMES.values()) if name in left_out]:
            _leave_out(options, left)
        request: dict[str, Any] = {"model": deployment, "messages": list(messages)}
        request |= {"tools": tools} if tools else {}
        request |= {key: trained_with[key] for key in _OF_THE_QUESTION & trained_with.keys()}
        failed: list[NotReady | Unauthorized] = []
        for route in self._in_order(deployment, routes):
            try:
                found = self._ask(route, request, dict(options), index=index, left_out=left_out)
            except (NotReady, Unauthorized) as error:
                self._served.pop(deployment, None)
                failed.append(error)
                continue
            self._served[deployment] = route
            return found
        raise _worst(deployment, failed)

    def _in_order(self, deployment: str, routes: Sequence[Route]) -> list[Route]:
        """The routes that can be taken, first the one that served."""
        served = self._served.get(deployment)
        return sorted(
            (route for route in routes if route in self._clients), key=lambda one: one is not served
        )

    def _ask(
        self,
        route: Route,
        request: dict[str, Any],
        options: dict[str, Any],
        *,
        index: int,
        left_out: frozenset[str],
    ) -> Answer:
        """One answer on one route; `options` loses what the model does not take."""
        deployment, completions = request["model"], self._clients[route].chat.completions
        refused: set[str] = set()
        with translated(f"answer of {deployment}"):
            while True:  # each round sends one optional parameter less
                try:
                    raw = completions.with_raw_response.create(**request, **options)
                    break
                except openai.APIStatusError as error:
                    name = refused_parameter(error, options)
                    if name is None:
                        refusal = self._refusal(deployment, error, index)
                        return msgspec.structs.replace(refusal, route=route)
                    refused.add(name)
                    _leave_out(options, name)
            completion = read_completion(raw)
        # Of the last request alone: what the client waited before it tried again is not the model's.
        latency_ms = max(1, round(raw.elapsed.total_seconds() * 1000))
        found = answer_of(completion, index=index, latency_ms=latency_ms, left_out=left_out | refused)
        return msgspec.structs.replace(found, route=route)

    def _refusal(self, deployment: str, error: openai.APIStatusError, index: int) -> Answer:
        """An answer without text, if this question was refused; raises for everything else."""
        if is_of_the_question(error):
            return refused_question(error, index)
        if code_of(error) in _NOT_SERVING or error.status_code == 404:
            msg = f"deployment {deployment} does not serve yet: {redact(error.message)}"
            raise NotReady(msg) from error
        ours = from_openai(f"answer of {deployment}", error)
        if error.status_code in QUESTION_STATUSES and isinstance(ours, Refused):  # not, say, a quota
            return refused_question(error, index)
        raise ours from error


def _worst(deployment: str, failed: list[NotReady | Unauthorized]) -> NotReady | Unauthorized:
    """What to say of a deployment that answers on no route: a right that is missing comes first, since people have to give it."""
    if len(failed) == 1:
        return failed[0]
    refused = next((error for error in failed if isinstance(error, Unauthorized)), failed[0])
    said = "; ".join(error.message for error in failed)
    return type(refused)(
        f"{deployment} answers neither at the project nor at the account, where tuned open models are served: {said}",
        retry_after_s=refused.retry_after_s,
    )


def _options_of(trained_with: Mapping[str, Any], *, has_tools: bool) -> frozenset[str]:
    """What may be left out of a request; without tools, `parallel_tool_calls` is refused for every model."""
    refused = frozenset() if has_tools else {"parallel_tool_calls"}
    return frozenset(trained_with) - _OF_THE_QUESTION - refused


def _leave_out(options: dict[str, Any], name: str) -> None:
    """Take a parameter from a request, or send it by its older name."""
    value = options.pop(name, None)
    if value is not None and name in OLDER_NAMES:
        options[OLDER_NAMES[name]] = value
