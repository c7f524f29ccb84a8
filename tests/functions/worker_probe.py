"""Run by test_app_on_worker in a process of its own: the worker library holds one app a process."""

import asyncio
import json
import re
import sys
from pathlib import Path

from local.host.messages import PROTOCOL, TypedData
from local.host.worker import Worker


async def probe():
    worker = Worker(Path(sys.argv[1]))
    await worker.start()
    bindings = {name: function.bindings for name, function in worker.functions.items()}
    answers = {}
    for name, found in bindings.items():
        trigger = next((b for b in found if b["type"] == "httpTrigger"), None)
        if trigger is None or name == "health":  # it would ask a storage that is not there
            continue
        parts = dict.fromkeys(re.findall(r"\{\*?(\w+)\}", trigger["route"]), "x")
        request = PROTOCOL.RpcHttp(
            method=trigger["methods"][0],
            url="https://app/",
            headers={},
            params=parts,
            query={},
            body=TypedData(bytes=b"{}"),
        )
        outcome = await worker.invoke(worker.functions[name], TypedData(http=request))
        body = outcome.value.http.body.raw
        is_page = trigger["route"].split("/")[0] == "ui"
        said = "page" if is_page and "unauthenticated" in str(body) else json.loads(body)["error"]["code"]
        answers[name] = [int(outcome.value.http.status_code), said]
    print(json.dumps({"bindings": bindings, "answers": answers}))
    worker.stop()


asyncio.run(probe())
