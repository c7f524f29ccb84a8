"""The templates, by the real compiler where there is one, and by what they would send."""

import ast
import copy
import json
import re
import shutil
from collections import Counter
from types import SimpleNamespace
from typing import ClassVar

import pytest

from local.rights import ASSIGNMENT, DEFINITION
from tests.infra import agreement, compiler, deployed, snapshots
from tests.infra.compiler import INFRA, ROOT, Bicep
from tests.infra.snapshots import (
    CASES,
    FOLDER,
    MADE_BY,
    assignment,
    at,
    load,
    only,
    resources,
)

DEPLOYMENTS = [case for case in CASES if not case.startswith("event_")]
BEFORE = sorted(f"0.1.0/{path.stem}" for path in (FOLDER / "0.1.0").glob("*.json"))
VARIABLES = sorted(
    set(re.findall(r"readEnvironmentVariable\('(\w+)'", (INFRA / "main.bicepparam").read_text()))
)
#: What main.bicepparam has to make of its variables: the case `everything`.
Z = "00000000-0000-0000-0000-0000000000"
EVERYTHING = {
    "AZURE_ENV_NAME": "dev", "AZURE_LOCATION": "swedencentral", "AUTH_CLIENT_ID": f"{Z}0a",
    "BUDGET_START": "2026-11-01T00:00:00Z", "EXISTING_SYSTEM_TOPIC": "their-topic",
    "EXISTING_SYSTEM_TOPIC_PRINCIPAL": f"{Z}1e", "RESTORE_FOUNDRY": "true", "FOUNDRY_LOCATION": "eastus2",
    "EXISTING_FOUNDRY_ACCOUNT": "their-account", "EXISTING_FOUNDRY_RESOURCE_GROUP": "rg-theirs",
    "EXISTING_FOUNDRY_PROJECT": "their-project", "EXISTING_DEPLOYMENT_ROLE_ID": f"{Z}1a",
    "EXISTING_QUOTA_ROLE_ID": f"{Z}1b", "EXISTING_INFERENCE_ROLE_ID": f"{Z}1c", "EXISTING_TRAINING_ROLE_ID": f"{Z}1d",
    "DATASET_WRITER_GROUP_ID": f"{Z}2a", "PIPELINE_WRITER_GROUP_ID": f"{Z}2b",
    "ALLOWED_APPLICATIONS": f"{Z}3a, {Z}3b", "ALERT_EMAIL": "operators@example.com", "MONTHLY_BUDGET": "1200",
    "PRIVATE_NETWORK": "True", "ALLOWED_ADDRESS_RANGES": "192.0.2.0/24, 198.51.100.7", "STORAGE_SKU": "Standard_LRS",
    "BLOB_TRIGGER_OWNS_DATASETS": "true", "ALWAYS_READY_BLOB_INSTANCES": "1", "SITE_UPDATE_STRATEGY": "RollingUpdate",
    "WATCH_DEPLOYMENTS": "false", "READER_ROLE": "Acme.Reader",
    "APPROVER_ROLE": "Acme.Approver", "OPERATOR_ROLE": "Acme.Operator", "DATA_ROLE": "Acme.Operator",
}  # fmt: skip
needs_compiler = pytest.mark.skipif(compiler.find() is None, reason=compiler.MISSING)


@pytest.fixture(scope="module")
def bicep():
    """With every variable of main.bicepparam set."""
    with Bicep(**EVERYTHING) as running:
        yield running


@pytest.mark.slow
@needs_compiler
class TestCompiler:
    """What only the compiler knows: types, versions, references, its linter."""

    @pytest.mark.parametrize("file", ["main.bicep", "event-subscription.bicep", "main.bicepparam"])
    def test_it_complains_of_nothing(self, bicep, file):
        found, template = bicep.compile(INFRA / file)
        assert found == []
        assert template

    def test_every_file_is_formatted(self, bicep):
        files = [
            path
            for kind in ("*.bicep*", "modules/*.bicep", "snapshots/*.bicepparam")
            for path in INFRA.glob(kind)
        ]
        files = [path for path in files if path.suffix in {".bicep", ".bicepparam"}]
        ugly = [path.name for path in files if bicep.formatted(path) != path.read_text()]
        assert len(files) > 20
        assert ugly == []

    def test_names_of_modules_and_what_if_are_watched(self):
        rules = json.loads((INFRA / "bicepconfig.json").read_text())["analyzers"]["core"]["rules"]
        assert {rules[name]["level"] for name in ("no-module-name", "what-if-short-circuiting")} == {"error"}

    @pytest.mark.parametrize(
        "case",
        [case if case == "first" else pytest.param(case, marks=pytest.mark.thorough) for case in CASES],
    )
    def test_a_snapshot_is_what_would_be_sent(self, bicep, case):
        assert bicep.version() == json.loads(MADE_BY.read_text())["bicep"]
        assert bicep.snapshot(FOLDER / f"{case}.bicepparam") == load(case)

    def test_every_variable_reaches_its_parameter(self, bicep):
        assert bicep.snapshot(INFRA / "main.bicepparam") == load("everything")
        assert sorted(EVERYTHING) == VARIABLES

    @pytest.mark.thorough
    def test_an_empty_variable_means_the_default(self):
        needed = ("AZURE_ENV_NAME", "AZURE_LOCATION", "AUTH_CLIENT_ID", "BUDGET_START")
        given = dict.fromkeys(VARIABLES, "") | {name: EVERYTHING[name] for name in needed}
        with Bicep(**given) as running:
            assert running.snapshot(INFRA / "main.bicepparam") == load("first")

    @pytest.mark.thorough
    def test_azd_can_compile_before_any_hook_has_run(self):
        """B1: azd compiles first; a parameter that a hook makes may not be required."""
        given = dict.fromkeys(VARIABLES, "") | {"AZURE_ENV_NAME": "dev", "AZURE_LOCATION": "x"}
        with Bicep(**given) as running:
            found, template = running.compile(INFRA / "main.bicepparam")
        assert found == []
        assert template

    def test_the_app_starts_after_its_roles(self, bicep):
        _, template = bicep.compile(INFRA / "main.bicep")
        steps = template["resources"]
        steps = steps if isinstance(steps, dict) else {r["name"]: r for r in steps}
        assigning = {
            name for name, step in steps.items() if ASSIGNMENT in json.dumps(step.get("properties", {}))
        }

        def before(name):
            needs = {n for n in steps[name].get("dependsOn", []) if n in steps}
            return needs.union(*(before(n) for n in needs))

        assert assigning - {"events", "quotaAccess"} <= before("app")


def plant(folder, mistakes):
    """A copy of the templates with mistakes in them, which the compiler need not notice."""
    kinds = ("*.bicep", "*.json", "modules/*.bicep", "snapshots/*.bicepparam")
    for file in (file for kind in kinds for file in INFRA.glob(kind)):
        place = folder / file.relative_to(INFRA)
        place.parent.mkdir(exist_ok=True)
        shutil.copy(file, place)
    for path, old, new in mistakes:
        text = (folder / path).read_text()
        assert old in text, (path, old)
        (folder / path).write_text(text.replace(old, new, 1))


#: What broke before, as it stood in the templates then: (file, text, instead, check that finds it).
BROKE = [
    ("modules/events.bicep", "systemTopics@2025-02-15' = if (isOurs) {", "systemTopics@2025-02-15' = {", "topics"),
    ("modules/app.bicep", "azureCliClientId], applications)", "azureCliClientId], take(applications, 0))", "applications"),
    ("main.bicep", "siteUpdateStrategy string = 'Recreate'", "siteUpdateStrategy string = 'RollingUpdate'", "updates"),
    ("modules/alerts.bicep", "(monthlyBudget > 0 && !empty(budgetStart))", "(monthlyBudget > 0)", "budgets"),
    ("main.bicep", "budgetStart string = ''", "budgetStart string = utcNow('yyyy-MM-01')", "day"),
]  # fmt: skip


@pytest.mark.slow
@needs_compiler
def test_what_broke_before_is_found_in_what_the_templates_would_send(bicep, tmp_path):
    """B2, B4, B6, B10; B1 does not get that far (`test_azd_can_compile_before_any_hook_has_run`, tests/infra/test_year.py)."""
    plant(tmp_path, [mistake[:3] for mistake in BROKE])
    (tmp_path / "snapshots/no_day.bicepparam").write_text(
        "\n".join(
            line for line in (FOLDER / "first.bicepparam").read_text().splitlines() if "budget" not in line
        )
    )
    cases = ("existing_topic", "everything", "no_day")
    product = SimpleNamespace(
        sent={case: bicep.snapshot(tmp_path / f"snapshots/{case}.bicepparam") for case in cases},
        asked={case: snapshots.asked(case, tmp_path / "snapshots") for case in cases},
    )
    product.deployments = lambda: ((case, product.sent[case], product.asked[case]) for case in cases)

    found = {check for *_, check in BROKE if check != "day" and getattr(agreement, check)(product)}
    assert found | ({"day"} if of_the_day(tmp_path) else set()) == {check for *_, check in BROKE}


#: (file, text, instead, what the compiler says): planted together, each in a place of its own.
PLANTED = [
    ("modules/app.bicep", "httpsOnly: true", "plainTextToo: false", "BCP037"),
    ("modules/app.bicep", "'RedirectToLoginPage'", "'RedirectToNowhere'", "BCP036"),
    ("modules/identities.bicep", "= host.properties.clientId", "= hosst.properties.clientId", "hosst"),
    ("modules/app.bicep", "serverfarms@2025-03-01' = {", "serverfarms@2024-13-01' = {", "BCP081"),
    ("modules/app.bicep", "      #disable-next-line BCP037\n", "", "siteUpdateStrategy"),
    ("modules/data-storage.bicep", "daysAfterCreationGreaterThan", "daysAfterCreation", "BCP037"),
    ("modules/alerts.bicep", "evaluationFrequency: alert.every", "askedEach: alert.every", "BCP037"),
    ("modules/monitoring.bicep", "guid(insights.id", "gid(insights.id", "BCP082"),
    ("modules/foundry.bicep", "param isRestored bool", "param isRestored bool\nparam spare string", "no-unused-params"),
    ("main.bicep", "    alertEmail: alertEmail\n", "", "alertEmail"),
    ("main.bicep", "addressRanges: addressRanges", "addressRanges: location", "BCP036"),
    ("main.bicep", "module network 'modules/network.bicep' = if (privateNetwork) {\n",
     "module network 'modules/network.bicep' = if (privateNetwork) {\n  name: 'network'\n", "no-module-name"),
    ("main.bicep", "storageAccountName: dataStorageName", "storageAccountName: dataStorage.outputs.id",
     "what-if-short-circuiting"),
    ("main.bicep", "output AUTH_CLIENT_ID string = authClientId",
     "output AUTH_CLIENT_ID string = listKeys(group.id, '2024-03-01').key", "outputs-should-not-contain-secrets"),
    ("event-subscription.bicep", "subjectBeginsWith", "subjectPrefix", "BCP037"),
    ("event-subscription.bicep", "'StringIn'", "'StringsIn'", "BCP088"),
]  # fmt: skip


@pytest.mark.slow
@needs_compiler
def test_planted_mistakes_are_found(bicep, tmp_path):
    plant(tmp_path, [(path, old, new) for path, old, new, _ in PLANTED])

    found = (
        bicep.compile(tmp_path / "main.bicep")[0] + bicep.compile(tmp_path / "event-subscription.bicep")[0]
    )

    said = Counter()
    for path, _, _, says in PLANTED:
        said[path.rpartition("/")[2], says] += 1
    missed = [
        (name, says)
        for (name, says), count in said.items()
        if sum(line.startswith(name) and says in line for line in found) < count
    ]
    assert missed == [], "\n".join(found)


def test_snapshots_are_not_stale():
    """Where there is no compiler, this says so; `make snapshots` writes them."""
    assert json.loads(MADE_BY.read_text())["sources"] == snapshots.hash_of_sources()


def test_the_hook_looks_for_the_right_to_write_each_type():
    assert json.loads(snapshots.WRITTEN.read_text()) == snapshots.kinds_written()


def of_the_day(folder):
    """Templates that would send something else each day."""
    files = [*folder.glob("*.bicep*"), *folder.glob("modules/*.bicep")]
    return [path.name for path in files if re.search(r"utcNow|newGuid", path.read_text())]


def test_nothing_depends_on_the_day():
    """B2: the first day of the budget comes from the hook alone."""
    assert [case for case in CASES if load(case)["diagnostics"]] == []
    assert of_the_day(INFRA) == []


@pytest.mark.parametrize("check", deployed.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", DEPLOYMENTS)
def test_every_deployment_passes(case, check):
    assert list(check(load(case))) == []


def test_what_the_first_deployment_would_send():
    sent = load("first")
    assert at(only(sent, "Microsoft.CognitiveServices/accounts"), "properties.restore") is None
    assert at(only(load("restored"), "Microsoft.CognitiveServices/accounts"), "properties.restore") is True
    assert {r["properties"]["roleName"].partition(" (")[0] for r in resources(sent, DEFINITION)} == set(
        deployed.ACTIONS
    )


def test_who_may_not_define_roles_defines_none():
    assert resources(load("existing_foundry"), DEFINITION) == []
    assert resources(load("everything"), DEFINITION) == []
    given = {assignment(r)[2] for r in resources(load("existing_foundry"), ASSIGNMENT)}
    assert EVERYTHING["EXISTING_DEPLOYMENT_ROLE_ID"] in given
    assert not given & {"none", ""}


class TestSinceBefore:
    """ARM removes nothing, and refuses the same assignment under another name (RoleAssignmentExists)."""

    #: What this release takes away, by the post-provision hook: Foundry User of `host` on the account, of which it was too much.
    GONE: ClassVar = {("host", "53ca6127-db72-4b80-b1b0-d745d6d5456d")}
    PAIRS: ClassVar = {
        "0.1.0/first": "first",
        "0.1.0/existing": "existing_foundry",
        "0.1.0/everything": "everything",
    }

    @pytest.mark.parametrize("before", BEFORE)
    def test_assignments_keep_their_names(self, before):
        names = {assignment(r)[:3]: assignment(r)[3] for r in resources(load(self.PAIRS[before]), ASSIGNMENT)}
        for resource in resources(load(before), ASSIGNMENT):
            *key, name = assignment(resource)
            assert names.get(tuple(key), name) == name

    def test_what_is_taken_away_is_known(self):
        now = {assignment(r)[:3] for r in resources(load("first"), ASSIGNMENT)}
        gone = {assignment(r)[:3] for r in resources(load("0.1.0/first"), ASSIGNMENT)} - now
        assert {(who, role) for who, _, role in gone} == self.GONE
        assert {scope.rpartition("/accounts/")[1] for _, scope, _ in gone} == {"/accounts/"}

    def test_roles_keep_their_names(self):
        def defined(case):
            return {r["properties"]["roleName"]: r["id"] for r in resources(load(case), DEFINITION)}

        assert defined("0.1.0/first").items() <= defined("first").items()

    @pytest.mark.parametrize("before", BEFORE)
    def test_nothing_that_holds_data_gets_another_name(self, before):
        """What is missing now would go on without anybody's care: the container of the package only."""
        now = {r["id"] for r in resources(load(self.PAIRS[before]))}
        kinds = (
            ASSIGNMENT,
            DEFINITION,
            "Microsoft.EventGrid/systemTopics",
            "Microsoft.Insights/diagnosticSettings",
        )
        missing = [
            r["name"] for r in resources(load(before)) if r["id"] not in now and r["type"] not in kinds
        ]
        assert [name.partition("/")[2] for name in missing] == ["default/app-package"]


SITE, STORAGE = "Microsoft.Web/sites", "Microsoft.Storage/storageAccounts"
ROLE_OF = "properties.roleDefinitionId"
#: (check, type, part of the name or id, path, wrong value, says): what only our checks find.
WRONG = [
    ("hardening", STORAGE, "stdata", "properties.allowSharedKeyAccess", True, "allowSharedKeyAccess is True"),
    ("hardening", STORAGE, "sthost", "properties.networkAcls.bypass", "None", "bypass"),
    ("hardening", f"{STORAGE}/blobServices/containers", "datasets", "properties.publicAccess", "Blob", "publicAccess"),
    ("hardening", "Microsoft.CognitiveServices/accounts", "aif", "properties.disableLocalAuth", False, "disableLocalAuth"),
    ("hardening", f"{SITE}/config", "auth", "properties.globalValidation.requireAuthentication", False, "requireAuth"),
    ("hardening", f"{SITE}/basicPublishingCredentialsPolicies", "scm", "properties.allow", True, "allow is True"),
    ("hardening", SITE, "func", "properties.siteConfig.x", "[listKeys('a')]", "keys are read"),
    ("versioning", f"{STORAGE}/blobServices", "stdata", "properties.isVersioningEnabled", False, "not kept"),
    ("flex", SITE, "func", "properties.siteConfig.alwaysOn", True, "alwaysOn"),
    ("flex", SITE, "func", "properties.functionAppConfig.scaleAndConcurrency.maximumInstanceCount", 10, "40 to 1000"),
    ("flex", SITE, "func", "properties.functionAppConfig.scaleAndConcurrency.instanceMemoryMB", 1024, "instanceMemoryMB"),
    ("flex", SITE, "func", "properties.functionAppConfig.siteUpdateStrategy", None, "siteUpdateStrategy is not sent"),
    ("flex", "Microsoft.Web/serverfarms", "plan", "sku.name", "Y1", "not FC1"),
    ("assignments", ASSIGNMENT, "artifacts", "properties.principalType", None, "principalType is None"),
    ("assignments", ASSIGNMENT, "artifacts", ROLE_OF, "/b24988ac-6180-42a0-ab88-20f7382dd24c", "is not pinned"),
    ("assignments", ASSIGNMENT, "artifacts", "name", "[guid('a', 'host')]", "lacks its scope"),
    ("assignments", ASSIGNMENT, "appi-", ROLE_OF, "/53ca6127-db72-4b80-b1b0-d745d6d5456d", "holds Foundry User on"),
    ("assignments", SITE, "func", "properties.functionAppConfig.deployment.storage.value", "sthost/x", "the package is at"),
    ("actions", DEFINITION, "", "properties.assignableScopes", ["/"], "can be assigned in"),
    ("actions", DEFINITION, "", "properties.permissions", [{"actions": ["*"], "dataActions": []}], "allows ['*']"),
    ("names", STORAGE, "stdata", "name", "stdata-with-a-hyphen", "is no name"),
    ("names", SITE, "func", "name", "f" * 61, "is no name"),
    ("budget", "Microsoft.Consumption/budgets", "budget", "properties.timePeriod.startDate", "[utcNow()]", "begins at"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "kind", "part", "path", "value", "says"), WRONG, ids=lambda v: str(v)[:40])
def test_what_the_compiler_cannot_know_is_found(check, kind, part, path, value, says):
    sent = copy.deepcopy(load("first"))
    place = next(r for r in resources(sent, kind) if part in r["id"])
    *keys, last = path.split(".")
    for key in keys:
        place = place[key]
    place[last] = value

    found = list(getattr(deployed, check)(sent))

    assert any(says in problem for problem in found), found


def test_each_check_finds_something():
    assert {row[0] for row in WRONG} == {check.__name__ for check in deployed.CHECKS}


#: Method of the SDK -> what Azure Resource Manager checks for it (operations of Microsoft.CognitiveServices).
CALLS = {
    "get": "Microsoft.CognitiveServices/accounts/deployments/read",
    "list": "Microsoft.CognitiveServices/accounts/deployments/read",
    "begin_create_or_update": "Microsoft.CognitiveServices/accounts/deployments/write",
    "begin_delete": "Microsoft.CognitiveServices/accounts/deployments/delete",
}


def test_the_custom_role_allows_what_the_adapter_calls():
    tree = ast.parse((ROOT / "shared/adapters/deployments.py").read_text())
    calls = {
        ast.unparse(node.func).removeprefix("self._client.")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("self._client.")
    }
    assert all(call.startswith("deployments.") for call in calls), (
        "another kind of resource needs another action"
    )
    used = {CALLS[call.removeprefix("deployments.")] for call in calls}
    allowed = {a for a in deployed.ACTIONS["Foundry deployments"] if "/deployments/" in a}
    assert used == allowed


class TestPermissionsPage:
    """docs/permissions.md says what the templates give, all of it and nothing else."""

    PAGE: ClassVar = (ROOT / "docs" / "permissions.md").read_text()
    #: End of the scope -> how the page calls it
    PLACES: ClassVar = {
        r"/storageAccounts/sthost\w+": "storage of the host",
        r"/storageAccounts/stdata\w+": "storage of the data",
        r"/containers/(?P<name>[\w-]+)": "container `{name}`",
        r"/accounts/[\w-]+": "the Foundry account",
        r"/projects/[\w-]+": "the Foundry project",
        r"/components/[\w-]+": "Application Insights",
        r"/subscriptions/[\w-]+": "the subscription",
    }
    TITLES: ClassVar = {
        "storageBlobDataOwner": "Storage Blob Data Owner",
        "storageBlobDataContributor": "Storage Blob Data Contributor",
        "storageBlobDataReader": "Storage Blob Data Reader",
        "storageQueueDataContributor": "Storage Queue Data Contributor",
        "storageTableDataContributor": "Storage Table Data Contributor",
        "monitoringMetricsPublisher": "Monitoring Metrics Publisher",
        "foundryUser": "Foundry User",
    }

    def given(self):
        sent = load("first")
        titles = {deployed.ROLES[key]: title for key, title in self.TITLES.items()}
        custom = {
            r["name"]: r["properties"]["roleName"].partition(" (")[0] for r in resources(sent, DEFINITION)
        }
        for resource in resources(sent, ASSIGNMENT):
            who, scope, role, _ = assignment(resource)
            found = [(re.search(f"{p}$", scope), words) for p, words in self.PLACES.items()]
            place = next(words.format(**match.groupdict()) for match, words in found if match)
            name, shown = (titles[role], f"`{role}`") if role in titles else (custom[role], "custom, below")
            yield ("system topic" if who == "topic" else f"`{who}`", place, name, shown)

    def test_the_table_is_what_the_templates_give(self):
        rows = [
            tuple(cell.strip() for cell in line.split("|")[1:5])
            for line in self.PAGE.partition("## Who deploys")[0].splitlines()
            if line.startswith("| ")
        ]
        listed = [row for row in rows if row[0] in {"`host`", "`deployer`", "`publisher`", "system topic"}]
        assert sorted(listed) == sorted(self.given())

    def test_the_actions_of_the_custom_roles_are_on_the_page(self):
        missing = [a for actions in deployed.ACTIONS.values() for a in actions if f"`{a}`" not in self.PAGE]
        assert missing == []

    def test_every_way_out_is_on_the_page(self):
        ways = [name for name in VARIABLES if name.endswith("_ROLE_ID")]
        assert len(ways) == 4
        assert [name for name in ways if f"`{name}`" not in self.PAGE] == []
