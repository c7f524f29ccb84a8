"""The API's own description in OpenAPI 3.1, made of the routes and the types of what they take and answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

import azure.functions as func
import msgspec

from functions import gates, health, lists, pipelines, runs
from functions.http import IS_KEY, KEY, Request, endpoint, kept_answer
from functions.operations import PARTS, Operation, Parameter
from shared.core import served
from shared.core.roles import Right
from shared.version import VERSION

bp = func.Blueprint()

_REFS: Final = "#/components/schemas/{name}"
_ABOUT: Final = (
    "Fine-tunes models of Microsoft Foundry: runs, their evidence, and what people decide about them. App Service authentication "
    "stands in front: where it refuses somebody (401, 403), the answer has no body of this app."
)
_NEEDS: Final = {
    Right.READ: "Needs any of the app roles that `READER_ROLE`, `OPERATOR_ROLE` and `APPROVER_ROLE` name.",
    Right.OPERATE: "Needs the app role that `OPERATOR_ROLE` or `APPROVER_ROLE` names; persons only.",
    Right.VOTE: "Needs the app role that `APPROVER_ROLE` names; persons only.",
}
#: What every route that needs somebody may answer.
_ALWAYS: Final = (401, 403, 429, 500, 502, 503)
_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
}
_ETAG: Final = {"ETag": {"description": "What the answer is known by.", "schema": {"type": "string"}}}
_IF_NONE_MATCH: Final = Parameter("If-None-Match", str, "`ETag` of an answer that the client has kept.")
_KEY: Final = Parameter(
    KEY,
    Annotated[str, msgspec.Meta(pattern=f"^{IS_KEY.pattern}$")],
    "By which the sender knows this request: the same one gets the first answer again for 24 hours.",
)
_PROBLEM: Final = "application/problem+json"


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
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"entra": []}],
        "paths": paths,
        "components": {
            "schemas": {
                name: _documented(schema, getattr(served, name, None))
                for name, schema in sorted(schemas.items())
            },
            "securitySchemes": {
                "entra": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token of Microsoft Entra for this app.",
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
    yield operation.status, {"description": "What was asked for.", "content": _content(operation)} | tagged
    if _is_kept(route):
        yield 304, {"description": "It is what the client has."} | tagged
    if operation.needs is None:
        yield 503, {"description": "The same, where something is missing.", "content": _content(operation)}
        return
    for status in sorted({*_ALWAYS, *operation.refuses, *((422,) if route.method == "POST" else ())}):
        problem: dict[str, Any] = {
            "description": HTTPStatus(status).phrase,
            "content": {_PROBLEM: {"schema": _reference(served.Problem)}},
        }
        yield status, problem | ({"headers": _RETRY_AFTER} if status in {429, 503} else {})


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
    entries = (text.strip().partition(": ") for text in re.split(r"\n(?= {4,8}\w+: )", "\n" + listed))
    words = {name: " ".join(said.split()) for name, _, said in entries if said}
    if "properties" in made:
        made["properties"] = {
            name: field | ({"description": words[name]} if name in words else {})
            for name, field in schema["properties"].items()
        }
    return made
