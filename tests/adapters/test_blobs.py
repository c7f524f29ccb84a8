"""What the contracts of the containers leave to Blob storage itself: on Azurite."""

import io

import pytest
from azure.storage.blob import BlobServiceClient

from shared.adapters.blobs import BlobArtifacts, BlobDatasetSource, BlobPipelineFiles
from shared.adapters.storage import make_blob_service

pytestmark = pytest.mark.azurite


def no_credential():
    raise AssertionError("a connection string needs no credential")


@pytest.fixture(scope="module")
def service(azurite):
    with make_blob_service(azurite, None, no_credential) as made:
        yield made


@pytest.fixture(scope="module")
def containers(azurite):
    with BlobServiceClient.from_connection_string(azurite) as made:
        for name in ("own-datasets", "own-pipelines"):
            made.create_container(name)
        yield made


def test_an_empty_dataset_can_be_read(service, containers):
    containers.get_blob_client("own-datasets", "p/empty.jsonl").upload_blob(b"")
    datasets = BlobDatasetSource(service, "own-datasets")

    assert b"".join(datasets.chunks("p/empty.jsonl", datasets.properties("p/empty.jsonl").etag)) == b""


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"\xef\xbb\xbfmodel: a\n", "model: a\n"), ("model: é".encode("latin-1"), "model: \ufffd"), (b"", "")],
    ids=["byte order mark", "no UTF-8", "empty"],
)
def test_a_pipeline_file_is_text_whatever_its_bytes(service, containers, raw, text):
    """What is no UTF-8 becomes a visible mark, which the reader of the file reports with its line."""
    containers.get_blob_client("own-pipelines", "odd.yaml").upload_blob(raw, overwrite=True)

    assert BlobPipelineFiles(service, "own-pipelines").read("odd") == text


def test_artifacts_carry_their_content_type(service, containers):
    BlobArtifacts(service, "own-artifacts").write("runs/1/b.csv", io.BytesIO(b"1,2"), "text/csv")
    stored = containers.get_blob_client("own-artifacts", "runs/1/b.csv").get_blob_properties()

    assert stored.content_settings.content_type == "text/csv"


def test_a_large_artifact_is_read_line_by_line(service):
    artifacts = BlobArtifacts(service, "own-artifacts")
    artifacts.write("runs/3/big", io.BytesIO(b"line\n" * 2_000_000), "application/jsonl")
    with artifacts.open("runs/3/big") as content:
        assert next(content) == b"line\n"
        assert sum(1 for _ in content) == 1_999_999
