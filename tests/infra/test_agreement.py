"""Templates, code, host.json and azd agree, and each check fails on a planted disagreement."""

import copy
import json
import re
from dataclasses import dataclass, replace

import pytest

from functions.messages import QUEUE
from tests.infra import agreement, bicep
from tests.infra.agreement import ROOT, Product


@pytest.fixture(scope="session")
def product():
    return Product.read()


@pytest.mark.parametrize("check", agreement.CHECKS, ids=lambda check: check.__name__)
def test_all_agree(product, check):
    assert check(product) == []


@dataclass(frozen=True)
class InBicep:
    """A wrong change of a template."""

    check: str
    path: str
    old: str
    new: str
    says: str

    def plant(self, product):
        text = product.files[self.path].text
        assert self.old in text
        file = bicep.File.parse(self.path, text.replace(self.old, self.new))
        return replace(product, files={**product.files, self.path: file})


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


APP, DATA, UPLOADS, MAIN = (
    "modules/app.bicep",
    "modules/data-storage.bicep",
    "event-subscription.bicep",
    "main.bicep",
)
SETTING = "        { name: 'CLOCK_SKEW_SECONDS', value: '60' }\n"

PLANTED = [
    InBicep("settings", APP, SETTING, "", "CLOCK_SKEW_SECONDS is missing"),
    InBicep(
        "settings", APP, SETTING, SETTING.replace("SKEW", "SCEW"), "CLOCK_SCEW_SECONDS: nothing reads it"
    ),
    InBicep("settings", APP, SETTING, SETTING.replace("60", "30"), "the code's default is 60"),
    InBicep("settings", APP, "'EventGrid'", "'LogsAndContainerScan'", "knows only EventGrid"),
    InBicep("settings", APP, "'managed_identity'", "'developer'", "managed identity"),
    InBicep(
        "settings",
        APP,
        SETTING,
        SETTING + "        { name: 'TRUST_LOCAL_PRINCIPAL', value: 'true' }\n",
        "nothing reads it",
    ),
    InBicep("runtime", APP, "version: '3.13'", "version: '3.12'", "3.12"),
    InBicep(
        "containers", DATA, "name: 'artifacts'", "name: 'artefacts'", "nothing makes the container artifacts"
    ),
    InBicep(
        "containers",
        DATA,
        "  'webjobs-blobtrigger-poison'\n",
        "",
        "nothing makes the queue webjobs-blobtrigger-poison",
    ),
    InBicep(
        "containers",
        DATA,
        f"'{QUEUE}'\n",
        f"'{QUEUE}'\n  'spare'\n",
        "nobody uses the queue spare",
    ),
    Elsewhere(
        "containers", ("functions", "dataset_uploaded", 1, "path"), "data/{name}", "watches data/{name}"
    ),
    Elsewhere(
        "containers",
        ("functions", "dataset_uploaded", 1, "source"),
        "LogsAndContainerScan",
        "knows only EventGrid",
    ),
    InBicep(
        "connections", APP, "STATE__queueServiceUri", "STATE__queueUri", "STATE__queueServiceUri is missing"
    ),
    InBicep(
        "connections", APP, "DATASETS__credential", "DATASETS__credentials", "DATASETS__credential is missing"
    ),
    InBicep(
        "events", UPLOADS, "Host.Functions.dataset_uploaded", "dataset_uploaded", "drop every event silently"
    ),
    InBicep(
        "events",
        UPLOADS,
        "Host.Functions.dataset_uploaded",
        "Host.Functions.dataset_upload",
        "drop every event silently",
    ),
    InBicep("events", UPLOADS, "/datasets/blobs/'", "/datasets'", "/blobs/"),
    InBicep("events", UPLOADS, "'.jsonl'", "'.json'", "no .jsonl"),
    InBicep("events", UPLOADS, "            'PutBlockList'\n", "", "unfinished upload"),
    InBicep("events", UPLOADS, "Storage.BlobCreated", "Storage.BlobDeleted", "other events"),
    InBicep("events", UPLOADS, "'StorageBlob'", "'Nowhere'", "lost without a dead letter"),
    InBicep(
        "paths",
        APP,
        "        '/api/health'\n",
        "        '/api/health'\n        '/api/runs'\n",
        "/api/runs is open",
    ),
    InBicep("paths", APP, "        '/runtime/webhooks/blobs'\n", "", "turn Event Grid away"),
    Elsewhere("paths", ("host", "extensions", "http", "routePrefix"), "v1", "is open to everybody"),
    InBicep("schedules", APP, "'0 * * * * *'", "'* * * * *'", "six fields"),
    InBicep("schedules", APP, "'0 * * * * *'", "'0 61 * * * *'", "six fields"),
    InBicep("schedules", APP, "name: 'POLL_SCHEDULE'", "name: 'POLL_SHEDULE'", "six fields"),
    Elsewhere("schedules", ("functions", "poll_runs", 1, "runOnStartup"), True, "every cold start"),
    Elsewhere("names", ("functions",), {"1st": []}, "1st is no name"),
    Elsewhere("host", ("host", "functionTimeout"), 900, "no time as"),
    Elsewhere("host", ("host", "functionTimeout"), "00:30:00", "two processes"),
    Elsewhere("host", ("host", "extensions", "queues", "maxDequeueCount"), "5", "no positive number"),
    Elsewhere("host", ("host", "extensionBundle", "version"), "[3.*, 4.0.0)", "4.x"),
    Elsewhere("shipped", ("funcignore",), "tests/\n", "infra/main.bicep is shipped"),
    Elsewhere("shipped", ("funcignore",), "*.py\n", "function_app.py is not shipped"),
    InBicep(
        "azd", MAIN, "param monthlyBudget int", "param budgetPerMonth int", "main.bicep has no monthlyBudget"
    ),
    InBicep(
        "azd",
        APP,
        "'azd-service-name': 'functions'",
        "'azd-service-name': 'function'",
        "no Python function app",
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
    InBicep(
        "azd", MAIN, "output SYSTEM_TOPIC_NAME", "output TOPIC_NAME", "SYSTEM_TOPIC_NAME, which nobody sets"
    ),
    InBicep(
        "webhook_template", UPLOADS, "param systemTopicName", "param topicName", "does not pass topicName"
    ),
]


def label(planted):
    change = (
        planted.new or planted.old if isinstance(planted, InBicep) else f"{planted.where[-1]}={planted.value}"
    )
    return f"{planted.check}: {change.strip()}"[:70]


@pytest.mark.parametrize("planted", PLANTED, ids=label)
def test_a_planted_disagreement_is_found(product, planted):
    complaints = getattr(agreement, planted.check)(planted.plant(product))

    assert any(planted.says in complaint for complaint in complaints), complaints


def test_every_check_has_a_planted_disagreement():
    assert {p.check for p in PLANTED} == {check.__name__ for check in agreement.CHECKS}


def test_every_setting_of_a_deployment_is_on_the_page(product):
    rows = [
        line.split("|")[1]
        for line in (ROOT / "docs/azure.md").read_text().splitlines()
        if line.startswith("| `")
    ]
    listed = set(re.findall(r"`([A-Z_]+)`", "".join(rows)))

    assert listed == set(re.findall(r"\$\{([A-Z_]+)", str(product.parameters)))


def test_the_costs_page_counts_right(product):
    page = (ROOT / "docs/costs.md").read_text()
    alerts, network = product.files["modules/alerts.bicep"], product.files["modules/private-endpoints.bicep"]
    log_rules = len(json.loads((ROOT / "infra/alerts.json").read_text()))
    metric_rules = len(alerts.resources("Microsoft.Insights/metricAlerts"))
    services = len(network.get("storageServices").node.named_children[-1].named_children)
    zones = services + len(network.get("foundryZoneNames").node.named_children[-1].named_children)
    words = {2: "two", 3: "three", 5: "five", 6: "six", 7: "seven"}

    assert f"{words[log_rules]} log rules, {words[metric_rules]} metric rules" in page
    assert (
        f"{words[2 * services + 1]} private endpoints by the hour and gigabyte, {words[zones]} DNS zones"
        in page
    )
