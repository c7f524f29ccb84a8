"""The real blob client with a network between it and Azurite: what is read is whole, or it is an error of ours."""

import gc
import io
import time
import warnings
from datetime import UTC, datetime

import pytest
from azure.storage.blob import BlobServiceClient

from shared.adapters.blobs import BlobArtifacts, BlobDatasetSource, BlobPipelineFiles
from shared.adapters.storage import make_blob_service
from shared.core.errors import (
    DatasetChanged,
    FinetuneError,
    NotFound,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)
from tests.adapters.fault_server import fault_server, forward
from tests.adapters.network import in_front_of, no_credential, through

#: Of a download that breaks off the client leaves the socket to the garbage collector.
pytestmark = [
    pytest.mark.azurite,
    pytest.mark.filterwarnings("ignore:.*socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
BLOCK = 1000
CONTENT = bytes(range(250)) * 10  # two and a half blocks
TEXT = "model: a\n" * 280


@pytest.fixture(scope="module")
def network(azurite):
    with (
        BlobServiceClient.from_connection_string(azurite) as service,
        in_front_of(azurite, "Blob") as made,
    ):
        for container in ("fault-datasets", "fault-pipelines", "fault-artifacts"):
            service.create_container(container)
        service.get_blob_client("fault-datasets", "p/a.jsonl").upload_blob(CONTENT)
        service.get_blob_client("fault-artifacts", "a").upload_blob(CONTENT)
        service.get_blob_client("fault-pipelines", "p.yaml").upload_blob(TEXT)
        yield made


@pytest.fixture(scope="module", autouse=True)
def sockets():
    """Those that are left are closed before the next module, whose tests would be blamed."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def ports(azurite, network):
    """As `make_blob_service` makes the client, but less patient and in smaller blocks."""
    options = {"retry_total": 0, "read_timeout": 0.5}
    blocks = {"max_single_get_size": BLOCK, "max_chunk_get_size": BLOCK}
    address = through(azurite, "Blob", network)
    with BlobServiceClient.from_connection_string(address, **options, **blocks) as service:
        artifacts = BlobArtifacts(service, "fault-artifacts")
        assert artifacts._client
        datasets = BlobDatasetSource(service, "fault-datasets")
        yield datasets, BlobPipelineFiles(service, "fault-pipelines"), artifacts


@pytest.fixture(scope="module")
def etag(ports):
    return ports[0].properties("p/a.jsonl").etag


def opened(artifacts):
    with artifacts.open("a") as copy:
        return copy.read()


DOWNLOADS = {
    "chunks": (lambda ports, etag: b"".join(ports[0].chunks("p/a.jsonl", etag)), CONTENT),
    "read": (lambda ports, _: ports[2].read("a"), CONTENT),
    "open": (lambda ports, _: opened(ports[2]), CONTENT),
    "pipeline": (lambda ports, _: ports[1].read("p"), TEXT),
    "prompt": (lambda ports, _: ports[1].read_text("p.yaml"), TEXT),
}
LOOKS = {
    "properties": lambda ports: ports[0].properties("p/a.jsonl"),
    "changed_since": lambda ports: list(ports[0].changed_since(LONG_AGO)),
    "pipelines": lambda ports: ports[1].names(),
    "artifacts": lambda ports: ports[2].names(""),
}
SAID = {
    "reset_before": Unavailable,
    "reset_after": Unavailable,
    "slow": Unavailable,
    "408": Unavailable,
    "500": Unavailable,
    "503": Unavailable,
    "html": Unavailable,
    "401": Unauthorized,
    "403": Unauthorized,
    "400": Refused,
    "429": Throttled,
    "429_retry_after": Throttled,
}


@pytest.mark.parametrize(("fault", "expected"), [*SAID.items(), ("html_200", Unavailable)])
@pytest.mark.parametrize("at", [0, pytest.param(1, marks=pytest.mark.thorough), 2])
@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_download_is_whole_or_an_error(ports, network, etag, name, at, fault, expected):
    """The client takes a sign-in page for the block that it asked for."""
    download, content = DOWNLOADS[name]
    network.reset()
    assert download(ports, etag) == content
    network.reset(*[None] * at, fault)

    with pytest.raises(expected):
        download(ports, etag)
    assert len(network.requests) >= at + 1


@pytest.mark.parametrize("fault", ["truncated", "cut"])
@pytest.mark.parametrize("at", [0, pytest.param(1, marks=pytest.mark.thorough), 2])
@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_download_that_breaks_off_is_resumed_or_given_up(ports, network, etag, name, at, fault):
    """The client asks again for some of what is missing, and takes half of a block for the whole in other places."""
    download, content = DOWNLOADS[name]
    network.reset(*[None] * at, fault)

    try:
        assert download(ports, etag) == content
    except Unavailable:
        assert len(network.requests) >= at + 1


@pytest.mark.parametrize(("name", "expected"), [("chunks", DatasetChanged), ("open", NotFound)])
@pytest.mark.parametrize("at", [0, 1])
def test_what_goes_away_while_it_is_read_is_reported(ports, network, etag, name, at, expected):
    network.reset(*[None] * at, "404")

    with pytest.raises(expected):
        DOWNLOADS[name][0](ports, etag)


@pytest.mark.parametrize(("fault", "expected"), [*SAID.items(), ("html_200", Unavailable)])
@pytest.mark.parametrize("name", LOOKS)
def test_a_look_that_fails_never_looks_like_nothing(ports, network, name, fault, expected):
    network.reset(fault)

    with pytest.raises(FinetuneError) as raised:
        LOOKS[name](ports)
    assert type(raised.value) is expected
    assert len(network.requests) == 1


@pytest.mark.parametrize("fault", ["truncated", "cut", "emptied"])
@pytest.mark.parametrize("name", [name for name in LOOKS if name != "properties"])
def test_a_listing_that_cannot_be_understood_can_be_repeated(ports, network, name, fault):
    network.reset(fault)

    with pytest.raises(Unavailable):
        LOOKS[name](ports)


@pytest.mark.parametrize(("fault", "expected"), SAID.items())
def test_a_write_that_failed_can_be_repeated(ports, network, fault, expected):
    artifacts = ports[2]
    network.reset(fault)

    with pytest.raises(expected):
        artifacts.write("w", fault.encode(), "text/plain")
    artifacts.write("w", fault.encode(), "text/plain")
    assert artifacts.read("w") == fault.encode()


def test_the_apps_own_blob_client_reads_and_writes_again(azurite, network):
    with make_blob_service(through(azurite, "Blob", network), None, no_credential) as service:
        artifacts = BlobArtifacts(service, "fault-artifacts")
        artifacts.write("a/b.json", io.BytesIO(b"{}"), "application/json")
        network.reset("503")
        assert artifacts.read("a/b.json") == b"{}"
        network.reset("reset_after")
        artifacts.write("a/b.json", b"[]", "application/json")
        assert artifacts.read("a/b.json") == b"[]"


def test_a_service_that_stays_away_is_given_up_soon(azurite):
    """Fewer than ten seconds, so that a look at a storage outage does not eat the time of the function."""
    with fault_server(forward(1)) as network:
        network.reset(*["reset_before"] * 9)
        with make_blob_service(through(azurite, "Blob", network), None, no_credential) as service:
            started = time.monotonic()
            with pytest.raises(Unavailable):
                BlobDatasetSource(service, "datasets").properties("x")
    assert time.monotonic() - started < 10
    assert len(network.requests) == 3
