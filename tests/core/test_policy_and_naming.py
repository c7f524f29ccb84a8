"""Numbers and their laws; names and their alphabets."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import identity, naming
from shared.core.policy import Policy
from shared.core.run import Status
from tests.support.builders import a_run

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SECONDS = st.floats(min_value=1, max_value=3600)


@given(SECONDS, SECONDS, SECONDS, st.floats(min_value=0, max_value=600))
def test_the_settle_law_holds_for_all_numbers(window, timeout, lag, skew):
    """A request started in its window, as slow as it may be, is visible when the settle time is over."""
    policy = Policy(
        start_window_s=window,
        request_timeout_s=timeout,
        listing_lag_s=lag,
        clock_skew_s=skew,
        sweep_window_s=1e6,
    )

    assert policy.settle_s > window + timeout + lag + 2 * skew


def test_a_sweep_shorter_than_the_settle_time_is_refused():
    with pytest.raises(AssertionError):
        Policy(sweep_window_s=10)


def test_the_backoff_grows_to_its_limit_and_is_the_same_in_a_replay():
    policy = Policy()
    waits = [policy.backoff("run", failures, None) for failures in range(1, 40)]

    assert waits == [policy.backoff("run", failures, None) for failures in range(1, 40)]
    assert all(timedelta(0) < wait <= timedelta(seconds=policy.backoff_max_s) for wait in waits)
    assert policy.backoff("run", 1, 4000.0) == timedelta(seconds=4000)


def test_gates_have_no_deadline_of_the_house():
    assert Policy().deadline(Status.AWAITING_APPROVAL, NOW) is None
    assert Policy().deadline(Status.RECEIVED, NOW) == NOW + timedelta(hours=6)


def test_a_place_is_of_a_run_in_one_of_its_tries():
    first = naming.place_holder("run", NOW)

    assert first != naming.place_holder("run", NOW + timedelta(microseconds=1))
    assert naming.run_in_place(first) == "run"
    assert (naming.place(0), naming.place(19)) == ("place-0000", "place-0019")
    assert not naming.PIPELINE_NAME.fullmatch(naming.PLACES)


def test_a_run_is_named_by_the_dataset_version_alone():
    one = identity.run_id("datasets", "p/a.jsonl", '"0x1"')

    assert re.fullmatch(r"[0-9a-f]{20}", one)
    assert one == identity.run_id("datasets", "p/a.jsonl", "0x1")
    assert one != identity.run_id("datasets", "p/a.jsonl", "0x2")
    assert one != identity.run_id("datasets", "p/b.jsonl", "0x1")


@pytest.mark.parametrize(
    ("name", "pipeline"),
    [
        ("summaries/a.jsonl", "summaries"),
        ("summaries/2026/x/a.jsonl", "summaries"),
        ("a.jsonl", None),
        ("Upper/a.jsonl", None),
        ("-x/a.jsonl", None),
        ("a" * 41 + "/a.jsonl", None),
        ("../a.jsonl", None),
    ],
)
def test_the_first_folder_names_the_pipeline(name, pipeline):
    assert naming.pipeline_of(name) == pipeline


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("p/training.jsonl", None),
        ("p/validation.jsonl", "validation"),
        ("p/x/evaluation.jsonl", "evaluation"),
        ("p/a.validation.jsonl", "validation"),
        ("p/my-validation.jsonl", None),
        ("p/validation.json", None),
    ],
)
def test_companions_are_known_by_their_names(name, role):
    assert naming.companion_role(name) == role


def test_a_companion_lies_beside_its_training_file():
    assert naming.companion_names("p/x/a.jsonl", "validation") == (
        "p/x/a.validation.jsonl",
        "p/x/validation.jsonl",
    )


@given(st.text())
def test_no_name_reaches_a_table_key_as_it_is_unless_it_is_safe(name):
    assert re.fullmatch(r"pipeline:~?[a-z0-9-]+", naming.index_partition(name))


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(1, 10**9))  # noqa: DTZ001
def test_newer_runs_sort_first(at, later_ms):
    early = at.replace(tzinfo=UTC)
    late = early + timedelta(milliseconds=later_ms)

    assert naming.newest_first(late, "b") < naming.newest_first(early, "a")


@pytest.mark.parametrize("pipeline", ["p", "a" * 40])
def test_deployment_names_fit_azure(pipeline):
    run = "0123456789abcdef0123"
    for name in (
        naming.candidate_deployment(pipeline, run),
        naming.production_deployment(pipeline, run, "blue_green"),
        naming.production_deployment(pipeline, run, "replace"),
    ):
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name)


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert identity.digest({"a": 1, "b": [1, 2]}) == identity.digest({"b": [1, 2], "a": 1})
    assert identity.digest({"a": 1}) != identity.digest({"a": 2})


@pytest.mark.parametrize(
    "numbers",
    [
        {"attempts_max": 0},
        {"backoff_base_s": 0.0},
        {"backoff_base_s": -1.0},
        {"backoff_base_s": 5.0, "backoff_max_s": 4.9},
        {"evaluation_chunk_size": 0},
        {"in_flight_max": 0},
        {"contenders_max": 1},
        {"sweep_window_s": Policy().settle_s},
    ],
)
def test_numbers_that_break_a_law_are_refused(numbers):
    with pytest.raises(AssertionError):
        Policy(**numbers)


@pytest.mark.parametrize(
    "numbers",
    [
        {"attempts_max": 1},
        {"tick_work_max": 1},
        {"backoff_base_s": 0.5},
        {"backoff_base_s": 5.0, "backoff_max_s": 5.0},
        {"evaluation_chunk_size": 1},
        {"in_flight_max": 1},
        {"contenders_max": 2},
        {"sweep_window_s": Policy().settle_s + 1},
        {"upload_timeout_s": 10.0, "request_timeout_s": 30.0},
        {"upload_timeout_s": 30.0, "request_timeout_s": 30.0},
    ],
)
def test_numbers_at_the_edge_of_a_law_are_taken(numbers):
    policy = Policy(**numbers)

    assert policy.settle_s == (
        policy.start_window_s + policy.request_timeout_s + policy.listing_lag_s + 2 * policy.clock_skew_s + 1
    )


def test_a_status_is_changed_by_a_move_only():
    with pytest.raises(AssertionError):
        a_run(Status.RECEIVED).evolve(status=Status.DEPLOYED)
