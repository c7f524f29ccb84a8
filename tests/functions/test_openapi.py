"""The description of the API is OpenAPI 3.1, and says everything."""

import json

import pytest
from openapi_spec_validator import validate

from functions.openapi import document
from tests.functions.declared import API, FUNCTIONS
from tests.functions.populated import READER, Asked
from tests.twins.world import TwinWorld

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def test_it_is_what_the_standard_demands():
    validate(DOCUMENT)


def test_every_route_is_in_it_and_no_other():
    assert {route: operation["operationId"] for route, operation in OPERATIONS.items()} == {
        declared.route: name for name, declared in FUNCTIONS.items() if declared.route in API
    }


def test_a_reader_gets_it_from_the_app(monkeypatch):
    assert Asked(TwinWorld(), monkeypatch).ask("GET /api/openapi.json", READER) == (
        200,
        json.loads(json.dumps(DOCUMENT)),
    )


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_says_what_it_is(name):
    schema = SCHEMAS[name]
    assert schema["description"]
    for field, described in schema.get("properties", {}).items():
        assert described.get("description"), field
    assert "Attributes" not in schema["description"]


@pytest.mark.parametrize("name", [name for name in SCHEMAS if "properties" in SCHEMAS[name]])
def test_an_object_is_closed(name):
    assert SCHEMAS[name]["additionalProperties"] is False


@pytest.mark.parametrize("route", OPERATIONS)
def test_every_operation_says_what_it_does_and_who_may_ask(route):
    operation = OPERATIONS[route]
    assert operation["summary"]
    assert operation["description"].startswith("Needs ") or " Needs " in operation["description"]
    assert all(parameter["description"] for parameter in operation["parameters"])
    assert operation["responses"].keys() & {"200", "202"}
