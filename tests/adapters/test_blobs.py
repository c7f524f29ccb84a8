"""Datasets at exactly one version, pipeline files, artifacts: on Azurite."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient

from shared.adapters.blobs import BlobArtifacts, BlobDatasetSource, BlobPipelineFiles
from shared.adapters.storage import make_blob_service
from shared.core.errors import DatasetChanged, NotFound

pytestmark = pytest.mark.azurite
MIB = 1024 * 1024


def no_credential():
    raise AssertionError("a connection string needs no credential")


@pytest.fixture(scope="module")
def service(azurite):
    with make_blob_service(azurite, None, no_credential) as made:
        yield made


@pytest.fixture(scope="module")
def containers(azurite):
    with BlobServiceClient.from_connection_string(azurite) as made:
        for name in ("datasets", "pipelines"):
            made.create_container(name)
        yield made


@pytest.fixture(scope="module")
def datasets(service, containers):  # noqa: ARG001  # its container must be there
    return BlobDatasetSource(service, "datasets")


@pytest.fixture
def upload(containers):
    def put(name, data=b"{}\n", container="datasets", **options):
        return containers.get_blob_client(container, name).upload_blob(data, overwrite=True, **options)

    return put


def test_a_dataset_is_described_with_version_size_and_uploader(datasets, upload):
    upload("p/a.jsonl", b"12345", metadata={"uploaded_by": "oid-1"})
    seen = datasets.properties("p/a.jsonl")

    assert (seen.container, seen.name, seen.size_bytes, seen.uploaded_by) == (
        "datasets",
        "p/a.jsonl",
        5,
        "oid-1",
    )
    assert '"' not in seen.etag
    assert datasets.properties("p/none.jsonl") is None


def test_the_listing_names_the_same_versions(datasets, upload):
    upload("listed/a.jsonl", metadata={"uploaded_by": "oid-2"})
    found = [
        ref
        for ref in datasets.changed_since(datetime.now(UTC) - timedelta(hours=1))
        if ref.name == "listed/a.jsonl"
    ]

    assert found == [datasets.properties("listed/a.jsonl")]
    assert list(datasets.changed_since(datetime.now(UTC) + timedelta(hours=1))) == []


def test_a_version_is_streamed_in_chunks(datasets, upload):
    data = bytes(range(256)) * 4 * 9 * 1024  # 9 MiB
    upload("p/big.jsonl", data)
    chunks = list(datasets.chunks("p/big.jsonl", datasets.properties("p/big.jsonl").etag))

    assert b"".join(chunks) == data
    assert len(chunks) > 1
    assert max(map(len, chunks)) <= 4 * MIB


def test_another_version_is_never_read(datasets, upload):
    upload("p/b.jsonl", b"old")
    etag = datasets.properties("p/b.jsonl").etag
    upload("p/b.jsonl", b"new")

    with pytest.raises(DatasetChanged):
        list(datasets.chunks("p/b.jsonl", etag))


def test_a_version_that_changes_while_it_is_read_is_noticed(datasets, upload):
    upload("p/c.jsonl", b"a" * 9 * MIB)
    chunks = datasets.chunks("p/c.jsonl", datasets.properties("p/c.jsonl").etag)
    next(chunks)
    upload("p/c.jsonl", b"b" * 9 * MIB)

    with pytest.raises(DatasetChanged):
        list(chunks)


def test_a_deleted_version_is_changed_too(datasets, containers, upload):
    upload("p/d.jsonl")
    etag = datasets.properties("p/d.jsonl").etag
    containers.get_blob_client("datasets", "p/d.jsonl").delete_blob()

    with pytest.raises(DatasetChanged):
        list(datasets.chunks("p/d.jsonl", etag))


def test_an_empty_dataset_can_be_read(datasets, upload):
    upload("p/empty.jsonl", b"")

    assert b"".join(datasets.chunks("p/empty.jsonl", datasets.properties("p/empty.jsonl").etag)) == b""


def test_pipeline_files_are_found_by_name_with_either_suffix(service, upload):
    files = BlobPipelineFiles(service, "pipelines")
    upload("one.yaml", b"\xef\xbb\xbfmodel: a\n", "pipelines")
    upload("two.yml", b"model: b\n", "pipelines")
    upload("prompts/long.txt", b"be brief", "pipelines")
    upload("empty.yaml", b"", "pipelines")

    assert (files.read("one"), files.read("two"), files.read("three")) == ("model: a\n", "model: b\n", None)
    assert files.read("empty") == ""
    assert files.read_text("prompts/long.txt") == "be brief"
    assert files.names() == ("empty", "one", "two")


@pytest.mark.parametrize("path", ["../datasets/p/a.jsonl", "/etc/passwd", "a/../../b", ""])
@pytest.mark.usefixtures("containers")
def test_a_path_out_of_the_container_is_no_file(service, path):
    assert BlobPipelineFiles(service, "pipelines").read_text(path) is None


def test_bytes_that_are_no_utf8_become_visible_marks(service, upload):
    upload("latin.yaml", "model: é".encode("latin-1"), "pipelines")

    assert BlobPipelineFiles(service, "pipelines").read("latin") == "model: \ufffd"


@pytest.fixture(scope="module")
def artifacts(service):
    return BlobArtifacts(service, "artifacts")


def test_artifacts_are_stored_replaced_and_listed(artifacts, containers):
    assert artifacts.read("runs/1/a.json") is None
    artifacts.write("runs/1/a.json", b"old", "application/json")
    artifacts.write("runs/1/a.json", b"new", "application/json")
    artifacts.write("runs/1/sub/b.csv", io.BytesIO(b"1,2"), "text/csv")
    artifacts.write("runs/2/c.json", b"", "application/json")

    assert artifacts.read("runs/1/a.json") == b"new"
    assert artifacts.names("runs/1/") == ["runs/1/a.json", "runs/1/sub/b.csv"]
    stored = containers.get_blob_client("artifacts", "runs/1/sub/b.csv").get_blob_properties()
    assert stored.content_settings.content_type == "text/csv"


def test_a_large_artifact_is_opened_as_a_file(artifacts):
    artifacts.write("runs/3/big", io.BytesIO(b"line\n" * 2_000_000), "application/jsonl")
    with artifacts.open("runs/3/big") as content:
        assert next(content) == b"line\n"
        assert sum(1 for _ in content) == 1_999_999


def test_an_artifact_that_is_not_there_cannot_be_opened(artifacts):
    with pytest.raises(NotFound), artifacts.open("runs/3/none"):
        pass
