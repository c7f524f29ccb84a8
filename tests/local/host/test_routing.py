"""Paths lead where they lead in Azure: an encoded slash divides nothing, and a slash at the end changes nothing."""

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from local.host.http import routed_as_in_azure, starlette_path


def _told(name):
    async def respond(request):
        return JSONResponse([name, dict(request.path_params)])

    return respond


ROUTES = [
    Route(starlette_path("api", "runs"), _told("list"), methods=["GET"]),
    Route(starlette_path("api", "runs/{run_id}"), _told("get"), methods=["GET"]),
    Route(starlette_path("api", "runs/{run_id}/cancel"), _told("cancel"), methods=["POST"]),
    Route(starlette_path("api", "runs/{run_id}/artifacts/{*name}"), _told("artifact"), methods=["GET"]),
]


@pytest.fixture
def client():
    with TestClient(routed_as_in_azure(Starlette(routes=ROUTES)), follow_redirects=False) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/runs", ["list", {}]),
        ("/api/runs/", ["list", {}]),
        ("/api/runs/a", ["get", {"run_id": "a"}]),
        ("/api/runs/a%20b/", ["get", {"run_id": "a b"}]),
        ("/api/runs/a%2Fcancel", ["get", {"run_id": "a%2Fcancel"}]),
        ("/api/runs/a/artifacts/evaluation/x.md", ["artifact", {"run_id": "a", "name": "evaluation/x.md"}]),
        (
            "/api/runs/a/artifacts/evaluation%2fx.md",
            ["artifact", {"run_id": "a", "name": "evaluation%2fx.md"}],
        ),
    ],
)
def test_a_path_is_routed_as_in_azure(client, path, told):
    assert client.get(path, headers={"Host": "evil.example"}).json() == told


@pytest.mark.parametrize("path", ["/api/runs/a%2Fcancel", "/api/runs%2Fa/cancel", "/api%2Fruns/a/cancel"])
def test_an_encoded_slash_reaches_no_other_route(client, path):
    assert client.post(path).status_code in {404, 405}


def test_nobody_is_sent_to_the_host_that_they_name(client):
    for path in ("/api/runs/", "/api/runs/a/cancel/", "/nothing/"):
        answered = client.get(path, headers={"Host": "evil.example"})
        assert answered.status_code in {200, 404, 405}
        assert "location" not in answered.headers
