"""Lists with many rows: a page shows every row once, and costs what it shows."""

import pytest

from local.foundry.bench import fill
from local.foundry.common import store as store_module
from local.foundry.common.store import Asked, Store

JOBS, EVENTS = 200, 50_000


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A store with its jobs and the events of one, in the order in which they are listed."""
    store = Store(tmp_path_factory.mktemp("many") / "foundry.sqlite")
    jobs, events = fill(store, JOBS, EVENTS)
    for number in range(JOBS):
        store.add_file(
            {
                "id": f"file-{number}",
                "at": float(number),
                "bytes": 1,
                "purpose": "fine-tune" if number % 2 else "evals",
            },
            b"x",
        )
    yield store, jobs, events
    store.close()


def listings(filled):
    """Name of a list -> how to get a page of it, and the ids in their order."""
    store, jobs, events = filled
    files = [f"file-{number}" for number in reversed(range(JOBS))]
    return {
        "jobs": (store.jobs, jobs),
        "events": (lambda asked: store.events(jobs[-1], asked), events),
        "files": (store.files, files),
        "files of a purpose": (lambda asked: store.files(asked, "fine-tune"), files[::2]),
        "oldest files first": (lambda asked: store.files(asked, is_newest_first=False), files[::-1]),
    }


LISTS = ["jobs", "events", "files", "files of a purpose", "oldest files first"]


def walked(page, limit):
    ids, after = [], None
    while True:
        found = page(Asked(limit, after))
        ids += [row["id"] for row in found.rows]
        if not found.has_more:
            return ids
        after = ids[-1]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("share", [1, 2, 7])
def test_pages_show_every_row_once_in_order(filled, name, share):
    page, ids = listings(filled)[name]

    assert walked(page, max(1, len(ids) // share)) == ids


@pytest.mark.parametrize("name", LISTS)
def test_rows_of_one_moment_are_shown_once_too(tmp_path, name):
    """A clock that stands still gives many rows the same time."""
    store = Store(tmp_path / "db")
    for number in range(30):
        store.put_job({"id": f"job-{number}", "at": 5.0, "finished_at": 6})
        store.add_file({"id": f"file-{number}", "at": 5.0, "bytes": 1, "purpose": "fine-tune"}, b"")
        store.add_event("job-29", {"id": f"event-{number}"})
    page, _ = listings((store, [f"job-{number}" for number in reversed(range(30))], []))[name]
    if name == "events":
        page = lambda asked: store.events("job-29", asked)  # noqa: E731
    ids = walked(page, 7)

    assert len(ids) == len(set(ids)) == 30
    assert [int(one.partition("-")[2]) for one in ids] == sorted(
        range(30), reverse=not name.startswith("oldest")
    )
    store.close()


@pytest.mark.parametrize("name", LISTS)
def test_a_page_costs_what_it_shows_wherever_it_is(filled, name, monkeypatch):
    """Counted, not timed: rows that are decoded, and steps of SQLite's machine."""
    store, _, _ = filled
    page, ids = listings(filled)[name]
    decoded, steps = [], []
    decode = store_module.json.loads
    monkeypatch.setattr(store_module.json, "loads", lambda raw: decoded.append(1) or decode(raw))

    def cost(asked):
        decoded.clear()
        steps.clear()
        store._db.set_progress_handler(lambda: steps.append(1) and None, 1)
        page(asked)
        store._db.set_progress_handler(None, 0)
        return len(decoded), len(steps)

    costs = [cost(Asked(20, after)) for after in (ids[0], ids[len(ids) // 2], ids[-30])]
    assert [count for count, _ in costs] == [20, 20, 20]
    assert max(count for _, count in costs) <= 20 * 21 + 100
    assert cost(Asked(20, "unknown"))[0] == 0


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_page_is_found_by_an_index_and_not_sorted(filled, name, is_hidden):
    store, _, _ = filled
    page, ids = listings(filled)[name]
    statements = []
    store._db.set_trace_callback(statements.append)
    page(Asked(20, ids[5], frozenset({"x"} if is_hidden else ())))
    store._db.set_trace_callback(None)
    plans = [row[3] for statement in statements for row in store.run(f"EXPLAIN QUERY PLAN {statement}")]

    assert statements
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]
    assert not [plan for plan in plans if plan.startswith("SCAN") and "json_each" not in plan]


def test_the_trainer_looks_at_live_jobs_only(filled, monkeypatch):
    store, _, _ = filled
    (plan,) = store.run(
        "EXPLAIN QUERY PLAN SELECT data FROM jobs WHERE json_extract(data, '$.finished_at') IS NULL ORDER BY at, rowid"
    )
    assert "jobs_alive" in plan[3]
    monkeypatch.setattr(store_module.json, "loads", lambda _: pytest.fail("no job is alive"))

    assert store.jobs_alive() == []
