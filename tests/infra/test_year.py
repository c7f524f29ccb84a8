"""A year of deployments: each is made, or refused before anything is sent, with what to do; nothing of others is deleted."""

import re
from datetime import UTC, datetime

import pytest

from infra.hooks import provisioning, questions, removal
from local.rights import DEFINITION
from tests.infra.agreement import variables_asked, variables_set
from tests.infra.azd import ACCOUNT, AZD, BUDGET, GROUP, TOPIC, Azd, Cloud, RefusedBefore, RefusedByAzure
from tests.infra.compiler import INFRA, ROOT, SUBSCRIPTION
from tests.infra.snapshots import assignment, kinds_written, load, resources

DECEMBER, MARCH = datetime(2026, 12, 3, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
DATA = next(
    r["id"] for r in resources(load("first")) if r["name"].startswith("stdata") and "/" not in r["name"]
)
THEIRS = {
    "EXISTING_FOUNDRY_ACCOUNT": "their-account", "EXISTING_FOUNDRY_RESOURCE_GROUP": "rg-theirs",
    "EXISTING_FOUNDRY_PROJECT": "their-project",
}  # fmt: skip
RIGHTS = [f"{r['type']}/write" for r in resources(load("private_network"))] + ["Microsoft.Resources/*"]
USER = "53ca6127-db72-4b80-b1b0-d745d6d5456d"


def starts(cloud):
    return [r["properties"]["timePeriod"]["startDate"][:10] for r in cloud.of(BUDGET)]


@pytest.fixture
def azd():
    return Azd(Cloud())


def refused(azd, words):
    """Before anything was sent."""
    before = azd.cloud.sent
    with pytest.raises(RefusedBefore, match=words):
        azd.up()
    assert azd.cloud.sent == before


def test_the_first_day_and_the_same_day_again(azd):
    """B1: nothing is asked. The second time nothing is sent, and hooks still run."""
    azd.up()
    assert starts(azd.cloud) == ["2026-11-01"]
    assert azd.env["AUTH_CLIENT_ID"] == "client"

    azd.up()
    assert azd.cloud.sent == 1
    assert "postprovision" in azd.steps

    azd.cloud.today = DECEMBER
    azd.up()
    assert azd.cloud.sent == 1, "the same machine next month: the budget's day is what it was"

    azd.up(no_state=True)
    assert azd.cloud.sent == 2, "B17: what was changed by hand is undone"


@pytest.mark.parametrize("missing", ["AZURE_ENV_NAME", "AZURE_LOCATION"])
def test_without_prompts_what_azd_would_ask_for_has_to_be_there(missing):
    """And nothing else: every parameter of ours has a default, or a hook that sets it."""
    azd = Azd(Cloud())
    del azd.env[missing]
    refused(azd, missing)


def test_next_month_on_a_fresh_runner(azd):
    """B2: the budget keeps its first day."""
    azd.up()
    azd.cloud.today = DECEMBER
    azd.fresh_runner().up()

    assert starts(azd.cloud) == ["2026-11-01"]
    assert azd.cloud.sent == 2


@pytest.mark.parametrize(
    ("before", "env"), [("0.1.0/first", {}), ("0.1.0/existing", THEIRS)], ids=["ours", "theirs"]
)
def test_an_installation_of_the_release_before(azd, before, env):
    """What ARM does not remove, the hook does: and only that."""
    azd.env |= env
    azd.cloud.deploy(load(before))
    held = dict(azd.cloud.assigned)
    azd.cloud.today = DECEMBER
    azd.up()

    assert starts(azd.cloud) == ["2026-11-01"]
    gone = [held[name] for name in held.keys() - azd.cloud.assigned.keys()]
    assert [(who, role) for who, _, role in gone] == [("host#0", USER)]
    users = [scope for who, scope, role in azd.cloud.assigned.values() if role == USER]
    assert [scope.rpartition("/")[2] for scope in users] == ["their-project" if env else "fine-tuning"]


@pytest.mark.parametrize("purge", [True, False])
@pytest.mark.parametrize("is_fresh", [True, False])
def test_down_and_up_again(azd, purge, is_fresh):
    """B15: an account that was not purged holds its name for 48 hours, whatever a machine has stored of it."""
    azd.up()
    azd.down(purge=purge)
    again = azd.fresh_runner() if is_fresh else azd
    again.up()

    assert again.env["RESTORE_FOUNDRY"] == ("" if purge else "true")
    again.up()
    assert again.env["RESTORE_FOUNDRY"] == ""


@pytest.mark.parametrize("purge", [True, False])
@pytest.mark.parametrize("is_fresh", [True, False])
def test_down_and_up_again_three_months_later(azd, purge, is_fresh):
    """A stored BUDGET_START is in the past by then, and nothing is there to be restored."""
    azd.up()
    azd.down(purge=purge)
    azd.cloud.today = MARCH
    again = azd.fresh_runner() if is_fresh else azd
    again.up()

    assert starts(azd.cloud) == ["2027-03-01"]
    assert again.env["RESTORE_FOUNDRY"] == ""


def test_a_deleted_account_in_another_region(azd):
    azd.up()
    azd.down()
    azd.env["FOUNDRY_LOCATION"] = "eastus2"
    refused(azd, "FOUNDRY_LOCATION swedencentral.*account purge")


def test_an_existing_account(azd):
    azd.env |= THEIRS
    azd.cloud.assigned["theirs"] = ("somebody", "/subscriptions/x/accounts/their-account", USER)
    azd.up()
    azd.down()
    azd.cloud.today = MARCH
    azd.up()

    assert azd.cloud.of(ACCOUNT) == []
    assert "theirs" in azd.cloud.assigned


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"closed": False}, "disableLocalAuth=true"),
        ({"closed": None}, "disableLocalAuth=true"),
        ({"domain": None}, "no subdomain"),
    ],
)
def test_an_existing_account_that_takes_keys(azd, change, words):
    azd.env |= THEIRS
    azd.cloud.account |= change
    refused(azd, words)


def test_an_existing_account_without_its_project(azd):
    azd.env |= THEIRS | {"EXISTING_FOUNDRY_PROJECT": ""}
    refused(azd, "EXISTING_FOUNDRY_PROJECT")


@pytest.mark.parametrize("principal", [None, "p"])
def test_somebody_elses_system_topic(azd, principal):
    """B4: it is used, whoever made it and whenever, and never written or removed."""
    topic = {
        "name": "stdata-defender",
        "source": DATA.upper().replace("/RG-DEV/", "/rg-dev/"),
        "principal": principal,
    }
    azd.up()
    azd.cloud.resources = {k: r for k, r in azd.cloud.resources.items() if r["type"] != TOPIC}
    azd.cloud.topics = [topic | {"id": f"{GROUP}/providers/{TOPIC}/stdata-defender"}]
    azd.cloud.today = DECEMBER
    azd.fresh_runner().up()
    azd.up()

    assert azd.env["EXISTING_SYSTEM_TOPIC"] == "stdata-defender"
    assert azd.env["EXISTING_SYSTEM_TOPIC_PRINCIPAL"] == (principal or "")
    assert azd.cloud.of(TOPIC) == []
    assert [t["name"] for t in azd.cloud.topics] == ["stdata-defender"]

    azd.cloud.topics = []
    azd.up()
    assert azd.env["EXISTING_SYSTEM_TOPIC"] == ""
    assert azd.cloud.of(TOPIC) != []


def test_a_topic_that_is_made_during_our_first_deployment(azd):
    """That one fails, which nobody could know before, and `azd up` again takes it: docs/azure.md says so."""
    theirs = f"{GROUP}/providers/{TOPIC}/stdata-defender"
    azd.cloud.defender = {"id": theirs, "name": "stdata-defender", "source": DATA, "principal": None}
    with pytest.raises(RefusedByAzure, match="Only one system topic"):
        azd.up()
    azd.up()
    assert azd.env["EXISTING_SYSTEM_TOPIC"] == "stdata-defender"


def test_a_topic_in_another_group(azd):
    azd.up()
    theirs = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-other/providers/{TOPIC}/x"
    azd.cloud.topics = [{"id": theirs, "name": "x", "source": DATA, "principal": None}]
    refused(azd, "another resource group")


def test_a_private_network(azd):
    """Also later, and on a subscription that has never had an environment of Container Apps."""
    azd.up()
    azd.env["PRIVATE_NETWORK"] = "true"
    azd.up()
    assert azd.cloud.of("Microsoft.Network/privateEndpoints")
    assert azd.cloud.registered == {"Microsoft.App"}


def test_no_budget_and_then_one(azd):
    azd.env["MONTHLY_BUDGET"] = "0"
    azd.up()
    assert starts(azd.cloud) == []
    azd.env["MONTHLY_BUDGET"] = "700"
    azd.cloud.today = DECEMBER
    azd.up()
    assert starts(azd.cloud) == ["2026-12-01"]


def test_an_old_azd(azd):
    """B16: it would delete the resource group of an existing account."""
    azd.version = "1.24.0"
    refused(azd, "requires azd")
    with pytest.raises(RefusedBefore):
        azd.down()


def test_an_old_azd_whose_check_is_switched_off(azd):
    azd.env |= THEIRS
    azd.cloud.assigned["theirs"] = ("somebody", "/subscriptions/x/resourceGroups/rg-theirs/x", USER)
    azd.version, azd.is_checked = "1.24.0", False
    azd.up()
    with pytest.raises(RefusedBefore, match="would delete the resource group rg-theirs"):
        azd.down()
    assert "theirs" in azd.cloud.assigned
    assert GROUP in azd.cloud.resources

    azd.version = "1.24.1"
    azd.down()
    assert "theirs" in azd.cloud.assigned
    assert GROUP not in azd.cloud.resources


@pytest.mark.parametrize("missing", sorted(kind for group in kinds_written().values() for kind in group))
def test_a_missing_right(azd, missing):
    """Whatever it is: Azure would refuse the template, some of it perhaps when the rest is made."""
    azd.env["PRIVATE_NETWORK"] = "true"
    azd.cloud.rights = [right for right in RIGHTS if right != f"{missing}/write"]
    refused(azd, f"{missing}/write")


def test_a_right_that_this_deployment_does_not_need(azd):
    """No budget, no network, an account and roles of others."""
    needless = (
        kinds_written()["budget"] + kinds_written()["foundry"] + kinds_written()["private"] + [DEFINITION]
    )
    azd.cloud.rights = [right for right in RIGHTS if right.removesuffix("/write") not in needless]
    refused(azd, "roleDefinitions/write")

    ids = {"DEPLOYMENT": "r", "QUOTA": "none", "INFERENCE": "none"}
    azd.env |= THEIRS | {f"EXISTING_{name}_ROLE_ID": value for name, value in ids.items()}
    refused(azd, "budgets/write")
    azd.env["MONTHLY_BUDGET"] = "0"
    azd.up()


def test_no_room_for_another_diagnostic_setting(azd):
    azd.cloud.settings = list("abcde")
    refused(azd, "WATCH_DEPLOYMENTS false")
    azd.env["WATCH_DEPLOYMENTS"] = "false"
    azd.up()


def test_a_pipeline_registers_nothing(azd):
    refused(Azd(azd.cloud, azd.env | {"CI": "true"}), "AUTH_CLIENT_ID is not set")


def test_down_with_deployments(azd):
    azd.up()
    azd.cloud.deployments = [{"name": "d", "model": "gpt-4.1.ft-1", "purpose": "production"}]
    with pytest.raises(RefusedBefore, match="CONFIRM_DOWN dev"):
        azd.down()
    with pytest.raises(RefusedBefore, match="CONFIRM_DOWN dev"):
        azd.fresh_runner().down()
    assert GROUP in azd.cloud.resources
    azd.env["CONFIRM_DOWN"] = "dev"
    azd.down()
    assert azd.env["CONFIRM_DOWN"] == ""


class TestPlanted:
    """What happened before, happens in the model."""

    def test_b1_a_parameter_that_only_a_hook_makes(self):
        main = (INFRA / "main.bicep").read_text()
        needed = main.replace("param authClientId string = ''", "param authClientId string")
        not_empty = main.replace(
            "param authClientId string = ''", "@minLength(1)\nparam authClientId string = ''"
        )
        parameters = (INFRA / "main.bicepparam").read_text()
        required = parameters.replace("('AUTH_CLIENT_ID', '')", "('AUTH_CLIENT_ID')")
        assert main != needed != not_empty
        assert required != parameters
        refused(Azd(Cloud(), main=needed, parameters=None), "azd asks for")
        refused(Azd(Cloud(), main=not_empty), "does not compile")
        refused(Azd(Cloud(), parameters=required), "does not compile")

    def test_b1_a_hook_that_makes_no_application(self, azd, monkeypatch):
        """The parameter has a default now, so nothing else would notice."""
        monkeypatch.setattr(provisioning.sign_in, "ensure_application", lambda: None)
        with pytest.raises(RefusedByAzure, match="nobody could sign in"):
            azd.up()

    def test_b2_a_day_that_is_taken_from_what_was_stored(self, azd, monkeypatch):
        azd.up()
        azd.down()
        azd.cloud.today = MARCH
        stored = azd.env["BUDGET_START"] = "2026-11-01T00:00:00Z"
        monkeypatch.setattr(questions, "_budget_start", lambda *_, **__: stored)
        with pytest.raises(RefusedByAzure, match="before the current month"):
            azd.up()

    def test_b2_a_budget_that_begins_with_each_deployment(self, azd, monkeypatch):
        azd.up()
        azd.cloud.today = DECEMBER
        monkeypatch.setattr(questions, "_budget_start", lambda _, now, **__: f"{now:%Y-%m}-01T00:00:00Z")
        with pytest.raises(RefusedByAzure, match="Start date"):
            azd.up()

    def test_b4_a_topic_of_our_own_in_any_case(self, azd, monkeypatch):
        azd.cloud.topics = [{"id": f"{GROUP}/x", "name": "x", "source": DATA, "principal": None}]
        monkeypatch.setattr(questions, "_system_topic", lambda _: ("", ""))
        with pytest.raises(RefusedByAzure, match="one system topic"):
            azd.up()

    @pytest.mark.parametrize(("answer", "code"), [(True, "CanNotRestore"), (False, "FlagMustBeSet")])
    def test_b15_an_account_that_is_restored_always_or_never(self, azd, monkeypatch, answer, code):
        monkeypatch.setattr(questions, "_is_deleted", lambda *_: answer)
        with pytest.raises(RefusedByAzure, match=code):  # noqa: PT012
            azd.up()
            azd.down()
            azd.up()

    def test_b16_an_old_azd_that_nobody_stops(self, azd, monkeypatch):
        azd.env |= THEIRS
        azd.cloud.assigned["theirs"] = ("somebody", "/subscriptions/x/resourceGroups/rg-theirs/x", USER)
        azd.version, azd.is_checked = "1.24.0", False
        azd.up()
        monkeypatch.setattr(removal, "check_azd", lambda _: None)
        azd.down()
        assert "theirs" not in azd.cloud.assigned

    def test_a_missing_right_that_nobody_looks_for(self, azd, monkeypatch):
        azd.cloud.rights = ["Microsoft.Resources/*"]
        monkeypatch.setattr(questions, "check_rights", lambda: None)
        with pytest.raises(RefusedByAzure, match="AuthorizationFailed"):
            azd.up()

    def test_a_provider_that_nobody_registers(self, azd, monkeypatch):
        azd.env["PRIVATE_NETWORK"] = "true"
        monkeypatch.setattr(questions, "is_set", lambda *_: False)
        with pytest.raises(RefusedByAzure, match="MissingSubscriptionRegistration"):
            azd.up()

    def test_an_assignment_under_another_name(self, azd):
        azd.cloud.deploy(load("0.1.0/first"))
        name = next(n for n, (_, scope, _) in azd.cloud.assigned.items() if scope.endswith("/artifacts"))
        azd.cloud.assigned["other"] = azd.cloud.assigned.pop(name)
        with pytest.raises(RefusedByAzure, match="RoleAssignmentExists"):
            azd.up()

    def test_an_assignment_whose_name_does_not_tell_its_principal(self, azd, monkeypatch):
        monkeypatch.setattr(
            "tests.infra.azd.assignment", lambda r: (*assignment(r)[:3], "-".join(assignment(r)[1:3]))
        )
        azd.env |= THEIRS
        azd.up()
        azd.down()
        with pytest.raises(RefusedByAzure, match="RoleAssignmentUpdateNotPermitted"):
            azd.up()


class TestPage:
    """docs/azure.md walks through `azd up` on paper."""

    ROWS = tuple(
        tuple(cell.strip() for cell in line.split("|")[1:5])
        for line in (ROOT / "docs/azure.md")
        .read_text()
        .partition("| step | what |")[2]
        .partition("\n\n")[0]
        .splitlines()[2:]
    )

    def test_the_steps_are_those_of_azd_in_their_order(self, azd):
        azd.up()
        assert [step.strip("`") for step, *_ in self.ROWS] == azd.steps
        assert set(AZD["hooks"]) - {"predown"} <= set(azd.steps)

    @pytest.mark.parametrize(
        ("event", "modules"),
        [
            ("preprovision", ("questions", "sign_in.ensure", "provisioning.pre", "names")),
            ("postprovision", ("sign_in.trust", "provisioning.post")),
            ("postdeploy", ("deployment", "outside")),
        ],
    )
    def test_a_hook_reads_and_writes_what_the_page_says(self, event, modules):
        """From the sources: what a hook asks of its environment, and what it sets."""
        text = "".join(self.source(*module.split(".")) for module in modules)
        row = next(row for row in self.ROWS if row[0] == f"`{event}`")
        assert set(re.findall(r"`([A-Z_]+)`", row[2])) == variables_asked(text)
        assert set(re.findall(r"`([A-Z_]+)`", row[3])) == variables_set(text)

    @staticmethod
    def source(module, part=""):
        text = (INFRA / f"hooks/{module}.py").read_text()
        if not part:
            return text
        first, second = re.split(r"\ndef (?:trust_app|look_only)", text)
        return first if part in {"ensure", "pre"} else second.partition("\ndef grant")[0]
