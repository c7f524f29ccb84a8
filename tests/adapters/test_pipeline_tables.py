"""What only the table knows of: how its rows look, and what a look costs when there are thousands of them."""

import pytest
from azure.data.tables import TableServiceClient

from shared.adapters import pipeline_tables
from shared.adapters.pipeline_tables import TablePipelines
from shared.core.errors import Conflict, Unavailable
from shared.core.observations import Champion
from tests.adapters.network import in_front_of, through
from tests.support.builders import NOW

pytestmark = pytest.mark.azurite
LINES = 2000


@pytest.fixture(scope="module")
def service(azurite):
    with TableServiceClient.from_connection_string(azurite, retry_total=0) as made:
        yield made


def look(pipelines, pipeline, digest, exam="exam"):
    seen = pipelines.look(pipeline, digest=digest, exam=exam, run_id="r", at=NOW)
    return seen.set, seen.pipeline


def rows(service, pipeline):
    table = service.get_table_client("pipelines")
    return list(table.query_entities("PartitionKey eq @p", parameters={"p": pipeline}))


def test_a_line_says_what_was_compared_by_whom_and_when_and_the_newest_comes_first(service):
    pipelines = TablePipelines(service)
    look(pipelines, "rows", "a")
    pipelines.promote("rows", Champion(deployment="d", model="m", run_id="r", since=NOW), None)
    look(pipelines, "rows", "b", "other")
    _champion, newest, oldest = rows(service, "rows")

    assert newest == {
        "PartitionKey": "rows",
        "RowKey": "look-99999997",
        "Digest": "b",
        "Exam": "other",
        "RunId": "r",
        "At": "2026-11-23T10:00:00.000000Z",
        "ChampionSince": "2026-11-23T10:00:00.000000Z",
        "NumberOfSet": 1,
        "NumberOfPipeline": 1,
    }
    assert (oldest["RowKey"], oldest["Digest"], oldest["ChampionSince"]) == ("look-99999998", "a", "")


def a_line(number):
    return {
        "PartitionKey": "long",
        "RowKey": f"look-{99_999_999 - number:08d}",
        "Digest": f"d{number}",
        "Exam": "rare" if number == 7 else "exam",
        "RunId": "r",
        "At": "2026-11-23T10:00:00.000000Z",
        "ChampionSince": "",
        "NumberOfSet": 1 if number == 7 else number - (number > 7),
        "NumberOfPipeline": number,
    }


@pytest.fixture(scope="module")
def long_ledger(service):
    """A pipeline with thousands of looks."""
    table = service.create_table_if_not_exists("pipelines")
    for first in range(1, LINES + 1, 100):
        table.submit_transaction([("create", a_line(number)) for number in range(first, first + 100)])
    return "long"


@pytest.mark.thorough
def test_a_look_after_thousands_costs_no_more_than_after_one(azurite, service, long_ledger):
    look(TablePipelines(service), "short", "a")
    cost = {}
    with (
        in_front_of(azurite, "Table") as network,
        TableServiceClient.from_connection_string(through(azurite, "Table", network), retry_total=0) as far,
    ):
        pipelines = TablePipelines(far)
        assert pipelines.committed("short", "2026-11") == []  # asks for the table first
        for pipeline, exam in (("short", "exam"), *((long_ledger, exam) for exam in ("exam", "rare", "new"))):
            network.reset()
            seen = look(pipelines, pipeline, f"new {exam}", exam)
            cost[pipeline, exam] = (len(network.requests), seen)

    assert cost == {
        ("short", "exam"): (5, (2, 2)),
        ("long", "exam"): (5, (LINES, LINES + 1)),
        ("long", "rare"): (5, (2, LINES + 2)),
        ("long", "new"): (5, (1, LINES + 3)),
    }


def test_an_old_look_is_found_among_thousands(service, long_ledger):
    seen = [look(TablePipelines(service), long_ledger, digest) for digest in ("d1", "d7", "d1900")]

    assert seen == [(1, 1), (1, 7), (1899, 1900)]


class Overtaken(TablePipelines):
    """Just before one of its requests, by number, another worker does something."""

    def __init__(self, service, at, rival):
        super().__init__(service)
        self.requests = 0
        for name in ("first", "get", "insert"):
            setattr(self._table, name, self._after(getattr(self._table, name), at, rival))

    def _after(self, request, at, rival):
        def call(*arguments):
            self.requests += 1
            if self.requests == at:
                rival()
            return request(*arguments)

        return call


REQUESTS = range(1, 6)


@pytest.mark.parametrize("at", REQUESTS)
def test_another_worker_that_counts_the_same_look_at_any_moment_makes_no_second_line(service, at):
    pipelines, name = TablePipelines(service), f"same-{at}"
    look(pipelines, name, "before")
    overtaken = Overtaken(service, at, lambda: look(pipelines, name, "a"))

    assert look(overtaken, name, "a") == look(pipelines, name, "a") == (2, 2)
    assert overtaken.requests >= at
    assert len(rows(service, name)) == 2


@pytest.mark.parametrize("at", REQUESTS)
def test_another_look_at_any_moment_comes_before_or_after(service, at):
    pipelines, name = TablePipelines(service), f"other-{at}"
    look(pipelines, name, "before")
    overtaken = Overtaken(service, at, lambda: look(pipelines, name, "a"))

    assert look(overtaken, name, "b") == (3, 3)
    assert look(pipelines, name, "a") == (2, 2)


@pytest.mark.parametrize("at", REQUESTS)
def test_a_promotion_and_a_look_at_any_moment_begin_the_numbers_anew_once(service, at):
    pipelines, name = TablePipelines(service), f"promoted-{at}"
    look(pipelines, name, "before")

    def rival():
        pipelines.promote(name, Champion(deployment="d", model="m", run_id="r", since=NOW), None)
        look(pipelines, name, "a")

    assert look(Overtaken(service, at, rival), name, "b") == (3, 2)
    assert look(pipelines, name, "a") == (2, 1)
    assert look(pipelines, name, "c") == (4, 3)


def test_a_look_that_is_always_overtaken_gives_up(service, monkeypatch):
    pipelines = TablePipelines(service)
    tries = []

    def overtaken(line):
        tries.append(line)
        raise Conflict

    monkeypatch.setattr(pipelines._table, "insert", overtaken)

    with pytest.raises(Unavailable, match="too many at once"):
        look(pipelines, "overtaken", "a")
    assert len(tries) == pipeline_tables._LOOK_TRIES
