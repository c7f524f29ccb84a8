"""The real table client with a network between them and Azurite that fails at the worst moments."""

import itertools

import pytest
from azure.data.tables import TableServiceClient

from shared.adapters.pipeline_tables import TableClaims, TablePipelines
from shared.adapters.storage import make_table_service
from shared.adapters.tables import TableRunIndex, TableRunStore
from shared.core.errors import Conflict, FinetuneError, Refused, Throttled, Unauthorized, Unavailable
from shared.core.history import events_between
from shared.core.observations import Champion
from shared.core.run import Status
from tests.adapters.network import in_front_of, no_credential, through
from tests.support.builders import NOW, a_run
from tests.support.pairs import some_pairs

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


@pytest.fixture(scope="module")
def network(azurite):
    """A server between the clients and the tables of Azurite."""
    with in_front_of(azurite, "Table") as made:
        yield made


@pytest.fixture(scope="module")
def tables(azurite, network):
    """As `make_table_service` makes it, but less patient."""
    address = through(azurite, "Table", network)
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


@pytest.mark.parametrize("fault", ["truncated", "html_200", "emptied"])
def test_a_batch_whose_answer_cannot_be_read_has_to_be_read_again(store, network, fault):
    """It was applied; what the client raises then is not even one of its own errors."""
    run, events = a_new_run()
    network.reset(fault)
    with pytest.raises(Unavailable):
        store.insert(run, events)
    _, version = store.load(run.id)
    network.reset(fault)
    with pytest.raises(Unavailable):
        store.replace(run.evolve(failures=1), version, [])

    assert store.load(run.id)[0].failures == 1


def test_the_apps_own_table_client_never_repeats(azurite, network):
    """A repeated write whose first answer was lost comes back as a conflict with itself."""
    with make_table_service(through(azurite, "Table", network), None, no_credential) as service:
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
        f"p{number}", Champion(deployment="d", model="m", run_id="r", since=NOW), None
    ),
    "commit": lambda tables, number: TablePipelines(tables).commit(
        f"p{number}", "2026-11", f"r{number}", NOW, 1
    ),
    "look": lambda tables, number: TablePipelines(tables).look(
        f"p{number}", digest="d", exam="e", run_id="r", at=NOW
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
    pipelines.promote("p", Champion(deployment="d", model="m", run_id="r", since=NOW), None)
    pipelines.commit("p", "2026-11", run.id, NOW, 1)
    return tables


@pytest.mark.parametrize(
    ("name", "fault"), some_pairs(READS, [*FAULTS, "truncated", "cut", "html_200", "emptied"])
)
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
