"""Alerts, workbook and docs/operate.md speak of what the code emits, and of nothing else."""

import re
from dataclasses import dataclass

import pytest

from shared.core.status import ALERTS_S, DEADLINES_S, Status
from shared.telemetry import names
from tests.infra.agreement import read_functions
from tests.infra.snapshots import at, load, resources
from tests.telemetry.queries import ALERTS, QUERIES, ROOT, WORKBOOK

PAGE = (ROOT / "docs/operate.md").read_text()
#: Where the host, the worker and the platform write; https://learn.microsoft.com/azure/azure-monitor/reference/tables-index
TABLES = {
    "FunctionAppLogs",
    "AppRequests",
    "AppTraces",
    "AppDependencies",
    "AppExceptions",
    "AppMetrics",
    "AzureActivity",
    "Usage",
}
RULES = "Microsoft.Insights/scheduledQueryRules"
#: What the host writes about each invocation, whatever the mode of telemetry (azure-functions-host, FunctionExecutor).
HOST = re.compile(r"^(?:Executing 'Functions\.(\w+)'|Executed 'Functions\.(\w+)' \(Succeeded)$")
HOST_PARTS = ("Executed 'Functions.", "' (", ", Id=", ", Duration=", "ms)")
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


@dataclass(frozen=True)
class Emitted:
    """What the app emits: metric -> keys of its attributes; log event -> its keys."""

    metrics: dict[str, set[str]]
    events: dict[str, set[str]]

    @classmethod
    def read(cls):
        return cls(
            {metric.name: {attribute.key for attribute in metric.attributes} for metric in names.METRICS},
            {event.name: {"event", *event.keys} for event in names.EVENTS},
        )


@pytest.fixture(scope="session")
def emitted():
    return Emitted.read()


def blocks(query):
    """(table, its lines) for each table that a query reads; lines before the first belong to none."""
    found = [("", [])]
    for line in query.splitlines():
        if re.fullmatch(r" *[A-Z]\w+", line):
            found.append((line.strip(), []))
        else:
            found[-1][1].append(line)
    return [(table, "\n".join(lines)) for table, lines in found]


def words(pattern, text):
    """Quoted words of all matches."""
    return [word for match in re.findall(pattern, text) for word in re.findall(r'"([^"]*)"', match)]


def unknown_names(query, emitted):
    """What a query names that nothing emits."""
    kinds = {
        "AppMetrics": of_metrics,
        "AppTraces": of_events,
        "FunctionAppLogs": of_host,
        "AppRequests": of_routes,
        "AzureActivity": lambda *_: [],
    }
    problems = []
    for table, text in blocks(query):
        if table and table not in TABLES:
            problems.append(f"table {table}")
        problems += kinds.get(table, of_nothing)(text, emitted)
    return problems


def of_metrics(text, emitted):
    """Metrics, and attributes that they have."""
    named = words(r'Name == "[^"]*"', text)
    problems = [f"metric {name}" for name in named if name not in emitted.metrics] or (
        [] if named else ["metric (none)"]
    )
    keys = set().union(*(emitted.metrics.get(name, set()) for name in named))
    return problems + [f"attribute {key}" for key in words(r"Properties\[[^\]]*\]", text) if key not in keys]


def of_events(text, emitted):
    """Log events, keys that they have, and codes that are documented."""
    named = words(r'(?<=\["event"\]\) )(?:== "[^"]*"|in \([^)]*\))', text)
    problems = [f"event {name}" for name in named if name not in emitted.events] or (
        [] if named else ["event (none)"]
    )
    keys = set().union(*(emitted.events.get(name, set()) for name in named))
    problems += [f"key {key}" for key in words(r"Properties\[[^\]]*\]", text) if key not in keys]
    codes = re.findall(r"^### (\w+)$", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    return problems + [f"code {c}" for c in words(r'(?<=\["code"\]\) )in \([^)]*\)', text) if c not in codes]


def of_host(text, _):
    """What the host writes about functions that there are."""
    problems = []
    for line in text.splitlines():
        quoted = re.findall(r'"([^"]*)"', line)
        if "parse Message" in line and tuple(quoted) != HOST_PARTS:
            problems.append(f"log message {quoted}")
        elif "Message startswith" in line:
            found = [HOST.match(word) for word in quoted]
            problems += [f"log message {w}" for w, m in zip(quoted, found, strict=True) if m is None]
            problems += [
                f"function {m[1] or m[2]}" for m in found if m and (m[1] or m[2]) not in read_functions()
            ]
    return problems


def of_routes(text, _):
    """Routes of the app."""
    routes = {
        f"/api/{b['route']}" for bindings in read_functions().values() for b in bindings if "route" in b
    }
    return [f"route {route}" for route in re.findall(r'"([^"]*)"', text) if route not in routes]


def of_nothing(text, _):
    """Elsewhere only the statuses of runs may be named."""
    return [f"status {word}" for word in re.findall(r'"([^"]*)"', text) if word not in set(Status)]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_query_names_only_what_is_emitted(name, emitted):
    assert unknown_names(QUERIES[name], emitted) == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ('AppMetrics\n| where Name == "finetune.runs"', "metric finetune.runs"),
        ("AppMetrics\n| count", "metric (none)"),
        (
            QUERIES["workbook spend"].replace("finetune.pipeline", "finetune.status"),
            "attribute finetune.status",
        ),
        (QUERIES["workbook ends"].replace("run.moved", "run.went"), "event run.went"),
        (QUERIES["workbook ends"].replace('"code"', '"effect"'), "key effect"),
        (QUERIES["alert run-stuck"].replace("deadline_exceeded", "deadline"), "code deadline"),
        (QUERIES["alert run-stuck"].replace('"staging"', '"stagging"'), "status stagging"),
        (QUERIES["alert poller-silent"].replace("poll_runs", "poll_run"), "function poll_run"),
        (QUERIES["alert poller-silent"].replace("Executed '", "Executed "), "log message"),
        (QUERIES["alert server-errors"].replace("/health", "/healthy"), "route /api/healthy"),
        ("AppRequest\n| count", "table AppRequest"),
    ],
)
def test_a_planted_name_is_found(query, says, emitted):
    assert any(says in problem for problem in unknown_names(query, emitted)), unknown_names(query, emitted)


def test_nothing_that_is_measured_goes_unseen(emitted):
    """A metric that no tile and no alert shows costs money and tells nobody anything."""
    shown = {name for query in QUERIES.values() for name in words(r'Name == "[^"]*"', query)}
    closer = {"finetune.evaluation.duration", "finetune.poll.calls", "finetune.poll.ticks"}
    closer |= {
        f"finetune.validation.{what}" for what in ("files", "bytes", "duration")
    }  # for who looks closer

    assert set(emitted.metrics) - shown - closer == set()


class TestAlerts:
    """Rules that Azure takes and people understand."""

    def test_what_the_issue_asks_for_is_watched(self):
        assert {a["name"] for a in ALERTS} == {
            "poison-messages",
            "poller-silent",
            "run-stuck",
            "approvals-waiting",
            "server-errors",
            "foreign-deployment",
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

    def test_a_run_is_stuck_when_the_table_of_statuses_says_so(self):
        limits = dict(re.findall(r'"(\w+)", ([\d.]+),', QUERIES["alert run-stuck"]))

        assert {status: float(hours) * 3600 for status, hours in limits.items()} == ALERTS_S

    def test_people_are_told_before_a_deadline_is_over(self):
        assert {status for status, limit in ALERTS_S.items() if limit >= DEADLINES_S[status]} == set()

    def test_the_template_makes_a_rule_of_each(self):
        sent = {r["properties"]["displayName"]: r for r in resources(load("first"), RULES)}
        assert set(sent) == {alert["title"] for alert in ALERTS}
        for alert in ALERTS:
            given = sent[alert["title"]]["properties"]
            assert given["description"] == f"docs/operate.md#{alert['name']}"
            assert [given[k] for k in ("severity", "evaluationFrequency", "windowSize")] == [
                alert[k] for k in ("severity", "every", "window")
            ]
            query = given["criteria"]["allOf"][0]["query"]
            assert query == "\n".join(alert["query"]) or "{deployer}" in query

    def test_a_deployment_by_somebody_else_is_told_of_unless_nobody_watches(self):
        query = next(
            at(r, "properties.criteria")["allOf"][0]["query"]
            for r in resources(load("first"), RULES)
            if "foreign" in r["name"]
        )
        assert all(f"outputs.deployer{what}" in query for what in ("PrincipalId", "ClientId"))
        assert "/accounts/aif-" in query
        assert not any("foreign" in r["name"] for r in resources(load("no_budget"), RULES))
        activity = [
            r
            for r in resources(load("first"), "Microsoft.Insights/diagnosticSettings")
            if "fine-" in r["name"]
        ]
        assert [entry["category"] for entry in activity[0]["properties"]["logs"]] == ["Administrative"]

    def test_a_few_dead_letters_after_a_pause_wake_nobody(self):
        """B3: Event Grid repeats no 401, and the first events after a pause may get one."""
        rule = next(
            r for r in resources(load("first"), "Microsoft.Insights/metricAlerts") if "dead" in r["name"]
        )
        assert rule["properties"]["criteria"]["allOf"][0]["threshold"] >= 10


class TestOperatePage:
    """Who is woken finds what it means and what to do."""

    HEADINGS = re.findall(
        r"^### (.+)$", PAGE.partition("## Alerts")[2].partition("\n## Tasks")[0], re.MULTILINE
    )

    def described(self):
        described = [at(r, "properties.description") for r in resources(load("first")) if "lert" in r["type"]]
        return (
            {text.partition("#")[2] for text in described if text} | {a["name"] for a in ALERTS} | {"budget"}
        )

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
