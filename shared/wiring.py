"""The composition root: makes the adapters, once per process and on first use, and the services on top of them.

What they are made of is imported when they are made: the worker imports the app before it takes the first call, and everybody
waits meanwhile (`bench/startup.py`).
"""

from __future__ import annotations

from functools import cache, cached_property
from threading import Lock
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from shared.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.data.tables import TableServiceClient
    from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
    from azure.storage.blob import BlobServiceClient
    from openai import OpenAI

    from shared.ports import (
        Account,
        Artifacts,
        Claims,
        Clock,
        DatasetSource,
        Deployer,
        Files,
        Inference,
        PipelineFiles,
        Pipelines,
        RunIndex,
        RunStore,
        Trainer,
        World,
    )
    from shared.settings import Connection
    from shared.views.acts import ActViews
    from shared.views.home import Setup
    from shared.views.listed import RunsView
    from shared.views.pipeline_page import PipelineViews, Storage
    from shared.views.run_page import RunPages
    from shared.views.today import TodayView

DATASETS_CONTAINER = "datasets"
PIPELINES_CONTAINER = "pipelines"
ARTIFACTS_CONTAINER = "artifacts"
_MAKING: Final = Lock()


class AzureWorld:
    """The ports, implemented on Azure.  SDKs are imported when the port that needs them is first used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _credential(self) -> TokenCredential:
        from shared.adapters.credentials import make_credential

        return make_credential(self._settings.credential, self._settings.client_id)

    def _blobs(self, connection: Connection) -> BlobServiceClient:
        from shared.adapters.storage import make_blob_service

        return make_blob_service(
            connection.connection_string,
            connection.blob_uri,
            lambda: self._credential_of(connection.client_id),
        )

    def _credential_of(self, client_id: str | None) -> TokenCredential:
        """The credential of an identity of its own, or the app's."""
        from shared.adapters.credentials import make_credential

        if client_id and client_id != self._settings.client_id:
            return make_credential(self._settings.credential, client_id)
        return self._credential

    @cached_property
    def _tables(self) -> TableServiceClient:
        from shared.adapters.storage import make_table_service

        state = self._settings.state
        return make_table_service(
            state.connection_string, state.table_uri, lambda: self._credential_of(state.client_id)
        )

    @cached_property
    def _state_blobs(self) -> BlobServiceClient:
        return self._blobs(self._settings.state)

    @cached_property
    def _openai(self) -> OpenAI:
        from shared.adapters.foundry import create_openai_client

        return create_openai_client(
            self._settings.project_endpoint,
            self._credential,
            timeout_s=self._settings.policy.request_timeout_s,
        )

    @cached_property
    def clock(self) -> Clock:
        """Time."""
        from shared.adapters.clock import SystemClock

        return SystemClock()

    @cached_property
    def runs(self) -> RunStore:
        """Table `runs`."""
        from shared.adapters.tables import TableRunStore

        return TableRunStore(self._tables)

    @cached_property
    def index(self) -> RunIndex:
        """Table `index`."""
        from shared.adapters.tables import TableRunIndex

        return TableRunIndex(self._tables)

    @cached_property
    def claims(self) -> Claims:
        """Table `claims`."""
        from shared.adapters.pipeline_tables import TableClaims

        return TableClaims(self._tables)

    @cached_property
    def pipelines(self) -> Pipelines:
        """Table `pipelines`."""
        from shared.adapters.pipeline_tables import TablePipelines

        return TablePipelines(self._tables)

    @cached_property
    def datasets(self) -> DatasetSource:
        """Container `datasets`."""
        from shared.adapters.blobs import BlobDatasetSource

        return BlobDatasetSource(self._blobs(self._settings.datasets), DATASETS_CONTAINER)

    @cached_property
    def pipeline_files(self) -> PipelineFiles:
        """Container `pipelines`."""
        from shared.adapters.blobs import BlobPipelineFiles

        return BlobPipelineFiles(self._state_blobs, PIPELINES_CONTAINER)

    @cached_property
    def artifacts(self) -> Artifacts:
        """Container `artifacts`."""
        from shared.adapters.blobs import BlobArtifacts

        return BlobArtifacts(self._state_blobs, ARTIFACTS_CONTAINER)

    @cached_property
    def files(self) -> Files:
        """Files in Foundry."""
        from shared.adapters.foundry import FoundryFiles

        return FoundryFiles(self._openai, self.clock, upload_timeout_s=self._settings.policy.upload_timeout_s)

    @cached_property
    def trainer(self) -> Trainer:
        """Jobs in Foundry."""
        from shared.adapters.foundry import FoundryTrainer

        return FoundryTrainer(self._openai, self.clock)

    @cached_property
    def inference(self) -> Inference:
        """Chat completions."""
        from shared.adapters.foundry import FoundryInference, create_account_client

        account = create_account_client(
            self._settings.project_endpoint,
            self._credential,
            timeout_s=self._settings.policy.request_timeout_s,
        )
        return FoundryInference(self._openai, account)

    @cached_property
    def deployer(self) -> Deployer:
        """Deployments in ARM."""
        from shared.adapters.deployments import ArmDeployer

        client = self._arm(self._settings.policy.request_timeout_s)
        return ArmDeployer(client, self._settings.resource_group, self._settings.account_name)

    @cached_property
    def account(self) -> Account:
        """The account, its models and quotas in ARM."""
        from shared.adapters.account import ArmAccount

        client = self._arm(self._settings.policy.question_timeout_s)
        return ArmAccount(client, self._settings.resource_group, self._settings.account_name)

    def _arm(self, timeout_s: float) -> CognitiveServicesManagementClient:
        """A client of Resource Manager, as the identity that may deploy."""
        from shared.adapters.deployments import create_arm_client

        return create_arm_client(
            self._credential_of(self._settings.deployer_client_id),
            arm_endpoint=self._settings.arm_endpoint,
            subscription_id=self._settings.subscription_id,
            timeout_s=timeout_s,
        )


class Services:
    """What the triggers call."""

    def __init__(self, world: World, settings: Settings) -> None:
        from shared.health import Health
        from shared.intake import Intake
        from shared.people import People
        from shared.poller import Poller
        from shared.reconciler import Reconciler
        from shared.repeated import Repeated
        from shared.request_rate import RequestRate
        from shared.telemetry.world import observed
        from shared.views.decisions_page import DecisionViews
        from shared.views.home import HomeView
        from shared.views.lists import ListViews
        from shared.views.runs import RunViews

        self.settings = settings
        self.world = world = observed(world)
        self.intake = Intake(world)
        self.reconciler = Reconciler(world, settings.policy)
        self.poller = Poller(world, settings.policy, self.reconciler, self.intake)
        self.people = People(world)
        self.views = RunViews(world, settings.project_endpoint)
        self.lists = ListViews(world, settings.project_endpoint)
        self.health = Health(world)
        self.repeated = Repeated(world)
        self.request_rate = RequestRate(settings.requests_per_minute)
        # These two let one thread at a time do what takes long: there must never be two of them.
        self.home = HomeView(world, _setup(settings))
        self.decision_pages = DecisionViews(world, self.lists)

    @cached_property
    def today(self) -> TodayView:
        """The page of what the app did today."""
        from shared.views.today import TodayView

        return TodayView(self.world)

    @cached_property
    def listed_runs(self) -> RunsView:
        """Pages that list runs."""
        from shared.views.listed import RunsView

        return RunsView(self.world)

    @cached_property
    def run_pages(self) -> RunPages:
        """Pages of one run."""
        from shared.views.run_page import RunPages

        return RunPages(self.world, self.settings.roles, self.settings.portal)

    @cached_property
    def acts(self) -> ActViews:
        """Pages before somebody does something with a run."""
        from shared.views.acts import ActViews

        return ActViews(self.world, self.settings.roles)

    @cached_property
    def pipeline_pages(self) -> PipelineViews:
        """Pages of pipelines."""
        from shared.views.pipeline_page import PipelineViews

        return PipelineViews(self.world, _storage(self.settings), self.settings.project_endpoint)


def _setup(settings: Settings) -> Setup:
    """What people are shown of the settings."""
    from shared.views.home import Setup
    from shared.views.wrong import Account as AccountName

    return Setup(
        account=AccountName(
            group=settings.resource_group, name=settings.account_name, portal=settings.portal
        ),
        project=settings.project_endpoint,
        roles=settings.roles,
        in_flight_max=settings.policy.in_flight_max,
        requests_per_minute=settings.requests_per_minute,
    )


def _storage(settings: Settings) -> Storage:
    """How people reach what they write."""
    from shared.views.pipeline_page import Storage

    return Storage(datasets=_account(settings.datasets), pipelines=_account(settings.state))


def _account(connection: Connection) -> str | None:
    """Name of the account; None: there is a connection string, which is the local cloud's."""
    if connection.connection_string is not None or connection.blob_uri is None:
        return None
    return (urlsplit(connection.blob_uri).hostname or "").partition(".")[0]


def services() -> Services:
    """The services of this process; calls that come while they are made wait for the same ones.

    Raises:
        ConfigurationError: if the settings cannot be used.  That is not cached: a corrected setting is seen at the next call.
    """
    with _MAKING:
        return _services()


@cache
def _services() -> Services:
    from shared.telemetry.records import quiet_sdks

    quiet_sdks()
    settings = Settings.from_environment()
    return Services(AzureWorld(settings), settings)
