"""Everything that the product emits, kept in memory, and the app's own functions on twins."""

import json
import logging
from collections import deque
from types import SimpleNamespace

import azure.functions as func
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from functions import advancing, datasets, gates, health, http, poisoned, polling
from shared.settings import Settings
from shared.telemetry import names, signals
from shared.wiring import Services
from tests.support.principals import principal
from tests.support.product import PIPELINE, Product
from tests.support.settings import GOOD
from tests.twins.world import TwinWorld

TICKS_MAX = 300
#: Modules that ask for the services of the process.
MODULES = (advancing, datasets, health, http, poisoned, polling)


class Ear(logging.Handler):
    """Hears spans, metrics and log records."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.records = []
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        tracers, self.meters = TracerProvider(), MeterProvider([self._reader])
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.telemetry = signals.Telemetry(tracers, self.meters)

    def emit(self, record):
        self.records.append(record)

    @property
    def spans(self):
        return self._spans.get_finished_spans()

    def points(self):
        """(metric's name, data point) of all that was measured."""
        data = self._reader.get_metrics_data()
        found = data.resource_metrics if data else ()
        return [
            (metric.name, point)
            for resource in found
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        ]

    def events(self):
        """Records of ours."""
        return [record for record in self.records if record.name == names.SCOPE]

    def everything(self):
        """All text that left the product."""
        texts = [span.to_json() for span in self.spans]
        texts += [f"{name} {dict(point.attributes)}" for name, point in self.points()]
        texts += [f"{record.getMessage()} {record.__dict__}" for record in self.records]
        return "\n".join(texts)


class Out:
    """An output binding."""

    def __init__(self):
        self.value = None

    def set(self, value):
        self.value = value


def user_function(builder):
    """What the worker calls."""
    return builder._function.get_user_function()


class App:
    """The functions of the app, on twins, with a host that hands each invocation a trace of its own."""

    def __init__(self, monkeypatch):
        self.world = TwinWorld()
        self.world.pipeline_files.put("boxes.yaml", PIPELINE)
        self.world.deployer.add("base", "gpt-4.1")
        self.world.inference.answers = Product.recite
        settings = Settings.from_environment(GOOD | {"WEBSITE_AUTH_ENABLED": "true"})
        self.services = Services(self.world, settings)
        for module in MODULES:
            monkeypatch.setattr(module, "services", lambda: self.services)
        self.queue = deque()
        self.sent = []
        self.hosts = {}
        self._count = 0

    def invoke(self, builder, *, out=None, **given):
        """One invocation; what it queues is queued if it succeeds."""
        self._count += 1
        trace_id, span_id = f"{self._count:032x}", f"{0xABC000 + self._count:016x}"
        self.hosts[int(trace_id, 16)] = int(span_id, 16)
        trace = SimpleNamespace(trace_parent=f"00-{trace_id}-{span_id}-01", trace_state="")
        made = Out()
        bound = {out: made} if out else {}
        answer = user_function(builder)(context=SimpleNamespace(trace_context=trace), **given, **bound)
        queued = made.value if isinstance(made.value, list) else [made.value] if made.value else []
        self.queue.extend(queued)
        self.sent += queued
        return answer

    def drop(self, name, data, **metadata):
        """A dataset arrives, and its event."""
        self.world.datasets.put(name, data, **metadata)
        self.invoke(datasets.dataset_uploaded, out="again", client=SimpleNamespace(blob_name=name))

    def request(self, builder, method, route, body=b"{}", **given):
        """A request of an approver."""
        claims = [
            ("oid", "approver"),
            ("name", given.pop("person", "Ada")),
            ("roles", "FineTune.Approver"),
        ]
        headers = principal(*claims) | {"Content-Type": "application/json"}
        req = func.HttpRequest(method, "https://app/", headers=headers, route_params=route, body=body)
        return self.invoke(builder, req=req, **given)

    def tick(self):
        """The timer, and the messages that follow from it."""
        self.invoke(polling.poll_runs, out="due", timer=None)
        for _ in range(len(self.queue)):
            body = self.queue.popleft().encode()
            self.invoke(advancing.advance_run, out="again", message=func.QueueMessage(body=body))
        self.world.clock.advance(30)

    def until(self, *statuses):
        """Ticks until the newest run has one of the statuses; that run."""
        for _ in range(TICKS_MAX):
            rows, _ = self.world.index.newest(None, 1, None)
            if rows and rows[0].status in statuses:
                return self.world.runs.load(rows[0].run_id)[0]
            self.tick()
        raise AssertionError(rows)

    def approve(self, run, **given):
        """A person approves the deployment."""
        body = {
            "decision": "approve",
            "digest": run.gates["deployment"].digest,
            "comment": given.pop("comment", ""),
        }
        route = {"run_id": run.id, "gate": "deployment"}
        answer = self.request(gates.decide_gate, "POST", route, json.dumps(body).encode(), out="due", **given)
        assert answer.status_code == 200, answer.get_body()
