"""The app with something in it: runs in every status on twins, asked through the functions that the worker would call."""

import json
import re
from types import SimpleNamespace
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import azure.functions as func

from functions import health, http
from shared.core import artifacts
from shared.core.run import Failure, Status
from shared.run_folder import RunFolder
from shared.settings import Settings
from shared.wiring import Services
from tests.core.scenarios import at_deployment_gate, at_spend_gate
from tests.functions.declared import FUNCTIONS
from tests.support.builders import a_run
from tests.support.principals import principal
from tests.support.settings import GOOD
from tests.twins.world import TwinWorld

READER, OPERATOR, APPROVER = "FineTune.Reader", "FineTune.Operator", "FineTune.Approver"


def world_with_runs(world=None):
    """Twins with a run in each status, an artifact of each kind, a pipeline file; and the ids of the runs."""
    world, ids = world or TwinWorld(), []
    world.pipeline_files.put("summaries.yaml", "model: gpt-4.1-2025-04-14\n")
    gates = {Status.AWAITING_SPEND_APPROVAL: at_spend_gate, Status.AWAITING_APPROVAL: at_deployment_gate}
    for number, status in enumerate(Status):
        failure = Failure(step=Status.TRAINING, code="x", message="m", remedy="r", can_retry=True)
        is_failed = status in {Status.FAILED, Status.REJECTED, Status.EXPIRED, Status.NOT_PROMOTED}
        run = gates[status]() if status in gates else a_run(status, failure=failure if is_failed else None)
        run = run.evolve(id=f"{number:020x}")
        world.runs.insert(run, [])
        world.index.project(run, is_settled=False)
        ids.append(run.id)
        folder = RunFolder(world.artifacts, run.id)
        for made in (artifacts.REPORT, artifacts.COMPARISON_TABLE, artifacts.SCORES):
            folder.write(made, b"{}")
    return world, ids


class Asked:
    """An app on a world, and who asks it."""

    def __init__(self, world, monkeypatch, **settings):
        given = {"WEBSITE_AUTH_ENABLED": "true", "REQUESTS_PER_MINUTE": "99999999"} | settings
        self.services = Services(world, Settings.from_environment(GOOD | given))
        self.queued = []
        for module in (health, http):
            monkeypatch.setattr(module, "services", lambda: self.services)
        self._routes = [
            (declared.method, re.compile(declared.pattern), declared)
            for declared in FUNCTIONS.values()
            if declared.route
        ]

    def request(self, method, url, *, headers=None, body=b""):
        """The answer as the worker gets it, or None where no function has such a route."""
        parts = urlsplit(url)
        for known, pattern, declared in self._routes:
            found = pattern.fullmatch(parts.path)
            if known == method and found:
                request = func.HttpRequest(
                    method,
                    f"https://app{url}",
                    headers={"Host": "app"} | (headers or {}),
                    params=dict(parse_qsl(parts.query, keep_blank_values=True)),
                    route_params={name: unquote(value) for name, value in found.groupdict().items()},
                    body=body,
                )
                due = SimpleNamespace(set=self.queued.append)
                bound = {"due": due} if "due" in declared.call.__annotations__ else {}
                context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent="", trace_state=""))
                return declared.call(req=request, context=context, **bound)
        return None

    def ask(self, route, role=READER, body=None, person="oid-1", **headers):
        """Status and JSON of the answer to `GET /api/runs` and its like."""
        method, _, url = route.partition(" ")
        sent = who(role, person) | {name.replace("_", "-"): value for name, value in headers.items()}
        raw = b"" if body is None else json.dumps(body).encode()
        answered = self.request(method, url, headers=sent, body=raw)
        said = answered.get_body()
        return answered.status_code, json.loads(said) if said else None

    def page(self, url, role=READER, person="oid-1", **headers):
        """Status, headers and HTML of the answer to somebody with a browser who asks for a page."""
        sent = who(role, person) | {"Sec-Fetch-Site": "same-origin"} | named(headers)
        answered = self.request("GET", url, headers=sent)
        return answered.status_code, answered.headers, answered.get_body().decode()

    def send(self, url, fields, role=APPROVER, person="oid-1", **headers):
        """Status, headers and HTML of the answer to a form; a header that is None is left out."""
        sent = who(role, person) | {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": "https://app",
            "Sec-Fetch-Site": "same-origin",
        }
        sent = {name: value for name, value in (sent | named(headers)).items() if value is not None}
        body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
        answered = self.request("POST", url, headers=sent, body=body)
        return answered.status_code, answered.headers, answered.get_body().decode()


def named(headers):
    """Headers by their names, which keywords cannot be."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def who(role, person="oid-1", name="Ada"):
    """What the platform sends along for a person with a role."""
    return principal(("oid", person), ("name", name), ("roles", role)) | {"Content-Type": "application/json"}
