"""The API's own description in OpenAPI 3.1, made of the routes and the types of what they take and answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

import azure.functions as func
import msgspec

from functions import gates, health, lists, openapi_about, pipelines, runs
from functions.http import IS_KEY, KEY, Request, endpoint, kept_answer
from functions.operations import PARTS, Operation, Parameter
from shared.core import served
from shared.core.roles import Right
from shared.core.status import Status
from shared.version import VERSION

bp = func.Blueprint()

_REFS: Final = "#/components/schemas/{name}"
_NEEDS: Final = {
    Right.READ: "Needs any of the app roles that `READER_ROLE`, `OPERATOR_ROLE` and `APPROVER_ROLE` name.",
    Right.OPERATE: "Needs the app role that `OPERATOR_ROLE` or `APPROVER_ROLE` names; persons only.",
    Right.VOTE: "Needs the app role that `APPROVER_ROLE` names; persons only.",
}
_SERVERS: Final = [
    {"url": "/", "description": "The app that serves this document."},
    {
        "url": "https://{app}.azurewebsites.net",
        "description": "An app in Azure.",
        "variables": {"app": {"default": "APP", "description": "Name of the function app."}},
    },
]
_SIGN_IN: Final = (
    "A token of Microsoft Entra for the app's registration: scope `api://CLIENT_ID/.default`, or "
    "`az account get-access-token --resource api://CLIENT_ID`."
)
_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
}
_AUTHENTICATE: Final = {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}}
_EVIDENCE: Final = {
    "X-Evidence": {
        "description": "`checked`: the stored file was compared with the SHA-256 that the run holds. Who may not see rows gets "
        "`report` and `comparison` without rows, made of the stored file after it was compared: the SHA-256 is of the stored "
        "bytes, which the role of `DATA_ROLE` gets. `not checked`: the run holds no SHA-256 of it.",
        "schema": {"type": "string", "enum": ["checked", "not checked"]},
    }
}
#: What is to be known about a refusal beside its codes.
_ALSO: Final = {
    401: "App Service answers without a body where there is no valid token; a problem comes where the app is asked.",
    403: "App Service answers without a body where it lets a principal not in; a problem is the app's.",
}
_ETAG: Final = {"ETag": {"description": "What the answer is known by.", "schema": {"type": "string"}}}
_IF_NONE_MATCH: Final = Parameter("If-None-Match", str, "`ETag` of an answer that the client has kept.")
_KEY: Final = Parameter(
    KEY,
    Annotated[str, msgspec.Meta(pattern=f"^{IS_KEY.pattern}$")],
    "By which the sender knows this request, such as a UUID: the same person, route and body, byte for byte, get the first "
    "answer again for 24 hours. A refusal (from 400 on) is not kept and leaves the key free.",
)
_PROBLEM: Final = "application/problem+json"
#: Types in answers that are not of `served`.
_SHAPES: Final[dict[str, type]] = {"Status": Status}


class _Route(NamedTuple):
    name: str
    method: str
    path: str
    about: str
    operation: Operation


@bp.function_name("get_openapi")
@bp.route(route="openapi.json", methods=["GET"])
@endpoint(Operation(needs=Right.READ, gives=None, gives_files=("application/json",)))
def get_openapi(request: Request) -> func.HttpResponse:
    """This description of the API, in OpenAPI 3.1."""
    return kept_answer(request.http, document())


@cache
def document() -> dict[str, Any]:
    """The document."""
    routes = list(_routes())
    shapes = {shape for route in routes for shape in (route.operation.gives, route.operation.takes) if shape}
    ordered = sorted(shapes | {served.Problem}, key=lambda shape: shape.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REFS)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(re.sub(r"\{\*", "{", route.path), {})[route.method.lower()] = _described(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fine-tuning in Microsoft Foundry",
            "version": VERSION,
            "description": openapi_about.about(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": _SERVERS,
        "security": [{"entra": []}],
        "paths": paths,
        "components": {
            "schemas": {
                name: _documented(schema, _SHAPES.get(name) or getattr(served, name, None))
                for name, schema in sorted(schemas.items())
            },
            "securitySchemes": {
                "entra": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": _SIGN_IN,
                }
            },
        },
    }


def _routes() -> Iterator[_Route]:
    """All routes that blueprints declare, in the order of the document."""
    for blueprint in (runs.bp, gates.bp, pipelines.bp, lists.bp, health.bp, bp):
        for builder in blueprint._function_builders:  # noqa: SLF001  the library has no other way to ask a blueprint
            function = builder._function  # noqa: SLF001
            trigger, call = function.get_trigger(), function.get_user_function()
            assert trigger is not None
            bound = trigger.get_dict_repr()
            [method] = [getattr(method, "value", method) for method in bound["methods"]]
            yield _Route(
                name=str(function.get_function_name()),
                method=method,
                path=f"/api/{bound['route']}",
                about=call.__doc__ or "",
                operation=vars(call)["operation"],
            )


def _described(route: _Route) -> dict[str, Any]:
    """A route as the document has it."""
    operation = route.operation
    summary, _, rest = route.about.partition("\n")
    needs = _NEEDS[operation.needs] if operation.needs else "Needs nobody."
    path = [_parameter(PARTS[part], "path") for part in re.findall(r"\{[^}]+\}", route.path)]
    described: dict[str, Any] = {
        "operationId": route.name,
        "summary": summary.rstrip("."),
        "description": " ".join(f"{rest} {needs}".split()),
        "parameters": [
            *path,
            *(_parameter(query, "query") for query in operation.query),
            *([_parameter(_IF_NONE_MATCH, "header")] if _is_kept(route) else []),
            *([_parameter(_KEY, "header")] if route.method == "POST" else []),
        ],
        "responses": {str(status): response for status, response in _responses(route)},
    }
    if operation.takes:
        described["requestBody"] = {
            "required": any(field.required for field in msgspec.structs.fields(operation.takes)),
            "content": {"application/json": {"schema": _reference(operation.takes)}},
        }
    if operation.needs is None:
        described["security"] = []
    return described


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": place,
        "required": place == "path",
        "description": parameter.about,
        "schema": msgspec.json.schema(parameter.shape),
    }


def _is_kept(route: _Route) -> bool:
    """Whether clients may keep the answer, and ask whether it is still the same."""
    operation = route.operation
    return route.method == "GET" and operation.needs is not None and len(operation.gives_files) < 2


def _responses(route: _Route) -> Iterator[tuple[int, dict[str, Any]]]:
    """Status and description of each answer."""
    operation = route.operation
    tagged = {"headers": _ETAG} if _is_kept(route) else {}
    if operation.gives is None and not tagged:
        tagged = {"headers": _EVIDENCE}
    yield operation.status, {"description": "What was asked for.", "content": _content(operation)} | tagged
    if _is_kept(route):
        yield 304, {"description": "It is what the client has."} | tagged
    if operation.needs is None:
        yield (
            401,
            {"description": "App Service refuses a token that is not valid, without a body: send none."},
        )
        yield 503, {"description": "The same, where something is missing.", "content": _content(operation)}
        return
    for status, codes in _refusals(route).items():
        said = f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}."
        problem: dict[str, Any] = {
            "description": " ".join(filter(None, (said, _ALSO.get(status)))),
            "content": {_PROBLEM: {"schema": _reference(served.Problem)}},
            "x-codes": codes,
        }
        headers = {401: _AUTHENTICATE, 429: _RETRY_AFTER, 503: _RETRY_AFTER}.get(status)
        yield status, problem | ({"headers": headers} if headers else {})


def _refusals(route: _Route) -> dict[int, list[str]]:
    """The codes with which a route may answer, by status."""
    codes: dict[int, list[str]] = {}
    of_its_method = openapi_about.OF_A_POST if route.method == "POST" else ()
    errors = dict.fromkeys((*route.operation.refuses, *of_its_method, *openapi_about.ALWAYS))
    for error in sorted(errors, key=lambda one: (one.http_status, one.code)):
        codes.setdefault(error.http_status, []).append(error.code)
    return codes


def _content(operation: Operation) -> dict[str, Any]:
    if operation.gives:
        return {"application/json": {"schema": _reference(operation.gives)}}
    return {content_type: {} for content_type in operation.gives_files}


def _reference(shape: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REFS.format(name=shape.__name__)}


def _documented(schema: dict[str, Any], shape: type | None) -> dict[str, Any]:
    """The schema of a type, in which each field says what the docstring has of it below `Attributes`."""
    about, _, listed = ((shape.__doc__ if shape else None) or schema.get("description", "")).partition(
        "Attributes:\n"
    )
    made = schema | {"description": " ".join(about.split())}
    if shape is Status:
        made["x-enum-descriptions"] = {status: openapi_about.sentence_of(status) for status in Status}
    entries = (text.strip().partition(": ") for text in re.split(r"\n(?= {4,8}\w+: )", "\n" + listed))
    words = {name: " ".join(said.split()) for name, _, said in entries if said}
    if "properties" in made:
        made["properties"] = {
            name: field | ({"description": _sentence(words[name])} if name in words else {})
            for name, field in schema["properties"].items()
        }
    return made


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]
