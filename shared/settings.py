"""The app settings: the only module of the app that reads the environment.  All problems are reported at once.

`SETTINGS` is the list that docs, `local.settings.json.example` and infrastructure are checked against.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from shared.core.errors import ConfigurationError
from shared.core.naming import person_key
from shared.core.policy import Policy
from shared.core.portal import Portal
from shared.core.roles import Roles


@dataclass(frozen=True, slots=True)
class Setting:
    """One app setting."""

    name: str
    about: str
    example: str
    default: str | None = None
    """None: required."""


_ORIGIN: Final = re.compile(r"https://[a-z0-9.-]+(?::[0-9]{1,5})?")
_UUID: Final = "00000000-0000-0000-0000-000000000000"

#: Settings that our code reads.  The connections `STATE` and `DATASETS` are in `CONNECTIONS`.
SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        name="FOUNDRY_PROJECT_ENDPOINT",
        about="Endpoint of the Foundry project.",
        example="https://NAME.services.ai.azure.com/api/projects/PROJECT",
    ),
    Setting(name="AZURE_SUBSCRIPTION_ID", about="Subscription of the Foundry account.", example=_UUID),
    Setting(
        name="AZURE_RESOURCE_GROUP", about="Resource group of the Foundry account.", example="rg-finetuning"
    ),
    Setting(
        name="FOUNDRY_ACCOUNT_NAME",
        about="Foundry account that deployments are made in.",
        example="my-foundry",
    ),
    Setting(
        name="ARM_ENDPOINT",
        about="Azure Resource Manager.",
        example="https://management.azure.com",
        default="https://management.azure.com",
    ),
    Setting(
        name="AZURE_CREDENTIAL",
        about="`managed_identity`, or `developer` for the az or azd sign-in of a workstation.",
        example="managed_identity",
        default="managed_identity",
    ),
    Setting(
        name="AZURE_CLIENT_ID",
        about="Client id of the user-assigned managed identity; empty for the system-assigned one.",
        example=_UUID,
        default="",
    ),
    Setting(
        name="DEPLOYER_CLIENT_ID",
        about="Client id of the identity that alone may write deployments; empty: the same as `AZURE_CLIENT_ID`.",
        example=_UUID,
        default="",
    ),
    Setting(
        name="READER_ROLE",
        about="Entra app role that may read runs and their evidence; persons and applications may hold it.",
        example="FineTune.Reader",
        default="FineTune.Reader",
    ),
    Setting(
        name="APPROVER_ROLE",
        about="Entra app role that may decide gates, cancel, retry and judge again; it reads, too.",
        example="FineTune.Approver",
        default="FineTune.Approver",
    ),
    Setting(
        name="OPERATOR_ROLE",
        about="Entra app role that may cancel, retry and judge again; it reads, too.",
        example="FineTune.Operator",
        default="FineTune.Operator",
    ),
    Setting(
        name="DATA_ROLE",
        about="Which of these app roles may read rows of datasets, and answers to them; empty: the same as `APPROVER_ROLE`.",
        example="FineTune.Approver",
        default="",
    ),
    Setting(
        name="REQUESTS_PER_MINUTE",
        about="How many requests of one person an instance of the app answers within a minute; others get 429.",
        example="120",
        default="120",
    ),
    Setting(
        name="APP_ORIGIN",
        about="Origin of the app in browsers, where a proxy shows them another than the app's; empty: the `Host` of a request.",
        example="https://finetuning.example.com",
        default="",
    ),
    Setting(
        name="TRUST_LOCAL_PRINCIPAL",
        about="`true` trusts X-MS-CLIENT-PRINCIPAL whoever sends it: for `func start` on a workstation; refused in Azure.",
        example="false",
        default="false",
    ),
    Setting(
        name="COMPANION_SETTLE_SECONDS",
        about="How long after the training file its companions may arrive.",
        example="60",
        default="60",
    ),
    Setting(
        name="START_WINDOW_SECONDS",
        about="An effect is sent this soon after its intent was stored, or not at all.",
        example="60",
        default="60",
    ),
    Setting(
        name="REQUEST_TIMEOUT_SECONDS",
        about="Longest life of one request to Foundry or Azure Resource Manager.",
        example="30",
        default="30",
    ),
    Setting(
        name="UPLOAD_TIMEOUT_SECONDS",
        about="Longest life of one file upload; an upload of unknown outcome is not repeated before that.",
        example="600",
        default="600",
    ),
    Setting(
        name="LISTING_LAG_SECONDS",
        about="How long Foundry's listings may lag behind; a request of unknown outcome is not repeated before that.",
        example="600",
        default="600",
    ),
    Setting(
        name="RUNS_IN_FLIGHT_MAX",
        about="How many runs may be between the upload of their files and the end of their evaluation; others queue.",
        example="20",
        default="20",
    ),
    Setting(name="CLOCK_SKEW_SECONDS", about="How far clocks may differ.", example="60", default="60"),
    Setting(
        name="EFFECT_LEASE_SECONDS",
        about="How long a repeatable effect is left to the process that began it; longer than functionTimeout.",
        example="960",
        default="960",
    ),
)

#: Settings that the host or the platform reads; listed so that nobody takes them for typos.
HOST_SETTINGS: Final = (
    "AzureWebJobsStorage",
    "FUNCTIONS_WORKER_RUNTIME",
    "DATASET_TRIGGER_SOURCE",
    "POLL_SCHEDULE",
    "WEBSITE_AUTH_ENABLED",
)

#: Settings that the templates in infra/ make for the worker or the platform; a workstation has no use for them.
AZURE_SETTINGS: Final = (
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
    "WEBSITE_AUTH_AAD_ALLOWED_TENANTS",  # the app reads it, too
)

#: setting -> what it connects.  Each is a connection string, or a set of `NAME__part` settings for identity-based access.
CONNECTIONS: Final = MappingProxyType(
    {
        "STATE": ("blobServiceUri", "tableServiceUri", "queueServiceUri"),
        "DATASETS": ("blobServiceUri", "queueServiceUri"),
    }
)


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a storage account: a connection string, or addresses for the app's identity."""

    name: str
    connection_string: str | None = field(default=None, repr=False)
    blob_uri: str | None = None
    table_uri: str | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked."""

    project_endpoint: str
    subscription_id: str
    resource_group: str
    account_name: str
    arm_endpoint: str
    credential: Literal["managed_identity", "developer"]
    client_id: str | None
    deployer_client_id: str | None
    """Of the identity that writes deployments; None: the same as `client_id`."""
    roles: Roles
    tenants: frozenset[str]
    """Ids of the tenants whose people may sign in, as `person_key` writes them; empty: not known, on a workstation."""
    requests_per_minute: int
    app_origin: str
    """What browsers send as `Origin`, in lower case; empty: the `Host` of a request says it."""
    has_trusted_principals: bool
    """Whether X-MS-CLIENT-PRINCIPAL can be trusted: the platform sets it, or the settings of a workstation allow it."""
    state: Connection
    datasets: Connection
    policy: Policy

    @property
    def portal(self) -> Portal:
        """Where the Foundry project is, for links."""
        return Portal(
            subscription_id=self.subscription_id,
            resource_group=self.resource_group,
            account=self.account_name,
            endpoint=self.project_endpoint,
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read and check all settings.

        Raises:
            ConfigurationError: naming every setting that cannot be used, what was found, and an example.
        """
        reader = _Reader(environ)
        settings = cls(
            project_endpoint=reader.url("FOUNDRY_PROJECT_ENDPOINT"),
            subscription_id=reader.text("AZURE_SUBSCRIPTION_ID"),
            resource_group=reader.text("AZURE_RESOURCE_GROUP"),
            account_name=reader.text("FOUNDRY_ACCOUNT_NAME"),
            arm_endpoint=reader.url("ARM_ENDPOINT"),
            credential=reader.choice("AZURE_CREDENTIAL", ("managed_identity", "developer")),
            client_id=reader.text("AZURE_CLIENT_ID") or None,
            deployer_client_id=reader.text("DEPLOYER_CLIENT_ID") or None,
            roles=reader.roles(),
            tenants=reader.tenants(),
            requests_per_minute=reader.count("REQUESTS_PER_MINUTE", least=1),
            app_origin=reader.origin("APP_ORIGIN"),
            has_trusted_principals=reader.trust(),
            state=reader.connection("STATE"),
            datasets=reader.connection("DATASETS"),
            policy=reader.policy(),
        )
        reader.finish()
        return settings


def dataset_trigger_source(environ: Mapping[str, str] = os.environ) -> str:
    """Where the blob trigger gets its events from.  Not in `Settings`: decorators ask for it when the app is imported.

    Flex Consumption delivers blob events by Event Grid only; a workstation polls the container.
    """
    return environ.get("DATASET_TRIGGER_SOURCE") or "EventGrid"


class _Reader:
    """Reads settings and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known = {setting.name: setting for setting in SETTINGS}
        self._problems: list[str] = []

    def _problem(self, name: str, what: str) -> None:
        self._problems.append(f"{name}: {what}; for example {name}={self._known[name].example}")

    def text(self, name: str) -> str:
        value = self._environ.get(name, "").strip() or self._known[name].default
        if value is None:
            self._problem(name, "is not set")
            return ""
        return value

    def url(self, name: str) -> str:
        value = self.text(name).rstrip("/")
        if value and (urlsplit(value).scheme != "https" or not urlsplit(value).hostname):
            self._problem(name, f"{value!r} is not an https address")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> Any:
        value = self.text(name)
        if value not in allowed:
            self._problem(name, f"{value!r} is not one of {', '.join(allowed)}")
        return value

    def count(self, name: str, *, least: int) -> int:
        raw = self.text(name)
        if not (raw.isascii() and raw.isdigit() and int(raw[:9]) >= least and len(raw) < 10):
            self._problem(name, f"{raw!r} is not a number of at least {least}")
            return least
        return int(raw)

    def number(self, name: str, *, least: float) -> float:
        raw = self.text(name)
        try:
            value = float(raw)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= least):
            self._problem(name, f"{raw!r} is not a number of seconds of at least {least:g}")
            return max(least, 1.0)
        return value

    def roles(self) -> Roles:
        roles = Roles(
            reader=self.text("READER_ROLE"),
            approver=self.text("APPROVER_ROLE"),
            operator=self.text("OPERATOR_ROLE"),
            data=self.text("DATA_ROLE") or self.text("APPROVER_ROLE"),
        )
        known = (roles.reader, roles.approver, roles.operator)
        if roles.data not in known:
            self._problem("DATA_ROLE", f"{roles.data!r} is not one of the app roles {', '.join(known)}")
        return roles

    def tenants(self) -> frozenset[str]:
        """The tenants that App Service lets in; it reads the same setting."""
        listed = self._environ.get("WEBSITE_AUTH_AAD_ALLOWED_TENANTS", "").split(",")
        return frozenset(person_key(tenant) for tenant in listed if tenant.strip())

    def origin(self, name: str) -> str:
        value = self.text(name).rstrip("/").lower()
        if value and not _ORIGIN.fullmatch(value):
            self._problem(name, f"{value!r} is not an https address without a path")
        return value

    def trust(self) -> bool:
        """Whether principals can be trusted: because of the platform, or, never in Azure, because of a setting."""
        is_local = self.choice("TRUST_LOCAL_PRINCIPAL", ("true", "false")) == "true"
        if not is_local:
            return self._environ.get("WEBSITE_AUTH_ENABLED", "").strip().lower() == "true"
        in_azure = [
            name
            for name in ("WEBSITE_INSTANCE_ID", "CONTAINER_NAME", "WEBSITE_SITE_NAME")
            if self._environ.get(name)
        ]
        if in_azure:
            self._problem("TRUST_LOCAL_PRINCIPAL", f"must not be true in Azure ({in_azure[0]} is set)")
        return not in_azure

    def connection(self, name: str) -> Connection:
        if text := self._environ.get(name, "").strip():
            return Connection(name=name, connection_string=text)
        parts = {
            part: self._environ.get(f"{name}__{part}", "").strip().rstrip("/") for part in CONNECTIONS[name]
        }
        missing = [f"{name}__{part}" for part, value in parts.items() if not value]
        if missing:
            self._problems.append(
                f"{name}: set it to a connection string, or set {', '.join(missing)}; "
                f"for example {name}__blobServiceUri=https://ACCOUNT.blob.core.windows.net"
            )
        return Connection(
            name=name,
            blob_uri=parts.get("blobServiceUri"),
            table_uri=parts.get("tableServiceUri"),
            client_id=self._environ.get(f"{name}__clientId", "").strip() or None,
        )

    def policy(self) -> Policy:
        return Policy(
            companion_settle_s=self.number("COMPANION_SETTLE_SECONDS", least=0),
            start_window_s=self.number("START_WINDOW_SECONDS", least=1),
            request_timeout_s=self.number("REQUEST_TIMEOUT_SECONDS", least=1),
            upload_timeout_s=self.number("UPLOAD_TIMEOUT_SECONDS", least=1),
            listing_lag_s=self.number("LISTING_LAG_SECONDS", least=0),
            in_flight_max=self.count("RUNS_IN_FLIGHT_MAX", least=1),
            clock_skew_s=self.number("CLOCK_SKEW_SECONDS", least=0),
            effect_lease_s=self.number("EFFECT_LEASE_SECONDS", least=1),
        )

    def finish(self) -> None:
        if self._problems:
            raise ConfigurationError("App settings cannot be used:\n  " + "\n  ".join(self._problems))
