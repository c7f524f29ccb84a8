"""The memory of the stand-in stays small."""

import platform
import time

import pytest

from local.foundry.bench import Peak, StandIn, rss_mb

MEMORY_MB_MAX = 150


@pytest.mark.thorough
@pytest.mark.skipif(platform.system() != "Linux", reason="reads /proc")
@pytest.mark.stand_in
def test_memory_stays_small_while_it_learns_and_answers(tmp_path):
    service = StandIn(tmp_path)
    try:
        time.sleep(1.0)  # the vocabulary is loaded
        idle = rss_mb(service.pid)
        with Peak(service.pid) as peak:
            service.ask(service.train("supervised", 1_000)["fine_tuned_model"])
    finally:
        service.child.stop()

    assert 20 < idle < 100
    assert idle < peak.mb < MEMORY_MB_MAX
