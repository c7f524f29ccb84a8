"""The page about the HTTP API shows what the app answers."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import azure.functions as func
import msgspec
import pytest

from functions.gates import GateRequest
from functions.principal import person
from shared.core import served
from shared.core.roles import Right, insist
from shared.core.run import Status
from shared.settings import Settings
from shared.views.runs import RunViews
from tests.support.product import Product, dataset
from tests.support.settings import GOOD

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
PARTS = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
SECTIONS = dict(zip(PARTS[1::2], PARTS[2::2], strict=True))
RUN = SECTIONS["GET /api/runs/{run_id}"]
ARTIFACTS = SECTIONS["GET /api/runs/{run_id}/artifacts/{name}"]


@pytest.fixture(scope="module")
def deployed() -> tuple[Product, str]:
    """A run on twins, from its file to its champion."""
    product = Product()
    product.world.datasets.put("boxes/training.jsonl", dataset(60))
    product.approve(product.until(Status.AWAITING_APPROVAL))
    return product, product.until(Status.DEPLOYED).id


def example(route: str) -> Any:
    """The JSON answer that a section shows."""
    shown = re.findall(r"```json\n(.+?)```", SECTIONS[route], re.DOTALL)
    assert len(shown) == 1
    return json.loads(shown[0])


def test_the_table_names_every_key_of_a_run_and_no_other() -> None:
    cells = re.findall(r"^\| (`.+?) \|", RUN, re.MULTILINE)

    assert {key for cell in cells for key in re.findall(r"`(\w+)`", cell)} == set(
        served.Run.__struct_fields__
    )


@pytest.mark.parametrize(
    ("route", "shape"),
    [
        ("GET /api/runs", served.Runs),
        ("GET /api/runs/{run_id}/history", served.History),
        ("GET /api/decisions", served.Decisions),
        ("GET /api/pipelines", served.Pipelines),
        ("GET /api/pipelines/{name}", served.Pipeline),
        ("POST /api/runs/{run_id}/gates/{gate}", served.Decided),
        ("POST /api/runs/{run_id}/rejudge", served.Rejudged),
        ("GET /api/health", served.Health),
    ],
)
def test_an_example_has_the_keys_of_an_answer_and_no_other(route: str, shape: type) -> None:
    msgspec.convert(example(route), shape)


def test_every_artifact_of_a_run_is_explained(deployed: tuple[Product, str]) -> None:
    product, run_id = deployed
    named = set(re.findall(r"`([\w/.-]+\.\w+)`", ARTIFACTS))
    names = set(RunViews(product.world).detail(run_id).artifacts)

    assert len(names) > 8
    assert {name for name in names if not name.startswith("evaluation/answers/")} <= named


def test_the_example_of_a_decision_is_one() -> None:
    section = SECTIONS["POST /api/runs/{run_id}/gates/{gate}"]
    sent = re.search(r"-d '(\{.+?\})'", section)
    assert sent
    assert set(json.loads(sent[1])) == set(GateRequest.__struct_fields__)


def test_the_principal_for_core_tools_is_an_approver() -> None:
    shown = re.search(r"'(\{\"auth_typ.+?\})'", SECTIONS["With Core Tools"])
    assert shown
    header = base64.b64encode(shown[1].encode()).decode()
    request = func.HttpRequest(
        "GET", "http://localhost/api/runs", headers={"X-MS-CLIENT-PRINCIPAL": header}, body=b""
    )
    settings = Settings.from_environment(GOOD | {"TRUST_LOCAL_PRINCIPAL": "true"})

    someone = person(request, settings)
    insist(someone, Right.VOTE, settings.roles)
    assert someone.id == "me"
