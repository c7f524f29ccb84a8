"""What must hold in every deployment, whatever its parameters: each check takes what would be sent and returns what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from local.rights import ASSIGNMENT, DEFINITION
from tests.infra.compiler import INFRA
from tests.infra.snapshots import assignment, at, only, resources

Sent = dict[str, Any]
ROLES: Final = json.loads((INFRA / "roles.json").read_text())
SITE: Final = "Microsoft.Web/sites"
STORAGE: Final = "Microsoft.Storage/storageAccounts"

#: No keys, no public reading, no plain text, no door that nobody guards.
HARDENED: Final[dict[str, dict[str, Any]]] = {
    STORAGE: {
        "properties.allowSharedKeyAccess": False,
        "properties.allowBlobPublicAccess": False,
        "properties.allowCrossTenantReplication": False,
        "properties.supportsHttpsTrafficOnly": True,
        "properties.minimumTlsVersion": "TLS1_2",
        "properties.networkAcls.bypass": "AzureServices",
    },
    f"{STORAGE}/blobServices": {
        "properties.deleteRetentionPolicy.enabled": True,
        "properties.containerDeleteRetentionPolicy.enabled": True,
    },
    f"{STORAGE}/blobServices/containers": {"properties.publicAccess": "None"},
    "Microsoft.CognitiveServices/accounts": {"properties.disableLocalAuth": True},
    "Microsoft.Insights/components": {"properties.DisableLocalAuth": True},
    "Microsoft.OperationalInsights/workspaces": {"properties.features.disableLocalAuth": True},
    SITE: {
        "properties.httpsOnly": True,
        "properties.siteConfig.minTlsVersion": "1.2",
        "properties.siteConfig.scmMinTlsVersion": "1.2",
    },
    f"{SITE}/basicPublishingCredentialsPolicies": {"properties.allow": False},
    f"{SITE}/config": {
        "properties.platform.enabled": True,
        "properties.globalValidation.requireAuthentication": True,
        "properties.globalValidation.unauthenticatedClientAction": "RedirectToLoginPage",
        "properties.httpSettings.requireHttps": True,
    },
}
#: Where an account of others is used, none is made.
OPTIONAL: Final = {"Microsoft.CognitiveServices/accounts"}

#: Type -> what Azure takes as a name (Azure's "naming rules and restrictions", 2026-11-28).
NAMES: Final = {
    "Microsoft.Resources/resourceGroups": r"[-\w.()]{1,89}[-\w()]",
    STORAGE: r"[a-z0-9]{3,24}",
    f"{STORAGE}/blobServices/containers": r"[a-z0-9](-?[a-z0-9]){2,62}",
    f"{STORAGE}/queueServices/queues": r"[a-z0-9](-?[a-z0-9]){2,62}",
    SITE: r"[a-zA-Z0-9][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]",
    "Microsoft.Web/serverfarms": r"[a-zA-Z0-9-]{1,60}",
    "Microsoft.CognitiveServices/accounts": r"[a-zA-Z0-9][a-zA-Z0-9-]{0,62}[a-zA-Z0-9]",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[a-zA-Z0-9][\w-]{2,127}",
    "Microsoft.EventGrid/systemTopics": r"[a-zA-Z0-9-]{3,50}",
    "Microsoft.OperationalInsights/workspaces": r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]",
    "Microsoft.Consumption/budgets": r"[a-zA-Z0-9_-]{1,63}",
    "Microsoft.Network/virtualNetworks": r"[a-zA-Z0-9][\w.-]{0,62}\w",
}
#: Flex Consumption refuses these properties and settings (flex-consumption-plan, app-settings).
REFUSED: Final = {
    "linuxFxVersion", "windowsFxVersion", "alwaysOn", "use32BitWorkerProcess", "functionAppScaleLimit",
    "minimumElasticInstanceCount", "healthCheckPath", "containerSize", "preWarmedInstanceCount", "netFrameworkVersion",
}  # fmt: skip
REFUSED_SETTINGS: Final = re.compile(
    "FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|ENABLE_ORYX_BUILD|SCM_DO_BUILD_DURING_DEPLOYMENT|WEBSITE_CONTENT.*"
    "|WEBSITE_RUN_FROM_PACKAGE|WEBSITE_VNET_ROUTE_ALL|WEBSITE_TIME_ZONE|WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT"
    "|FUNCTIONS_WORKER_PROCESS_COUNT|FUNCTIONS_MAX_HTTP_CONCURRENCY"
)


def hardening(sent: Sent) -> Iterator[str]:
    """No keys, no public reading, no plain text, no door that nobody guards."""
    for kind, wanted in HARDENED.items():
        found = resources(sent, kind)
        if not found and kind not in OPTIONAL:
            yield f"nothing makes a {kind}"
        for resource in found:
            for path, value in wanted.items():
                if at(resource, path) != value:
                    yield f"{resource['name']}: {path} is {at(resource, path)!r}, expected {value!r}"
    if re.search(r"\blist[A-Z]\w*\(", json.dumps(sent)):
        yield "keys are read in event-subscription.bicep only"


def versioning(sent: Sent) -> Iterator[str]:
    """Former versions of what people wrote are kept."""
    kept = {
        r["name"]: at(r, "properties.isVersioningEnabled") for r in resources(sent, f"{STORAGE}/blobServices")
    }
    if not any(kept[name] for name in kept if name.startswith("stdata")):
        yield "versions of datasets, pipeline files and artifacts are not kept"


def flex(sent: Sent) -> Iterator[str]:
    """Only what Flex Consumption takes, and what is for production."""
    site, plan = only(sent, SITE), only(sent, "Microsoft.Web/serverfarms")
    given = set(site["properties"]) | set(site["properties"]["siteConfig"])
    yield from (f"{key}: Flex Consumption refuses it" for key in sorted(given & REFUSED))
    settings = [pair["name"] for pair in at(site, "properties.siteConfig.appSettings")]
    yield from (f"{n}: Flex Consumption has no use for it" for n in settings if REFUSED_SETTINGS.fullmatch(n))
    if at(plan, "sku.name") != "FC1" or at(plan, "properties.reserved") is not True:
        yield "the plan is not FC1 on Linux"
    config = "properties.functionAppConfig"
    if at(site, f"{config}.scaleAndConcurrency.instanceMemoryMB") not in {512, 2048, 4096}:
        yield "instanceMemoryMB is not 512, 2048 or 4096"
    if not 40 <= (at(site, f"{config}.scaleAndConcurrency.maximumInstanceCount") or 0) <= 1000:
        yield "maximumInstanceCount is not from 40 to 1000"
    groups = [group["name"] for group in at(site, f"{config}.scaleAndConcurrency.alwaysReady")]
    yield from (f"{group} is no scale group" for group in groups if group not in {"http", "blob", "durable"})
    if at(site, f"{config}.siteUpdateStrategy.type") not in {"Recreate", "RollingUpdate"}:
        yield "siteUpdateStrategy is not sent: an app of before would keep its own"
    for network in resources(sent, "Microsoft.Network/virtualNetworks"):
        if "Microsoft.App/environments" not in json.dumps(network):
            yield "the subnet of the functions is not delegated to Microsoft.App/environments"


def assignments(sent: Sent) -> Iterator[str]:
    """A pinned role, a named kind of principal, a name from guid() of scope, principal and role, as narrow as it can be."""
    defined = {r["name"] for r in resources(sent, DEFINITION)}
    for resource in resources(sent, ASSIGNMENT):
        who, scope, role, name = assignment(resource)
        kind = at(resource, "properties.principalType")
        if kind not in {"ServicePrincipal", "Group"}:
            yield f"{name}: principalType is {kind!r}; the role of a principal made just now would be refused"
        if role not in {*ROLES.values(), *defined} and not role.startswith(
            "00000000-0000-0000-0000-00000000001"
        ):
            yield f"{name}: the role {role} is not pinned"
        if "(" in name and (scope not in name or who not in name or role not in name):
            yield f"{name} lacks its scope, principal or role: two would collide, or one be made twice"
        if scope.endswith(("/resourceGroups/rg-dev", "/resourceGroups/rg-theirs")):
            yield f"{name} holds for a whole resource group"
        if role == ROLES["foundryUser"] and "/projects/" not in scope:
            yield f"{who} holds Foundry User on {scope}: its data actions deploy, and it lists keys"
        if who == "host" and role != ROLES["storageBlobDataReader"] and scope.endswith("/app-package"):
            yield "the app may write what it runs"
    scopes = {
        assignment(r)[1].rpartition("/")[2]
        for r in resources(sent, ASSIGNMENT)
        if assignment(r)[0] == "publisher"
    }
    package = at(only(sent, SITE), "properties.functionAppConfig.deployment.storage.value")
    if scopes != {"app-package"} or "app-package" not in package or "data" not in package:
        yield f"the package is at {package}, its identity writes {scopes}"


#: Custom role -> exactly what it allows.
ACTIONS: Final = {
    "Foundry deployments": {
        "Microsoft.CognitiveServices/accounts/read",
        "Microsoft.CognitiveServices/accounts/models/read",
        "Microsoft.CognitiveServices/accounts/usages/read",
        "Microsoft.CognitiveServices/accounts/deployments/read",
        "Microsoft.CognitiveServices/accounts/deployments/write",
        "Microsoft.CognitiveServices/accounts/deployments/delete",
    },
    "Foundry inference": {"Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action"},
    "Foundry quota": {
        "Microsoft.CognitiveServices/locations/models/read",
        "Microsoft.CognitiveServices/locations/usages/read",
        "Microsoft.CognitiveServices/modelCapacities/read",
        "Microsoft.CognitiveServices/locations/modelCapacities/read",
    },
}


def actions(sent: Sent) -> Iterator[str]:
    """A custom role allows exactly what is written down, where it is."""
    for role in resources(sent, DEFINITION):
        given = role["properties"]
        name = given["roleName"].partition(" (")[0]
        kind = "dataActions" if name == "Foundry inference" else "actions"
        found = [set(p["actions"]) | set(p["dataActions"]) for p in given["permissions"]]
        if found != [ACTIONS[name]] or set(given["permissions"][0][kind]) != ACTIONS[name]:
            yield f"{name} allows {sorted(*found)}"
        if given["assignableScopes"] != [role["id"].partition("/providers/Microsoft.Authorization")[0]]:
            yield f"{name} can be assigned in {given['assignableScopes']}"


def names(sent: Sent) -> Iterator[str]:
    """Names that Azure takes, and that differ."""
    for resource in resources(sent):
        own = resource["name"].rpartition("/")[2]
        allowed = NAMES.get(resource["type"], r"[^<>%&\\?/]{1,260}")
        if "(" not in own and not re.fullmatch(allowed, own):
            yield f"{own} is no name for a {resource['type']}"
    ids = [resource["id"] for resource in resources(sent)]
    yield from (f"{found} is there twice" for found in sorted({i for i in ids if ids.count(i) > 1}))


def budget(sent: Sent) -> Iterator[str]:
    """Its first day is the first of a month, and never that of the deployment."""
    for found in resources(sent, "Microsoft.Consumption/budgets"):
        start = at(found, "properties.timePeriod.startDate")
        if not re.fullmatch(r"\d{4}-\d\d-01T00:00:00Z", start):
            yield f"the budget begins at {start}"


CHECKS: Final[tuple[Callable[[Sent], Iterator[str]], ...]] = (
    hardening, versioning, flex, assignments, actions, names, budget,
)  # fmt: skip
