"""The templates, and proof that each check sees what it is for: it fails on a planted mistake."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from tests.infra import bicep, checks

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"


@pytest.fixture(scope="session")
def files():
    return bicep.read(INFRA)


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_the_templates_pass(files, check):
    assert check(files) == []


@dataclass(frozen=True)
class Mistake:
    """One wrong change: where, what, instead of what, and the words that must be in the complaint."""

    check: str
    path: str
    old: str
    new: str
    says: str


MAIN, APP, DATA = "main.bicep", "modules/app.bicep", "modules/data-storage.bicep"
HOST, FOUNDRY, ACCESS = "modules/host-storage.bicep", "modules/foundry.bicep", "modules/foundry-access.bicep"
ALERTS, EVENTS, UPLOADS = "modules/alerts.bicep", "modules/events.bicep", "event-subscription.bicep"

MISTAKES = [
    Mistake("syntax", APP, "httpsOnly: true", "httpsOnly true", "cannot be parsed"),
    Mistake("syntax", DATA, "var queueNames = [", "var queueNames = ", "cannot be parsed"),
    Mistake("syntax", MAIN, "'modules/alerts.bicep'", "'br/public:avm/res/insights/alert:0.1.0'", "subset"),
    Mistake("symbols", APP, "serverFarmId: plan.id", "serverFarmId: plann.id", "plann is not declared"),
    Mistake("symbols", DATA, "value: addressRange", "value: rangee", "rangee is not declared"),
    Mistake(
        "symbols",
        DATA,
        "param workspaceId string",
        "param workspaceId string\nparam spare string",
        "spare is not used",
    ),
    Mistake("symbols", EVENTS, "resource topic ", "resource account ", "account is declared twice"),
    Mistake("symbols", HOST, "name: guid(account.id", "name: gid(account.id", "gid() is no function"),
    Mistake(
        "modules",
        MAIN,
        "'modules/foundry.bicep'",
        "'modules/fondry.bicep'",
        "there is no modules/fondry.bicep",
    ),
    Mistake("modules", MAIN, "    alertEmail: alertEmail\n", "", "needs the parameter alertEmail"),
    Mistake(
        "modules",
        MAIN,
        "    suffix: suffix\n    location",
        "    sufix: suffix\n    location",
        "has no parameter sufix",
    ),
    Mistake(
        "modules", MAIN, "events.outputs.systemTopicId", "events.outputs.topicId", "has no output topicId"
    ),
    Mistake(
        "modules",
        MAIN,
        "foundryAccess.outputs.projectEndpoint",
        "'x'",
        "nobody asks for the output projectEndpoint",
    ),
    Mistake(
        "kinds",
        MAIN,
        "addressRanges: addressRanges",
        "addressRanges: allowedAddressRanges",
        "addressRanges is string",
    ),
    Mistake(
        "kinds",
        MAIN,
        "isPrivate: privateNetwork",
        "isPrivate: 'true'",
        "isPrivate is string, declared as bool",
    ),
    Mistake("kinds", MAIN, "alertEmail: alertEmail", "alertEmail: monthlyBudget", "alertEmail is int"),
    Mistake(
        "kinds",
        MAIN,
        "workspaceId: monitoring.outputs.workspaceId",
        "workspaceId: tags",
        "workspaceId is object",
    ),
    Mistake("kinds", MAIN, "FOUNDRY_IS_OURS bool", "FOUNDRY_IS_OURS string", "FOUNDRY_IS_OURS is bool"),
    Mistake(
        "kinds", APP, "param addressRanges array", "param addressRanges string", "addressRanges is array"
    ),
    Mistake("versions", APP, "sites@2025-03-01' = {", "sites@2024-13-01' = {", "not on the list"),
    Mistake("versions", EVENTS, "systemTopics@", "systemTopic@", "not on the list"),
    Mistake(
        "properties",
        DATA,
        "allowSharedKeyAccess",
        "allowSharedKeysAccess",
        "no property allowSharedKeysAccess",
    ),
    Mistake("properties", APP, "instanceMemoryMB", "instanceMemoryMb", "no property instanceMemoryMb"),
    Mistake("properties", APP, "'Return401'", "'Deny401'", "none of"),
    Mistake("properties", APP, "excludedPaths", "excludePaths", "no property excludePaths"),
    Mistake("properties", FOUNDRY, "disableLocalAuth", "disableLocalAuthentication", "no property"),
    Mistake("properties", UPLOADS, "subjectBeginsWith", "subjectPrefix", "no property subjectPrefix"),
    Mistake("properties", UPLOADS, "'StringIn'", "'StringsIn'", "none of"),
    Mistake(
        "properties",
        DATA,
        "daysAfterCreationGreaterThan",
        "daysAfterCreation",
        "no property daysAfterCreation",
    ),
    Mistake(
        "properties",
        ALERTS,
        "autoMitigate: true\n    // The",
        "autoResolve: true\n    // The",
        "no property autoResolve",
    ),
    Mistake("properties", ALERTS, "contactGroups", "contactGroup", "no property contactGroup"),
    Mistake("properties", ALERTS, "'Forecasted'", "'Forecast'", "none of"),
    Mistake("properties", HOST, "kind: 'StorageV2'", "kind: 'StorageV3'", "none of"),
    Mistake("roles", HOST, "    principalType: 'ServicePrincipal'\n", "", "principalType is None"),
    Mistake("roles", HOST, "  scope: account\n", "", "whole resource group"),
    Mistake(
        "roles",
        HOST,
        "guid(account.id, hostPrincipalId, roles.storageBlobDataOwner)",
        "'role-1'",
        "not guid()",
    ),
    Mistake(
        "roles",
        ACCESS,
        "guid(account.id, hostPrincipalId,",
        "guid(account.id, 'host',",
        "lacks its principal",
    ),
    Mistake(
        "roles",
        ACCESS,
        "roleDefinitions', roles.foundryUser)",
        "roleDefinitions', roles.contributor)",
        "has no contributor",
    ),
    Mistake(
        "roles",
        ACCESS,
        "roleDefinitions', roles.foundryUser)",
        "roleDefinitions', 'b24988ac-6180-42a0-ab88-20f7382dd24c')",
        "belongs into roles.json",
    ),
    Mistake(
        "hardening",
        DATA,
        "allowSharedKeyAccess: false",
        "allowSharedKeyAccess: true",
        "allowSharedKeyAccess is true",
    ),
    Mistake("hardening", DATA, "publicAccess: 'None'", "publicAccess: 'Blob'", "publicAccess is 'Blob'"),
    Mistake("hardening", HOST, "bypass: 'AzureServices'", "bypass: 'None'", "bypass"),
    Mistake("hardening", FOUNDRY, "    disableLocalAuth: true\n", "", "disableLocalAuth is missing"),
    Mistake(
        "hardening",
        "modules/monitoring.bicep",
        "DisableLocalAuth: true",
        "DisableLocalAuth: false",
        "DisableLocalAuth",
    ),
    Mistake("hardening", APP, "httpsOnly: true", "httpsOnly: false", "httpsOnly is false"),
    Mistake("hardening", APP, "    allow: false", "    allow: true", "allow is true"),
    Mistake(
        "hardening",
        APP,
        "requireAuthentication: true",
        "requireAuthentication: false",
        "requireAuthentication",
    ),
    Mistake("hardening", APP, "'Return401'", "'AllowAnonymous'", "unauthenticatedClientAction"),
    Mistake(
        "hardening",
        DATA,
        "output id string = account.id",
        "output id string = account.listKeys().keys[0].value",
        "keys",
    ),
    Mistake("versioning", DATA, "isVersioningEnabled: true", "isVersioningEnabled: false", "not kept"),
    Mistake("flex", APP, "http20Enabled: true", "ftpsState: 'Disabled'", "refuses"),
    Mistake("flex", APP, "http20Enabled: true", "alwaysOn: true", "refuses"),
    Mistake("flex", APP, "name: 'POLL_SCHEDULE'", "name: 'WEBSITE_TIME_ZONE'", "no use for it"),
    Mistake("flex", APP, "maximumInstanceCount: 40", "maximumInstanceCount: 10", "maximumInstanceCount"),
    Mistake("flex", APP, "instanceMemoryMB: 2048", "instanceMemoryMB: 1024", "instanceMemoryMB"),
    Mistake(
        "flex",
        "modules/network.bicep",
        "Microsoft.App/environments",
        "Microsoft.Web/serverFarms",
        "delegated",
    ),
    Mistake(
        "order", MAIN, "foundryAccess.outputs.projectEndpoint", "''", "before the roles of foundryAccess"
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.check}: {m.new or m.old}"[:60].strip())
def test_a_planted_mistake_is_found(files, mistake):
    text = files[mistake.path].text
    assert mistake.old in text, "the mistake has no place any more"
    planted = {**files, mistake.path: bicep.File.parse(mistake.path, text.replace(mistake.old, mistake.new))}
    check = getattr(checks, mistake.check)

    complaints = check(planted)

    assert any(mistake.says in complaint for complaint in complaints), complaints


def test_every_check_has_a_planted_mistake():
    assert {m.check for m in MISTAKES} == {check.__name__ for check in checks.CHECKS}


def test_the_roles_are_the_pinned_ones():
    assert json.loads((INFRA / "roles.json").read_text()) == {
        name: role for name, (_, role) in checks.ROLES.items()
    }


def test_no_role_is_in_the_table_that_nobody_is_given(files):
    text = "".join(file.code for file in files.values())

    assert [name for name in checks.ROLES if f"roles.{name}" not in text] == []


#: Method of the SDK -> what Azure Resource Manager checks for it (operations of Microsoft.CognitiveServices).
ACTIONS = {
    "get": "Microsoft.CognitiveServices/accounts/deployments/read",
    "list": "Microsoft.CognitiveServices/accounts/deployments/read",
    "begin_create_or_update": "Microsoft.CognitiveServices/accounts/deployments/write",
    "begin_delete": "Microsoft.CognitiveServices/accounts/deployments/delete",
}


def test_the_custom_role_allows_what_the_adapter_calls_and_nothing_else(files):
    tree = ast.parse((ROOT / "shared/adapters/deployments.py").read_text())
    calls = {
        ast.unparse(node.func).removeprefix("self._client.")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("self._client.")
    }

    assert all(call.startswith("deployments.") for call in calls), (
        "another kind of resource needs another action"
    )
    assert checks.role_actions(files) == {ACTIONS[call.removeprefix("deployments.")] for call in calls}


class TestPermissionsPage:
    """docs/permissions.md says what the templates give, all of it and nothing else."""

    PAGE: ClassVar = (ROOT / "docs" / "permissions.md").read_text()
    #: (file, scope) -> how the page calls it
    PLACES: ClassVar = {
        (HOST, "account"): "storage of the host",
        (DATA, "account"): "storage of the data",
        (DATA, "datasets"): "container `datasets`",
        (DATA, "pipelines"): "container `pipelines`",
        (DATA, "artifacts"): "container `artifacts`",
        (EVENTS, "deadLetters"): "container `event-dead-letters`",
        (ACCESS, "account"): "the Foundry account",
        ("modules/monitoring.bicep", "insights"): "Application Insights",
    }
    WHO: ClassVar = {
        "hostPrincipalId": "`host`",
        "deployerPrincipalId": "`deployer`",
        "topic.identity.principalId": "system topic",
    }

    def given(self, files):
        for path, file in files.items():
            for assignment in file.resources("Microsoft.Authorization/roleAssignments"):
                text = checks.text_of_or(bicep.at(assignment.body, "properties", "roleDefinitionId"))
                role = text.rstrip(")").rpartition(" ")[2].removeprefix("roles.")
                who = checks.text_of_or(bicep.at(assignment.body, "properties", "principalId"))
                if who not in self.WHO:
                    continue  # groups of people, whom the installer names
                name, role_id = checks.ROLES.get(
                    role.replace("datasetsRole", "storageBlobDataReader"), ("Foundry deployments", "")
                )
                place = self.PLACES[path, checks.text_of_or(bicep.at(assignment.body, "scope"))]
                yield (self.WHO[who], place, name, f"`{role_id}`" if role_id else "custom, below")

    def test_the_table_is_what_the_templates_give(self, files):
        rows = [
            tuple(cell.strip() for cell in line.split("|")[1:5])
            for line in self.PAGE.splitlines()
            if line.startswith("| ")
        ]
        listed = [row for row in rows if row[0] in self.WHO.values()]

        assert sorted(listed) == sorted(self.given(files))

    def test_the_actions_of_the_custom_role_are_on_the_page(self, files):
        assert all(f"`{action}`" in self.PAGE for action in checks.role_actions(files))
