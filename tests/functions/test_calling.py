"""How clients ask a deployment can be learnt wherever somebody looks: API, pages, command line; and it is what the SDKs ask."""

import html

import pytest
from azure.core.credentials import AccessToken

from shared.adapters.foundry import create_account_client, create_openai_client
from shared.core.observations import Champion
from shared.core.run import Status
from shared.core.serving import call_of, example
from tests.functions.populated import READER, Asked, world_with_runs
from tests.support.builders import NOW, a_run
from tests.support.settings import GOOD

ENDPOINT = GOOD["FOUNDRY_PROJECT_ENDPOINT"]
RUN = "c" * 20


@pytest.fixture(params=["gpt-4.1-2025-04-14.ft-1", "Qwen3-32B.ft-1"])
def model(request):
    return request.param


@pytest.fixture
def app(monkeypatch, model):
    """An app with a deployed run that is the champion of its pipeline."""
    world, _ = world_with_runs()
    run = a_run(Status.DEPLOYED, model=model, production="summaries-1").evolve(id=RUN, pipeline="summaries")
    world.runs.insert(run, [])
    champion = Champion(deployment="summaries-1", model=model, run_id=RUN, since=NOW)
    world.pipelines.promote("summaries", champion, None)
    return Asked(world, monkeypatch)


def test_the_pipeline_and_the_run_say_whom_to_ask(app, model):
    call = call_of("summaries-1", model, None, ENDPOINT)

    _, pipeline = app.ask("GET /api/pipelines/summaries")
    _, listed = app.ask("GET /api/pipelines")
    _, run = app.ask(f"GET /api/runs/{RUN}")

    route = pipeline["champion"]["route"]
    assert (route["url"], route["model"], route["scope"]) == (call.url, "summaries-1", call.scope)
    assert route["base_url"] + route["path"] == route["url"]
    assert listed["pipelines"][0]["champion"]["route"] == route
    assert run["deployment"]["route"] == route


def test_only_a_run_that_is_deployed_has_an_address(app):
    _, found = app.ask("GET /api/runs")
    for row in found["runs"]:
        _, run = app.ask(f"GET /api/runs/{row['id']}")
        assert (run["deployment"]["route"] is not None) is (row["status"] == "deployed")


@pytest.mark.parametrize("page", ["/api/ui/pipelines/summaries", f"/api/ui/runs/{RUN}"])
def test_pages_show_one_whole_request(app, model, page):
    call = call_of("summaries-1", model, None, ENDPOINT)

    _, _, shown = app.page(page, READER)

    assert example(call.url, call.audience, call.model) in html.unescape(shown)


def test_the_addresses_are_those_that_the_sdks_ask():
    class Credential:
        def get_token(self, *_scopes, **_more):
            return AccessToken("x", 0)

    project = create_openai_client(ENDPOINT, Credential(), timeout_s=1)
    account = create_account_client(ENDPOINT, Credential(), timeout_s=1)

    called = call_of("d", "gpt-4.1.ft-1", None, ENDPOINT)
    assert called.url == f"{project.base_url}chat/completions"
    called = call_of("d", "Qwen3-32B.ft-1", None, ENDPOINT)
    assert called.url.startswith(f"{account.base_url}deployments/d/chat/completions")


@pytest.mark.parametrize(
    "name", ["evaluation/scores.jsonl", "evaluation%2Fscores.jsonl", "evaluation%2fscores.jsonl"]
)
def test_a_client_may_encode_the_slashes_of_an_artifact(app, name):
    run_id = app.ask("GET /api/runs")[1]["runs"][0]["id"]
    route = f"GET /api/runs/{run_id}/artifacts/{name.replace('%', '%25')}"  # as hosts leave it

    assert app.ask(route) == (200, {})
