"""What the Bicep compiler and a careful reviewer would say.  Each check takes the files and returns what is wrong, in words."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Node

from tests.infra.bicep import (
    Declaration,
    File,
    at,
    entries,
    literal,
    loop_names,
    objects,
    text_of,
    unwrapped,
    walk,
)

Files = dict[str, File]

MODELS = json.loads(Path(__file__).with_name("arm_models.json").read_text())

#: Built-in roles that templates may name, by their key in infra/roles.json.  Ids from the role tables of the Azure documentation
#: (built-in-roles/storage.md, monitor.md; azure-ai-foundry rbac: Azure AI User became Foundry User in 2026, the id stayed).
ROLES = {
    "storageBlobDataOwner": ("Storage Blob Data Owner", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"),
    "storageBlobDataContributor": ("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),
    "storageBlobDataReader": ("Storage Blob Data Reader", "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"),
    "storageQueueDataContributor": ("Storage Queue Data Contributor", "974c5e8b-45b9-4653-ba55-5f855dd0fb88"),
    "storageTableDataContributor": ("Storage Table Data Contributor", "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"),
    "monitoringMetricsPublisher": ("Monitoring Metrics Publisher", "3913510d-42f4-4e42-8a64-420c390055eb"),
    "foundryUser": ("Foundry User", "53ca6127-db72-4b80-b1b0-d745d6d5456d"),
}

#: Types and versions that exist: seen in Azure/bicep-types-az (generated/*/types.json) or in Azure's verified modules.
VERSIONS = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Authorization/roleDefinitions": "2022-04-01",
    "Microsoft.CognitiveServices/accounts": "2025-06-01",
    "Microsoft.CognitiveServices/accounts/projects": "2025-06-01",
    "Microsoft.Consumption/budgets": "2023-11-01",
    "Microsoft.EventGrid/systemTopics": "2025-02-15",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": "2025-02-15",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/metricAlerts": "2018-03-01",
    "Microsoft.Insights/scheduledQueryRules": "2023-12-01",
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2024-11-30",
    "Microsoft.Network/privateDnsZones": "2024-06-01",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "2024-06-01",
    "Microsoft.Network/privateEndpoints": "2024-05-01",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": "2024-05-01",
    "Microsoft.Network/virtualNetworks": "2024-05-01",
    "Microsoft.Network/virtualNetworks/subnets": "2024-05-01",
    "Microsoft.OperationalInsights/workspaces": "2023-09-01",
    "Microsoft.Resources/resourceGroups": "2024-03-01",
    "Microsoft.Storage/storageAccounts": "2024-01-01",
    "Microsoft.Storage/storageAccounts/blobServices": "2024-01-01",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "2024-01-01",
    "Microsoft.Storage/storageAccounts/managementPolicies": "2024-01-01",
    "Microsoft.Storage/storageAccounts/queueServices": "2024-01-01",
    "Microsoft.Storage/storageAccounts/queueServices/queues": "2024-01-01",
    "Microsoft.Web/serverfarms": "2025-03-01",
    "Microsoft.Web/sites": "2025-03-01",
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": "2025-03-01",
    "Microsoft.Web/sites/config": "2025-03-01",
}

#: Functions of Bicep that we use; another one is a typo until it stands here.
FUNCTIONS = {
    "concat", "contains", "empty", "environment", "guid", "join", "listKeys", "loadJsonContent", "replace", "resourceGroup",
    "resourceId", "split", "string", "subscription", "subscriptionResourceId", "tenant", "toLower", "union", "uniqueString",
    "utcNow",
}  # fmt: skip
DECORATORS = {"allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"}

#: Keys of Bicep itself, beside those of a resource.
BICEP_KEYS = {"name", "parent", "scope", "dependsOn", "location", "tags"}

#: Refused on Flex Consumption with ARM error 51021, in some regions (Azure/terraform-azurerm-avm-res-web-site#283).
FLEX_REFUSES = {
    "alwaysOn", "ftpsState", "functionAppScaleLimit", "functionsRuntimeScaleMonitoringEnabled", "javaContainer",
    "javaContainerVersion", "javaVersion", "linuxFxVersion", "netFrameworkVersion", "nodeVersion", "phpVersion",
    "powerShellVersion", "preWarmedInstanceCount", "pythonVersion", "use32BitWorkerProcess", "vnetRouteAllEnabled",
    "windowsFxVersion",
}  # fmt: skip
#: App settings that Flex Consumption ignores or breaks on ("Flex Consumption plan deprecations" in functions-app-settings.md).
FLEX_SETTINGS_REFUSED = {
    "ENABLE_ORYX_BUILD", "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_MAX_HTTP_CONCURRENCY", "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_WORKER_RUNTIME_VERSION", "SCM_DO_BUILD_DURING_DEPLOYMENT", "TZ",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING", "WEBSITE_CONTENTOVERVNET", "WEBSITE_CONTENTSHARE", "WEBSITE_DNS_SERVER",
    "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT", "WEBSITE_RUN_FROM_PACKAGE", "WEBSITE_TIME_ZONE", "WEBSITE_VNET_ROUTE_ALL",
    "WEBSITES_ENABLE_APP_SERVICE_STORAGE",
}  # fmt: skip

_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


def syntax(files: Files) -> list[str]:
    """Everything parses, and stays in the subset that offline parsers take."""
    problems = []
    for file in files.values():
        broken = (node for node in walk(file.root) if node.type == "ERROR" or node.is_missing)
        problems += [f"{file.path}:{node.start_point[0] + 1}: cannot be parsed" for node in broken]
        for outside in (r"\.\.\.", r"\bresourceInput\b", r"^extension ", r"'br[:/]", r"\$'''"):
            if re.search(outside, file.code, re.MULTILINE):
                problems.append(
                    f"{file.path}: {outside} is outside of the subset that can be checked offline"
                )
    return problems


def symbols(files: Files) -> list[str]:
    """What is used is declared once, and what is declared is used."""
    problems = []
    for file in files.values():
        declared = [d.name for d in file.declarations if d.kind != "output"]
        problems += [
            f"{file.path}: {n} is declared twice"
            for n in sorted({n for n in declared if declared.count(n) > 1})
        ]
        used = set()
        for node in file.identifiers():
            name = text_of(node)
            if name in loop_names(node):
                continue
            used.add(name)
            if name not in declared:
                problems.append(f"{file.path}:{node.start_point[0] + 1}: {name} is not declared")
        idle = [d for d in file.of("param", "var", "resource") if d.kind != "resource" or d.is_existing]
        problems += [f"{file.path}:{d.line}: {d.name} is not used" for d in idle if d.name not in used]
        for call in (n for n in walk(file.root) if n.type == "call_expression"):
            name = text_of(call.named_children[0])
            known = DECORATORS if call.parent is not None and call.parent.type == "decorator" else FUNCTIONS
            if call.named_children[0].type == "identifier" and name not in known:
                problems.append(
                    f"{file.path}:{call.start_point[0] + 1}: {name}() is no function that is known here"
                )
    return problems


def modules(files: Files) -> list[str]:
    """Modules exist, get exactly their parameters, and are asked for outputs that they have."""
    problems = []
    called, asked = set(), set()
    for file in files.values():
        for module in file.of("module"):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), module.target))
            where = f"{file.path}:{module.line}"
            if path not in files:
                problems.append(f"{where}: there is no {path}")
                continue
            called.add(path)
            given = set(entries(at(module.body, "params")))
            known = {p.name: p.has_default for p in files[path].of("param")}
            problems += [f"{where}: {path} has no parameter {n}" for n in sorted(given - set(known))]
            lacking = sorted(n for n, has_default in known.items() if not has_default and n not in given)
            problems += [f"{where}: {path} needs the parameter {n}" for n in lacking]
            outputs = {o.name for o in files[path].of("output")}
            for name in re.findall(rf"\b{module.name}[!?]?\.outputs\.(\w+)", file.code):
                asked.add((path, name))
                if name not in outputs:
                    problems.append(f"{file.path}: {path} has no output {name}")
    for path in called:
        idle = sorted(o.name for o in files[path].of("output") if (path, o.name) not in asked)
        problems += [f"{path}: nobody asks for the output {n}" for n in idle]
    problems += [f"{p}: no module calls it" for p in files if p.startswith("modules/") and p not in called]
    return problems


#: What functions of Bicep return, where it is always the same.
_RETURNS = {
    "concat": "array", "contains": "bool", "empty": "bool", "guid": "string", "join": "string", "replace": "string",
    "resourceId": "string", "split": "array", "string": "string", "subscriptionResourceId": "string", "toLower": "string",
    "uniqueString": "string", "utcNow": "string",
}  # fmt: skip
_LITERALS = {
    "string": "string",
    "number": "int",
    "boolean": "bool",
    "array": "array",
    "for_statement": "array",
    "object": "object",
}


def _kind(files: Files, file: File, node: Node) -> str | None:
    """Type of an expression, or None where only the compiler could tell."""
    if found := _LITERALS.get(node.type):
        return found
    parts = node.named_children
    if node.type == "identifier":
        declared = [d for d in file.of("param", "var") if d.name == text_of(node)]
        if not declared or text_of(node) in loop_names(node):
            return None
        return (
            declared_kind(declared[0])
            if declared[0].kind == "param"
            else _kind(files, file, declared[0].node.named_children[-1])
        )
    if node.type == "call_expression":
        return _RETURNS.get(text_of(parts[0]))
    if node.type == "ternary_expression":
        kinds = {_kind(files, file, branch) for branch in parts[1:]}
        return kinds.pop() if len(kinds) == 1 else None
    if node.type == "unary_expression" and text_of(node).startswith("!"):
        return "bool"
    if match := re.fullmatch(r"(\w+)!?\.outputs\.(\w+)", text_of(node)):
        module = file.get(match[1])
        outputs = files[posixpath.normpath(posixpath.join(posixpath.dirname(file.path), module.target))].of(
            "output"
        )
        return next((declared_kind(o) for o in outputs if o.name == match[2]), None)
    return None


def declared_kind(declaration: Declaration) -> str:
    """The type that a parameter or an output is declared with."""
    return text_of(next(c for c in declaration.node.named_children if c.type == "type"))


def kinds(files: Files) -> list[str]:
    """Values have the types of what they are given to, as far as can be told without the compiler."""
    problems = []
    for file in files.values():
        given = [
            (d, d.node.named_children[-1], d)
            for d in file.of("param", "output")
            if d.kind == "output" or d.has_default
        ]
        for module in file.of("module"):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), module.target))
            known = {d.name: d for d in files[path].of("param")} if path in files else {}
            passed = entries(at(module.body, "params"))
            given += [(module, value, known[name]) for name, value in passed.items() if name in known]
        for where, value, wanted in given:
            found = _kind(files, file, value)
            if found not in {None, declared_kind(wanted)}:
                problems.append(
                    f"{file.path}:{where.line}: {wanted.name} is {found}, declared as {declared_kind(wanted)}"
                )
    return problems


def versions(files: Files) -> list[str]:
    """Types and versions that are known to exist."""
    return [
        f"{file.path}:{r.line}: {r.target} is not on the list of known types and versions"
        for file in files.values()
        for r in file.of("resource")
        if VERSIONS.get(r.type) != r.target.partition("@")[2]
    ]


def _unknown(node: Node, model: str, where: str) -> Iterator[str]:
    fields = MODELS["models"][model]
    for key, value in entries(node).items():
        line = f"{where}:{value.start_point[0] + 1}"
        if key not in fields:
            yield f"{line}: {model} has no property {key}"
            continue
        expected = fields[key]
        if isinstance(expected, list):
            words = [literal(n) for n in _branches(value)]
            yield from (
                f"{line}: {key} is {w!r}, none of {', '.join(expected)}"
                for w in words
                if w and w not in expected
            )
        elif isinstance(expected, dict):
            for entry in (e for inner in objects(value) for e in entries(inner).values()):
                yield from (
                    found for inner in objects(entry) for found in _unknown(inner, expected["each"], where)
                )
        elif isinstance(expected, str):
            for inner in objects(value):
                yield from _unknown(inner, expected, where)


def _branches(node: Node) -> list[Node]:
    return node.named_children[1:] if node.type == "ternary_expression" else [node]


def properties(files: Files) -> list[str]:
    """Names of properties, and words of enumerations, that Microsoft's SDKs know."""
    problems = []
    for file in files.values():
        for resource in file.resources():
            model = MODELS["types"].get(resource.type)
            if model is None:
                if resource.type != "Microsoft.Resources/resourceGroups":
                    problems.append(f"{file.path}:{resource.line}: no model of {resource.type}")
                continue
            for key, value in entries(resource.body).items():
                if key in BICEP_KEYS:
                    continue
                expected = MODELS["models"][model].get(key, "")
                if expected == "":
                    problems.append(f"{file.path}:{value.start_point[0] + 1}: {resource.type} has no {key}")
                elif isinstance(expected, list) and literal(value) not in {None, *expected}:
                    problems.append(
                        f"{file.path}:{value.start_point[0] + 1}: {key} is {literal(value)!r}, none of {expected}"
                    )
                elif isinstance(expected, str):
                    for inner in objects(value):
                        problems += _unknown(inner, expected, file.path)
    return problems


def roles(files: Files) -> list[str]:
    """Every assignment: a pinned role, a named kind of principal, a name from guid(), a scope below the resource group."""
    problems = []
    for file in files.values():
        strays = set(_UUID.findall(file.code)) - {_AZURE_CLI}
        problems += [f"{file.path}: the id {found} belongs into roles.json" for found in sorted(strays)]
        known = set(re.findall(r"(?<!/)\broles\.(\w+)", file.code))
        problems += [f"{file.path}: roles.json has no {name}" for name in sorted(known - set(ROLES))]
        for assignment in file.resources(_ASSIGNMENT):
            problems += [f"{file.path}:{assignment.line}: {text}" for text in _assignment(assignment)]
    return problems


def _assignment(assignment: Declaration) -> Iterator[str]:
    body = assignment.body
    kind = literal(at(body, "properties", "principalType"))
    if kind not in {"ServicePrincipal", "Group"}:
        yield f"principalType is {kind!r}; without the right one, the role of a principal made just now is refused"
    name, scope = text_of_or(at(body, "name")), text_of_or(at(body, "scope"))
    principal = text_of_or(at(body, "properties", "principalId"))
    role = text_of_or(at(body, "properties", "roleDefinitionId"))
    if not scope:
        yield "has no scope, so it would hold for the whole resource group"
    if not name.startswith("guid(") or f"{scope}.id" not in name:
        yield f"is named {name}, not guid() of its scope, principal and role: two would collide, or one be made twice"
    named = principal.replace(".identity.principalId", ".id")
    given = re.search(r"'Microsoft\.Authorization/roleDefinitions', ([\w.]+)\)$", role)
    if not given:
        yield f"its role is {role}, not subscriptionResourceId('Microsoft.Authorization/roleDefinitions', ...)"
    elif named not in name or given[1] not in name:
        yield f"is named {name}, which lacks its principal or its role"
    if given and not given[1].startswith("roles.") and given[1] not in {"deploymentRoleId", "datasetsRole"}:
        yield f"its role {given[1]} is not pinned"


def text_of_or(node: Node | None) -> str:
    return "" if node is None else text_of(node)


def hardening(files: Files) -> list[str]:
    """No keys, no public reading, no plain text, no door that nobody guards."""
    wanted = {
        "Microsoft.Storage/storageAccounts": {
            "properties.allowSharedKeyAccess": "false",
            "properties.allowBlobPublicAccess": "false",
            "properties.allowCrossTenantReplication": "false",
            "properties.supportsHttpsTrafficOnly": "true",
            "properties.minimumTlsVersion": "'TLS1_2'",
            "properties.networkAcls.bypass": "'AzureServices'",
        },
        "Microsoft.Storage/storageAccounts/blobServices": {
            "properties.deleteRetentionPolicy.enabled": "true",
            "properties.containerDeleteRetentionPolicy.enabled": "true",
        },
        "Microsoft.Storage/storageAccounts/blobServices/containers": {"properties.publicAccess": "'None'"},
        "Microsoft.CognitiveServices/accounts": {"properties.disableLocalAuth": "true"},
        "Microsoft.Insights/components": {"properties.DisableLocalAuth": "true"},
        "Microsoft.OperationalInsights/workspaces": {"properties.features.disableLocalAuth": "true"},
        "Microsoft.Web/sites": {
            "properties.httpsOnly": "true",
            "properties.siteConfig.minTlsVersion": "'1.2'",
            "properties.siteConfig.scmMinTlsVersion": "'1.2'",
        },
        "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"properties.allow": "false"},
        "Microsoft.Web/sites/config": {
            "properties.platform.enabled": "true",
            "properties.globalValidation.requireAuthentication": "true",
            "properties.globalValidation.unauthenticatedClientAction": "'Return401'",
            "properties.httpSettings.requireHttps": "true",
        },
    }
    problems, seen = [], set()
    for file in files.values():
        for resource in file.resources():
            seen.add(resource.type)
            for path, value in wanted.get(resource.type, {}).items():
                found = text_of_or(at(resource.body, *path.split(".")))
                if found != value:
                    problems.append(
                        f"{file.path}:{resource.line}: {path} is {found or 'missing'}, expected {value}"
                    )
        if file.path != "event-subscription.bicep" and re.search(r"\blist[A-Z]\w*\(", file.code):
            problems.append(f"{file.path}: keys are read in event-subscription.bicep only")
        leaks = [o for o in file.of("output") if "listKeys" in text_of(o.node)]
        problems += [
            f"{file.path}:{o.line}: {o.name} would put a key into the history of deployments" for o in leaks
        ]
    problems += [f"nothing makes a {kind}" for kind in wanted if kind not in seen]
    return problems


def versioning(files: Files) -> list[str]:
    """Former versions of what people wrote are kept."""
    blobs = files["modules/data-storage.bicep"].get("blobs")
    is_on = text_of_or(at(blobs.body, "properties", "isVersioningEnabled")) == "true"
    return (
        []
        if is_on
        else ["modules/data-storage.bicep: versions of datasets, pipeline files and artifacts are not kept"]
    )


def site(files: Files) -> Declaration:
    return files["modules/app.bicep"].get("site")


def app_settings(files: Files) -> dict[str, str]:
    """Name -> text of the value, of the function app."""
    array = at(site(files).body, "properties", "siteConfig", "appSettings")
    assert array is not None
    return {literal(at(o, "name")) or "": text_of_or(at(o, "value")) for o in array.named_children}


def flex(files: Files) -> list[str]:
    """Only what Flex Consumption takes."""
    problems = []
    config = at(site(files).body, "properties", "siteConfig")
    everywhere = set(entries(config)) | set(entries(at(site(files).body, "properties")))
    problems += [
        f"siteConfig.{key}: Flex Consumption refuses it" for key in sorted(everywhere & FLEX_REFUSES)
    ]
    refused = sorted(set(app_settings(files)) & FLEX_SETTINGS_REFUSED)
    problems += [f"app setting {name}: Flex Consumption has no use for it" for name in refused]
    plan = files["modules/app.bicep"].get("plan")
    if (
        literal(at(plan.body, "sku", "name")) != "FC1"
        or text_of_or(at(plan.body, "properties", "reserved")) != "true"
    ):
        problems.append("the plan is not FC1 on Linux")
    scale = at(site(files).body, "properties", "functionAppConfig", "scaleAndConcurrency")
    if text_of_or(at(scale, "instanceMemoryMB")) not in {"512", "2048", "4096"}:
        problems.append("instanceMemoryMB is not 512, 2048 or 4096")
    if not 40 <= int(text_of_or(at(scale, "maximumInstanceCount")) or 0) <= 1000:
        problems.append("maximumInstanceCount is not from 40 to 1000")
    groups = [literal(at(o, "name")) for o in objects(at(scale, "alwaysReady"))]
    problems += [f"{g} is no scale group" for g in groups if g not in {"http", "blob", "durable"}]
    network = files["modules/network.bicep"]
    if "'Microsoft.App/environments'" not in network.code:
        problems.append("the subnet of the functions is not delegated to Microsoft.App/environments")
    return problems


def order(files: Files) -> list[str]:
    """The app starts after its roles: its module needs what those that assign roles give."""
    main = files["main.bicep"]
    app = text_of(main.get("app").body)
    assigning = {
        m.name
        for m in main.of("module")
        if any(f.resources(_ASSIGNMENT) for p, f in files.items() if p == m.target) and m.name != "events"
    }
    return [
        f"main.bicep: the app may start before the roles of {n} are there"
        for n in sorted(assigning)
        if n not in app
    ]


def created(files: Files, kind: str) -> set[str]:
    """Names of what the templates make, of one type."""
    found = set()
    for file in files.values():
        for resource in file.resources(kind):
            node = at(resource.body, "name")
            loop = resource.node.named_children[-1]
            if loop.type == "for_statement" and node is not None:
                source = file.get(text_of(loop.named_children[1])).node.named_children[-1]
                found |= {literal(n) or "" for n in source.named_children}
            else:
                found.add(file.value_of(node) or text_of_or(node))
    return found


def role_actions(files: Files) -> set[str]:
    """What the custom role allows."""
    role = files["modules/deployment-role.bicep"].get("role")
    permissions = objects(at(role.body, "properties", "permissions"))
    return {
        literal(n) or ""
        for permission in permissions
        for key in ("actions", "dataActions")
        for n in unwrapped(at(permission, key)).named_children  # type: ignore[arg-type]
    }


CHECKS = (syntax, symbols, modules, kinds, versions, properties, roles, hardening, versioning, flex, order)
