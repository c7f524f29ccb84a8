"""Whatever is asked, the answer is one that the description of the API has: no failure, and nothing outside of its schema.

Requests are made from the description itself (schemathesis), within it and beside it, in all roles, against runs in every status.
Of each operation an answer with what was asked for, and every refusal that it describes, has to be seen.
"""

import json
from collections import defaultdict
from datetime import timedelta
from urllib.parse import quote, urlencode

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from functions.openapi import document
from shared.core.run import Status
from tests.core.scenarios import at_deployment_gate
from tests.functions.populated import APPROVER, OPERATOR, READER, Asked, who, world_with_runs
from tests.support.builders import NOW
from tests.support.product import dataset
from tests.support.rounds import JUDGED, Rounds

pytestmark = pytest.mark.slow

DOCUMENT = document()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
ROLES = (READER, OPERATOR, APPROVER, APPROVER, APPROVER, "Other", None)
AT = {status: f"{number:020x}" for number, status in enumerate(Status)}
LONG_AGO, JUDGED_LONG_AGO, NONE = "e" * 20, "d" * 20, "f" * 20


def for_making():
    """The description with what requests are made of, and no more."""
    made = json.loads(json.dumps(DOCUMENT))
    made.pop("security")
    schemas = made["components"]["schemas"]
    made["components"] = {"schemas": {name: schemas[name] for name in ("GateRequest", "WishRequest")}}
    for methods in made["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)
            operation["responses"] = {"200": {"description": "x"}}
    return schemathesis.openapi.from_dict(made)


MAKING = for_making()
VALIDATORS = {
    name: jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    )
    for name in DOCUMENT["components"]["schemas"]
}


def problem_of(route, response):
    """Why an answer is none of those that the description has, or None."""
    described = OPERATIONS[route]["responses"].get(str(response.status_code))
    if response.status_code >= 500 or described is None:
        return f"{response.status_code} is not described: {response.get_body()[:300]}"
    missing = described.get("headers", {}).keys() - response.headers.keys()
    if missing and "ETag" not in missing:
        return f"{response.status_code} has no {missing}"
    if response.status_code >= 400 and "x-codes" in described:
        code = json.loads(response.get_body())["code"]
        if code not in described["x-codes"]:
            return f"{response.status_code} may not be {code}"
    content = described.get("content")
    if content is None:
        return f"{response.status_code} has a body" if response.get_body() else None
    types = {name.partition(";")[0] for name in content}
    if response.mimetype.partition(";")[0] not in types:
        return f"{response.status_code} is {response.mimetype}"
    shape = next(iter(content.values())).get("schema", {}).get("$ref", "").rpartition("/")[2]
    if shape:
        for error in VALIDATORS[shape].iter_errors(json.loads(response.get_body())):
            return f"{response.status_code} is no {shape}: {error.message[:300]} at {error.instance_path}"
    return None


class Campaign:
    """Asks, and keeps what was seen."""

    def __init__(self, world, patch):
        self.world, self._patch = world, patch
        self.app = Asked(world, patch)
        self.seen, self.problems = defaultdict(set), []

    def ask(self, route, url, role, body=b"", headers=None):
        method = route.partition(" ")[0]
        sent = (who(role, f"oid-{role}") if role else {"Content-Type": "application/json"}) | (headers or {})
        response = self.app.request(method, url, headers=sent, body=body)
        if response is None:
            return  # the host finds no function for such a path
        self.seen[route].add(response.status_code)
        if problem := problem_of(route, response):
            self.problems.append(f"{method} {url} {body[:200]!r} as {role}: {problem}")

    def ask_made(self, route, case, role, run_id):
        """Ask what schemathesis made; now and then about a run that is there, and what its gate shows."""
        parts = dict(case.path_parameters or {})
        if run_id and "run_id" in parts:
            parts["run_id"] = run_id
        path = route.partition(" ")[2]
        for name, value in parts.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe="%"))
        query = urlencode(case.query or {}, doseq=True)
        body = case.body if isinstance(case.body, dict | list | str | int | float | bytes | None) else b""
        if isinstance(body, dict) and run_id and isinstance(body.get("digest"), str):
            gates = list(self.world.runs.load(run_id)[0].gates.values())
            body |= {"digest": gates[0].digest} if gates else {}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {name: str(value) for name, value in (case.headers or {}).items()}
        self.ask(route, f"{path}?{query}" if query else path, role, raw, headers)


@pytest.fixture
def campaign(monkeypatch):
    """An app with runs in every status, one that is to be judged again, one whose evidence was changed, and old ones."""
    rounds = Rounds(JUDGED.replace("operation: eq", "operation: ne"))
    judged = rounds.round(dataset(60))
    assert judged.status is Status.NOT_PROMOTED
    rounds.world.pipeline_files.put("boxes.yaml", JUDGED)
    world, _ = world_with_runs(rounds.world)

    def change(status, make):
        stored, version = world.runs.load(AT[status])
        world.runs.replace(make(stored), version, [])

    change(Status.DEPLOYED, lambda run: run.evolve(evidence={"evaluation/scores.jsonl": "0" * 64}))
    change(Status.EXPIRED, lambda run: at_deployment_gate().evolve(id=run.id).move(Status.EXPIRED, NOW))
    failed, _ = world.runs.load(AT[Status.FAILED])
    old = world.runs.load(AT[Status.TRAINING])[0].move(
        Status.FAILED, NOW - timedelta(days=99), failure=failed.failure
    )
    world.runs.insert(old.evolve(id=LONG_AGO), [])
    over = msgspec.structs.replace(judged, id=JUDGED_LONG_AGO, status_since=NOW - timedelta(days=99))
    world.runs.insert(over, [])
    made = Campaign(world, monkeypatch)
    made.judged = judged
    return made


def ask_examples(made):
    """What is rare: one request for each answer that chance does not find."""
    gate = made.world.runs.load(AT[Status.AWAITING_APPROVAL])[0].gate
    spend = made.world.runs.load(AT[Status.AWAITING_SPEND_APPROVAL])[0].gate
    expired = made.world.runs.load(AT[Status.EXPIRED])[0].gates["deployment"]
    run = "/api/runs/{}".format
    hold = {"decision": "hold", "digest": gate.digest, "comment": "Why?"}
    for route, path in {
        "GET /api/runs": "/api/runs",
        "GET /api/runs/{run_id}": run(AT[Status.DEPLOYED]),
        "GET /api/runs/{run_id}/history": run(f"{made.judged.id}/history"),
        "GET /api/runs/{run_id}/artifacts/{name}": run(
            f"{made.judged.id}/artifacts/evaluation/comparison.md"
        ),
        "GET /api/waiting": "/api/waiting",
        "GET /api/decisions": "/api/decisions",
        "GET /api/pipelines": "/api/pipelines",
        "GET /api/pipelines/{name}": "/api/pipelines/boxes",
        "GET /api/openapi.json": "/api/openapi.json",
        "GET /api/health": "/api/health",
    }.items():
        made.ask(route, path, READER)
        made.ask(route, path, APPROVER)
        made.ask(route, path, "Other")
        made.ask(route, path, None)
        made.ask(route, f"{path}?limit=0", READER)
        made.ask(route, path.replace(made.judged.id, NONE), READER)
        made.ask(route, path, READER, headers={"If-None-Match": "*"})
    scores = run(f"{AT[Status.DEPLOYED]}/artifacts/evaluation/scores.jsonl")
    made.ask("GET /api/runs/{run_id}/artifacts/{name}", scores, READER)
    made.ask("GET /api/runs/{run_id}", run(NONE), READER)
    made.ask("GET /api/runs/{run_id}/history", run(f"{NONE}/history"), READER)
    made.ask("GET /api/runs/{run_id}/artifacts/{name}", run(f"{NONE}/artifacts/report.md"), READER)
    made.ask("GET /api/pipelines/{name}", "/api/pipelines/nothing", READER)
    for name, status in (("cancel", Status.TRAINING), ("retry", Status.FAILED), ("rejudge", None)):
        route, path = (
            f"POST /api/runs/{{run_id}}/{name}",
            run(AT[status] if status else made.judged.id) + f"/{name}",
        )
        for run_id in (LONG_AGO, JUDGED_LONG_AGO):
            made.ask(route, run(run_id) + f"/{name}", OPERATOR, b"{}")
        made.ask(route, run(NONE) + f"/{name}", OPERATOR, b"{}")
        made.ask(route, run(AT[Status.REJECTED]) + f"/{name}", OPERATOR, b"{}")
        made.ask(route, path, OPERATOR, b"[]")
        for role in (READER, None):
            made.ask(route, path, role, b"{}")
        for body in (b"{}", b'{"comment": "x"}'):
            made.ask(route, path, OPERATOR, body, {"Idempotency-Key": f"of-{name}"})
    route = "POST /api/runs/{run_id}/gates/{gate}"
    at = run(AT[Status.AWAITING_APPROVAL]) + "/gates/deployment"
    for role, body in (
        (None, hold),
        (READER, hold),
        (APPROVER, hold | {"comment": ""}),
        (APPROVER, hold | {"digest": spend.digest}),
        (APPROVER, hold),
    ):
        made.ask(route, at, role, json.dumps(body).encode())
    for words in ("Why?", "Why not?"):
        body = json.dumps(hold | {"comment": words}).encode()
        made.ask(route, at, APPROVER, body, {"Idempotency-Key": "of-a-gate"})
    late = json.dumps(hold | {"digest": expired.digest}).encode()
    made.ask(route, run(AT[Status.EXPIRED]) + "/gates/deployment", APPROVER, late)
    made.ask(route, at.replace("deployment", "door"), APPROVER, json.dumps(hold).encode())


def ask_too_often(made):
    """One more than a person may ask, of each operation."""
    app = Asked(made.world, made._patch, REQUESTS_PER_MINUTE="1")
    ask, made.app = made.app, app
    for route, operation in OPERATIONS.items():
        if operation.get("security") != []:
            path = (
                route.partition(" ")[2]
                .replace("{run_id}", NONE)
                .replace("{name}", "x")
                .replace("{gate}", "spend")
            )
            made.ask(route, path, READER)
            made.ask(route, path, READER)
    made.app = ask


def ask_many(made, route, operation, count, *, is_repeatable):
    """As many requests of an operation as are asked for."""
    method, _, path = route.partition(" ")
    making, ids = MAKING[path][method], [*AT.values(), made.judged.id]
    cases = [making.as_strategy(generation_mode=GenerationMode.POSITIVE)]
    if operation["parameters"] or "requestBody" in operation:
        cases.append(making.as_strategy(generation_mode=GenerationMode.NEGATIVE))

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=is_repeatable,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(cases), st.sampled_from(ROLES), st.sampled_from([None, *ids, *ids]))
    def ask(case, role, run_id):
        made.ask_made(route, case, role, run_id)

    ask()


def run_campaign(made, count, *, is_repeatable):
    """The rare requests first, while all runs are as they are; then all the others."""
    ask_examples(made)
    ask_too_often(made)
    for route, operation in OPERATIONS.items():
        ask_many(made, route, operation, count, is_repeatable=is_repeatable)


def check(made):
    assert made.problems == []
    for route, operation in OPERATIONS.items():
        #: Without a content: App Service answers so, and the app is not asked.
        own = [
            status for status, said in operation["responses"].items() if status != "401" or "content" in said
        ]
        described = {int(status) for status in own}
        wanted = {status for status in described if status < 500}
        assert wanted <= made.seen[route], f"{route} never answered {sorted(wanted - made.seen[route])}"


def test_every_answer_is_as_described(campaign):
    run_campaign(campaign, 100, is_repeatable=True)
    check(campaign)


@pytest.mark.soak
def test_every_answer_is_as_described_in_a_long_campaign(campaign):
    run_campaign(campaign, 5000, is_repeatable=False)
    check(campaign)


def test_an_answer_outside_of_the_description_is_noticed(campaign):
    campaign.app.services.lists.pipelines = lambda *_: 1 // 0
    campaign.ask("GET /api/pipelines", "/api/pipelines", READER)
    assert "500 is not described" in campaign.problems[0]
    real = campaign.app.services.views.pipeline("boxes")

    class Loose(type(real)):
        more: int = 1

    values = {name: getattr(real, name) for name in real.__struct_fields__}
    campaign.app.services.views.pipeline = lambda _: Loose(**values)
    campaign.ask("GET /api/pipelines/{name}", "/api/pipelines/boxes", READER)
    assert "is no Pipeline" in campaign.problems[1]
