"""Run store, index, claims, champions and ledger on Azurite: conditional writes, batches, races."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from azure.data.tables import TableServiceClient

from shared.adapters.pipeline_tables import TableClaims, TablePipelines
from shared.adapters.tables import TableRunIndex, TableRunStore
from shared.core import naming
from shared.core.errors import Conflict, NotFound, Refused
from shared.core.history import Event, events_between
from shared.core.observations import Champion
from shared.core.run import Status
from tests.core.builders import NOW, SECOND, a_run

pytestmark = pytest.mark.azurite
THREADS = 32
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def service(azurite):
    with TableServiceClient.from_connection_string(azurite, retry_total=0) as made:
        yield made


@pytest.fixture(scope="module")
def store(service):
    return TableRunStore(service)


@pytest.fixture(scope="module")
def index(service):
    return TableRunIndex(service)


@pytest.fixture(scope="module")
def claims(service):
    return TableClaims(service)


@pytest.fixture(scope="module")
def pipelines(service):
    return TablePipelines(service)


def fresh(status=Status.RECEIVED, **changes):
    """A run that no other test knows."""
    return a_run(status, id=f"{next(_NUMBERS):020x}", **changes)


def inserted(store, run=None):
    run, events = events_between(None, run or fresh())
    store.insert(run, events)
    return store.load(run.id)


def race(work, count=THREADS):
    """Outcomes of the same work in many threads that start together."""
    barrier = threading.Barrier(count)

    def one(number):
        barrier.wait()
        try:
            work(number)
        except Conflict:
            return "lost"
        return "won"

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_a_run_comes_back_as_it_was_stored(store):
    run = fresh(Status.DEPLOYING, warnings=("naïve — 🙂",), orphans=("ftjob-9",))
    loaded, _ = inserted(store, run)

    assert loaded == run.evolve(revision=1)


def test_a_run_is_inserted_once(store):
    run, _ = inserted(store)

    with pytest.raises(Conflict):
        inserted(store, run.evolve(revision=0))


def test_only_the_holder_of_the_version_replaces(store):
    run, version = inserted(store)
    later = store.replace(run.evolve(revision=2), version, [Event(sequence=2, at=NOW, kind="note")])

    assert store.load(run.id) == (run.evolve(revision=2), later)
    with pytest.raises(Conflict):
        store.replace(run.evolve(revision=3), version, [])


def test_state_and_history_are_written_together_or_not_at_all(store):
    """The second batch breaks on an event that exists; its new state must not be there either."""
    run, version = inserted(store)

    with pytest.raises(Conflict):
        store.replace(run.evolve(failures=7), version, [Event(sequence=1, at=NOW, kind="note")])
    assert store.load(run.id)[0].failures == 0


def test_the_history_comes_back_in_order(store):
    run, version = inserted(store)
    events = [
        Event(sequence=n, at=NOW, kind="note", before="a", after="b", detail=f"n{n}") for n in range(2, 13)
    ]
    store.replace(run.evolve(revision=12), version, events)

    assert store.history(run.id)[1:] == events


def test_text_that_is_too_long_for_a_property_is_clipped_in_columns_and_kept_in_the_state(store):
    run = fresh(dataset=msgspec.structs.replace(fresh().dataset, name="p/" + "x" * 40_000 + ".jsonl"))

    assert inserted(store, run)[0].dataset.name == run.dataset.name


@pytest.mark.parametrize("name", ["nothing", "", "../x", "a' or PartitionKey ne '", "a/b#c?d"])
def test_a_run_that_is_not_there_is_not_found_whatever_its_name(store, name):
    with pytest.raises(NotFound):
        store.load(name)


def test_a_row_of_a_newer_release_is_left_alone(store):
    newer, events = events_between(None, fresh(schema=2))
    store.insert(newer, events)

    with pytest.raises(Refused, match="newer release"):
        store.load(newer.id)


def test_of_many_inserts_of_one_run_exactly_one_wins(store):
    run, events = events_between(None, fresh())

    assert race(lambda _: store.insert(run, events)).count("won") == 1


def test_of_many_replacements_of_one_version_exactly_one_wins(store):
    run, version = inserted(store)

    def replace(number):
        store.replace(
            run.evolve(failures=number, revision=2), version, [Event(sequence=2, at=NOW, kind="note")]
        )

    assert race(replace).count("won") == 1
    assert len(store.history(run.id)) == 2


def test_no_update_is_lost_when_everybody_reads_again(store):
    run, _ = inserted(store)

    def count_up(_):
        while True:
            present, version = store.load(run.id)
            try:
                store.replace(present.evolve(failures=present.failures + 1), version, [])
            except Conflict:
                continue
            return

    race(count_up, 8)
    assert store.load(run.id)[0].failures == 8


def test_a_run_is_active_from_its_announcement_until_it_is_settled(index):
    run = fresh()
    index.announce(run.id, run.pipeline, run.dataset, NOW)
    index.announce(run.id, run.pipeline, run.dataset, NOW + SECOND)  # the first one counts

    def row():
        return next((r for r in index.active() if r.run_id == run.id), None)

    assert (row().status, row().due_at, row().dataset) == (None, NOW, run.dataset)
    index.project(run.evolve(revision=1, job_id="j", training_file_id="f"), is_settled=False)
    assert (row().status, row().job_id, row().training_file_id) == (Status.RECEIVED, "j", "f")
    index.project(run.evolve(revision=2), is_settled=True)
    assert row() is None
    index.project(run.evolve(revision=2), is_settled=True)  # again is harmless


def test_an_older_state_never_overwrites_a_newer_projection(index):
    run = fresh()
    index.project(run.evolve(revision=5, job_status="new"), is_settled=False)
    index.project(run.evolve(revision=4, job_status="old"), is_settled=False)

    listed = next(row for row in index.newest(run.pipeline, 100, None)[0] if row.run_id == run.id)
    assert listed.job_status == "new"


def test_active_runs_come_soonest_due_first(index):
    late, soon = fresh(due_at=NOW + SECOND), fresh(due_at=NOW - SECOND)
    for run in (late, soon):
        index.project(run, is_settled=False)
    order = [row.run_id for row in index.active()]

    assert order.index(soon.id) < order.index(late.id)


def test_listings_page_from_new_to_old_and_keep_pipelines_apart(index):
    runs = [fresh(pipeline="paged", created_at=NOW + number * SECOND) for number in range(5)]
    for run in runs:
        index.project(run, is_settled=True)
    seen, cursor = [], None
    while True:
        page, cursor = index.newest("paged", 2, cursor)
        seen += [row.run_id for row in page]
        if cursor is None:
            break

    assert seen == [run.id for run in reversed(runs)]
    assert index.newest("no-such", 10, None) == ([], None)
    assert {row.run_id for row in index.newest(None, 100, None)[0]} >= set(seen)


def test_names_that_are_no_pipeline_names_can_be_listed_too(index):
    run = fresh(pipeline="what/ever#?'")
    index.project(run, is_settled=True)

    assert [row.run_id for row in index.newest("what/ever#?'", 10, None)[0]] == [run.id]


def test_a_claim_has_one_holder(claims):
    assert claims.holder("p", "f1") is None
    claims.take("p", "f1", "a", None)
    claims.take("p", "f1", "a", None)  # mine already
    with pytest.raises(Conflict, match="run a holds"):
        claims.take("p", "f1", "b", None)
    claims.take("p", "f1", "b", "a")
    assert claims.holder("p", "f1") == "b"
    with pytest.raises(Conflict):
        claims.take("p", "f1", "c", "a")


def test_of_many_that_take_a_claim_exactly_one_wins(claims):
    assert race(lambda n: claims.take("p", "f2", f"run{n}", None)).count("won") == 1
    holder = claims.holder("p", "f2")
    assert race(lambda n: claims.take("p", "f2", f"new{n}", holder)).count("won") == 1


def a_champion(run="r1", deployment="d1"):
    return Champion(deployment=deployment, model="m", run_id=run, since=NOW)


def test_a_new_champion_makes_the_old_one_previous(pipelines):
    assert pipelines.champion("q") is None
    pipelines.promote("q", a_champion("r1", "d1"))
    assert (pipelines.champion("q"), pipelines.previous("q")) == (a_champion("r1", "d1"), None)
    pipelines.promote("q", a_champion("r2", "d2"))
    pipelines.promote(
        "q", msgspec.structs.replace(a_champion("r2", "d2"), since=NOW + SECOND)
    )  # again: no change
    assert (pipelines.champion("q"), pipelines.previous("q")) == (
        a_champion("r2", "d2"),
        a_champion("r1", "d1"),
    )


def test_of_many_promotions_none_is_lost_in_silence(pipelines):
    """Whoever loses is told; the champion is one of the winners."""
    outcomes = race(lambda n: pipelines.promote("raced", a_champion(f"r{n}", f"d{n}")))
    winners = {f"r{n}" for n, outcome in enumerate(outcomes) if outcome == "won"}

    assert pipelines.champion("raced").run_id in winners


def test_the_ledger_keeps_one_line_a_run_and_a_month(pipelines):
    pipelines.commit("l", "2026-11", "a", NOW, 1.5)
    pipelines.commit("l", "2026-11", "a", NOW, 1.5)
    pipelines.commit("l", "2026-11", "b", NOW + timedelta(seconds=1), 2.5)
    pipelines.commit("l", "2026-12", "c", NOW, 9.0)
    pipelines.commit("l", "2026-11", "b", NOW + timedelta(seconds=1), 0.0)

    assert sorted(pipelines.committed("l", "2026-11")) == [
        ("a", NOW, 1.5),
        ("b", NOW + timedelta(seconds=1), 0.0),
    ]


def test_row_keys_of_listings_do_not_collide(index):
    same_moment = [fresh(pipeline="same"), fresh(pipeline="same")]
    for run in same_moment:
        index.project(run, is_settled=True)

    assert len(index.newest("same", 10, None)[0]) == 2
    assert naming.newest_first(NOW, "a") != naming.newest_first(NOW, "b")
