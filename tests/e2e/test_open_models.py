"""The samples for open models: from a dropped file to a model that is asked at the account, the only place where it answers."""

import pytest

from tests.e2e.driver import SAMPLES

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

MODELS = {"orders": "Qwen3-32B", "help-desk": "gpt-oss-20b"}


@pytest.fixture(scope="module")
def runs(driver):
    """Both at the same time: what they cost is approved, then what they can."""
    ids = {name: driver.drop(name, SAMPLES / name)[0] for name in MODELS}
    for run_id in ids.values():
        run = driver.wait(run_id, "awaiting_spend_approval")
        assert run["status"] == "awaiting_spend_approval", run["failure"]
        driver.api.decide(run_id, "spend", "approve", run["gate"]["digest"], "I asked what it costs")
    for run_id in ids.values():
        driver.approve(run_id)
    return {name: driver.wait(run_id) for name, run_id in ids.items()}


@pytest.mark.parametrize("name", MODELS)
def test_the_sample_is_better_and_deployed(driver, runs, name):
    run = runs[name]

    assert run["status"] == "deployed", run["failure"]
    assert run["evaluation"]["outcome"] == "better"
    assert run["job"]["model"].startswith(f"{MODELS[name]}.ft-")
    assert driver.api.pipeline(name)["champion"]["run_id"] == run["id"]


@pytest.mark.parametrize("name", MODELS)
def test_clients_are_told_to_ask_the_account(driver, runs, name):
    champion = driver.api.pipeline(name)["champion"]

    assert champion["route"]["name"] == "account"
    assert champion["route"]["path"].startswith(
        f"/openai/deployments/{runs[name]['deployment']['production']}/"
    )


def test_who_is_asked_reads_that_no_price_is_known_and_whose_tokens_are_not_counted_exactly(runs):
    notes = {name: " ".join(run["pipeline_notes"]) for name, run in runs.items()}

    assert all("no price known for" in run["report"]["estimate_basis"] for run in runs.values())
    assert [name for name, text in notes.items() if "token counts are approximate" in text] == ["orders"]
