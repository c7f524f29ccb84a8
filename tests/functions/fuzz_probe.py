"""Run by test_fuzzed_requests in a process of its own: `fuzz_probe.py ROOT COUNT SEED` sends odd requests to every route.

Runs in all statuses stand behind the app, on twins; the requests go through Microsoft's worker library as the host sends them.
What was answered is printed as JSON: for each route how often which status, and each answer that is not as documented.
"""

import asyncio
import base64
import json
import logging
import random
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import msgspec

from functions import health, http
from local.host.messages import PROTOCOL, TypedData
from local.host.worker import Worker
from shared.core import served
from shared.core.errors import FinetuneError
from shared.core.run import Status
from shared.settings import Settings
from shared.wiring import Services
from tests.functions.populated import world_with_runs
from tests.support.naughty import NAUGHTY
from tests.support.principals import principal
from tests.support.settings import GOOD

ROLES = ("FineTune.Reader", "FineTune.Operator", *("FineTune.Approver",) * 7, "Other")
DIGEST = "sha256:" + "0" * 64
#: Part of a route -> a status in which it does something.
FITTING = {
    "gates": Status.AWAITING_APPROVAL,
    "{gate}": Status.AWAITING_SPEND_APPROVAL,
    "cancel": Status.TRAINING,
    "retry": Status.FAILED,
}
ODD = (
    "",
    " ",
    "0",
    "-1",
    "1e9",
    "9" * 5000,
    "x" * 60_000,
    "١٢",
    "../../pipelines/x",
    "..%2f..%2fx",
    "a/b",
    "a'b",
    "a\\b",
    "a#b?c",
    "\x00",
    "\r\nX-Injected: 1",
    "\x1b[31m",
    "\u202eabc",
    "\U0010ffff",
    "null",
    "['x']",
    "' or 1 eq 1 or '",
)


def subclasses(kind):
    """All kinds of errors."""
    for sub in kind.__subclasses__():
        yield sub
        yield from subclasses(sub)


CODES = {kind.code for kind in subclasses(FinetuneError)}


class Requests:
    """Makes requests: most parts right, one or two of them odd."""

    def __init__(self, world, ids, rng):
        self._world, self._ids, self._rng = world, ids, rng

    def _odd(self):
        text = self._rng.choice((self._rng.choice(ODD), self._rng.choice(NAUGHTY), self._noise()))
        return text.encode(errors="replace").decode()  # the host sends no others

    def _noise(self):
        return "".join(
            chr(self._rng.choice((self._rng.randrange(128), 0x80, 0x2028, 0x1F600))) for _ in range(9)
        )

    def _maybe(self, right, share=0.7):
        return right if self._rng.random() < share else self._odd()

    def headers(self):
        """Who asks, and from where."""
        rng = self._rng
        claims = [("oid", f"oid-{rng.randrange(4)}"), ("name", "Ada"), ("roles", rng.choice(ROLES))]
        if rng.random() < 0.2:
            claims[rng.randrange(3)] = rng.choice(
                (("idtyp", "app"), ("oid", self._odd()), ("name", self._odd()))
            )
        who = principal(*claims, **({"auth_typ": self._odd()} if rng.random() < 0.05 else {}))
        if rng.random() < 0.1:
            text = rng.choice((b"[" * 20_000, b'{"claims": ' + b"[" * 20_000, self._odd().encode()))
            who = {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(text).decode()}
        who |= {"X-MS-CLIENT-PRINCIPAL": self._odd()} if rng.random() < 0.03 else {}
        kinds = ("application/json", "application/x-www-form-urlencoded", "text/plain", self._odd())
        if rng.random() < 0.9:
            who["Content-Type"] = rng.choice((*kinds, *kinds[:1] * 9))
        if rng.random() < 0.1:
            who["Origin"] = rng.choice(("https://app", "https://evil.example", "null", self._odd()))
        if rng.random() < 0.1:
            who["Sec-Fetch-Site"] = rng.choice(("same-origin", "none", "cross-site", self._odd()))
        return {"Host": "app"} | who

    def parameters(self, route):
        """The parts of the path."""
        rng = self._rng
        statuses = [status for word, status in FITTING.items() if word in route] * 9 + list(Status)
        status = rng.choice(statuses)
        right = {
            "run_id": self._maybe(self._ids[list(Status).index(status)], 0.85),
            "gate": self._maybe("spend" if status is Status.AWAITING_SPEND_APPROVAL else "deployment", 0.85),
            "name": self._maybe("report.json" if "artifacts" in route else "summaries"),
        }
        names = re.findall(r"\{\*?(\w+)\}", route)
        return {name: right[name] for name in names if rng.random() < 0.97}

    def query(self):
        """What stands behind the question mark."""
        rng = self._rng
        right = {"limit": "10", "pipeline": "summaries", "after": "0" * 15 + "-" + "0" * 20, "x": "y"}
        return {name: self._maybe(value) for name, value in right.items() if rng.random() < 0.4}

    def body(self, parameters):
        """What is sent along."""
        rng = self._rng
        run_id = parameters.get("run_id")
        run = self._world.runs.load(run_id)[0] if run_id in self._ids else None
        gate = run.gates.get(parameters.get("gate", "")) if run else None
        said = {
            "decision": self._maybe(rng.choice(("approve", "reject", "withdraw")), 0.9),
            "digest": self._maybe(gate.digest if gate else DIGEST, 0.9),
            "comment": self._maybe("fine", 0.9),
        }
        said |= {self._odd(): self._odd()} if rng.random() < 0.1 else {}
        odd = (
            b"[" * 16_000,
            b"\xff\xfe",
            b"{",
            b'{"comment": "\\ud800"}',
            b" " * 20_000,
            self._odd().encode(),
        )
        whole = json.dumps(said).encode() if "gate" in parameters else rng.choice((b"", b"{}"))
        return whole if rng.random() < 0.85 else rng.choice(odd)


def problem_of(answer):
    """Why an answer is not in the documented form, or None."""
    status, raw = int(answer.status_code), answer.body.raw
    text = raw.decode() if isinstance(raw, bytes) else str(raw)
    if status < 400:
        return None
    try:
        problem = msgspec.convert(json.loads(text), served.Problem)
    except (ValueError, msgspec.MsgspecError):
        return f"{status} without a problem: {text[:200]}"
    if status >= 500 or problem.status != status or problem.code not in CODES:
        return f"{status} {problem}"
    if not (problem.detail and problem.remedy and len(text) < 12_000 and text.isprintable()):
        return f"{status} says {text[:200]}"
    return None


async def probe(root, count, seed):
    """Send the requests; what came of them."""
    logging.disable(logging.CRITICAL)
    rng = random.Random(seed)
    worker = Worker(Path(root))
    await worker.start()
    given = {"WEBSITE_AUTH_ENABLED": "true", "REQUESTS_PER_MINUTE": "99999999"}
    settings = Settings.from_environment(GOOD | given)
    routes = [
        (function, trigger)
        for function in worker.functions.values()
        if (trigger := function.trigger)["type"] == "httpTrigger"
        and trigger["route"].split("/")[0] != "ui"  # pages have a campaign of their own
    ]
    answers, problems = defaultdict(Counter), []
    for number in range(count):
        if number % 100 == 0:  # votes and wishes change them
            world, ids = world_with_runs()
            app = Services(world, settings)
            http.services = health.services = lambda app=app: app
            requests = Requests(world, ids, rng)
        function, trigger = routes[number % len(routes)]
        parameters = requests.parameters(trigger["route"])
        sent = PROTOCOL.RpcHttp(
            method=trigger["methods"][0],
            url="https://app/",
            headers=requests.headers(),
            params=parameters,
            query=requests.query(),
            body=TypedData(bytes=requests.body(parameters) if trigger["methods"][0] == "POST" else b""),
        )
        outcome = await worker.invoke(function, TypedData(http=sent))
        status = int(outcome.value.http.status_code) if outcome.is_ok else 500
        answers[function.name][status] += 1
        problem = problem_of(outcome.value.http) if outcome.is_ok else outcome.error
        if problem and function.name != "health":
            problems.append(f"request {number}, {function.name}: {problem}")
    print(json.dumps({"answers": answers, "problems": problems}))
    worker.stop()


if __name__ == "__main__":
    asyncio.run(probe(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
