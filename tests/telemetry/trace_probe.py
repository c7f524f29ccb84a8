"""Run by test_worker in a process of its own: what the worker library makes of a trace that the host hands it."""

import asyncio
import json
import sys
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from local.host.messages import PROTOCOL, TypedData
from local.host.worker import Worker


async def probe(exporter):
    worker = Worker(Path(sys.argv[1]))
    await worker.start()
    http = PROTOCOL.RpcHttp(
        method="GET", url="https://app/", headers={}, params={}, query={}, body=TypedData(bytes=b"")
    )
    for parent in (sys.argv[2], ""):
        function = worker.functions["list_runs"]
        await worker.invoke(function, TypedData(http=http), trace_parent=parent)
    worker.stop()
    spans = [
        {
            "name": span.name,
            "trace": f"{span.context.trace_id:032x}",
            "parent": f"{span.parent.span_id:016x}" if span.parent else None,
            "attributes": dict(span.attributes),
        }
        for span in exporter.get_finished_spans()
    ]
    print(json.dumps({"functions": sorted(worker.functions), "spans": spans}))


# As the worker does in Azure: the SDK is configured before the app is loaded.
memory = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
asyncio.run(probe(memory))
