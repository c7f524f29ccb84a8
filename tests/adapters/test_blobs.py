"""What only Blob storage knows of: containers that are made, metadata, sizes, bytes that are no text."""

import gc
import sys

import pytest

from shared.adapters.blobs import BlobArtifacts, BlobDatasetSource, BlobPipelineFiles
from shared.adapters.storage import make_blob_service
from shared.core.errors import Refused
from shared.core.pipeline.file import PipelineFileError, parse_pipeline

pytestmark = pytest.mark.azurite
KIB, MIB = 1024, 1024 * 1024


def no_credential():
    raise AssertionError("a connection string needs no credential")


@pytest.fixture(scope="module")
def service(azurite):
    with make_blob_service(azurite, None, no_credential) as made:
        made.create_container("datasets")
        made.create_container("pipelines")
        yield made


def upload(service, container, name, data, **options):
    service.get_blob_client(container, name).upload_blob(data, overwrite=True, **options)


@pytest.mark.parametrize("key", ["uploaded_by", "Uploaded_By"])
def test_the_uploader_is_read_from_metadata_in_any_case(service, key):
    upload(service, "datasets", f"p/{key}.jsonl", b"{}", metadata={key: "oid-1"})
    datasets = BlobDatasetSource(service, "datasets")
    seen = datasets.properties(f"p/{key}.jsonl")

    assert (seen.container, seen.uploaded_by) == ("datasets", "oid-1")


def test_a_large_dataset_is_never_in_memory_as_a_whole(service):
    upload(service, "datasets", "p/big.jsonl", b"x" * 9 * MIB)
    datasets = BlobDatasetSource(service, "datasets")
    chunks = list(datasets.chunks("p/big.jsonl", datasets.properties("p/big.jsonl").etag))

    assert [len(chunk) for chunk in chunks] == [4 * MIB, 4 * MIB, 1 * MIB]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\xef\xbb\xbfmodel: a\n", "model: a\n"),
        ("model: é".encode("latin-1"), "model: \ufffd"),
        (b"", ""),
    ],
    ids=["byte order mark", "no UTF-8", "empty"],
)
def test_odd_bytes_of_a_pipeline_file_become_text_that_its_reader_can_report(service, raw, text):
    upload(service, "pipelines", "odd.yaml", raw)

    assert BlobPipelineFiles(service, "pipelines").read("odd") == text


@pytest.mark.parametrize("letter", ["#", "é", "漢", "🙂"])
def test_a_pipeline_file_that_is_too_large_is_refused_and_not_cut(service, letter):
    """Cut at a line's end it would parse, with a default in place of the budget that stood below."""
    filling = f"#{letter * 1000}\n" * 270
    upload(
        service, "pipelines", "large.yaml", f"model: gpt-4.1\n{filling}budget: {{per_run_usd: 1}}\n".encode()
    )
    text = BlobPipelineFiles(service, "pipelines").read("large")

    with pytest.raises(PipelineFileError, match="at most 262144 are read"):
        parse_pipeline(text, name="large")


def test_the_container_of_artifacts_is_made_when_it_is_missing_and_kept_when_it_is_there(service):
    for data in (b"one", b"two"):
        BlobArtifacts(service, "made-artifacts").write("a.json", data, "application/json")

    assert BlobArtifacts(service, "made-artifacts").read("a.json") == b"two"
    properties = service.get_blob_client("made-artifacts", "a.json").get_blob_properties()
    assert properties.content_settings.content_type == "application/json"


def test_an_artifact_larger_than_the_spool_is_read_in_full(service):
    """It goes to a file on disk then."""
    artifacts = BlobArtifacts(service, "made-artifacts")
    data = bytes(range(256)) * 4 * KIB * 33  # 33 MiB
    artifacts.write("large.bin", data, "application/octet-stream")

    with artifacts.open("large.bin") as copy:
        assert copy.read() == data


def test_a_container_that_is_missing_is_a_refusal_for_listings_and_nothing_for_names(service):
    nowhere = BlobPipelineFiles(service, "no-such-container")

    assert nowhere.read("one") is None
    with pytest.raises(Refused, match="ContainerNotFound"):
        nowhere.names()


def test_an_empty_blob_leaves_no_connection_open(service, monkeypatch):
    upload(service, "datasets", "p/empty.jsonl", b"")
    datasets = BlobDatasetSource(service, "datasets")
    left_open = []
    monkeypatch.setattr(sys, "unraisablehook", left_open.append)
    gc.collect()
    left_open.clear()

    assert list(datasets.chunks("p/empty.jsonl", datasets.properties("p/empty.jsonl").etag)) == []
    gc.collect()
    assert left_open == []
