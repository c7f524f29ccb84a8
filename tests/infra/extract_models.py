"""Writes arm_models.json: the properties and words that Microsoft's own SDK models know for each resource type of ours.

The SDKs weigh about 100 MB, so they are no dependency; run this when a type is added, in an environment of its own:

    python -m pip install --target SDKS azure-mgmt-web azure-mgmt-storage azure-mgmt-eventgrid azure-mgmt-cognitiveservices \
        azure-mgmt-monitor azure-mgmt-loganalytics azure-mgmt-applicationinsights azure-mgmt-authorization azure-mgmt-msi \
        azure-mgmt-network azure-mgmt-privatedns azure-mgmt-consumption
    PYTHONPATH=SDKS python tests/infra/extract_models.py

A model maps names of properties to the name of a model, a list of words, `{"each": model}` for a map of models, or null for
anything else.
"""

from __future__ import annotations

import enum
import importlib
import importlib.metadata
import inspect
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

TARGET = Path(__file__).with_name("arm_models.json")

#: resource type -> (module of models, model)
TYPES = {
    "Microsoft.Authorization/roleAssignments": (
        "azure.mgmt.authorization.v2022_04_01",
        "RoleAssignmentCreateParameters",
    ),
    "Microsoft.Authorization/roleDefinitions": ("azure.mgmt.authorization.v2022_04_01", "RoleDefinition"),
    "Microsoft.CognitiveServices/accounts": ("azure.mgmt.cognitiveservices", "Account"),
    "Microsoft.CognitiveServices/accounts/projects": ("azure.mgmt.cognitiveservices", "Project"),
    "Microsoft.Consumption/budgets": ("azure.mgmt.consumption", "Budget"),
    "Microsoft.EventGrid/systemTopics": ("azure.mgmt.eventgrid", "SystemTopic"),
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": ("azure.mgmt.eventgrid", "EventSubscription"),
    "Microsoft.Insights/actionGroups": ("azure.mgmt.monitor", "ActionGroupResource"),
    "Microsoft.Insights/components": (
        "azure.mgmt.applicationinsights.v2020_02_02",
        "ApplicationInsightsComponent",
    ),
    "Microsoft.Insights/metricAlerts": ("azure.mgmt.monitor", "MetricAlertResource"),
    "Microsoft.Insights/scheduledQueryRules": ("azure.mgmt.monitor", "ScheduledQueryRuleResource"),
    "Microsoft.Insights/workbooks": ("azure.mgmt.applicationinsights.v2023_06_01", "Workbook"),
    "Microsoft.ManagedIdentity/userAssignedIdentities": ("azure.mgmt.msi.v2024_11_30", "Identity"),
    "Microsoft.Network/privateDnsZones": ("azure.mgmt.privatedns", "PrivateZone"),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": ("azure.mgmt.privatedns", "VirtualNetworkLink"),
    "Microsoft.Network/privateEndpoints": ("azure.mgmt.network", "PrivateEndpoint"),
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": ("azure.mgmt.network", "PrivateDnsZoneGroup"),
    "Microsoft.Network/virtualNetworks": ("azure.mgmt.network", "VirtualNetwork"),
    "Microsoft.Network/virtualNetworks/subnets": ("azure.mgmt.network", "Subnet"),
    "Microsoft.OperationalInsights/workspaces": ("azure.mgmt.loganalytics", "Workspace"),
    "Microsoft.Storage/storageAccounts": ("azure.mgmt.storage", "StorageAccountCreateParameters"),
    "Microsoft.Storage/storageAccounts/blobServices": ("azure.mgmt.storage", "BlobServiceProperties"),
    "Microsoft.Storage/storageAccounts/blobServices/containers": ("azure.mgmt.storage", "BlobContainer"),
    "Microsoft.Storage/storageAccounts/managementPolicies": ("azure.mgmt.storage", "ManagementPolicy"),
    "Microsoft.Storage/storageAccounts/queueServices": ("azure.mgmt.storage", "QueueServiceProperties"),
    "Microsoft.Storage/storageAccounts/queueServices/queues": ("azure.mgmt.storage", "StorageQueue"),
    "Microsoft.Web/serverfarms": ("azure.mgmt.web", "AppServicePlan"),
    "Microsoft.Web/sites": ("azure.mgmt.web", "Site"),
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": (
        "azure.mgmt.web",
        "CsmPublishingCredentialsPoliciesEntity",
    ),
    "Microsoft.Web/sites/config": ("azure.mgmt.web", "SiteAuthSettingsV2"),
}

#: What no present SDK has: from Azure/bicep-types-az, generated/monitor/microsoft.insights/2021-05-01-preview/types.md.
BY_HAND = {
    "Microsoft.Insights/diagnosticSettings": {
        "name": None,
        "scope": None,
        "properties": "diagnosticSettings.properties",
    },
    "diagnosticSettings.properties": {
        "eventHubAuthorizationRuleId": None,
        "eventHubName": None,
        "logAnalyticsDestinationType": None,
        "logs": "diagnosticSettings.category",
        "metrics": "diagnosticSettings.category",
        "marketplacePartnerId": None,
        "serviceBusRuleId": None,
        "storageAccountId": None,
        "workspaceId": None,
    },
    "diagnosticSettings.category": {
        "category": None,
        "categoryGroup": None,
        "enabled": None,
        "retentionPolicy": None,
        "timeGrain": None,
    },
}


def rest_fields(cls: type) -> dict[str, Any]:
    """Name in REST -> annotation, of a model of either generation of the SDKs."""
    if hasattr(cls, "_attribute_map"):
        hints: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            if "__init__" in vars(base):
                hints |= {
                    n: str(p.annotation) for n, p in inspect.signature(base.__init__).parameters.items()
                }
        return {
            entry["key"]: hints.get(name, "") + " " + entry["type"]
            for name, entry in cls._attribute_map.items()
        }
    instance = cls({})
    hints = {}
    for base in reversed(cls.__mro__):
        hints |= {name: str(hint) for name, hint in getattr(base, "__annotations__", {}).items()}
    return {
        field._rest_name: hints.get(name, "") for name, field in type(instance)._attr_to_rest_field.items()
    }


def subclasses(cls: type) -> list[type]:
    return [found for child in cls.__subclasses__() for found in (child, *subclasses(child))]


class Extraction:
    """Collects the models that are reachable."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, Any]] = {}

    def value(self, hint: str, models: ModuleType) -> Any:
        """What may stand for a field with this annotation."""
        if re.search(r"[Dd]ict\[|\{", hint):  # a map: its keys are anybody's
            inner = self.value(re.sub(r"[Dd]ict\[|\{", "", hint), models)
            return {"each": inner} if isinstance(inner, str) else None
        for name in re.findall(r"\b([A-Z]\w+)\b", hint):
            found = getattr(models, name, None)
            if inspect.isclass(found) and issubclass(found, enum.Enum):
                return sorted(str(member.value) for member in found)
            if inspect.isclass(found) and found.__module__.startswith("azure.mgmt"):
                return self.model(found, models)
        return None

    def model(self, cls: type, models: ModuleType) -> str:
        """Record a model, with all that its subclasses know besides; return its key."""
        key = f"{models.__name__.removeprefix('azure.mgmt.').removesuffix('.models')}:{cls.__name__}"
        if key in self.models:
            return key
        fields = self.models[key] = {}
        for variant in (cls, *subclasses(cls)):
            for name, hint in rest_fields(variant).items():
                *path, last = [part.replace("\0", ".") for part in name.replace("\\.", "\0").split(".")]
                place = fields
                if path:  # an older model writes `properties.x` for what stands in an object of its own
                    inner = self.models.setdefault(f"{key}.{'.'.join(path)}", {})
                    place.setdefault(path[0], f"{key}.{path[0]}")
                    place = inner
                known, value = place.get(last), self.value(hint, models)
                if isinstance(known, list) and isinstance(value, list):
                    value = sorted({*known, *value})
                place[last] = known if value is None else value
            for attribute, variants in getattr(variant, "_subtype_map", {}).items():
                kind = variant._attribute_map[attribute]["key"].replace("\\.", ".")
                fields[kind] = sorted({*(fields.get(kind) or []), *variants})
        return key


def main() -> None:
    extraction, types, versions = Extraction(), {}, set()
    for name, (module, cls) in TYPES.items():
        models = importlib.import_module(f"{module}.models")
        types[name] = extraction.model(getattr(models, cls), models)
        package = "-".join(module.split(".")[:3])
        versions.add(f"{package} {importlib.metadata.version(package)}")
    extraction.models |= BY_HAND
    types["Microsoft.Insights/diagnosticSettings"] = "Microsoft.Insights/diagnosticSettings"
    lines = [
        f"    {json.dumps(key)}: {json.dumps(fields)}" for key, fields in sorted(extraction.models.items())
    ]
    body = {"source": sorted(versions), "types": types}
    text = json.dumps(body, indent=2)[:-2] + ',\n  "models": {\n' + ",\n".join(lines) + "\n  }\n}\n"
    json.loads(text)
    TARGET.write_text(text)


if __name__ == "__main__":
    main()
