"""Templates, code, host.json and azd agree, and each check fails on a planted disagreement."""

import copy
import json
import re
from dataclasses import dataclass, replace

import pytest

from functions.messages import QUEUE
from tests.infra import agreement
from tests.infra.agreement import ROOT, Product
from tests.infra.snapshots import load, resources


@pytest.fixture(scope="session")
def product():
    return Product.read()


@pytest.mark.parametrize("check", agreement.CHECKS, ids=lambda check: check.__name__)
def test_all_agree(product, check):
    assert check(product) == []


@dataclass(frozen=True)
class Planted:
    """A wrong text in what a deployment would send."""

    check: str
    old: str
    new: str
    says: str
    case: str = "first"

    def plant(self, product):
        text = json.dumps(product.sent[self.case])
        assert self.old in text
        return replace(
            product, sent={**product.sent, self.case: json.loads(text.replace(self.old, self.new))}
        )


@dataclass(frozen=True)
class Elsewhere:
    """A wrong change of anything else: where (attribute and keys), and to what."""

    check: str
    where: tuple
    value: object
    says: str

    def plant(self, product):
        name, *keys = self.where
        if not keys:
            return replace(product, **{name: self.value})
        whole = copy.deepcopy(getattr(product, name))
        place = whole
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = self.value
        return replace(product, **{name: whole})


UPLOADS = "event_subscription"
SETTING = '{"name": "CLOCK_SKEW_SECONDS", "value": "60"}'

PLANTED = [
    Planted("settings", SETTING + ", ", "", "CLOCK_SKEW_SECONDS is missing"),
    Planted("settings", "CLOCK_SKEW", "CLOCK_SCEW", "CLOCK_SCEW_SECONDS: nothing reads it"),
    Planted("settings", SETTING, SETTING.replace("60", "30"), "the code's default is 60"),
    Planted("settings", '"EventGrid"', '"LogsAndContainerScan"', "knows only EventGrid"),
    Planted("settings", '"managed_identity"', '"developer"', "managed identity"),
    Planted("settings", "CLOCK_SKEW_SECONDS", "TRUST_LOCAL_PRINCIPAL", "nothing reads it"),
    Planted("runtime", '"version": "3.13"', '"version": "3.12"', "3.12"),
    Planted("containers", "default/artifacts", "default/artefacts", "nothing makes the container artifacts"),
    Planted(
        "containers", "default/webjobs-blobtrigger-poison", "default/x", "nothing makes the queue webjobs"
    ),
    Planted("containers", f"default/{QUEUE}-poison", "default/spare", "nobody uses the queue spare"),
    Elsewhere(
        "containers", ("functions", "dataset_uploaded", 1, "path"), "data/{name}", "watches data/{name}"
    ),
    Elsewhere(
        "containers",
        ("functions", "dataset_uploaded", 1, "source"),
        "LogsAndContainerScan",
        "knows only EventGrid",
    ),
    Planted("connections", "STATE__queueServiceUri", "STATE__queueUri", "STATE__queueServiceUri is missing"),
    Planted("connections", "DATASETS__credential", "DATASETS__secret", "DATASETS__credential is missing"),
    Planted("events", "Host.Functions.", "", "drop every event silently", UPLOADS),
    Planted("events", ".dataset_uploaded", ".dataset_upload", "drop every event silently", UPLOADS),
    Planted("events", "/datasets/blobs/", "/datasets", "/blobs/", UPLOADS),
    Planted("events", '".jsonl"', '".json"', "no .jsonl", UPLOADS),
    Planted("events", '"PutBlockList", ', "", "unfinished upload", UPLOADS),
    Planted("events", "Storage.BlobCreated", "Storage.BlobDeleted", "other events", UPLOADS),
    Planted("events", '"StorageBlob"', '"Nowhere"', "lost without a dead letter", UPLOADS),
    Planted(
        "events",
        '"eventDeliverySchema"',
        '"deadLetterWithResourceIdentity": {"identity": {}}, "eventDeliverySchema"',
        "cannot write dead letters",
        "event_subscription_no_identity",
    ),
    Planted("paths", '"/api/health"', '"/api/health", "/api/runs"', "/api/runs is open"),
    Planted("paths", '"/runtime/webhooks/blobs"', '"/api/health"', "turn Event Grid away"),
    Elsewhere("paths", ("host", "extensions", "http", "routePrefix"), "v1", "is open to everybody"),
    Planted("paths", '"/api/health"', '"/api/health", "/api/ui"', "/api/ui is open"),
    Planted("sign_in", '"RedirectToLoginPage"', '"Return401"', "who did not sign in: 'Return401'"),
    Planted(
        "sign_in", '"redirectToProvider": "azureactivedirectory"', '"redirectToProvider": ""', "the provider"
    ),
    Planted("sign_in", '"/api/health"', '"/api/health/"', "what is open"),
    Planted("sign_in", '"08:00:00"', '"12:00:00"', "how long a session lasts"),
    Planted(
        "sign_in", '"tokenStore": {"enabled": false}', '"tokenStore": {"enabled": true}', "the token store"
    ),
    Planted("schedules", '"0 * * * * *"', '"* * * * *"', "six fields"),
    Planted("schedules", '"0 * * * * *"', '"0 61 * * * *"', "six fields"),
    Planted("schedules", "POLL_SCHEDULE", "POLL_SHEDULE", "six fields"),
    Elsewhere("schedules", ("functions", "poll_runs", 1, "runOnStartup"), True, "every cold start"),
    Elsewhere("names", ("functions",), {"1st": []}, "1st is no name"),
    Elsewhere("host", ("host", "functionTimeout"), 900, "no time as"),
    Elsewhere("host", ("host", "functionTimeout"), "00:30:00", "two processes"),
    Elsewhere("host", ("host", "extensions", "queues", "maxDequeueCount"), "5", "no positive number"),
    Elsewhere("host", ("host", "extensions", "blobs", "maxDegreeOfParallelism"), 2, "hold up all others"),
    Elsewhere("host", ("host", "extensionBundle", "version"), "[3.*, 4.0.0)", "4.x"),
    Elsewhere("shipped", ("funcignore",), "tests/\n", "infra/main.bicep is shipped"),
    Elsewhere("shipped", ("funcignore",), "*.py\n", "function_app.py is not shipped"),
    # B2: a template that makes the day itself, and one that sends a budget that was not asked for.
    Planted("budgets", '"startDate": "2026-11-01T00', '"startDate": "2026-12-01T00', "sent ['2026-12-01"),
    Elsewhere("budgets", ("sent", "no_budget"), load("first"), "asked for a budget of 0"),
    # B4: a template that makes its own topic in any case, or gives a role to an identity that is not there.
    Elsewhere("topics", ("sent", "existing_topic"), load("first"), "is made though stdata-defender"),
    Planted(
        "topics",
        '"type": "Microsoft.OperationalInsights/workspaces"',
        '"type": "Microsoft.EventGrid/systemTopics"',
        "2 system topics",
    ),
    Elsewhere("topics", ("asked", "existing_topic", "existingSystemTopicPrincipalId"), "p", "written by []"),
    Elsewhere("topics", ("asked", "existing_topic", "existingSystemTopicName"), "other", "the alerts watch"),
    # B6: a list that leaves out the applications that were named, or lets in one that nobody named.
    Elsewhere("applications", ("sent", "everything"), load("first"), "expected"),
    Planted(
        "applications",
        '"04b07795-8ddb-461a-bbee-02f9e1bf7b46"]',
        '"04b07795-8ddb-461a-bbee-02f9e1bf7b46", "x"]',
        "are let in",
    ),
    # B10: the preview without being asked for, and a strategy that is not sent.
    Planted(
        "updates", '"type": "Recreate"', '"type": "RollingUpdate"', "is 'RollingUpdate', expected 'Recreate'"
    ),
    Planted("updates", '"siteUpdateStrategy": {"type": "Recreate"}', '"siteUpdateStrategy": {}', "is None"),
    Elsewhere("updates", ("sent", "everything"), load("first"), "expected 'RollingUpdate'"),
    Elsewhere("azd", ("main",), "param monthly int = 500\n", "main.bicep has no monthlyBudget"),
    Elsewhere("azd", ("parameters",), "using 'main.bicep'\n", "lacks monthlyBudget"),
    Planted(
        "azd", '"azd-service-name": "functions"', '"azd-service-name": "function"', "no Python function app"
    ),
    Elsewhere(
        "azd",
        ("azd", "hooks", "postdeploy", "posix", "run"),
        "python3 -m infra.hoks postdeploy",
        "there is no",
    ),
    Elsewhere(
        "azd",
        ("azd", "hooks", "postdeploy", "windows", "run"),
        "python -m infra.hooks predown",
        "runs predown",
    ),
    Elsewhere("azd", ("hooks",), 'need("TOPIC_NAME")', "TOPIC_NAME, which nobody sets"),
    Elsewhere("azd", ("hooks",), "is_set('TOPIC_NAME')", "TOPIC_NAME, which nobody sets"),
    Elsewhere(
        "azd", ("hooks",), 'for n in ("EXISTING_SPARE_ROLE_ID", "x")', "SPARE_ROLE_ID, which nobody sets"
    ),
    Elsewhere("webhook_template", ("hooks",), 'f"topicName={x}"', "does not pass systemTopicName"),
]


def label(planted):
    change = (
        planted.new or planted.old if isinstance(planted, Planted) else f"{planted.where[-1]}={planted.value}"
    )
    return f"{planted.check}: {change.strip()}"[:70]


@pytest.mark.parametrize("planted", PLANTED, ids=label)
def test_a_planted_disagreement_is_found(product, planted):
    complaints = getattr(agreement, planted.check)(planted.plant(product))

    assert any(planted.says in complaint for complaint in complaints), complaints


def test_every_check_has_a_planted_disagreement():
    assert {p.check for p in PLANTED} == {check.__name__ for check in agreement.CHECKS}


def test_every_setting_of_a_deployment_is_on_the_page(product):
    page = (ROOT / "docs/azure.md").read_text()
    rows = [
        line.split("|")[1]
        for line in page.partition("## Settings of a deployment")[2].partition("\n## ")[0].splitlines()
        if line.startswith("| `")
    ]
    listed = set(re.findall(r"`([A-Z_]+)`", "".join(rows)))

    assert listed == set(agreement.variables(product.parameters))


def test_the_costs_page_counts_right():
    page = (ROOT / "docs/costs.md").read_text()
    words = {2: "two", 3: "three", 5: "five", 6: "six", 7: "seven"}

    def count(case, kind):
        return words[len(resources(load(case), f"Microsoft.{kind}"))]

    rules = count("first", "Insights/scheduledQueryRules"), count("first", "Insights/metricAlerts")
    private = (
        count("private_network", "Network/privateEndpoints"),
        count("private_network", "Network/privateDnsZones"),
    )
    assert f"{rules[0]} log rules, {rules[1]} metric rules" in page
    assert f"{private[0]} private endpoints by the hour and gigabyte, {private[1]} DNS zones" in page
