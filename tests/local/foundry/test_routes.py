"""README and routes say the same, and Azure's own clients drive every route."""

import itertools
import json
import re
import time
from pathlib import Path

import openai
import pytest
from azure.identity import ManagedIdentityCredential, get_bearer_token_provider
from starlette.routing import Mount, Route

from local.foundry.app import create_app
from local.foundry.control.api import create_control_app
from tests.support.boxes import boxes

README = (Path(__file__).parents[3] / "local" / "foundry" / "README.md").read_text()
ACCOUNT = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.CognitiveServices/accounts/{}"
KNOWN = re.compile(r"recorded|documented|reported|assumed|\bours\b")
CELL = re.compile(r"`((?:GET|POST|PUT|PATCH|DELETE)(?:, (?:GET|POST|PUT|PATCH|DELETE))*) ([^` ]+)`")
AGENTS = re.compile(r"OpenAI/Python|azsdk-python")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    made = create_app(tmp_path_factory.mktemp("state"))
    yield made
    made.state.foundry.store.close()


def bare(path):
    """A template without the names of its parameters."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def flat(routes):
    """Method and template of each route; those of the data plane, which stand under two prefixes, without it."""
    for route in routes:
        if isinstance(route, Mount):
            yield from flat(route.routes)
        elif isinstance(route, Route):
            yield from ((method, bare(route.path)) for method in route.methods - {"HEAD"})


def tables():
    """Cells of the rows of tables whose first column is called `route`; an empty first cell is that of the row above."""
    is_table = False
    for line in README.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        if cells and cells[0] == "route":
            is_table = True
        elif is_table and cells and not line.startswith("|---"):
            yield cells
        elif not cells:
            is_table = False


def routes_of(cell):
    """`GET, POST /a[/{x}]` is four routes; `...` stands for the account."""
    for methods, path in CELL.findall(cell):
        paths = [re.sub(r"\[(.*)\]", r"\1", path), re.sub(r"\[.*\]", "", path)]
        yield from itertools.product(
            methods.split(", "), {bare(one).replace("...", ACCOUNT) for one in paths}
        )


def test_the_readme_lists_every_route_and_no_other(app):
    listed = [route for cells in tables() for route in routes_of(cells[0])]
    present = set(flat(app.routes)) | set(flat(create_control_app(app.state.foundry.control, "key").routes))

    assert len(present) > 30
    assert sorted(present - set(listed)) == []
    assert sorted(set(listed) - present) == []
    assert [route for route in listed if listed.count(route) > 1] == []


def test_every_line_of_the_readme_says_how_it_is_known():
    lines = list(tables())

    assert len(lines) > 50
    assert [cells for cells in lines if len(cells) != 3 or not KNOWN.search(cells[-1])] == []


def until(look, timeout_s=20):
    stop_at = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < stop_at, "it did not happen in time"
        time.sleep(0.02)
    return seen


def drive_files_and_jobs(client):
    """Every call on files and jobs; a model that can be deployed."""
    file = client.files.create(file=("a.jsonl", boxes(12), "application/jsonl"), purpose="fine-tune")
    until(lambda: client.files.retrieve(file.id).status == "processed")
    assert file.id in [one.id for one in client.files.list()]
    assert client.files.content(file.id).read() == boxes(12)
    jobs, body = client.fine_tuning.jobs, {"model": "gpt-4.1-mini", "training_file": file.id}
    job = jobs.create(**body, extra_body={"trainingType": "GlobalStandard"})
    until(lambda: jobs.retrieve(job.id).status == "running")
    jobs.pause(job.id)
    until(lambda: jobs.retrieve(job.id).status == "paused")
    jobs.resume(job.id)
    other = jobs.create(**body, extra_body={"trainingType": "GlobalStandard"})
    assert jobs.cancel(other.id).status == "cancelled"
    assert {job.id, other.id} <= {one.id for one in jobs.list()}
    done = until(lambda: (seen := jobs.retrieve(job.id)).status == "succeeded" and seen)
    assert jobs.list_events(job.id, limit=5).data
    assert jobs.checkpoints.list(job.id).data
    client.files.delete(file.id)
    return done.fine_tuned_model


def drive_graders(client):
    """Both calls on graders."""
    graders = client.fine_tuning.alpha.graders
    grader = {
        "type": "string_check",
        "name": "same",
        "operation": "eq",
        "input": "{{sample.output_text}}",
        "reference": "a",
    }
    assert graders.validate(grader=grader).grader
    assert graders.run(grader=grader, model_sample="a").reward == 1


def drive_deployments(project, arm, model):
    """Every call on the account and its deployments; a deployment that answers."""
    body = {
        "sku": {"name": "GlobalStandard", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": model, "version": "1"}},
    }
    names = {"resource_group_name": "g", "account_name": "a", "deployment_name": "driven"}
    account = dict(itertools.islice(names.items(), 2))
    assert arm.accounts.get(**account).name == "a"
    arm.deployments.begin_create_or_update(**names, deployment=body).result()
    assert arm.deployments.get(**names).properties.provisioning_state == "Succeeded"
    assert "driven" in [one.name for one in arm.deployments.list(**account)]
    arm.deployments.begin_update(
        **names, deployment={"sku": {"name": "GlobalStandard", "capacity": 2}}
    ).result()
    assert "driven" in [one.name for one in project.deployments.list()]
    assert project.deployments.get("driven").model_name == model
    return lambda: arm.deployments.begin_delete(**names).result()


def drive_offer(arm):
    """Models, SKUs and quotas, of the account, of a deployment, of the region and of the subscription."""
    account, region = {"resource_group_name": "g", "account_name": "a"}, "northcentralus"
    model = ("OpenAI", "gpt-4.1", "2025-04-14")
    assert arm.accounts.list_skus(**account).value
    assert arm.accounts.list_usages(**account).value
    for rows in (
        arm.accounts.list_models(**account),
        arm.deployments.list_skus(**account, deployment_name="driven"),
        arm.models.list(region),
        arm.usages.list(region),
        arm.resource_skus.list(),
        arm.model_capacities.list(*model),
        arm.location_based_model_capacities.list(region, *model),
    ):
        assert list(rows)


def drive_answers(client, model):
    """Both ways to ask, and the models."""
    assert model == client.models.retrieve(model).id
    assert client.models.list().data
    question = [{"role": "user", "content": "What is the code of box 3?"}]

    def answered():
        try:
            return client.chat.completions.create(model="driven", messages=question)
        except openai.NotFoundError:
            return None

    assert until(answered).choices[0].message.content
    assert client.responses.create(model="driven", input="What is the code of box 3?").output_text


def drive_account(endpoint):
    """The account's own interface for deployments, which takes tokens of its own."""
    with ManagedIdentityCredential() as credential:
        token = get_bearer_token_provider(credential, "https://cognitiveservices.azure.com/.default")
        with openai.AzureOpenAI(
            azure_endpoint=endpoint, api_version="2025-04-01-preview", azure_ad_token_provider=token
        ) as client:
            question = [{"role": "user", "content": "What is the code of box 3?"}]
            assert client.chat.completions.create(model="driven", messages=question).choices


def test_azures_own_clients_drive_every_route(app, clients, control, controlled):
    project, client, arm = clients
    last = control.last_request()
    model = drive_files_and_jobs(client)
    drive_graders(client)
    delete = drive_deployments(project, arm, model)
    drive_answers(client, model)
    drive_account(controlled["endpoint"])
    drive_offer(arm)
    delete()
    journal = control.requests(last)
    driven = {
        (one["method"], bare(one["route"])) for one in journal if one["route"] and AGENTS.search(one["agent"])
    }

    assert sorted(set(flat(app.routes)) - driven) == []
    assert not [one for one in journal if one["status"] >= 500], json.dumps(journal, indent=1)
