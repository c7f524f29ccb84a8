"""A small model of azd and of what Azure refuses, in which the real hooks run.

The order of azd: `cli/azd/cmd/up.go` (Initialize, before anything), `internal/cmd/up_graph.go` (hooks and steps) and
`pkg/infra/provisioning/bicep/bicep_provider.go` (EnsureEnv compiles, plan compiles again, deploymentState leaves out what did not
change) of Azure/azure-dev at ae35809f496491989273d0edefdeb70f245f399b.
"""

import copy
import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from unittest import mock

from ruamel.yaml import YAML

from infra.hooks import __main__ as hooks
from infra.hooks import cloud, questions, removal
from local.rights import ASSIGNMENT
from tests.infra.compiler import INFRA, ROOT, SUBSCRIPTION
from tests.infra.snapshots import assignment, load, resources

AZD = YAML(typ="safe").load((ROOT / "azure.yaml").read_text())
BUDGET, TOPIC = "Microsoft.Consumption/budgets", "Microsoft.EventGrid/systemTopics"
ACCOUNT = "Microsoft.CognitiveServices/accounts"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-dev"


class RefusedByAzure(Exception):
    """After the template was sent: what must not happen."""


class RefusedBefore(Exception):
    """By azd or a hook, before anything was sent; the words say what to do."""


@dataclass
class Cloud:
    """What is there."""

    today: datetime = datetime(2026, 11, 28, tzinfo=UTC)
    rights: list[str] = field(default_factory=lambda: ["*"])
    resources: dict[str, dict] = field(default_factory=dict)
    assigned: dict[str, tuple] = field(default_factory=dict)
    """Name of an assignment -> (principal, scope, role)."""
    topics: list[dict] = field(default_factory=list)
    """Of others, as `az` shows them."""
    deleted: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """Foundry account that was deleted and not purged -> its region, and when."""
    defender: dict | None = None
    """A topic that somebody makes as soon as the storage is there."""
    registered: set[str] = field(default_factory=set)
    """Providers that the subscription knows beside those that a template names."""
    account: dict = field(default_factory=lambda: {"closed": True, "domain": "their-account", "id": "/x"})
    """The existing one."""
    deployments: list[dict] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    generation: int = 0
    """Identities that are made again are others."""
    sent: int = 0

    def of(self, kind):
        return [r for r in self.resources.values() if r["type"] == kind]

    def holds(self, name):
        """Region of a deleted account that still holds its name: for 48 hours."""
        region, at = self.deleted.get(name, ("", datetime.min.replace(tzinfo=UTC)))
        return region if self.today - at < timedelta(hours=48) else ""

    def deploy(self, sent):
        """Take a template, or refuse it as Azure does."""
        self.sent += 1
        if not sent["outputs"]["AUTH_CLIENT_ID"]:
            raise RefusedByAzure("nobody could sign in: App Service authentication has no client id")
        if self.defender:
            self.topics.append(self.defender)
            self.defender = None
        for resource in resources(sent):
            kind = resource["type"]
            if (
                "Microsoft.App/environments" in json.dumps(resource)
                and "Microsoft.App" not in self.registered
            ):
                raise RefusedByAzure("MissingSubscriptionRegistration: Microsoft.App")
            if not any(re.fullmatch(r.replace("*", ".*"), f"{kind}/write") for r in self.rights):
                raise RefusedByAzure(f"AuthorizationFailed: {kind}")
            if kind == BUDGET:
                self._check_budget(resource)
            if kind == TOPIC and any(t["source"] == resource["properties"]["source"] for t in self.topics):
                raise RefusedByAzure("Only one system topic is allowed per source")
            if kind == ACCOUNT:
                self._check_account(resource)
            if kind == ASSIGNMENT:
                self._assign(*assignment(resource))
            else:
                self.resources[resource["id"]] = resource

    def _check_budget(self, resource):
        start, there = resource["properties"]["timePeriod"]["startDate"], self.resources.get(resource["id"])
        if there and there["properties"]["timePeriod"]["startDate"] != start:
            raise RefusedByAzure("Start date of budgets cannot be updated")
        if not there and start[:7] < f"{self.today:%Y-%m}":
            raise RefusedByAzure("Start date of a monthly budget may not be before the current month")

    def _check_account(self, resource):
        is_restored, held = resource["properties"].get("restore"), self.holds(resource["name"])
        if is_restored and not held:
            raise RefusedByAzure("CanNotRestoreANonExistingResource")
        if held and not is_restored:
            raise RefusedByAzure("FlagMustBeSetForRestore")
        self.deleted.pop(resource["name"], None)

    def _assign(self, who, scope, role, name):
        who, name = (f"{who}#{self.generation}", name.replace(who, f"{who}#{self.generation}"))
        if any(held == (who, scope, role) and other != name for other, held in self.assigned.items()):
            raise RefusedByAzure(f"RoleAssignmentExists: {who} on {scope}")
        if self.assigned.get(name, (who, scope, role)) != (who, scope, role):
            raise RefusedByAzure(f"RoleAssignmentUpdateNotPermitted: {name}")
        self.assigned[name] = (who, scope, role)

    def remove_group(self, *, purge, is_old=False):
        """`azd down`; an old azd takes every group with it that the template put something into (Azure/azure-dev#2916)."""
        if is_old:
            self.assigned = {n: held for n, held in self.assigned.items() if "/rg-theirs/" not in held[1]}
        for account in self.of(ACCOUNT):
            if account["id"].startswith(GROUP) and not purge:
                self.deleted[account["name"]] = account["location"], self.today
        self.resources = {k: r for k, r in self.resources.items() if not k.startswith(GROUP)}
        self.assigned = {n: held for n, held in self.assigned.items() if not held[1].startswith(GROUP)}
        self.topics = [t for t in self.topics if not t["id"].startswith(GROUP)]
        self.generation += 1

    def az(self, *words):
        """What the CLI answers to the hooks; anything else fails the test."""
        said = " ".join(words)
        answers = {
            "Authorization/permissions": lambda: [{"actions": self.rights, "notActions": []}],
            "/budgets?": lambda: [
                {"name": r["name"], "start": r["properties"]["timePeriod"]["startDate"]}
                for r in self.of(BUDGET)
            ],
            "group exists": lambda: GROUP in self.resources,
            "resource list": lambda: [
                r["name"] for i, r in self.resources.items() if i.startswith(f"{GROUP}/")
            ],
            "system-topic list": lambda: self.topics,
            "account list-deleted": lambda: [
                {"name": name, "at": at} for name in self.deleted if (at := self.holds(name))
            ],
            "cognitiveservices account show": lambda: self.account,
            "account show": lambda: {"id": SUBSCRIPTION},
            "diagnostic-settings subscription list": lambda: self.settings,
            "provider register": lambda: self.registered.add(words[-1]),
            "role assignment list": lambda: [
                {"id": name, "principal": who, "role": f"/{role}", "scope": scope}
                for name, (who, scope, role) in self.assigned.items()
                if scope == words[words.index("--scope") + 1]
            ],
            "role assignment delete": lambda: self.assigned.pop(words[-1]) and None,
            "account deployment list": lambda: self.deployments,
            "graph.microsoft.com": lambda: {"id": "object", "appId": "client"},
        }
        return next(answers[key] for key in answers if key in said)()


@dataclass
class Azd:
    """One azd environment on one machine."""

    cloud: Cloud
    env: dict[str, str] = field(
        default_factory=lambda: {"AZURE_ENV_NAME": "dev", "AZURE_LOCATION": "swedencentral"}
    )
    version: str = "1.31.2"
    main: str = (INFRA / "main.bicep").read_text()
    parameters: str | None = (INFRA / "main.bicepparam").read_text()
    steps: list[str] = field(default_factory=list)
    last: dict | None = None
    is_checked: bool = True
    """Whether azd holds its version against azure.yaml; people may switch that off."""

    def __post_init__(self):
        self.env.setdefault("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION)

    def fresh_runner(self):
        """Another machine: only what the workflow sets."""
        return Azd(self.cloud, Azd(self.cloud).env | {"AUTH_CLIENT_ID": "client", "CI": "true"})

    def up(self, *, no_state=False):
        """Without prompts; or `azd provision --no-state`."""
        self.steps = ["versions", "initialize"]
        self._check_version()
        if asked := [name for name in ("AZURE_ENV_NAME", "AZURE_LOCATION") if not self.env.get(name)]:
            raise RefusedBefore(f"azd asks for {asked}")
        self.compile()
        self.steps.append("package")
        self.hook("preprovision")
        self.steps.append("provision")
        self.compile()
        sent = self.template()
        if sent != self.last or GROUP not in self.cloud.resources or no_state:
            self.cloud.deploy(sent)
        self.last = sent
        self.env |= {name: str(value) for name, value in sent["outputs"].items()}
        self.env |= {"HOST_PRINCIPAL_ID": f"host#{self.cloud.generation}", "FUNCTION_APP_URL": "https://app"}
        self.hook("postprovision")
        self.steps += ["deploy", "postdeploy"]

    def down(self, *, purge=False):
        self._check_version()
        self.hook("predown")
        self.cloud.remove_group(purge=purge, is_old=self._is_old())
        outputs = (self.last or load("first"))["outputs"]
        self.env = {
            name: value for name, value in self.env.items() if name not in outputs or name == "AUTH_CLIENT_ID"
        }
        self.last = None

    def _is_old(self):
        return [int(n) for n in self.version.split(".")] < [1, 24, 1]

    def _check_version(self):
        wanted = AZD["requiredVersions"]["azd"].removeprefix(">=").strip()
        if self.is_checked and [int(n) for n in self.version.split(".")] < [
            int(n) for n in wanted.split(".")
        ]:
            raise RefusedBefore(f"this project requires azd {wanted}: update")

    def compile(self):
        """What azd asks for, and what the compiler refuses: a required parameter that only a hook makes."""
        required = re.findall(r"^param (\w+) \w+$", self.main, re.MULTILINE)
        if self.parameters is None:  # main.parameters.json: azd asks for what has no value
            unknown = [name for name in required if name not in {"environmentName", "location"}]
            if unknown:
                raise RefusedBefore(f"azd asks for {unknown}")
            return
        names = re.findall(r"readEnvironmentVariable\('(\w+)'\)", self.parameters)
        missing = [name for name in names if name not in self.env]
        not_empty = re.findall(r"@minLength\(1\)\n(?:@[^\n]*\n)*param (\w+)", self.main)
        given = dict(
            re.findall(r"^param (\w+) = readEnvironmentVariable\('(\w+)'", self.parameters, re.MULTILINE)
        )
        missing += [name for name in not_empty if not self.env.get(given.get(name, ""))]
        missing += [name for name in required if f"param {name} =" not in self.parameters]
        if missing:
            raise RefusedBefore(f"does not compile: {missing}")

    def template(self):
        """What main.bicepparam makes of the environment, put together from the snapshots."""
        env = self.env
        asked = {
            "existing_topic": bool(env.get("EXISTING_SYSTEM_TOPIC")),
            "existing_foundry": bool(env.get("EXISTING_FOUNDRY_ACCOUNT")),
            "private_network": env.get("PRIVATE_NETWORK") == "true",
        }
        assert sum(asked.values()) < 2, "no snapshot has several of these"
        base = next((case for case, is_asked in asked.items() if is_asked), "first")
        sent = copy.deepcopy(load(base))
        if not env.get("BUDGET_START") or env.get("MONTHLY_BUDGET") == "0":
            sent["predictedResources"] = [r for r in resources(sent) if r["type"] != BUDGET]
        for resource in resources(sent, BUDGET):
            resource["properties"]["timePeriod"]["startDate"] = env["BUDGET_START"]
        for resource in resources(sent, ACCOUNT):
            resource["properties"]["restore"] = True if env.get("RESTORE_FOUNDRY") == "true" else None
        for name in ("AUTH_CLIENT_ID", "EXISTING_SYSTEM_TOPIC", "EXISTING_SYSTEM_TOPIC_PRINCIPAL"):
            sent["outputs"][name] = env.get(name, "")
        return sent

    def hook(self, event):
        """Run the real one, as azure.yaml says, in the environment of azd."""
        self.steps.append(event)

        def run(program, *words):
            if program == "az":
                answer = self.cloud.az(*words[: words.index("--only-show-errors")])
                return "" if answer is None else json.dumps(answer)
            if words[:2] == ("env", "set"):
                self.env[words[2]] = words[3]
                return ""
            return json.dumps({"azd": {"version": self.version}})

        argument = AZD["hooks"][event]["posix"]["run"].split()[-1]
        said = []
        with (
            mock.patch.dict(os.environ, self.env, clear=True),
            mock.patch.object(cloud, "run", run),
            mock.patch.object(removal, "run", run),
            mock.patch.object(questions, "datetime", mock.Mock(now=lambda _: self.cloud.today)),
            mock.patch("sys.stderr.write", said.append),
        ):
            if hooks.main([argument]):
                raise RefusedBefore("".join(said))
