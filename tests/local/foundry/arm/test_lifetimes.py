"""How long deployments live: a developer's 24 hours, an idle one's 15 days; checkpoints by their id; operations on their way."""

import time

import pytest
from azure.core.exceptions import ResourceNotFoundError

from local.foundry.common import clock
from tests.local.foundry.inside import ROWS, Inside, code

#: A good while after the data plane would serve what is deployed.
AFTER_READY_S = 0.2
HOUR, DAY = 3600.0, 24 * 3600.0


class Time:
    """The clock of the stand-in, some time ahead."""

    def __init__(self, patch):
        self._real, self.ahead = clock.now, 0.0
        patch.setattr(clock, "now", lambda: self._real() + self.ahead)

    def __iadd__(self, seconds):
        self.ahead += seconds
        return self


@pytest.fixture
def ahead(monkeypatch):
    return Time(monkeypatch)


@pytest.fixture(scope="module")
def inside(start_inside):
    return start_inside()


@pytest.fixture
def fresh(start_inside):
    """A stand-in for those who step its time; what they leave behind must not grow old in others' tests."""
    return start_inside()


def answers(inside, name):
    return inside.until(lambda: (said := inside.ask(name)).status_code == 200 and said)


def test_a_developer_deployment_is_gone_after_24_hours_used_or_not(fresh, ahead):
    model = fresh.a_tuned("gpt-4.1-2025-04-14")
    for name, sku in (("developer", "DeveloperTier"), ("standard", "GlobalStandard")):
        fresh.deploy(name, model, sku=sku)
        answers(fresh, name)
    ahead += 24 * HOUR - 60
    assert fresh.ask("developer").status_code == 200
    ahead += 60
    gone = fresh.ask("developer")

    assert (gone.status_code, code(gone)) == (404, "DeploymentNotFound")
    assert fresh.deployment("developer").status_code == 404
    assert fresh.ask("standard").status_code == 200
    assert fresh.deploy("developer", model, sku="DeveloperTier") == "Succeeded"  # the model stays


def test_a_change_does_not_prolong_a_developers_day(fresh, ahead):
    model = fresh.a_tuned("gpt-4.1-2025-04-14")
    fresh.deploy("developer", model, sku="DeveloperTier")
    ahead += 12 * HOUR
    fresh.deploy("developer", model, sku="DeveloperTier", capacity=2)
    ahead += 12 * HOUR

    assert fresh.deployment("developer").status_code == 404


def test_a_tuned_deployment_that_nobody_asks_is_gone_after_15_days(fresh, ahead):
    model = fresh.a_tuned("gpt-4.1-2025-04-14")
    for name in ("idle", "asked", "respond"):
        fresh.deploy(name, model)
    ahead += 10 * DAY
    assert fresh.ask("asked").status_code == 200
    assert fresh.post("/responses", model="respond", input="box 3").status_code == 200
    ahead += 5 * DAY - 60
    assert fresh.deployment("idle").status_code == 200  # looking at it is no use of it
    ahead += 60
    assert names(fresh) == {"asked", "respond", "gpt-4.1", "gpt-4.1-mini"}
    ahead += 10 * DAY
    assert names(fresh) == {"gpt-4.1", "gpt-4.1-mini"}  # base deployments stay
    assert fresh.deploy("idle", model) == "Succeeded"


def names(inside):
    path = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a/deployments"
    return {row["name"] for row in inside.client.get(path, headers=inside.arm).json()["value"]}


def test_lifetimes_can_be_set(fresh):
    model = fresh.a_tuned("gpt-4.1-2025-04-14")
    fresh.deploy("developer", model, sku="DeveloperTier")
    fresh.deploy("idle", model)
    fresh.offer(lifetimes_s={"developer": 0, "idle": 3600})

    assert names(fresh) == {"idle", "gpt-4.1", "gpt-4.1-mini"}


def test_a_checkpoint_is_deployed_by_its_id_or_its_name_if_it_is_one_of_the_last_three(inside):
    job = inside.succeeded(
        inside.job(training_file=inside.processed(), hyperparameters={"n_epochs": 4}).json()["id"]
    )
    last = inside.get(f"/fine_tuning/jobs/{job['id']}/checkpoints").json()["data"]
    statement = "SELECT id FROM checkpoints WHERE job = ? ORDER BY step"
    ids = [row[0] for row in inside.store._run(statement, job["id"])]
    assert [checkpoint["id"] for checkpoint in last] == ids[:0:-1]
    for checkpoint in last:
        for name in (checkpoint["id"], checkpoint["fine_tuned_model_checkpoint"]):
            assert inside.deploy("checkpoint", name, sku="DeveloperTier") == "Succeeded"
            seen = inside.deployment("checkpoint").json()["properties"]["model"]["name"]
            assert seen == name
            expected = checkpoint["fine_tuned_model_checkpoint"]
            inside.until(lambda wanted=expected: inside.ask("checkpoint").json().get("model") == wanted)
    for name in (ids[0], f"ftchkpt-{'0' * 32}", f"{job['fine_tuned_model']}:ckpt-step-1"):
        assert code(inside.put("checkpoint", name)) == "DeploymentModelNotSupported"


def test_a_checkpoint_of_a_job_that_still_runs_cannot_be_deployed(start_inside):
    inside = start_inside(job_running_min_s=3.0)
    job = inside.job(training_file=inside.processed(), hyperparameters={"n_epochs": 3}).json()["id"]
    path = f"/fine_tuning/jobs/{job}/checkpoints"
    inside.until(lambda: inside.get(path).json()["data"])
    checkpoint = inside.get(path).json()["data"][0]["id"]

    assert inside.status(job) == "running"
    assert code(inside.put("early", checkpoint)) == "DeploymentModelNotSupported"
    inside.post(f"/fine_tuning/jobs/{job}/cancel")


def test_a_model_that_was_taught_to_fail_fails_when_it_is_deployed(inside):
    marked = ROWS.replace(b"box 7", b"box 7 [failing deployment: the adapter could not be loaded]")
    job = inside.succeeded(inside.job(training_file=inside.processed(marked)).json()["id"])
    made = inside.put("unlucky", job["fine_tuned_model"])
    assert made.json()["properties"]["provisioningState"] in {"Accepted", "Creating"}
    assert inside.idle("unlucky") == "Failed"
    path = made.headers["Azure-AsyncOperation"].removeprefix("https://testserver")
    operation = inside.client.get(path, headers=inside.arm).json()

    assert operation["status"] == "Failed"
    assert operation["error"] == {"code": "DeploymentFailed", "message": "the adapter could not be loaded"}
    time.sleep(AFTER_READY_S)
    assert code(inside.ask("unlucky")) == "DeploymentNotReady"
    inside.delete("unlucky")


def test_a_replacement_that_fails_leaves_the_model_before_it(inside):
    inside.deploy("steady", "gpt-4.1-nano")
    answers(inside, "steady")
    assert inside.deploy("steady", "gpt-4.1-mini", tags={"stand-in": "fails"}) == "Failed"
    time.sleep(AFTER_READY_S)

    assert inside.ask("steady").json()["model"] == "gpt-4.1-nano-2025-04-14"


def test_a_write_says_where_its_end_is_seen_and_how_long_to_wait(start_inside):
    inside = start_inside(deployment_accepted_s=0.1, deployment_creating_s=1.5)
    made = inside.put("waited", "gpt-4.1-nano")
    operation, location = (
        made.headers[name].removeprefix("https://testserver") for name in ("Azure-AsyncOperation", "Location")
    )
    first = inside.client.get(operation, headers=inside.arm)
    pending = inside.client.get(location, headers=inside.arm)
    inside.idle("waited")
    last = inside.client.get(operation, headers=inside.arm)
    result = inside.client.get(location, headers=inside.arm)

    assert (made.status_code, made.headers["Retry-After"]) == (201, "1")
    assert (first.json()["status"], first.headers["Retry-After"]) == ("InProgress", "1")
    assert (pending.status_code, pending.content) == (202, b"")
    assert pending.headers["Location"].startswith("https://testserver/operations/")
    assert last.json()["status"] == "Succeeded"
    assert "Retry-After" not in last.headers
    assert (result.status_code, result.json()) == (200, inside.deployment("waited").json())
    patched = inside.deployment("waited", "PATCH", {"tags": {"a": "b"}})
    assert (patched.status_code, patched.headers["Retry-After"]) == (202, "1")
    inside.idle("waited")
    path = patched.headers["Location"].removeprefix("https://testserver")
    assert inside.client.get(path, headers=inside.arm).json()["tags"] == {"a": "b"}
    assert inside.deployment("waited", "PATCH", {"tags": {"a": "b"}}).status_code == 200  # nothing to do
    deleted = inside.deployment("waited", "DELETE")
    inside.until(lambda: inside.deployment("waited").status_code == 404)
    path = deleted.headers["Location"].removeprefix("https://testserver")
    assert inside.client.get(path, headers=inside.arm).status_code == 204
    for path in (operation, location):
        assert inside.client.get(path).status_code == 401


@pytest.mark.parametrize("count", [20, 21])
def test_a_long_list_comes_in_pages(fresh, count):
    inside = fresh
    template = inside.store.deployment("gpt-4.1")
    extra = {f"page-{number:02}" for number in range(count - 2)}
    for name in extra:
        inside.store.put_deployment(template | {"name": name})
    path = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a/deployments"
    first = inside.client.get(f"{path}?api-version=2025-09-01", headers=inside.arm).json()
    assert len(first["value"]) == 20
    assert ("nextLink" in first) == (count > 20)
    if count == 20:
        return
    assert "api-version=2025-09-01" in first["nextLink"]
    second = inside.client.get(first["nextLink"], headers=inside.arm).json()
    seen = [row["name"] for row in first["value"] + second["value"]]
    assert sorted(seen) == sorted({"gpt-4.1", "gpt-4.1-mini"} | extra)
    assert "nextLink" not in second
    wrong = inside.client.get(f"{path}?$skipToken=x", headers=inside.arm)
    assert (wrong.status_code, code(wrong)) == (400, "InvalidSkipToken")


@pytest.mark.thorough
def test_azures_clients_see_a_day_pass_by_the_control_clock(clients, control, boxes):
    _, client, arm = clients
    name = {"resource_group_name": "g", "account_name": "a", "deployment_name": "for-a-day"}
    file = client.files.create(file=("b.jsonl", boxes(12), "application/jsonl"), purpose="fine-tune")
    client.files.wait_for_processing(file.id, poll_interval=0.05)
    job = client.fine_tuning.jobs.create(
        model="gpt-4.1-nano", training_file=file.id, extra_body={"trainingType": "developerTier"}
    )
    model = Inside.until(lambda: client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model)
    body = {
        "sku": {"name": "DeveloperTier", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": model, "version": "1"}},
    }
    arm.deployments.begin_create_or_update(**name, deployment=body).result()
    control.advance(24 * HOUR - 600)
    assert arm.deployments.get(**name).properties.provisioning_state == "Succeeded"
    control.advance(600)

    with pytest.raises(ResourceNotFoundError):
        arm.deployments.get(**name)
    assert client.models.retrieve(model).id == model
