"""The stand-in starts fast, and its memory stays small."""

import os
import platform
import time
from pathlib import Path

import pytest

from local.foundry.bench import Peak, StandIn, rss_mb

MEMORY_MB_MAX = 150
START_S_MAX = 2.0


def processor_s(pid):
    """Seconds of processor time that a process has taken; other work on this machine does not count."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.thorough
@pytest.mark.skipif(platform.system() != "Linux", reason="reads /proc")
@pytest.mark.stand_in
def test_it_starts_fast_and_memory_stays_small_while_it_learns_and_answers(tmp_path):
    service = StandIn(tmp_path)
    try:
        start_s = processor_s(service.pid)
        time.sleep(1.0)  # the vocabulary is loaded
        idle = rss_mb(service.pid)
        with Peak(service.pid) as peak:
            service.ask(service.train("supervised", 1_000)["fine_tuned_model"])
    finally:
        service.child.stop()

    assert 0.1 < start_s < START_S_MAX
    assert 20 < idle < 100
    assert idle < peak.mb < MEMORY_MB_MAX
