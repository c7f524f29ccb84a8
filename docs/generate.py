"""Writes the generated parts of the docs: `python docs/generate.py`, or `--check` to see whether they are up to date."""

from __future__ import annotations

import ast
import json
import re
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench import validators_page  # noqa: E402
from docs import runbook  # noqa: E402
from functions.openapi import document  # noqa: E402
from shared.core.dataset.repair import REPAIRABLE  # noqa: E402
from shared.core.dataset.rulebook import Rule  # noqa: E402
from shared.core.dataset.rules import RULES  # noqa: E402
from shared.core.endings import ENDINGS  # noqa: E402
from shared.core.models import FAMILIES, SEED_PRICES, candidate_sku, deployment_capacity  # noqa: E402
from shared.core.pipeline.reference import keys_of  # noqa: E402
from shared.core.retirements import RETIREMENTS  # noqa: E402
from shared.core.status import (  # noqa: E402
    ALERTS_S,
    FINISHED,
    GATES,
    RETRIES,
    STATUSES,
    TRANSITIONS,
    Status,
)
from shared.settings import AZURE_SETTINGS, CONNECTIONS, HOST_SETTINGS, SETTINGS  # noqa: E402
from shared.telemetry import names  # noqa: E402

_PATH: Final = [status for status in Status if status not in FINISHED] + [Status.DEPLOYED]
_MARK: Final = re.compile(r"(<!-- generated:(\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)
_ALERT: Final = ROOT / "infra" / "alerts.json"
_OPENAPI: Final = ROOT / "docs" / "openapi.json"
_LIMITS: Final = re.compile(r'("let Limits = [^\n]*\n).*?(\n +"\];")', re.DOTALL)


def flow() -> str:
    """The main path as a picture, drawn from TRANSITIONS."""
    lines = ["```mermaid", "flowchart LR", "  drop([a file is dropped]) --> received"]
    moves = [(status, after) for status in _PATH for after in TRANSITIONS[status] if after in _PATH]
    moves.sort(key=lambda move: [_PATH.index(status) for status in move])
    lines += [f"  {status} --> {after}" for status, after in moves]
    gates = ",".join(GATES.values())
    lines += [f"  class {gates} gate", "  classDef gate fill:#fff3c4,stroke:#b58900", "```"]
    return "\n".join(lines)


def diagram() -> str:
    """All moves."""
    lines = ["```mermaid", "stateDiagram-v2", "  [*] --> received"]
    for status in Status:
        lines += [f"  {status} --> {after}" for after in Status if after in TRANSITIONS[status]]
    lines += [f"  {status} --> [*]" for status in Status if status in FINISHED]
    return "\n".join([*lines, "```"])


def statuses() -> str:
    """Waiting statuses: question, deadline, moves."""
    rows = ["| status | question | deadline | may become |", "|---|---|---|---|"]
    for status, facts in STATUSES.items():
        if facts.is_end:
            continue
        deadline = "the gate's own" if facts.deadline_s is None else _span(facts.deadline_s)
        after = ", ".join(f"`{s}`" for s in Status if s in facts.moves)
        rows.append(f"| `{status}` | {facts.about} | {deadline} | {after} |")
    return "\n".join(rows)


def ends() -> str:
    """What each end means."""
    rows = ["| status | means |", "|---|---|"]
    rows += [f"| `{status}` | {facts.about} |" for status, facts in STATUSES.items() if facts.is_end]
    return "\n".join(rows)


def retry() -> str:
    """Where a failed run goes on after a retry."""
    rows = ["| failed in | goes on in |", "|---|---|"]
    rows += [f"| `{step}` | `{resumed}` |" for step, resumed in RETRIES.items()]
    return "\n".join(rows)


def _span(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} h"


def endings() -> str:
    """A heading for each way in which a run ends without success."""
    parts = []
    for ending in ENDINGS.values():
        if ending.about:  # else it is explained with the HTTP error of the same code
            retry = ", and can be retried" if ending.can_retry else ""
            text = f"`{ending.status}`{retry}. {ending.about}"
            parts += [f"### {ending.code}", textwrap.fill(text, 130, break_on_hyphens=False)]
    return "\n".join(parts)


def settings() -> str:
    """All settings."""
    rows = ["| setting | what | default | example |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = (
            "required"
            if setting.default is None
            else (f"`{setting.default}`" if setting.default else "empty")
        )
        rows.append(f"| `{setting.name}` | {setting.about} | {default} | `{setting.example}` |")
    about = {
        "STATE": "Tables, queue, containers `pipelines` and `artifacts`.",
        "DATASETS": "Container `datasets`; the blob trigger.",
    }
    rows += [f"| `{name}` | {about[name]} | required | see below |" for name in CONNECTIONS]
    host = {
        "AzureWebJobsStorage": "The host's own storage.",
        "FUNCTIONS_WORKER_RUNTIME": "`python`; only for `func start`.",
        "DATASET_TRIGGER_SOURCE": "`EventGrid` in Azure (default), `LogsAndContainerScan` on a workstation.",
        "POLL_SCHEDULE": "NCRONTAB schedule of the tick, for example every minute: `0 * * * * *`.",
        "WEBSITE_AUTH_ENABLED": "Set by App Service while its authentication is on; never set it yourself.",
    }
    rows += [f"| `{name}` | {host[name]} | host or platform | |" for name in HOST_SETTINGS]
    azure = {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "Where telemetry is sent.",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "The identity that sends it; nothing is accepted without a token.",
        "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "`true`: the worker sends spans, metrics and logs itself.",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "Spans that repeat, with addresses, what the app's own say without.",
        "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": "The identity whose token stands in for a client secret at sign-in.",
        "WEBSITE_AUTH_AAD_ALLOWED_TENANTS": "The tenant whose people may sign in; the app holds who asks against it, too.",
    }
    rows += [f"| `{name}` | {azure[name]} | set in Azure | |" for name in AZURE_SETTINGS]
    return "\n".join(rows)


def rules() -> str:
    """All dataset rules: a table, then each with its explanation and examples."""
    ordered = sorted(RULES.values(), key=lambda rule: rule.code)
    rows = ["| code | severity | demands | repair |", "|---|---|---|---|"]
    for rule in ordered:
        hard = " (fixed)" if rule.is_hard else ""
        repair = "yes" if rule.code in REPAIRABLE else ""
        cells = (f"[{rule.code}](#{rule.code.lower()})", f"{rule.severity}{hard}", rule.title, repair)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n\n".join(["\n".join(rows), *(_rule(rule) for rule in ordered)])


def _rule(rule: Rule) -> str:
    """One rule, as its docstring documents it."""
    parts = [f"## {rule.code}", f"**{rule.title}.** {rule.explanation}".strip(), f"What to do: {rule.remedy}"]
    for block in re.split(r"\n(?=Good)", rule.examples):
        header, *lines = block.splitlines()
        shown = "\n".join(
            line.strip() if len(line) < 400 else line.strip()[:400] + " ..." for line in lines if line.strip()
        )
        parts.append(f"{header}\n\n```text\n{shown}\n```")
    return "\n\n".join(parts)


def routes() -> str:
    """The routes of the API, in the order of docs/api.md, each with the first line of its handler."""
    functions = [
        node
        for path in (ROOT / "functions").glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    ]
    does: dict[str, str] = {}
    for function in functions:
        decorators = "".join(ast.unparse(decorator) for decorator in function.decorator_list)
        found = re.search(r"bp\.route\(route='([^']+)', methods=\['(\w+)'\]\)", decorators)
        if found and found[1].split("/")[0] != "ui":
            about = (ast.get_docstring(function) or "").partition("\n")[0].rstrip(".")
            does[f"{found[2]} /api/{found[1].replace('{*', '{')}"] = about
    page = (ROOT / "docs" / "api.md").read_text()
    ordered = sorted(does, key=lambda route: page.find(f"## {route}\n"))
    return "\n".join(
        ["| route | does |", "|---|---|", *(f"| `{route}` | {does[route]} |" for route in ordered)]
    )


#: Sections of docs/pipeline-file.md by first key; keys whose first is not named here belong to the job.
_SECTIONS: Final = {
    "dataset": ("dataset",),
    "money": ("budget", "prices"),
    "judging": ("evaluation",),
    "deployment": ("approval", "deployment"),
}


def pipeline_keys(section: str) -> str:
    """The keys of a section of the page about pipeline files, from the structs of `shared.core.spec`."""
    elsewhere = {first for firsts in _SECTIONS.values() for first in firsts}
    rows = ["| key | default | |", "|---|---|---|"]
    for key in keys_of():
        first = key.path.partition(".")[0]
        if first in _SECTIONS.get(section, ()) or (section == "job" and first not in elsewhere):
            rows.append(f"| `{key.path}` | {key.default} | {key.about} |")
    return "\n".join(rows)


#: Methods as people call them.
_METHODS: Final = {"supervised": "SFT", "dpo": "DPO", "reinforcement": "RFT"}


def models() -> str:
    """What is known of each family: how it is tuned, deployed, counted and priced."""
    rows = [
        (
            "| model | methods | trained as | once tuned, deployed as | candidate as "
            "| longest example | images | served at | tokens | training price |"
        ),
        "|---|---|---|---|---|---:|---|---|---|---|",
    ]
    for name, facts in FAMILIES.items():
        seed = SEED_PRICES.get(name)
        skus = ", ".join(f"`{sku}`" for sku in facts.deployment_skus)
        cells = (
            name,
            ", ".join(short for method, short in _METHODS.items() if method in facts.methods),
            ", ".join(f"`{kind}`" for kind in sorted(facts.training_types)),
            skus or "**nowhere**: refused",
            f"`{candidate_sku(name)}`, {deployment_capacity(name)}" if skus else "",
            f"{facts.example_tokens_max:,}",
            "yes" if facts.image_input else "",
            "account" if facts.is_open else "project",
            "exact" if facts.tokenizer.is_counted else f"x {facts.tokenizer.factor:g}",
            f"seed, {seed.usd_per_million_tokens:.2f}" if seed else "unknown",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def retirements() -> str:
    """Until when each family is served."""
    rows = ["| model | base model | tuning | tuned models | |", "|---|---|---|---|---|"]
    for name in FAMILIES:
        known = RETIREMENTS.get(name)
        days = ("", "", "") if known is None else (known.base, known.training, known.tuned)
        note = "not listed" if known is None else known.note
        rows.append(f"| {name} | {' | '.join(day or '' for day in days)} | {note} |")
    return "\n".join(rows)


def _keys(attributes: tuple[names.Attribute, ...]) -> str:
    return ", ".join(f"`{attribute.key}`" for attribute in attributes)


def spans() -> str:
    """A heading for each kind of span."""
    parts = []
    for span in names.SPANS:
        shown = f"{span.name} {span.detail.upper()}".strip()
        where = "dependency" if span.is_client else "dependency of type InProc"
        parts += [
            f"### {span.name}",
            span.about,
            f"Name: `{shown}`; a {where}. Attributes: {_keys(span.attributes)}.",
        ]
    return "\n\n".join(parts)


def metrics() -> str:
    """A heading for each metric."""
    parts = []
    for metric in names.METRICS:
        by = f", by {_keys(metric.attributes)}" if metric.attributes else ""
        parts += [f"### {metric.name}", f"{metric.about} A {metric.instrument} in `{metric.unit}`{by}."]
    return "\n\n".join(parts)


def log_events() -> str:
    """A heading for each kind of log record."""
    parts = []
    for event in names.EVENTS:
        keys = ", ".join(f"`{key}`" for key in event.keys) or "none"
        parts += [f"### {event.name}", f"{event.about} {event.level}. Keys: {keys}."]
    return "\n\n".join(parts)


def attributes() -> str:
    """The keys of spans and metrics, and of log records."""
    rows = ["| attribute | what |", "|---|---|"]
    rows += [f"| `{attribute.key}` | {attribute.about} |" for attribute in names.ATTRIBUTES]
    rows += ["", "| key of log records | what |", "|---|---|"]
    rows += [f"| `{key}` | {about} |" for key, about in names.LOG_KEYS.items()]
    return "\n".join(rows)


PARTS: Final[dict[str, Callable[[], str]]] = {
    "flow": flow,
    "diagram": diagram,
    "statuses": statuses,
    "ends": ends,
    "retry": retry,
    "endings": endings,
    "settings": settings,
    "rules": rules,
    "routes": routes,
    **{f"{section}_keys": partial(pipeline_keys, section) for section in ("job", *_SECTIONS)},
    "models": models,
    "retirements": retirements,
    "spans": spans,
    "metrics": metrics,
    "events": log_events,
    "attributes": attributes,
    "peers": validators_page.tools,
    "peers_by_rule": validators_page.by_rule,
    "peers_good": validators_page.good_files,
    "peers_samples": validators_page.samples,
    "peers_speed": validators_page.speed,
}


def regenerated(text: str) -> str:
    """A page with its generated parts made anew."""
    return _MARK.sub(lambda match: f"{match[1]}{PARTS[match[2]]()}\n{match[3]}", text)


def limits() -> str:
    """The rows of the alert `Run stuck`: how many hours a run may be in a status before the alert fires."""
    return "\n".join(f'      "    \\"{status}\\", {limit / 3600:g},",' for status, limit in ALERTS_S.items())


def openapi() -> str:
    """What `GET /api/openapi.json` answers, for those who read it here."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write or check all pages, the hours of the alert, the runbook on the page, and the description of the API."""
    alert = _ALERT.read_text()
    made = {_ALERT: (alert, _LIMITS.sub(lambda match: f"{match[1]}{limits()}{match[2]}", alert))}
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = path.read_text()
        made[path] = (text, regenerated(text))
    for path, text in ((runbook.TEMPLATE, runbook.runbook()), (_OPENAPI, openapi())):
        made[path] = (path.read_text() if path.exists() else "", text)
    stale = [path.relative_to(ROOT).as_posix() for path, (before, after) in made.items() if before != after]
    if "--check" not in sys.argv:
        for path, (before, after) in made.items():
            if before != after:
                path.write_text(after)
    if "--check" in sys.argv and stale:
        sys.exit(f"out of date: {', '.join(stale)}; run `python docs/generate.py`")


if __name__ == "__main__":
    main()
