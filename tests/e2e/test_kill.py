"""The host is killed in the middle of whatever it does; the run finishes all the same, with one job."""

import random
import time

import pytest

from tests.e2e.conftest import SAMPLES, driven

pytestmark = pytest.mark.e2e
KILLS = 6


@pytest.mark.parametrize("seed", [1])
def test_a_killed_host_finishes_the_run_with_one_job(tmp_path, seed):
    generator = random.Random(seed)
    with driven(tmp_path / "cloud") as driver:
        cloud = driver.cloud
        driver.store_pipeline(
            "hard", "model: gpt-4.1\nsuffix: hard\nevaluation: {baselines: [{deployment: gpt-4.1}]}\n"
        )
        (run_id,) = driver.drop("hard", SAMPLES / "pubmed-summarization")
        is_approved = False
        for _ in range(KILLS):
            time.sleep(generator.uniform(0.2, 3.0))
            cloud.kill_host()
            cloud.start_host()
        run = driver.wait(run_id, "awaiting_approval", timeout_s=180)
        if run["status"] == "awaiting_approval":
            driver.approve(run_id)
            is_approved = True
            time.sleep(generator.uniform(0.1, 1.5))
            cloud.kill_host()
            cloud.start_host()
        run = driver.wait(run_id, timeout_s=180)

        assert is_approved
        assert run["status"] == "deployed", run["failure"]
        assert len(driver.jobs()) == 1
        assert driver.api.pipeline("hard")["champion"]["run_id"] == run_id
