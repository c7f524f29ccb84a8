"""Alerts, workbook and docs/operate.md speak of what the code emits, and of nothing else."""

import ast
import importlib.util
import json
import re
from functools import cache
from pathlib import Path

import pytest

from shared.core.run import FINISHED, Status
from tests.infra import bicep
from tests.infra.agreement import read_functions

ROOT = Path(__file__).parents[2]
ALERTS = json.loads((ROOT / "infra/alerts.json").read_text())
WORKBOOK = json.loads((ROOT / "infra/workbook.json").read_text())
QUERIES = {f"alert {alert['name']}": "\n".join(alert["query"]) for alert in ALERTS} | {
    f"workbook {item['name']}": item["content"]["query"] for item in WORKBOOK["items"] if item["type"] == 3
}
PAGE = (ROOT / "docs/operate.md").read_text()
#: Where the host, the worker and the platform write; https://learn.microsoft.com/azure/azure-monitor/reference/tables-index
TABLES = {
    "FunctionAppLogs",
    "AppRequests",
    "AppTraces",
    "AppDependencies",
    "AppExceptions",
    "AppMetrics",
    "Usage",
}
#: What the host writes about each invocation, whatever the mode of telemetry (azure-functions-host, FunctionExecutor).
HOST = re.compile(r"^(?:Executing 'Functions\.(\w+)'|Executed 'Functions\.(\w+)' \(Succeeded)$")
HOST_PARTS = ("Executed 'Functions.", "' (", ", Id=", ", Duration=", "ms)")
OUTCOMES = {"Succeeded", "Failed"}
#: ISO 8601 spans that a rule may have: how often it is asked, and over what time (scheduledQueryRules, 2023-12-01).
EVERY = ["PT5M", "PT10M", "PT15M", "PT30M", "PT1H", "PT6H", "P1D"]
WINDOW = [
    "PT5M",
    "PT10M",
    "PT15M",
    "PT30M",
    "PT45M",
    "PT1H",
    "PT2H",
    "PT3H",
    "PT4H",
    "PT5H",
    "PT6H",
    "P1D",
    "P2D",
]


@cache
def log_messages() -> set[tuple[str, ...]]:
    """The literal parts of every message that our code logs."""
    found = set()
    for path in [*(ROOT / "shared").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            is_log = isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_LOG.") and node.args
            if is_log and isinstance(node.args[0], ast.Constant):
                found.add(tuple(part for part in re.split(r"%[rsd]", node.args[0].value) if part))
    return found


@cache
def telemetry_names() -> set[str]:
    """Names of spans, metrics and attributes."""
    if importlib.util.find_spec("shared.telemetry") is None:
        return set()
    module = importlib.import_module("shared.telemetry")
    names: set[str] = set()
    for value in vars(module).values():
        values = (
            value.values()
            if isinstance(value, dict)
            else value
            if isinstance(value, tuple | frozenset | list)
            else [value]
        )
        names |= {v for v in values if isinstance(v, str)}
        names |= {v.name for v in values if isinstance(getattr(v, "name", None), str)}
    return names


def unknown_names(query: str) -> list[str]:
    """What a query names that nothing emits."""
    routes = {
        f"/api/{b['route']}" for bindings in read_functions().values() for b in bindings if "route" in b
    }
    known = set(read_functions()) | telemetry_names() | OUTCOMES | routes
    problems = [f"table {t}" for t in re.findall(r"^(\w+)$", query, re.MULTILINE) if t not in TABLES]
    for line in query.splitlines():
        words = re.findall(r'"([^"]*)"', line)
        if line.startswith("| parse Message with"):
            if tuple(words) not in {*log_messages(), HOST_PARTS}:
                problems.append(f"log message {words}")
        elif "Message startswith" in line:
            found = [HOST.match(word) for word in words]
            problems += [f"log message {w}" for w, m in zip(words, found, strict=True) if m is None]
            problems += [f"name {m[1] or m[2]}" for m in found if m and (m[1] or m[2]) not in known]
        elif re.search(r"\bAfter in\b", line):
            problems += [f"status {word}" for word in words if word not in set(Status)]
        else:
            problems += [f"name {word}" for word in words if word not in known]
    return problems


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_query_names_only_what_is_emitted(name):
    assert unknown_names(QUERIES[name]) == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ('AppRequests\n| where Name == "poll_run"', "name poll_run"),
        ("FunctionAppLogs\n| where Message startswith \"Executing 'Functions.poll_run'\"", "name poll_run"),
        ('FunctionAppLogs\n| where Message startswith "Executing poll_runs"', "log message"),
        ('AppRequests\n| where Url !endswith "/api/healthy"', "name /api/healthy"),
        ("AppRequest\n| count", "table AppRequest"),
        ('AppTraces\n| parse Message with "run " Run " went from " Before " to " After', "log message"),
        ('AppTraces\n| where After in ("awaiting_aproval")', "status awaiting_aproval"),
        ('AppMetrics\n| where Name == "finetune.nothing"', "name finetune.nothing"),
    ],
)
def test_a_planted_name_is_found(query, says):
    assert any(says in problem for problem in unknown_names(query))


class TestAlerts:
    """Rules that Azure takes and people understand."""

    def test_what_the_issue_asks_for_is_watched(self):
        assert {a["name"] for a in ALERTS} == {
            "poison-messages",
            "poller-silent",
            "run-stuck",
            "approvals-waiting",
            "server-errors",
        }

    @pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["name"])
    def test_times_and_severity_are_allowed(self, alert):
        assert alert["every"] in EVERY
        assert alert["window"] in WINDOW
        assert EVERY.index(alert["every"]) <= WINDOW.index(alert["window"])
        assert alert["severity"] in range(5)
        assert alert["title"].lower().replace(" ", "-") == alert["name"]

    def test_every_poison_queue_has_its_alert(self):
        query = QUERIES["alert poison-messages"]
        handlers = [
            name
            for name, bindings in read_functions().items()
            if any(b["type"] == "queueTrigger" and b["queueName"].endswith("-poison") for b in bindings)
        ]
        assert len(handlers) == 2
        assert all(f"'Functions.{name}'" in query for name in handlers)

    def test_a_stuck_run_is_one_in_a_status_that_no_person_and_no_training_holds(self):
        stuck = set(re.findall(r'"(\w+)"', QUERIES["alert run-stuck"].split("After in")[1]))
        gates = {Status.AWAITING_SPEND_APPROVAL, Status.AWAITING_APPROVAL}
        assert stuck == set(Status) - set(FINISHED) - gates - {Status.TRAINING}

    def test_the_template_makes_a_rule_of_each(self):
        alerts = bicep.read(ROOT / "infra")["modules/alerts.bicep"]
        assert "[for alert in logAlerts:" in alerts.code
        used = set(re.findall(r"\balert\.(\w+)", alerts.code))
        assert used == set(ALERTS[0])
        assert all(set(alert) == used for alert in ALERTS)


class TestOperatePage:
    """Who is woken finds what it means and what to do."""

    HEADINGS = re.findall(
        r"^### (.+)$", PAGE.partition("## Alerts")[2].partition("\n## Tasks")[0], re.MULTILINE
    )

    def described(self):
        text = bicep.read(ROOT / "infra")["modules/alerts.bicep"].text
        return set(re.findall(r"docs/operate\.md#([\w-]+)'", text)) | {a["name"] for a in ALERTS} | {"budget"}

    def test_every_alert_has_its_heading_and_no_other_is_there(self):
        assert {h.lower().replace(" ", "-") for h in self.HEADINGS} == self.described()

    @pytest.mark.parametrize("heading", HEADINGS)
    def test_a_heading_says_what_it_means_and_what_to_do(self, heading):
        below = PAGE.partition(f"### {heading}\n")[2].partition("\n#")[0]
        assert "**Means.**" in below
        assert "**Do.**" in below


class TestWorkbook:
    """A workbook that the portal can open."""

    def test_its_items_have_names_and_titles_of_their_own(self):
        names = [item["name"] for item in WORKBOOK["items"]]
        assert len(names) == len(set(names))
        assert WORKBOOK["version"] == "Notebook/1.0"

    def test_every_query_follows_the_time_that_is_chosen(self):
        chosen = {
            p["name"]
            for item in WORKBOOK["items"]
            if item["type"] == 9
            for p in item["content"]["parameters"]
        }
        used = {
            item["content"]["timeContextFromParameter"] for item in WORKBOOK["items"] if item["type"] == 3
        }
        assert used == chosen == {"TimeRange"}
