"""The description of the API is OpenAPI 3.1, and says everything."""

import json

import pytest
from openapi_spec_validator import validate

from functions.openapi import document
from functions.openapi_about import ERRORS
from shared.core.evaluation.verdict import Outcome
from shared.core.history import KINDS
from shared.core.status import Status
from tests.functions.declared import API, FUNCTIONS, ROOT
from tests.functions.populated import READER, Asked
from tests.twins.world import TwinWorld

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


@pytest.mark.slow
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


ABOUT = DOCUMENT["info"]["description"]


def test_it_says_how_to_get_in_and_what_each_status_and_code_means():
    for word in (
        "api://CLIENT_ID/.default",
        "FineTune.Approver",
        "`datasets`",
        "If-None-Match",
        "REQUESTS_PER_MINUTE",
    ):
        assert word in ABOUT
    for status in Status:
        assert f"| `{status}` |" in ABOUT
        assert SCHEMAS["Status"]["x-enum-descriptions"][status]
    for operation in OPERATIONS.values():
        for response in operation["responses"].values():
            for code in response.get("x-codes", ()):
                assert f"| `{code}` |" in ABOUT
    assert "](" not in ABOUT, "links of the docs lead nowhere here"


@pytest.mark.parametrize("error", ERRORS)
def test_a_code_stands_under_its_own_status_and_in_the_docs(error):
    for route, operation in OPERATIONS.items():
        for status, response in operation["responses"].items():
            if error.code in response.get("x-codes", ()):
                assert int(status) == error.http_status, route
    assert f"### {error.code}\n" in (ROOT / "docs" / "errors.md").read_text()


def test_names_of_schemas_are_words_and_lists_of_words_are_enums():
    assert all(name.isalpha() for name in SCHEMAS)
    assert SCHEMAS["Gate"]["properties"]["name"]["enum"] == ["spend", "deployment"]
    assert SCHEMAS["Event"]["properties"]["kind"]["enum"] == list(KINDS)
    assert set(SCHEMAS["Evaluation"]["properties"]["outcome"]["enum"]) == set(Outcome)
    assert "rejudge" in SCHEMAS["DecisionRow"]["properties"]["decision"]["enum"]


def test_what_comes_of_evidence_and_sign_in_is_in_headers():
    artifact = OPERATIONS["GET /api/runs/{run_id}/artifacts/{name}"]["responses"]
    assert "stored bytes" in " ".join(artifact["200"]["headers"]["X-Evidence"]["description"].split())
    assert "WWW-Authenticate" in artifact["401"]["headers"]
    assert "content" not in OPERATIONS["GET /api/health"]["responses"]["401"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_description_is_a_sentence(name):
    for field, described in SCHEMAS[name].get("properties", {}).items():
        said = described["description"]
        assert said.endswith((".", "].", "`.")), f"{field}: {said}"
        assert not said.startswith(("Of ", "By ", "Its id", "With ", "When.", "Why.")), f"{field}: {said}"
