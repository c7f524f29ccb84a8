"""Run by test_rows_on_worker in a process of its own: a run's evidence, asked for by persons with and without the role.

A run on twins stands behind the app; the requests go through Microsoft's worker library as the host sends them.
"""

import asyncio
import json
import sys
from pathlib import Path

import msgspec

from functions import http
from local.host.messages import PROTOCOL, TypedData
from local.host.worker import Worker
from shared.core import artifacts
from shared.core.artifacts import Artifact
from shared.core.run import Status
from shared.run_folder import RunFolder
from shared.settings import Settings
from shared.wiring import Services
from tests.core.dataset.rows import many, validated
from tests.support.builders import a_run
from tests.support.principals import principal
from tests.support.settings import GOOD
from tests.twins.world import TwinWorld

ROLE = "FineTune.Operator"
CANARY = "canary"
#: Enough of a report to be decoded: everything in it that holds a row says so.
FINDING = {
    "code": "DS080",
    "severity": "warning",
    "file": "training.jsonl",
    "line": 1,
    "path": "messages[0].content",
    "message": "the text contains <|end|>",
    "remedy": "Remove it.",
    "excerpt": CANARY,
}


def world_with_evidence():
    """Twins with one run and one of each kind of artifact."""
    world, run = TwinWorld(), a_run(Status.VALIDATING)
    world.runs.insert(run, [])
    folder = RunFolder(world.artifacts, run.id)
    report = msgspec.to_builtins(validated(many(20)).report) | {"findings": [FINDING]}
    folder.write_json(artifacts.REPORT, report)
    for artifact in (
        artifacts.REPORT_PAGE,
        artifacts.COMPARISON_TABLE,
        artifacts.repairs("training"),
        artifacts.quarantine("training"),
        artifacts.answers("candidate", 0),
        artifacts.prepared("training"),
        Artifact("evaluation/superseded-1/comparison.csv"),
        Artifact("evaluation/of-a-later-release.json"),
    ):
        folder.write(artifact, CANARY.encode())
    folder.write(artifacts.SCORES, b"{}")
    return world, run.id


async def probe():
    world, run_id = world_with_evidence()
    settings = Settings.from_environment(GOOD | {"WEBSITE_AUTH_ENABLED": "true", "DATA_ROLE": ROLE})
    app = Services(world, settings)
    worker = Worker(Path(sys.argv[1]))
    await worker.start()
    http.services = lambda: app
    answers = {}
    names = [name.removeprefix(f"runs/{run_id}/") for name in world.artifacts.names("")]
    for who, roles in {
        "may": [ROLE],
        "approver": ["FineTune.Approver"],
        "nobody special": ["FineTune.Reader"],
    }.items():
        headers = principal(("oid", who), ("name", who), *(("roles", role) for role in roles))

        async def ask(function, headers=headers, **params):
            request = PROTOCOL.RpcHttp(
                method="GET",
                url="https://app/",
                headers=headers,
                params=params,
                query={},
                body=TypedData(bytes=b""),
            )
            outcome = await worker.invoke(worker.functions[function], TypedData(http=request))
            response = outcome.value.http
            raw = response.body.raw
            return [int(response.status_code), raw.decode() if isinstance(raw, bytes) else str(raw)]

        answers[who] = {name: await ask("get_artifact", run_id=run_id, name=name) for name in names}
        answers[who]["the run"] = await ask("get_run", run_id=run_id)
    print(json.dumps(answers))
    worker.stop()


asyncio.run(probe())
