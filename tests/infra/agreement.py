"""Do templates, code, host.json and azd agree?  Each check takes all of them and returns what does not, in words.

The templates are looked at in what they would send (infra/snapshots).
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from infra.hooks.sign_in import AZURE_CLI
from local.host.deliveries import blob_batch
from local.host.easyauth import EXCLUDED
from local.host.schedules import Schedule, ScheduleError
from local.host.sessions import LASTS_S
from local.rights import ASSIGNMENT
from shared import wiring
from shared.settings import AZURE_SETTINGS, CONNECTIONS, HOST_SETTINGS, SETTINGS
from tests.infra import snapshots
from tests.infra.snapshots import assignment, at, only, resources

ROOT = Path(__file__).parents[2]

#: Settings that must not or need not be there in Azure.
LOCAL_ONLY = {"TRUST_LOCAL_PRINCIPAL", "FUNCTIONS_WORKER_RUNTIME"}
#: Set by the platform itself.
READ_ONLY = {"WEBSITE_AUTH_ENABLED"}
#: What Azure Functions allows as a name.
_FUNCTION_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,126}")

CONTAINERS, QUEUES, SITE = (
    "Microsoft.Storage/storageAccounts/blobServices/containers",
    "Microsoft.Storage/storageAccounts/queueServices/queues",
    "Microsoft.Web/sites",
)
EVENTS = "Microsoft.EventGrid/systemTopics/eventSubscriptions"
BUDGETS, TOPICS, METRIC_ALERTS = (
    "Microsoft.Consumption/budgets",
    "Microsoft.EventGrid/systemTopics",
    "Microsoft.Insights/metricAlerts",
)
Sent = dict[str, Any]

_LIST_FUNCTIONS = """
import json, function_app
found = function_app.app.get_functions()
print(json.dumps({f.get_function_name(): json.loads(f.get_function_json())["bindings"] for f in found}))
"""


@cache
def read_functions() -> dict[str, list[dict[str, Any]]]:
    """Function -> its bindings; from a process of its own, as a FunctionApp can be asked once only."""
    environ = {name: value for name, value in os.environ.items() if name != "DATASET_TRIGGER_SOURCE"}
    command = [sys.executable, "-c", _LIST_FUNCTIONS]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    return dict(json.loads(done.stdout))


@dataclass(frozen=True)
class Product:
    """All that has to agree."""

    sent: dict[str, Sent]
    """Case -> what would be sent."""
    asked: dict[str, dict[str, str]]
    """Case -> parameters that are given."""
    functions: dict[str, list[dict[str, Any]]]
    """Function -> its bindings."""
    host: dict[str, Any]
    parameters: str
    """Text of main.bicepparam."""
    main: str
    """Text of main.bicep."""
    azd: dict[str, Any]
    funcignore: str
    tracked: list[str]
    hooks: str

    @classmethod
    def read(cls) -> Product:
        tracked = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        return cls(
            sent={case: snapshots.load(case) for case in snapshots.CASES},
            asked={case: snapshots.asked(case) for case in snapshots.CASES},
            functions=read_functions(),
            host=json.loads((ROOT / "host.json").read_text()),
            parameters=(ROOT / "infra/main.bicepparam").read_text(),
            main=(ROOT / "infra/main.bicep").read_text(),
            azd=YAML(typ="safe").load((ROOT / "azure.yaml").read_text()),
            funcignore=(ROOT / ".funcignore").read_text(),
            tracked=tracked,
            hooks="".join(path.read_text() for path in sorted((ROOT / "infra/hooks").glob("*.py"))),
        )

    def bindings(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, bindings in self.functions.items():
            yield from ((name, b) for b in bindings if b["type"] == kind)

    @property
    def first(self) -> Sent:
        return self.sent["first"]

    def deployments(self) -> Iterator[tuple[str, Sent, dict[str, str]]]:
        """Case, what would be sent, and what was asked for."""
        for case, sent in self.sent.items():
            if not case.startswith("event_"):
                yield case, sent, self.asked[case]


def app_settings(sent: Sent) -> dict[str, str]:
    """Name -> value, of the function app."""
    return {pair["name"]: pair["value"] for pair in at(only(sent, SITE), "properties.siteConfig.appSettings")}


def names_of(sent: Sent, kind: str) -> set[str]:
    """Names, without those of what they are in."""
    return {r["name"].rpartition("/")[2] for r in resources(sent, kind)}


def settings(product: Product) -> list[str]:
    """The app gets exactly the settings that something reads, each with the code's own default."""
    given = app_settings(product.first)
    parts = {name: (*uris, "credential", "clientId") for name, uris in CONNECTIONS.items()}
    parts["AzureWebJobsStorage"] = (
        "blobServiceUri",
        "queueServiceUri",
        "tableServiceUri",
        "credential",
        "clientId",
    )
    wanted = {f"{name}__{part}" for name, all_parts in parts.items() for part in all_parts}
    wanted |= {s.name for s in SETTINGS} | set(HOST_SETTINGS) | set(AZURE_SETTINGS)
    wanted -= LOCAL_ONLY | READ_ONLY | set(parts)
    problems = [f"app setting {name}: nothing reads it" for name in sorted(set(given) - wanted)]
    problems += [f"app setting {name} is missing" for name in sorted(wanted - set(given))]
    for setting in SETTINGS:
        if setting.name.endswith("_SECONDS") and given.get(setting.name) != setting.default:
            problems.append(
                f"app setting {setting.name} is {given.get(setting.name)}, the code's default is {setting.default}"
            )
    if given.get("DATASET_TRIGGER_SOURCE") != "EventGrid":
        problems.append("app setting DATASET_TRIGGER_SOURCE: Flex Consumption knows only EventGrid")
    if given.get("AZURE_CREDENTIAL") != "managed_identity":
        problems.append("app setting AZURE_CREDENTIAL: in Azure the app signs in as its managed identity")
    return problems


def runtime(product: Product) -> list[str]:
    """The same Python everywhere."""
    found = at(only(product.first, SITE), "properties.functionAppConfig.runtime.version")
    wanted = (ROOT / ".python-version").read_text().strip()
    return [] if found == wanted else [f"the app runs on Python {found}, .python-version says {wanted}"]


def containers(product: Product) -> list[str]:
    """Containers and queues that the code uses are there, and the trigger watches the right one."""
    made = names_of(product.first, CONTAINERS)
    used = {wiring.DATASETS_CONTAINER, wiring.PIPELINES_CONTAINER, wiring.ARTIFACTS_CONTAINER}
    problems = [f"nothing makes the container {name}" for name in sorted(used - made)]
    for name, binding in product.bindings("blobTrigger"):
        if binding["path"].partition("/")[0] != wiring.DATASETS_CONTAINER:
            problems.append(f"{name} watches {binding['path']}, not {wiring.DATASETS_CONTAINER}")
        if binding["source"] != "EventGrid":
            problems.append(
                f"{name} has the source {binding['source']}; Flex Consumption knows only EventGrid"
            )
    queues = names_of(product.first, QUEUES)
    needed = {b["queueName"] for kind in ("queue", "queueTrigger") for _, b in product.bindings(kind)}
    problems += [f"nothing makes the queue {name}" for name in sorted(needed - queues)]
    problems += [f"nobody uses the queue {name}" for name in sorted(queues - needed)]
    return problems


def connections(product: Product) -> list[str]:
    """Every connection of a binding has its settings."""
    given = set(app_settings(product.first))
    suffix = {
        "blobTrigger": ("blobServiceUri", "queueServiceUri"),
        "queueTrigger": ("queueServiceUri",),
        "queue": ("queueServiceUri",),
    }
    return [
        f"{name}: the app setting {binding['connection']}__{part} is missing"
        for kind, parts in suffix.items()
        for name, binding in product.bindings(kind)
        for part in (*parts, "credential", "clientId")
        if f"{binding['connection']}__{part}" not in given
    ]


def events(product: Product) -> list[str]:
    """The event subscription tells the blob function of finished JSONL files in its container, and of nothing else."""
    body = only(product.sent["event_subscription"], EVENTS)["properties"]
    url = at(body, "destination.properties.endpointUrl")
    watching = [name for name, _ in product.bindings("blobTrigger")]
    problems = []
    if f"/runtime/webhooks/blobs?functionName=Host.Functions.{watching[0]}&code=" not in url:
        problems.append(
            f"the webhook does not name Host.Functions.{watching[0]}; the host would drop every event silently"
        )
    prefix = at(body, "filter.subjectBeginsWith")
    if prefix != f"/blobServices/default/containers/{wiring.DATASETS_CONTAINER}/blobs/":
        problems.append(f"the filter {prefix} does not end with the container of datasets and /blobs/")
    if at(body, "filter.subjectEndsWith") != ".jsonl":
        problems.append("files that are no .jsonl would start runs")
    if at(body, "filter.includedEventTypes") != ["Microsoft.Storage.BlobCreated"]:
        problems.append("other events than BlobCreated would be told")
    filters = at(body, "filter.advancedFilters") or []
    apis = {value for f in filters if f["key"] == "data.api" for value in f["values"]}
    if not {"PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose"} <= apis:
        problems.append("data.api is not filtered: an unfinished upload would start a run")
    kind = "deadLetterWithResourceIdentity.deadLetterDestination.endpointType"
    if at(body, kind) != "StorageBlob":
        problems.append("events that cannot be delivered are lost without a dead letter")
    without = only(product.sent["event_subscription_no_identity"], EVENTS)
    if without["properties"].get("deadLetterWithResourceIdentity"):
        problems.append(
            "a topic without an identity cannot write dead letters: Azure refuses the subscription"
        )
    return problems


def paths(product: Product) -> list[str]:
    """Exactly the webhook and health are open to those who did not sign in."""
    found = set(at(only(product.first, f"{SITE}/config"), "properties.globalValidation.excludedPaths"))
    prefix = product.host["extensions"]["http"]["routePrefix"]
    routes = {f"/{prefix}/{b['route']}" for _, b in product.bindings("httpTrigger")}
    problems = [
        f"{p} is open to everybody"
        for p in sorted(found - {"/runtime/webhooks/blobs", f"/{prefix}/health"}, key=str)
    ]
    if "/runtime/webhooks/blobs" not in found:
        problems.append("App Service authentication would turn Event Grid away")
    return problems + [
        f"{p} is no route" for p in sorted(found - routes - {"/runtime/webhooks/blobs"}, key=str)
    ]


def sign_in(product: Product) -> list[str]:
    """The local host lets in, and leads to the sign-in, whom Azure does."""
    sent = only(product.first, f"{SITE}/config")["properties"]
    validation, login = sent["globalValidation"], sent["login"]
    found = {
        "who did not sign in": validation["unauthenticatedClientAction"],
        "the provider": validation["redirectToProvider"],
        "what is open": sorted(validation["excludedPaths"]),
        "how long a session lasts": (
            login["cookieExpiration"]["convention"],
            login["cookieExpiration"]["timeToExpiration"],
        ),
        "the token store": login["tokenStore"]["enabled"],
    }
    hours, minutes = divmod(int(LASTS_S) // 60, 60)
    wanted = {
        "who did not sign in": "RedirectToLoginPage",
        "the provider": "azureactivedirectory",
        "what is open": sorted(EXCLUDED),
        "how long a session lasts": ("FixedTime", f"{hours:02}:{minutes:02}:00"),
        "the token store": False,
    }
    return [
        f"{what}: {value!r} in Azure, {wanted[what]!r} here"
        for what, value in found.items()
        if value != wanted[what]
    ]


def schedules(product: Product) -> list[str]:
    """Schedules have six fields, name settings that exist, and never run at start-up."""
    problems = []
    given = app_settings(product.first)
    for name, binding in product.bindings("timerTrigger"):
        schedule = binding["schedule"]
        if setting := re.fullmatch(r"%(\w+)%", schedule):
            schedule = given.get(setting[1], "")
        try:
            Schedule.read(schedule or "")
            is_right = len((schedule or "").split()) == 6
        except ScheduleError:
            is_right = False
        if not is_right:
            problems.append(f"{name}: {schedule!r} is no NCRONTAB schedule of six fields")
        if binding.get("runOnStartup"):
            problems.append(f"{name} would run at every cold start")
    return problems


def names(product: Product) -> list[str]:
    """Names that Azure takes."""
    return [
        f"{name} is no name for a function"
        for name in product.functions
        if not _FUNCTION_NAME.fullmatch(name)
    ]


def host(product: Product) -> list[str]:
    """host.json has the types that the host insists on, and times that fit the code's."""
    problems = []
    blobs, queues = product.host["extensions"]["blobs"], product.host["extensions"]["queues"]
    numbers = {
        "blobs.maxDegreeOfParallelism": blobs.get("maxDegreeOfParallelism"),
        "blobs.poisonBlobThreshold": blobs.get("poisonBlobThreshold"),
        "queues.batchSize": queues.get("batchSize"),
        "queues.maxDequeueCount": queues.get("maxDequeueCount"),
    }
    problems += [
        f"host.json: {key} is {value!r}, no positive number"
        for key, value in numbers.items()
        if type(value) is not int or value < 1
    ]
    if not problems and blob_batch(blobs["maxDegreeOfParallelism"])[1] < 1:
        problems.append(
            "host.json: blobs.maxDegreeOfParallelism lets one slow dataset hold up all others on its instance"
        )
    spans = {
        "functionTimeout": product.host.get("functionTimeout"),
        "visibilityTimeout": queues.get("visibilityTimeout"),
    }
    problems += [
        f"host.json: {k} is {v!r}, no time as 00:15:00"
        for k, v in spans.items()
        if not re.fullmatch(r"\d\d:[0-5]\d:[0-5]\d", str(v))
    ]
    if not problems:
        hours, minutes, seconds = (int(part) for part in product.host["functionTimeout"].split(":"))
        lease = float(app_settings(product.first)["EFFECT_LEASE_SECONDS"])
        if lease <= hours * 3600 + minutes * 60 + seconds:
            problems.append(
                "EFFECT_LEASE_SECONDS ends before functionTimeout: two processes might act at once"
            )
    if product.host["extensionBundle"]["version"] != "[4.*, 5.0.0)":
        problems.append(
            "host.json: the extension bundle is not 4.x, the first that knows Event Grid as a source of blob events"
        )
    return problems


def shipped(product: Product) -> list[str]:
    """`.funcignore` lets through what runs, all of it and nothing else."""
    patterns = [p for p in product.funcignore.splitlines() if p and not p.startswith("#")]
    ships = {path for path in product.tracked if not _is_ignored(path, patterns)}
    runs = {
        p
        for p in product.tracked
        if p in {"function_app.py", "host.json", "requirements.txt"}
        or re.fullmatch(r"(functions|shared)/.*\.py|shared/pages/templates/[^/]*\.(html|css)", p)
    }
    return [f".funcignore: {p} is shipped" for p in sorted(ships - runs)] + [
        f".funcignore: {p} is not shipped" for p in sorted(runs - ships)
    ]


def _is_ignored(path: str, patterns: list[str]) -> bool:
    """As gitignore says it, for patterns without a slash but at their end."""
    parts = path.split("/")
    for pattern in patterns:
        candidates = parts[:-1] if pattern.endswith("/") else parts
        if any(fnmatch.fnmatchcase(part, pattern.rstrip("/")) for part in candidates):
            return True
    return False


def budgets(product: Product) -> list[str]:
    """A budget begins on the day that the hook found (B2): of this deployment's own day Azure refuses the next month's."""
    problems = []
    for case, sent, asked in product.deployments():
        found = [at(b, "properties.timePeriod.startDate") for b in resources(sent, BUDGETS)]
        given, amount = asked.get("budgetStart", ""), asked.get("monthlyBudget", "500")
        if found != ([given] if given and amount != "0" else []):
            problems.append(f"{case}: asked for a budget of {amount} from {given or 'no day'}, sent {found}")
    return problems


def topics(product: Product) -> list[str]:
    """A system topic of others is used and not written, whatever identity it has (B4): Azure takes one for each source."""
    problems = []
    for case, sent, asked in product.deployments():
        theirs, principal = (
            asked.get("existingSystemTopicName"),
            asked.get("existingSystemTopicPrincipalId", ""),
        )
        made = [r["name"] for r in resources(sent, TOPICS)]
        inside = [r["id"] for r in resources(sent) if "/systemTopics/" in r["id"] and r["type"] != ASSIGNMENT]
        if theirs and (made or any(f"/systemTopics/{theirs}" in i for i in inside)):
            problems.append(f"{case}: {theirs} is written, or {made} is made though {theirs} is there")
        if not theirs and len(made) != 1:
            problems.append(f"{case}: {len(made)} system topics are made")
        given = [r for r in resources(sent, ASSIGNMENT) if "/event-dead-letters/" in r["id"]]
        writers = [assignment(r)[0] for r in given]
        if writers != ([principal] if principal else []) and theirs:
            problems.append(
                f"{case}: dead letters are written by {writers}, the topic's identity is {principal!r}"
            )
        watched = {s for r in resources(sent, METRIC_ALERTS) for s in at(r, "properties.scopes")}
        if {s.rpartition("/")[2] for s in watched} != {theirs or made[0]}:
            problems.append(f"{case}: the alerts watch {watched}")
    return problems


def applications(product: Product) -> list[str]:
    """Whom App Service lets in: our own application, the Azure CLI, and those that were named (B6)."""
    path = "properties.identityProviders.azureActiveDirectory.validation.defaultAuthorizationPolicy.allowedApplications"
    problems = []
    for case, sent, asked in product.deployments():
        named = [name for name in asked.get("allowedApplications", "").replace(" ", "").split(",") if name]
        wanted = [asked["authClientId"], AZURE_CLI, *named]
        if (found := at(only(sent, f"{SITE}/config"), path)) != wanted:
            problems.append(f"{case}: {found} are let in, expected {wanted}")
    return problems


def updates(product: Product) -> list[str]:
    """A new version ends what runs, unless the preview is asked for; sent in words, since an app keeps what it had (B10)."""
    path = "properties.functionAppConfig.siteUpdateStrategy.type"
    return [
        f"{case}: the strategy is {found!r}, expected {wanted!r}"
        for case, sent, asked in product.deployments()
        if (found := at(only(sent, SITE), path)) != (wanted := asked.get("siteUpdateStrategy", "Recreate"))
    ]


def azd(product: Product) -> list[str]:
    """The app that azd deploys has the tag, the hooks are there, and every parameter is given."""
    known = dict(re.findall(r"^param (\w+) \S+( = )?", product.main, re.MULTILINE))
    given = set(re.findall(r"^param (\w+) =", product.parameters, re.MULTILINE))
    problems = [f"main.bicepparam: main.bicep has no {n}" for n in sorted(given - set(known))]
    problems += [f"main.bicepparam lacks {n}" for n in sorted(set(known) - given)]
    tag = at(only(product.first, SITE), "tags").get("azd-service-name", "")
    service = product.azd["services"].get(tag)
    if (
        not service
        or service["host"] != "function"
        or service["language"] != "python"
        or not service.get("remoteBuild")
    ):
        problems.append(
            "azure.yaml has no Python function app with remote build under the name that the app is tagged with"
        )
    for event, systems in product.azd["hooks"].items():
        if set(systems) != {"posix", "windows"}:
            problems.append(f"azure.yaml: {event} is not there for both kinds of systems")
        for hook in systems.values():
            _, _, package, argument = hook["run"].partition(";")[0].split()
            if not (ROOT / package.replace(".", "/") / "__main__.py").is_file():
                problems.append(f"azure.yaml: there is no program {package}")
            if argument != event:
                problems.append(f"azure.yaml: {event} runs {argument}")
    outputs = (
        set(re.findall(r"^output (\w+)", product.main, re.MULTILINE))
        | set(variables(product.parameters))
        | {"AZURE_SUBSCRIPTION_ID", "CI", "AUTH_OBJECT_ID", "CONFIRM_DOWN"}
    )
    outputs |= {"HOOK_WAIT_SECONDS", "HOOK_PAUSE_SECONDS"}
    asked = variables_asked(product.hooks)
    problems += [f"infra/hooks asks for {n}, which nobody sets" for n in sorted(asked - outputs)]
    return problems


def variables_asked(source: str) -> set[str]:
    """Environment variables that the source of a hook reads."""
    return {*re.findall(r"""(?:environ\.get\(|environ\[|need\(|is_set\()["']([A-Z_]+)["']""", source)} | {
        *re.findall(r'"(EXISTING_\w+_ROLE_ID)"', source)  # in a loop
    }


def variables_set(source: str) -> set[str]:
    """Environment variables that the source of a hook sets: by name, or as the answer to a question."""
    return {*re.findall(r'remember\("(\w+)"', source)} | {
        *re.findall(r'^        "([A-Z_]+)": ', source, re.MULTILINE)
    }


def variables(parameters: str) -> list[str]:
    """Environment variables that the parameter file reads."""
    return re.findall(r"readEnvironmentVariable\('(\w+)'", parameters)


def webhook_template(product: Product) -> list[str]:
    """The hook passes the parameters that the event subscription has."""
    template = (ROOT / "infra/event-subscription.bicep").read_text()
    known = set(re.findall(r"^param (\w+)", template, re.MULTILINE))
    given = set(re.findall(r'"(\w+)=\{', product.hooks))
    return [f"infra/hooks does not pass {n}" for n in sorted(known - given)] + [
        f"infra/hooks passes {n}" for n in sorted(given - known)
    ]


CHECKS = (
    settings,
    runtime,
    containers,
    connections,
    events,
    paths,
    sign_in,
    schedules,
    names,
    host,
    shipped,
    budgets,
    topics,
    applications,
    updates,
    azd,
    webhook_template,
)
