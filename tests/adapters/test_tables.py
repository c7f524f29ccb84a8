"""What only Azure Table storage knows of: columns, clipped texts, short pages, missing tables."""

import itertools

import msgspec
import pytest
from azure.data.tables import TableServiceClient, UpdateMode

from shared.adapters.tables import TableRunIndex, TableRunStore
from shared.core.errors import Unavailable
from shared.core.history import events_between
from shared.core.run import Status
from tests.adapters.fault_server import as_json, fault_server
from tests.support.builders import NOW, a_run

pytestmark = pytest.mark.azurite
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@pytest.fixture(scope="module")
def service(azurite):
    with TableServiceClient.from_connection_string(azurite, retry_total=0) as made:
        yield made


def stored(service, run):
    new, events = events_between(None, run)
    store = TableRunStore(service)
    store.insert(new, events)
    return store.load(run.id)[0]


def test_the_row_of_a_run_can_be_read_by_people(service):
    run = a_run(Status.TRAINING, id="a" * 20)
    stored(service, run)
    row = service.get_table_client("runs").get_entity(run.id, "run")

    assert (row["Pipeline"], row["Status"], row["JobId"], row["JobStatus"]) == (
        "summaries",
        "training",
        "ftjob-1",
        "running",
    )
    assert row["CreatedAt"] == "2026-11-23T09:00:00.000000Z"
    assert "Model" not in row


def test_text_that_is_too_long_for_a_property_is_clipped_in_columns_and_kept_in_the_state(service):
    run = a_run(Status.RECEIVED, id="b" * 20)
    run = run.evolve(dataset=msgspec.structs.replace(run.dataset, name="p/" + "ü" * 40_000 + ".jsonl"))

    assert stored(service, run).dataset.name == run.dataset.name


def test_a_state_that_no_longer_fits_is_a_bug_that_shows():
    run = a_run(Status.RECEIVED, id="c" * 20, warnings=("x" * 300_000,))

    with pytest.raises(AssertionError, match="characters"):
        TableRunStore(None).insert(run, [])


@pytest.mark.thorough
def test_more_history_than_one_answer_holds_is_read_to_its_end(service):
    run, events = events_between(None, a_run(Status.RECEIVED, id="d" * 20))
    store = TableRunStore(service)
    store.insert(run, events)
    for first in range(2, 1100, 90):
        _, version = store.load(run.id)
        notes = [msgspec.structs.replace(events[0], sequence=first + n, kind="note") for n in range(90)]
        store.replace(run, version, notes)

    assert [event.sequence for event in store.history(run.id)] == list(range(1, 1172))


def summaries(numbers):
    rows = itertools.repeat(
        {
            "PartitionKey": "all",
            "RunId": "r",
            "Pipeline": "p",
            "DatasetName": "d",
            "Status": "training",
            "StatusSince": "2026-11-23T09:00:00.000000Z",
            "CreatedAt": "2026-11-23T09:00:00.000000Z",
            "JobId": "",
            "JobStatus": "",
        }
    )
    return [row | {"RowKey": f"{number:03d}"} for row, number in zip(rows, numbers, strict=False)]


def test_pages_that_the_service_cuts_short_are_not_the_end():
    """Azure may answer a query with a few rows, or none, and a continuation token."""
    pages = {"": ([], "1"), "1": (summaries([1]), "2"), "2": (summaries([2, 3, 4]), "")}

    def answer(method, path, _headers, _body):
        if method == "POST":
            return as_json({"TableName": "index"}, 201)
        token = path.partition("NextPartitionKey=")[2].partition("&")[0]
        rows, following = pages[token]
        status, headers, raw = as_json({"value": rows})
        if following:
            headers |= {
                "x-ms-continuation-NextPartitionKey": following,
                "x-ms-continuation-NextRowKey": following,
            }
        return status, headers, raw

    with fault_server(answer) as server:
        address = f"AccountName=a;AccountKey={KEY};TableEndpoint={server.url}/a"
        with TableServiceClient.from_connection_string(address, retry_total=0) as service:
            rows, cursor = TableRunIndex(service).newest(None, 3, None)
    assert (len(rows), cursor) == (3, "003")


def test_a_table_that_was_deleted_is_neither_a_lost_race_nor_an_empty_one():
    """Either would be believed in silence, for ever."""

    def answer(_method, path, _headers, _body):
        if path.partition("?")[0].endswith("/Tables"):
            return as_json({"TableName": "index"}, 201)
        words = {"lang": "en-US", "value": "The table specified does not exist."}
        return as_json({"odata.error": {"code": "TableNotFound", "message": words}}, 404)

    run = a_run(Status.RECEIVED)
    with fault_server(answer) as server:
        address = f"AccountName=a;AccountKey={KEY};TableEndpoint={server.url}/a"
        with TableServiceClient.from_connection_string(address, retry_total=0) as service:
            store, index = TableRunStore(service), TableRunIndex(service)
            for call in (
                lambda: index.announce(run.id, "p", run.dataset, NOW),
                lambda: store.insert(run, []),
                lambda: store.replace(run, 'W/"1"', []),
                lambda: store.load(run.id),
                lambda: store.history(run.id),
                index.active,
            ):
                with pytest.raises(Unavailable, match="is gone"):
                    call()


@pytest.mark.parametrize("row", [{}, {"LastAt": "soon", "Releases": "[]"}, {"LastAt": 1, "Releases": "{"}])
def test_a_row_of_ticks_that_somebody_wrote_by_hand_counts_as_none_and_is_written_anew(service, row):
    index = TableRunIndex(service)
    index.ticked("1", NOW)
    service.get_table_client("index").upsert_entity(
        {"PartitionKey": "app", "RowKey": "ticks"} | row, mode=UpdateMode.REPLACE
    )

    assert index.ticks() is None
    index.ticked("2", NOW)
    assert index.ticks().releases == (("2", NOW),)
