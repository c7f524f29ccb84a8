"""Run by test_app_on_worker in a process of its own: the worker library holds one app a process."""

import asyncio
import json
import sys
from pathlib import Path

from local.host.messages import PROTOCOL, TypedData
from local.host.worker import Worker


async def probe():
    worker = Worker(Path(sys.argv[1]))
    await worker.start()
    bindings = {name: function.bindings for name, function in worker.functions.items()}
    answers = {}
    for name, method, route in (
        ("list_runs", "GET", {}),
        ("get_run", "GET", {"run_id": "x"}),
        ("decide_gate", "POST", {"run_id": "x", "gate": "deployment"}),
        ("cancel_run", "POST", {"run_id": "x"}),
    ):
        request = PROTOCOL.RpcHttp(
            method=method, url="https://app/", headers={}, params=route, query={}, body=TypedData(bytes=b"{}")
        )
        outcome = await worker.invoke(worker.functions[name], TypedData(http=request))
        answers[name] = [
            int(outcome.value.http.status_code),
            json.loads(outcome.value.http.body.raw)["error"]["code"],
        ]
    print(json.dumps({"bindings": bindings, "answers": answers}))
    worker.stop()


asyncio.run(probe())
