"""The decisions of the local host are those of the real one, as recorded (../shared/examples/webjobs)."""

import json
import re
from datetime import UTC, datetime

import pytest

from local.host.checks import HostError, schedule
from local.host.deliveries import Step, asked_for, blob_batch, decoded, on_arrival, on_failure
from local.rights import Rights
from tests.adapters.storage_actions import needed
from tests.infra.snapshots import load
from tests.support.skips import BESIDE

FOLDER = BESIDE / "examples" / "webjobs"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="../shared/examples/webjobs is not there: what the real host does"
)
#: The real one skips times here, when a schedule has several seconds and a later minute; none of ours has.
SKIPS = "10-12,50 59 23 * * *"


def recorded(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def test_every_schedule_means_the_same_or_is_refused_here_too():
    rows = recorded("timer-schedules")["schedules"]
    wrong = []
    for row in rows:
        expression = {"%POLL_SCHEDULE%": "0 * * * * *"}.get(row.get("expression"), row.get("expression", ""))
        try:
            ours = schedule(expression)
        except HostError:
            ours = None
        # Time spans are for App Service plans, so that they are refused here.  Of some schedules the host notices later that
        # they never come.
        comes = any(isinstance(times, list) for times in row.get("next", {}).values())
        is_good = row.get("kind") == "CronSchedule" and comes
        if (ours is not None) != is_good:
            wrong.append(expression)
        elif ours is not None and expression != SKIPS:
            for instant, times in row["next"].items():
                at = datetime.fromisoformat(instant).replace(tzinfo=UTC)
                found = [at := ours.after(at) for _ in times]
                if [f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in found] != times:
                    wrong.append((expression, instant))

    assert len(rows) == 88
    assert wrong == []


def test_stored_texts_are_read_alike():
    for message in recorded("queue-encoding")["base64"]["messages"]:
        content, seen = decoded(message["stored"]), message["asBytes"].get("seen")
        assert (None if content is None else [content.hex().upper()]) == seen, message["about"]
        if content is None:  # poison at once, as it is stored
            assert on_arrival("work", 1, 5, is_readable=False) is Step.MOVE
            assert message["poisonFromBytes"] == message["stored"]


def test_a_text_that_is_not_base64_reaches_no_function():
    kept = recorded("queue-undecodable")

    assert decoded(kept["stored"]) is None
    assert kept["calls"] == []
    assert on_arrival("work", 1, 5, is_readable=False) is Step.MOVE
    assert on_arrival("work-poison", 1, 5, is_readable=False) is Step.LEAVE
    assert {row["name"]: row["messages"] for row in kept["queuesAfterTenMinutes"]} == {
        "work": 0,
        "work-poison": 1,
    }


@pytest.mark.parametrize("queue", ["work", "work-poison"])
@pytest.mark.parametrize("before", [4, 5, 6])
def test_messages_that_were_taken_before_end_alike(queue, before):
    """By processes that died over them."""
    kept = recorded("queue-spent")[f"{queue}, taken {before} times before"]
    runs = 0
    step = on_arrival(queue, before + 1, 5, is_readable=True)
    if step is Step.RUN:
        runs, step = 1, on_failure(queue, before + 1, 5)

    assert runs == len(kept["runs"])
    is_moved = any(row["name"] == "work-poison" and row["visible"] for row in kept["queues"])
    assert (step is Step.MOVE) == (is_moved and queue == "work")
    assert (step is Step.LEAVE) == (queue == "work-poison")


def test_failing_messages_are_tried_as_often():
    for name in ("failingByDefault", "productSettings"):
        calls = [
            call
            for call in recorded("queue-retries")[name]["calls"]
            if call["function"] == "work" and call["outcome"] == "failed"
        ]
        ours = [tries for tries in range(1, 9) if on_arrival("work", tries, 5, is_readable=True) is Step.RUN]
        ends = next(tries for tries in ours if on_failure("work", tries, 5) is Step.MOVE)

        assert [call["seen"]["dequeueCount"] for call in calls] == ours[:ends]


def test_a_failure_in_a_poison_queue_is_left_alone():
    kept = recorded("queue-retries")["failingInAPoisonQueue"]

    assert on_failure("work-poison", 1, 5) is on_failure("work-poison", 500, 5) is Step.LEAVE
    assert kept["dequeueCountThen"] == 2
    assert [row["name"] for row in kept["queues"]] == ["work", "work-poison"]


def test_blobs_that_fail_are_tried_as_often_and_told_alike():
    for name, tries_max in (("productSettings", 5), ("twoTries", 2)):
        kept = recorded("blob-poison")[name]
        ours = next(n for n in range(1, 9) if on_failure("webjobs-blobtrigger", n, tries_max) is Step.MOVE)

        assert len(kept["calls"]) == ours
        told = json.loads(kept["poison"][0]["decoded"])
        assert list(told) == ["Type", "FunctionId", "BlobType", "ContainerName", "BlobName", "ETag"]
        assert re.fullmatch(r'"0x[0-9A-F]+"', told["ETag"])


def test_as_many_blobs_are_asked_for_and_run_at_once():
    for row in recorded("blob-concurrency")["rows"]:
        batch, more = blob_batch(row["maxDegreeOfParallelism"])

        assert row["asksFor"] == [f"numofmessages={batch}&visibilitytimeout=600"]
        assert row["mostAtOnce"] <= batch + more == row["maxDegreeOfParallelism"]
        # With one slow blob running, the next batch is asked for only if one may be left over.
        assert (row["fastStartedWhileSlowRan"] > 0) == (asked_for(1, batch, more) > 0)


def test_as_many_messages_are_asked_for_and_run_at_once():
    for name in ("productSettings", "defaults"):
        kept = recorded("queue-concurrency")[name]
        batch, more = (kept["options"]["queues"][key] for key in ("BatchSize", "NewBatchThreshold"))

        assert kept["mostAtOnce"] <= batch + more
        for receive in kept["receives"]:
            assert f"numofmessages={batch}&" in receive["query"]
            # The recording counts those that have begun, a moment after those that were taken.
            assert receive["runningThen"] <= batch + more


def test_host_may_do_with_the_queues_what_the_real_one_asked():
    """Requests of the storage extension, against the roles that the templates give."""
    sent = load("first")
    rights = Rights.of(sent)
    (data,) = (
        r["id"]
        for r in sent["predictedResources"]
        if r["type"] == "Microsoft.Storage/storageAccounts" and r["name"].startswith("stdata")
    )
    kept = recorded("queue-retries")["productSettings"]
    requests = [*kept["requests"], *kept["firstRequestsWhileTheQueueIsMissing"]]

    assert len(requests) > 15
    for request in requests:
        method, _, path = request["request"].partition(" ")
        for place, action, is_data in needed("queues", method, path):
            assert rights.may("host", f"{data}/{place}", action, is_data=is_data), (request, action)
            assert not rights.may("deployer", f"{data}/{place}", action, is_data=is_data)
