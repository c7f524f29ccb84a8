"""Every call of every adapter under every fault: done once or not at all, one of our errors, soon.

The real clients, made by the product's own constructors, talk to a server that answers as badly as a network can; behind it are
Azurite, or small models of Foundry and ARM that count what they applied.
"""

import contextlib
import gc
import importlib
import inspect
import pkgutil
import time
import warnings
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient

import shared.adapters
from shared.adapters.azure_errors import from_azure
from shared.adapters.credentials import make_credential
from shared.adapters.storage import Patience
from shared.core.errors import (
    Conflict,
    FinetuneError,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
    Unauthorized,
    Unavailable,
)
from tests.adapters.cases import (
    CASES,
    CONTENT,
    PATIENT_S,
    READ_S,
    arm_adapters,
    foundry_adapters,
    patience,
    storage_adapters,
)
from tests.adapters.fault_server import arm, as_json, fault_server
from tests.adapters.network import in_front_of, through
from tests.support.pairs import some_pairs

pytestmark = [
    pytest.mark.azurite,
    pytest.mark.filterwarnings("ignore:.*socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]
#: What each fault means for a request that may be repeated.  Where the answer alone is bad, the effect is there.
FAULTS = {
    "reset_before": Unavailable,
    "reset_after": Unavailable,
    "408": Unavailable,
    "409": (Unavailable, Refused, Conflict),
    "429": Throttled,
    "429_retry_after": Throttled,
    "500": Unavailable,
    "503": Unavailable,
    "slow": Unavailable,
    "truncated": Unavailable,
    "emptied": Unavailable,
    "cut": Unavailable,
    "html": Unavailable,
    "html_200": Unavailable,
    "endless": Unavailable,
    "drip": Unavailable,
    "late": Unavailable,
}
#: Not one of them says whether the request was applied.
SILENT = frozenset(FAULTS) - {"409", "429", "429_retry_after"}
#: The status is good, only the body is not.
BAD_BODY = frozenset({"truncated", "emptied", "cut", "html_200", "endless", "drip"})
#: Only the patience of the client ends these; all others answer at once, whatever else this machine has to do.
WAITED_FOR = frozenset({"slow", "endless", "drip"})
LONGEST_S = 3.0


class Way(NamedTuple):
    """The server of a service, and adapters on the way through it or past it."""

    network: Any
    patient: Any
    impatient: Any
    straight: Any = None

    @property
    def direct(self):
        """Those with which nothing goes wrong; they go past the server if there is something behind it."""
        return self.straight or self.patient


@pytest.fixture(scope="module")
def networks(azurite):
    """A server for each service, the adapters that talk through it with and without patience, and those that ask directly."""
    with (
        BlobServiceClient.from_connection_string(azurite) as service,
        in_front_of(azurite, "Blob") as blobs,
        in_front_of(azurite, "Table") as tables,
        fault_server() as foundry,
        fault_server(arm) as resources,
    ):
        for container in ("matrix-datasets", "matrix-pipelines"):
            service.create_container(container)
        service.get_blob_client("matrix-datasets", "p/a.jsonl").upload_blob(CONTENT)
        service.get_blob_client("matrix-pipelines", "p.yaml").upload_blob("model: a\n")
        patient, impatient = patience(PATIENT_S, PATIENT_S), patience()
        of_tables, of_blobs = (
            through(azurite, "Table", tables),
            through(azurite, "Blob", blobs),
        )
        made = {
            "tables": (
                tables,
                storage_adapters(of_tables, "tables", patient),
                storage_adapters(of_tables, "tables", impatient),
                storage_adapters(azurite, "tables", Patience()),
            ),
            "blobs": (
                blobs,
                storage_adapters(of_blobs, "blobs", patient),
                storage_adapters(of_blobs, "blobs", impatient),
                storage_adapters(azurite, "blobs", Patience()),
            ),
            "foundry": (
                foundry,
                foundry_adapters(foundry.url, PATIENT_S),
                foundry_adapters(foundry.url),
            ),
            "arm": (
                resources,
                arm_adapters(resources.url, PATIENT_S, PATIENT_S),
                arm_adapters(resources.url),
            ),
        }
        yield {name: Way(network, *(at for at, _ in pairs)) for name, (network, *pairs) in made.items()}
        for _, *pairs in made.values():
            for _, client in pairs:
                client.close()
    with (
        warnings.catch_warnings()
    ):  # of an answer that broke off, clients leave the socket to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    """No pauses between the clients' own tries."""
    monkeypatch.setattr(
        "openai._base_client.BaseClient._calculate_retry_timeout", lambda *_args, **_more: 0.01
    )
    monkeypatch.setattr("azure.storage.blob._download.time", SimpleNamespace(sleep=lambda _: None))


def expected(case, fault):
    if not case.is_idempotent and fault in SILENT:
        return OutcomeUnknown
    return FAULTS[fault]


@pytest.mark.parametrize(("name", "fault"), some_pairs(CASES, FAULTS))
def test_a_fault_is_reported_soon_and_nothing_is_done_twice(networks, name, fault):
    case = CASES[name]
    way = networks[case.service]
    network, direct = way.network, way.direct
    at = way.impatient if fault in WAITED_FOR else way.patient
    network.reset()
    it = case.prepare(direct)
    good = None if case.holds else case.call(direct, it)
    network.reset(*[fault] * 9)

    started = time.monotonic()
    try:
        answer = case.call(at, it)
    except FinetuneError as error:
        raised, answer = error, None
    else:
        raised = None
    took_s = time.monotonic() - started

    assert took_s < LONGEST_S
    network.end_late()
    sent = [request for request, _ in network.requests]
    assert len(sent) <= case.tries * (case.requests if fault in BAD_BODY else 1)
    if raised is None:
        assert_it_may_be_believed(case, fault, answer, good, network)
    else:
        assert isinstance(raised, expected(case, fault)), repr(raised)
    if fault == "429_retry_after" and raised:
        assert raised.retry_after_s == 9
    if not case.is_idempotent:
        assert len(network.applied) <= 1
    if case.holds:
        assert_one_effect(case, at, direct, it, network)


def assert_it_may_be_believed(case, fault, answer, good, network):
    """Without an error, the caller must have got the truth, or the effect must be there."""
    assert fault in BAD_BODY or (fault == "409" and not case.reads_answer), "a fault was taken for an answer"
    if case.reads_answer:
        assert answer == good or case.is_opaque
    elif fault in BAD_BODY:
        assert network.applied


def assert_one_effect(case, at, direct, it, network):
    """However often it is repeated, as the reconciler does after the next look, and whatever still arrives late."""
    network.reset("late")
    with contextlib.suppress(Conflict, Unavailable):
        case.call(at, it)
    for _ in range(2):
        with contextlib.suppress(Conflict):  # our own write, whose answer was lost
            case.call(direct, it)
    network.end_late()
    assert case.holds(direct, it)


def public_methods(kind):
    return [
        name for name, value in vars(kind).items() if inspect.isfunction(value) and not name.startswith("_")
    ]


def test_every_method_of_every_adapter_has_its_faults():
    """A new one without a case fails here.  What only a port's methods use (`Table`) is driven by them."""
    exempt = {"SystemClock", "Table", "ReadableCredential", "BoundedTransport", "Patience", "Entity"}
    methods = set()
    for module in pkgutil.iter_modules(shared.adapters.__path__):
        loaded = importlib.import_module(f"shared.adapters.{module.name}")
        for kind in vars(loaded).values():
            if (
                inspect.isclass(kind)
                and kind.__module__ == loaded.__name__
                and not kind.__name__.startswith("_")
            ):
                methods |= {
                    f"{kind.__name__}.{name}" for name in public_methods(kind) if kind.__name__ not in exempt
                }

    assert methods == set(CASES)


def test_the_faults_are_those_of_the_issue():
    assert len(FAULTS) >= 12


def test_the_first_pairs_have_every_fault_for_every_service():
    first = {
        (CASES[name].service, fault) for (name, fault), marks, _ in some_pairs(CASES, FAULTS) if not marks
    }

    assert first == {(case.service, fault) for case in CASES.values() for fault in FAULTS}


def token(_method, _path, _headers, _body):
    return as_json(
        {
            "access_token": "t",
            "expires_on": str(int(time.time()) + 3600),
            "resource": "r",
            "token_type": "Bearer",
        }
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_token_that_does_not_come_is_reported_soon_and_as_something_that_may_pass(fault, monkeypatch):
    """Nothing was sent to the service then, so that even a create may be repeated at once."""
    with fault_server(token) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        assert (
            make_credential("managed_identity", None, read_s=PATIENT_S).get_token("https://x/.default").token
            == "t"
        )
        server.reset(*[fault] * 9)
        started = time.monotonic()
        with pytest.raises(AzureError) as raised:
            make_credential("managed_identity", None, read_s=READ_S).get_token("https://x/.default")
        assert isinstance(from_azure("token", raised.value), (Unauthorized, Retryable))
    assert time.monotonic() - started < LONGEST_S
