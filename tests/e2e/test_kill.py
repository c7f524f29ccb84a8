"""The host is killed in the middle of whatever it does; the run finishes all the same, with one job."""

import random
import time

import pytest

from tests.e2e.conftest import SAMPLES, driven

pytestmark = pytest.mark.e2e
PIPELINE = "model: gpt-4.1\nsuffix: hard\nevaluation: {baselines: [{deployment: gpt-4.1}]}\n"


def kill(driver, generator, longest_s):
    time.sleep(generator.uniform(0.05, longest_s))
    driver.cloud.kill_host()
    driver.cloud.start_host()


def survives(state_dir, seed, kills, longest_s):
    """Kill the host again and again, before and after the approval; the run ends deployed, with one job."""
    generator = random.Random(seed)
    with driven(state_dir) as driver:
        driver.store_pipeline("hard", PIPELINE)
        (run_id,) = driver.drop("hard", SAMPLES / "pubmed-summarization")
        for _ in range(kills):
            kill(driver, generator, longest_s)
        run = driver.wait(run_id, "awaiting_approval", timeout_s=180)
        assert run["status"] == "awaiting_approval", run["failure"]
        driver.approve(run_id)
        for _ in range(max(1, kills // 4)):
            kill(driver, generator, longest_s / 2)
        run = driver.wait(run_id, timeout_s=180)

        assert run["status"] == "deployed", run["failure"]
        assert len(driver.jobs()) == 1
        assert driver.api.pipeline("hard")["champion"]["run_id"] == run_id
        assert [event["kind"] for event in run["history"]].count("decision") == 1


def test_a_killed_host_finishes_the_run_with_one_job(tmp_path):
    survives(tmp_path / "cloud", seed=1, kills=6, longest_s=3.0)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_host_that_is_killed_all_the_time_finishes_too(tmp_path, seed):
    survives(tmp_path / "cloud", seed=seed, kills=16, longest_s=2.5)
