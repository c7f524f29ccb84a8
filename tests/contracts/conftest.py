"""Each port twice: its twin in memory, and the real adapter on the real protocol."""

import itertools

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from shared.adapters.blobs import BlobArtifacts, BlobDatasetSource, BlobPipelineFiles
from shared.adapters.clock import SystemClock
from shared.adapters.pipeline_tables import TableClaims, TablePipelines
from shared.adapters.storage import make_blob_service, make_table_service
from shared.adapters.tables import TableRunIndex, TableRunStore
from shared.core.run import Status
from tests.contracts import recording
from tests.contracts.recording import Recorded
from tests.support.builders import a_run
from tests.twins.world import TwinWorld

_NUMBERS = itertools.count(1)


def _no_credential():
    raise AssertionError("a connection string needs no credential")


class TwinPorts(TwinWorld):
    """The twins, with the hand that drops files and sets the size of pages."""

    def list_by(self, page_names):
        self.datasets.page_names = page_names

    def put_dataset(self, name, data, uploaded_by=None):
        self.datasets.put(name, data, uploaded_by=uploaded_by)

    def remove_dataset(self, name):
        self.datasets.remove(name)

    def put_pipeline_file(self, path, text):
        self.pipeline_files.put(path, text)


class AzuritePorts:
    """The adapters on Azurite, with the same hand."""

    clock = SystemClock()

    def __init__(self, tables: TableServiceClient, blobs: BlobServiceClient):
        self._blobs = blobs
        for name in ("contract-datasets", "contract-pipelines"):
            blobs.create_container(name)
        self.runs, self.index = TableRunStore(tables), TableRunIndex(tables)
        self.claims, self.pipelines = TableClaims(tables), TablePipelines(tables)
        self.datasets = BlobDatasetSource(blobs, "contract-datasets")
        self.pipeline_files = BlobPipelineFiles(blobs, "contract-pipelines")
        self.artifacts = BlobArtifacts(blobs, "contract-artifacts")

    def list_by(self, page_names):
        self.datasets = BlobDatasetSource(self._blobs, "contract-datasets", page_names=page_names)

    def put_dataset(self, name, data, uploaded_by=None):
        metadata = {"uploaded_by": uploaded_by} if uploaded_by else None
        self._blobs.get_blob_client("contract-datasets", name).upload_blob(
            data, overwrite=True, metadata=metadata
        )

    def remove_dataset(self, name):
        self._blobs.get_blob_client("contract-datasets", name).delete_blob()

    def put_pipeline_file(self, path, text):
        self._blobs.get_blob_client("contract-pipelines", path).upload_blob(text.encode(), overwrite=True)


@pytest.fixture(scope="session")
def on_azurite(azurite):
    with (
        make_table_service(azurite, None, _no_credential) as tables,
        make_blob_service(azurite, None, _no_credential) as blobs,
    ):
        yield AzuritePorts(tables, blobs)


@pytest.fixture(params=["twin", pytest.param("azurite", marks=pytest.mark.azurite)])
def ports(request):
    """The storage ports: twins of this test's own, or the adapters on the session's Azurite."""
    if request.param == "twin":
        return Recorded(TwinPorts(), request.cls.__name__ if request.cls else "")
    return request.getfixturevalue("on_azurite")


@pytest.fixture(params=["twin", pytest.param("azurite", marks=pytest.mark.azurite)])
def empty_datasets(request):
    """A container of datasets without any."""
    if request.param == "twin":
        return TwinWorld().datasets
    blobs = request.getfixturevalue("on_azurite")._blobs
    blobs.create_container("contract-empty")
    return BlobDatasetSource(blobs, "contract-empty")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Before some of them are left out."""
    recording.collect(items)


def pytest_sessionfinish():
    """What `test_completeness.py` asks for."""
    recording.write()


@pytest.fixture
def fresh():
    """Makes runs that no other test knows."""

    def make(status=Status.RECEIVED, **changes):
        return a_run(status, **({"id": f"c{next(_NUMBERS):019x}"} | changes))

    return make
