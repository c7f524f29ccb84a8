"""The same work is paid once, and decided once."""

import shutil

import pytest

from tests.e2e.driver import SAMPLES

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]
#: With a price, so that nobody is asked about the money.
MODEL = "model: gpt-4.1\nprices: {training_usd_per_million_tokens: 2}\n"


def test_the_same_file_under_three_names_makes_one_job(driver, tmp_path):
    driver.store_pipeline(
        "thrice",
        MODEL + "suffix: thrice\nevaluation: {baselines: [{deployment: gpt-4.1}]}\n",
    )
    for name in ("a", "b", "c"):
        shutil.copy(SAMPLES / "pubmed-summarization" / "training.jsonl", tmp_path / f"{name}.jsonl")
    run_ids = driver.drop("thrice", tmp_path)
    runs = [driver.wait(run_id, "awaiting_approval") for run_id in run_ids]

    holders = [run for run in runs if run["status"] == "awaiting_approval"]
    duplicates = [run for run in runs if run["status"] == "duplicate"]
    assert (len(holders), len(duplicates)) == (1, 2)
    assert {run["duplicate_of"] for run in duplicates} == {holders[0]["id"]}
    assert {run["links"]["duplicate_of"] for run in duplicates} == {f"/api/runs/{holders[0]['id']}"}
    assert [job.model_extra.get("suffix") for job in driver.jobs()].count("thrice") == 1


@pytest.fixture(scope="module")
def waiting(driver):
    """A run that waits for a person."""
    driver.store_pipeline(
        "gated",
        MODEL + "suffix: gated\nevaluation: {baselines: [{deployment: gpt-4.1}]}\napproval: {approvers: 2}\n",
    )
    (run_id,) = driver.drop("gated", SAMPLES / "pubmed-summarization")
    run = driver.wait(run_id, "awaiting_approval")
    assert run["status"] == "awaiting_approval"
    return run


def decide(driver, run, *, digest=None, token="approver", decision="approve", **options):
    body = {"decision": decision, "digest": digest or run["gate"]["digest"]}
    given = driver.cloud.info.token(token) if token else None
    return driver.post(f"/runs/{run['id']}/gates/deployment", body, given, **options)


def test_decisions_answer_as_documented(driver, waiting):
    run = waiting
    forged = {"X-MS-CLIENT-PRINCIPAL": "eyJjbGFpbXMiOltdfQ==", "X-MS-CLIENT-PRINCIPAL-ID": "me"}

    assert decide(driver, run, token=None).status_code == 401
    assert decide(driver, run, token=None, headers=forged).status_code == 401
    for who in ("reader", "operator"):
        refused = decide(driver, run, token=who)
        assert refused.status_code == 403
        assert "FineTune.Approver" in refused.json()["error"]["message"]
    assert decide(driver, run, headers={"Origin": "https://evil.example"}).status_code == 403
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert decide(driver, run, headers=form).status_code == 400
    assert decide(driver, run, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    stale = decide(driver, run, digest="sha256:" + "0" * 64)
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "stale_digest")
    assert decide(driver, run, digest="nonsense").status_code == 400
    assert decide(driver, run, decision="perhaps").status_code == 400
    token = driver.cloud.info.token("approver")
    assert driver.post(f"/runs/{run['id']}/gates/roof", {}, token).status_code == 404
    assert (
        driver.post(
            f"/runs/{'0' * 20}/gates/deployment",
            {"decision": "approve", "digest": run["gate"]["digest"]},
            token,
        ).status_code
        == 404
    )
    assert driver.api.run(run["id"])["gate"]["decisions"] == []

    first = decide(driver, run, headers={"Origin": driver.cloud.info.url, "Sec-Fetch-Site": "same-origin"})
    assert (first.status_code, first.json()["is_new"], first.json()["approvals_missing"]) == (200, True, 1)
    again = decide(driver, run)
    assert (again.status_code, again.json()["is_new"]) == (200, False)
    other = decide(driver, run, decision="reject")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "gate_closed")

    assert decide(driver, run, decision="withdraw").json()["approvals_missing"] == 2
    assert decide(driver, run).json()["approvals_missing"] == 1
    assert decide(driver, run, token="approver-2").json()["approvals_missing"] == 0

    ended = driver.wait(run["id"])
    assert ended["status"] == "deployed"
    assert decide(driver, run).json()["is_new"] is False
    assert [event["kind"] for event in ended["history"]].count("decision") == 4


@pytest.mark.soak
def test_a_decision_after_expiry_is_gone(driver):
    text = (
        MODEL
        + "suffix: brief\nevaluation: {baselines: [{deployment: gpt-4.1}]}\napproval: {expires_after: PT1S}\n"
    )
    driver.store_pipeline("brief", text)
    (run_id,) = driver.drop("brief", SAMPLES / "pubmed-summarization")
    run = driver.wait(run_id, "expired")

    assert run["status"] == "expired"
    body = {"decision": "approve", "digest": "sha256:" + "0" * 64}
    token = driver.cloud.info.token("approver")
    row = driver.table("runs").get_entity(run_id, "run")
    body["digest"] = __import__("json").loads(row["State0"] + row.get("State1", ""))["gates"]["deployment"][
        "digest"
    ]
    late = driver.post(f"/runs/{run_id}/gates/deployment", body, token)
    assert (late.status_code, late.json()["error"]["code"]) == (410, "gate_expired")


@pytest.mark.soak
def test_the_uploader_may_not_decide(driver):
    oid = driver.cloud.info.identities["approver"]["oid"]
    driver.store_pipeline(
        "own",
        MODEL + "suffix: own\nevaluation: {baselines: [{deployment: gpt-4.1}]}\n",
    )
    (run_id,) = driver.drop("own", SAMPLES / "pubmed-summarization", uploaded_by=oid)
    run = driver.wait(run_id, "awaiting_approval")

    answer = decide(driver, run)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


def test_a_cancelled_run_cancels_its_job(driver):
    driver.store_pipeline("stopped", MODEL + "suffix: stopped\n")
    (run_id,) = driver.drop("stopped", SAMPLES / "pubmed-summarization")
    driver.wait(run_id, "training")
    token = driver.cloud.info.token("operator")

    refused = driver.post(f"/runs/{run_id}/cancel", None, driver.cloud.info.token("reader"))
    assert (refused.status_code, "FineTune.Operator" in refused.json()["error"]["message"]) == (403, True)
    accepted = driver.post(f"/runs/{run_id}/cancel", None, token)  # as documented: without a body
    assert accepted.status_code == 202
    run = driver.wait(run_id)
    assert run["cancel"]["name"] == "operator@local.example"
    assert (run["status"], run["failure"]["code"]) == ("cancelled", "cancelled")
    job = next(job for job in driver.jobs() if job.id == run["job"]["id"])
    assert job.status == "cancelled"
    assert driver.post(f"/runs/{run_id}/retry", {}, token).status_code == 409


def test_reading_needs_an_identity_and_health_does_not(driver, waiting):
    token = driver.cloud.info.token("reader")
    for path in (
        "/runs",
        f"/runs/{waiting['id']}",
        f"/runs/{waiting['id']}/artifacts/report.json",
        "/pipelines/gated",
    ):
        assert driver.get(path).status_code == 401
        assert driver.get(path, token).status_code == 200
    assert driver.get(f"/runs/{waiting['id']}/artifacts/prepared/training.jsonl", token).status_code == 404
    assert driver.get(f"/runs/{waiting['id']}/artifacts/nothing.json", token).status_code == 404
    assert driver.get("/runs/unknown", token).status_code == 404
    assert driver.get("/pipelines/no-such", token).status_code == 404
    assert driver.get("/runs?limit=0", token).status_code == 400
    health = driver.get("/health")
    assert (health.status_code, health.json()["ok"]) == (200, True)


def test_the_listing_pages_from_new_to_old(driver, waiting):
    token = driver.cloud.info.token("reader")
    seen, cursor = [], ""
    while True:
        page = driver.get(f"/runs?limit=2{cursor}", token).json()
        seen += page["runs"]
        if not page["next"]:
            break
        cursor = f"&after={page['next']}"

    assert waiting["id"] in [run["id"] for run in seen]
    assert len({run["id"] for run in seen}) == len(seen)
    created = [run["created_at"] for run in seen]
    assert created == sorted(created, reverse=True)
    mine = driver.get("/runs?pipeline=gated", token).json()["runs"]
    assert [run["pipeline"] for run in mine] == ["gated"]
