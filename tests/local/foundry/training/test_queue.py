"""Limits of a resource, each at its edge: running, queued and all jobs, files, deployments; and spare capacity lost."""

import time

import pytest
from starlette.testclient import TestClient

from local.foundry.app import create_app
from local.foundry.common.clock import Timings
from tests.local.foundry.inside import ROWS, Inside, code, words


def running(inside, jobs):
    return [job for job in jobs if inside.status(job) == "running"]


def submitted(inside, count, **body):
    return [inside.job(**body).json()["id"] for _ in range(count)]


def test_three_jobs_run_and_five_of_the_developer_tier(start_inside):
    inside = start_inside(job_running_min_s=60.0)
    file = inside.processed()
    kinds = ("Standard", "GlobalStandard", "DatazoneStandard", "Standard")
    regular = [inside.job(training_file=file, trainingType=kind).json()["id"] for kind in kinds]
    developer = submitted(inside, 6, training_file=file, trainingType="DeveloperTier")
    inside.until(lambda: len(running(inside, regular + developer)) == 8)
    time.sleep(0.3)  # time enough for one more to begin
    assert (len(running(inside, regular)), len(running(inside, developer))) == (3, 5)
    assert (inside.status(regular[3]), inside.status(developer[5])) == ("queued", "queued")

    inside.post(f"/fine_tuning/jobs/{regular[0]}/cancel")
    inside.until(lambda: inside.status(regular[3]) == "running")
    time.sleep(0.2)
    assert inside.status(developer[5]) == "queued"
    inside.post(f"/fine_tuning/jobs/{developer[0]}/cancel")
    inside.until(lambda: inside.status(developer[5]) == "running")

    inside.post(f"/fine_tuning/jobs/{regular[1]}/pause")
    inside.until(lambda: inside.status(regular[1]) == "paused")
    late = inside.job(training_file=file).json()["id"]
    inside.until(lambda: inside.status(late) == "running")
    assert inside.post(f"/fine_tuning/jobs/{regular[1]}/resume").json()["status"] == "resuming"
    time.sleep(0.3)
    assert inside.status(regular[1]) == "resuming"  # waits for room
    inside.post(f"/fine_tuning/jobs/{late}/cancel")
    inside.until(lambda: inside.status(regular[1]) == "running")


def test_twenty_jobs_wait(start_inside):
    inside = start_inside(job_pending_s=60.0)
    file = inside.processed()
    jobs = submitted(inside, 20, training_file=file)
    refused = inside.job(training_file=file)

    assert len(set(jobs)) == 20
    assert (refused.status_code, code(refused)) == (429, "quotaExceeded")
    inside.post(f"/fine_tuning/jobs/{jobs[0]}/cancel")
    assert inside.job(training_file=file).status_code == 200


def test_a_resource_keeps_a_hundred_jobs(start_inside):
    inside = start_inside(job_pending_s=60.0)
    file = inside.processed()
    for _ in range(99):
        inside.a_tuned("gpt-4.1-2025-04-14")
    last, refused = inside.job(training_file=file), inside.job(training_file=file)

    assert last.status_code == 200
    assert (refused.status_code, code(refused)) == (429, "quotaExceeded")


def stored(inside, number, size):
    file = {
        "id": f"file-{number:032}", "at": 0.0, "bytes": size, "created_at": 0, "filename": "a.jsonl", "purpose": "fine-tune",
        "problem": None,
    }  # fmt: skip
    inside.store.add_file(file, b"")


def test_a_resource_keeps_a_hundred_files(start_inside):
    inside = start_inside()
    for number in range(99):
        stored(inside, number, 1)
    last, refused = inside.upload(), inside.upload()

    assert last.status_code == 200
    assert (refused.status_code, code(refused)) == (400, "quotaExceeded")
    assert words(refused) == "The quota for files without expiry is reached. The maximum is 100."


@pytest.mark.parametrize(("left", "status"), [(len(ROWS), 200), (len(ROWS) - 1, 400)])
def test_a_resource_keeps_a_gigabyte(start_inside, left, status):
    inside = start_inside()
    stored(inside, 0, 1_000_000_000 - left)
    answer = inside.upload()

    assert answer.status_code == status
    assert status == 200 or code(answer) == "quotaExceeded"


def test_ten_tuned_models_are_deployed(start_inside):
    inside = start_inside(deployment_accepted_s=0.0, deployment_creating_s=0.0)
    model = inside.a_tuned("gpt-4.1-2025-04-14")
    for number in range(10):
        assert inside.put(f"tuned-{number}", model).status_code == 201
    refused = inside.put("tuned-10", model)

    assert (refused.status_code, code(refused)) == (400, "InsufficientQuota")
    assert inside.put("tuned-9", model, capacity=2).status_code == 200
    assert inside.put("base", "gpt-4.1-nano").status_code == 201
    inside.delete("tuned-0")
    assert inside.put("tuned-10", model).status_code == 201


def test_a_resource_has_32_deployments(start_inside):
    inside = start_inside(deployment_accepted_s=0.0, deployment_creating_s=0.0)
    for number in range(30):  # and the two from the beginning
        assert inside.put(f"base-{number}", "gpt-4.1-nano").status_code == 201
    refused = inside.put("base-30", "gpt-4.1-nano")

    assert (refused.status_code, code(refused)) == (400, "InsufficientQuota")
    assert inside.put("base-29", "gpt-4.1-nano", capacity=2).status_code == 200


def followed(inside, job):
    """The statuses that a job goes through until it succeeds."""
    seen = []

    def look():
        seen.append(inside.status(job))
        return seen[-1] == "succeeded"

    inside.until(look)
    return [status for status, before in zip(seen, [None, *seen], strict=False) if status != before]


def test_the_developer_tier_may_lose_its_capacity_and_goes_on_by_itself(start_inside):
    inside = start_inside()
    inside.offer(preemption={"at_step": 4, "for_s": 2})
    file = inside.processed()
    body = {"training_file": file, "hyperparameters": {"n_epochs": 4, "batch_size": 1}}
    job = inside.job(**body, trainingType="developerTier").json()["id"]
    statuses = followed(inside, job)
    events = [event["message"] for event in inside.get(f"/fine_tuning/jobs/{job}/events").json()["data"]]
    safe = followed(inside, inside.job(**body).json()["id"])

    assert statuses.count("paused") == 1
    assert statuses[-1] == "succeeded"
    assert sum("preempted" in message for message in events) == 1
    assert "Capacity is available again." in events
    assert "paused" not in safe


def test_a_job_is_preempted_once_even_if_its_fit_is_begun_anew(tmp_path):
    timings = Timings().at_speed(50)
    (tmp_path / "offer.json").write_text('{"preemption": {"at_step": 3, "for_s": 2}}')
    with TestClient(create_app(tmp_path, timings), base_url="https://testserver") as client:
        inside = Inside(client, tmp_path)
        job = inside.job(training_file=inside.processed(), trainingType="developerTier").json()["id"]
        inside.until(lambda: inside.status(job) == "paused")
    with TestClient(create_app(tmp_path, timings), base_url="https://testserver") as client:
        again = Inside(client, tmp_path)
        again.succeeded(job)
        events = again.get(f"/fine_tuning/jobs/{job}/events").json()["data"]

    assert sum("preempted" in event["message"] for event in events) == 1


def test_who_resumes_a_preempted_job_does_not_wait_for_capacity(start_inside):
    inside = start_inside(job_running_min_s=4.0)
    inside.offer(preemption={"at_step": 1, "for_s": 1.2})
    body = {"training_file": inside.processed(), "hyperparameters": {"n_epochs": 10, "batch_size": 1}}
    job = inside.job(**body, trainingType="developerTier").json()["id"]
    path = f"/fine_tuning/jobs/{job}"
    inside.until(lambda: inside.status(job) == "paused")
    assert inside.post(f"{path}/resume").status_code == 200
    inside.until(lambda: inside.status(job) == "running")
    assert inside.post(f"{path}/pause").status_code == 200
    time.sleep(1.4)
    assert inside.status(job) == "paused"  # a person's pause does not end with the lack of capacity

    assert inside.post(f"{path}/resume").status_code == 200
    inside.succeeded(job)
