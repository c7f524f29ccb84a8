"""The real storage clients with a network between them and Azurite that fails at the worst moments."""

import io
import itertools
import time
from urllib.parse import urlsplit

import pytest
from azure.data.tables import TableServiceClient

from shared.adapters.blobs import BlobArtifacts, BlobDatasetSource
from shared.adapters.pipeline_tables import TableClaims, TablePipelines
from shared.adapters.storage import make_blob_service, make_table_service
from shared.adapters.tables import TableRunIndex, TableRunStore
from shared.core.errors import Conflict, FinetuneError, Refused, Throttled, Unauthorized, Unavailable
from shared.core.history import events_between
from shared.core.observations import Champion
from shared.core.run import Status
from tests.adapters.fault_server import fault_server, forward
from tests.core.builders import NOW, a_run

pytestmark = pytest.mark.azurite
_NUMBERS = itertools.count(1)
#: What becomes of a write; with the second half of them it is done, and the caller does not learn it.
FAULTS = {
    "reset_before": Unavailable,
    "408": Unavailable,
    "401": Unauthorized,
    "403": Unauthorized,
    "400": Refused,
    "429": Throttled,
    "429_retry_after": Throttled,
    "reset_after": Unavailable,
    "500": Unavailable,
    "503": Unavailable,
    "html": Unavailable,
    "slow": Unavailable,
}
APPLIED = ("reset_after", "500", "503", "html", "slow")


def no_credential():
    raise AssertionError("a connection string needs no credential")


def parts_of(connection_string):
    return dict(part.split("=", 1) for part in connection_string.strip(";").split(";"))


def port_of(address):
    return urlsplit(address).port


def through(connection_string, network):
    """The connection string with the network in front of the tables."""
    port = port_of(parts_of(connection_string)["TableEndpoint"])
    return connection_string.replace(f"127.0.0.1:{port}", network.url.removeprefix("http://"))


@pytest.fixture(scope="module")
def network(azurite):
    """A server between the clients and the tables of Azurite."""
    with fault_server(forward(port_of(parts_of(azurite)["TableEndpoint"]))) as made:
        yield made


@pytest.fixture(scope="module")
def tables(azurite, network):
    """As `make_table_service` makes it, but less patient."""
    address = through(azurite, network)
    with TableServiceClient.from_connection_string(address, retry_total=0, read_timeout=0.5) as service:
        yield service


@pytest.fixture
def store(tables, network):
    network.reset()
    made = TableRunStore(tables)
    assert made._table.client
    network.reset()
    return made


def a_new_run():
    return events_between(None, a_run(Status.RECEIVED, id=f"f{next(_NUMBERS):019x}"))


def stored(store, run_id):
    try:
        return store.load(run_id)
    except FinetuneError:
        return None


@pytest.mark.parametrize(("fault", "expected"), FAULTS.items())
def test_an_insert_is_sent_once_and_done_or_not(store, network, fault, expected):
    run, events = a_new_run()
    network.reset(fault)

    with pytest.raises(expected):
        store.insert(run, events)
    assert len(network.requests) == 1
    assert (stored(store, run.id) is not None) == (fault in APPLIED)
    if fault in APPLIED:
        with pytest.raises(Conflict):
            store.insert(run, events)
    else:
        store.insert(run, events)
    assert len(store.history(run.id)) == 1


@pytest.mark.parametrize(("fault", "expected"), FAULTS.items())
def test_a_replacement_is_sent_once_and_done_or_not(store, network, fault, expected):
    run, events = a_new_run()
    store.insert(run, events)
    _, version = store.load(run.id)
    network.reset(fault)

    with pytest.raises(expected):
        store.replace(run.evolve(failures=1), version, [])
    assert len(network.requests) == 1
    assert store.load(run.id)[0].failures == (1 if fault in APPLIED else 0)


def test_the_apps_own_table_client_never_repeats(azurite, network):
    """A repeated write whose first answer was lost comes back as a conflict with itself."""
    with make_table_service(through(azurite, network), None, no_credential) as service:
        made = TableRunStore(service)
        assert made._table.client
        run, events = a_new_run()
        network.reset("503", "503")
        with pytest.raises(Unavailable):
            made.insert(run, events)
        assert len(network.requests) == 1


READS = {
    "load": lambda tables: TableRunStore(tables).load("f" * 20),
    "history": lambda tables: TableRunStore(tables).history("f" * 20),
    "active": lambda tables: TableRunIndex(tables).active(),
    "newest": lambda tables: TableRunIndex(tables).newest(None, 10, None),
    "holder": lambda tables: TableClaims(tables).holder("p", "f"),
    "champion": lambda tables: TablePipelines(tables).champion("p"),
    "committed": lambda tables: TablePipelines(tables).committed("p", "2026-11"),
}
WRITES = {
    "take": lambda tables, number: TableClaims(tables).take("faults", f"f{number}", "r", None),
    "promote": lambda tables, number: TablePipelines(tables).promote(
        f"p{number}", Champion(deployment="d", model="m", run_id="r", since=NOW)
    ),
    "commit": lambda tables, number: TablePipelines(tables).commit(
        f"p{number}", "2026-11", f"r{number}", NOW, 1
    ),
    "announce": lambda tables, number: TableRunIndex(tables).announce(
        f"f{number}", "p", a_new_run()[0].dataset, NOW
    ),
    "project": lambda tables, _: TableRunIndex(tables).project(a_new_run()[0], is_settled=False),
}


@pytest.fixture(scope="module")
def filled(tables, network):
    """Tables in which every read finds something."""
    network.reset()
    run, events = events_between(None, a_run(Status.RECEIVED, id="f" * 20))
    TableRunStore(tables).insert(run, events)
    TableRunIndex(tables).project(run, is_settled=False)
    TableClaims(tables).take("p", "f", run.id, None)
    pipelines = TablePipelines(tables)
    pipelines.promote("p", Champion(deployment="d", model="m", run_id="r", since=NOW))
    pipelines.commit("p", "2026-11", run.id, NOW, 1)
    return tables


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("fault", [*FAULTS, "truncated", "cut", "html_200"])
def test_a_read_that_fails_never_looks_like_nothing(filled, network, name, fault):
    """`None` or an empty list would be believed."""
    network.reset(None, fault)  # the first request asks for the table

    with pytest.raises(FinetuneError) as raised:
        READS[name](filled)
    assert type(raised.value) is FAULTS.get(fault, Unavailable)


@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "503", "429"])
@pytest.mark.parametrize(
    ("name", "at"), [(name, at) for name in WRITES for at in range(2 if name == "announce" else 3)]
)
def test_a_write_that_failed_anywhere_can_be_repeated(tables, network, name, fault, at):
    """At the table, at the look, at the write: afterwards the same call succeeds, and once more changes nothing."""
    number = next(_NUMBERS)
    network.reset(*[None] * at, fault)

    with pytest.raises((Unavailable, Throttled)):
        WRITES[name](tables, number)
    network.reset()
    WRITES[name](tables, number)
    WRITES[name](tables, number)


def test_a_claim_whose_answer_was_lost_is_ours(tables, network):
    number = next(_NUMBERS)
    network.reset(None, None, "reset_after")

    with pytest.raises(Unavailable):
        WRITES["take"](tables, number)
    assert TableClaims(tables).holder("faults", f"f{number}") == "r"
    WRITES["take"](tables, number)


def test_blobs_are_read_again_and_their_failures_are_ours(azurite):
    parts = parts_of(azurite)
    with fault_server(forward(port_of(parts["BlobEndpoint"]))) as network:
        through_it = azurite.replace(
            f"127.0.0.1:{port_of(parts['BlobEndpoint'])}", network.url.removeprefix("http://")
        )
        with make_blob_service(through_it, None, no_credential) as service:
            artifacts = BlobArtifacts(service, "fault-artifacts")
            artifacts.write("a/b.json", io.BytesIO(b"{}"), "application/json")
            network.reset("503")
            assert artifacts.read("a/b.json") == b"{}"
            network.reset("reset_after")
            artifacts.write("a/b.json", b"[]", "application/json")
            assert artifacts.read("a/b.json") == b"[]"
            for fault, expected in {"403": Unauthorized, "400": Refused}.items():
                network.reset(fault)
                with pytest.raises(expected):
                    artifacts.names("a/")


def test_a_service_that_stays_away_is_given_up_soon(azurite):
    """Fewer than ten seconds, so that a look at a storage outage does not eat the time of the function."""
    with fault_server(forward(1)) as network:
        gone = azurite.replace(
            f"127.0.0.1:{port_of(parts_of(azurite)['BlobEndpoint'])}", network.url.removeprefix("http://")
        )
        network.reset(*["reset_before"] * 9)
        with make_blob_service(gone, None, no_credential) as service:
            started = time.monotonic()
            with pytest.raises(Unavailable):
                BlobDatasetSource(service, "datasets").properties("x")
    assert time.monotonic() - started < 10
    assert len(network.requests) == 3
