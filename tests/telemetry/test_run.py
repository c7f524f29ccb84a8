"""A whole run, through the app's own functions: one trace from drop to deployment, the metrics, the log."""

import json
from collections import defaultdict
from types import SimpleNamespace

import azure.functions as func
import msgspec
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from functions import advancing, datasets, health, runs
from shared.adapters import table_codec as codec
from shared.core.errors import OutcomeUnknown, Refused, Throttled, Unauthorized
from shared.core.run import Status
from shared.telemetry import names, signals
from shared.telemetry import runs as telemetry
from tests.support.product import dataset

DROP = "boxes/training.jsonl"


def kind_of(span):
    return span.name.partition(" ")[0]


@pytest.fixture
def deployed(app):
    """A run that was dropped, approved and deployed."""
    app.drop(DROP, dataset())
    app.approve(app.until(Status.AWAITING_APPROVAL))
    return app.until(Status.DEPLOYED)


def traces_from(spans, start):
    """Ids of all traces that links lead to or from, from one on."""
    beside = defaultdict(set)
    for span in spans:
        for link in span.links:
            beside[span.context.trace_id].add(link.context.trace_id)
            beside[link.context.trace_id].add(span.context.trace_id)
    found, todo = {start}, [start]
    while todo:
        new = beside[todo.pop()] - found
        found |= new
        todo += new
    return found


class TestTrace:
    """Spans are connected, from the drop to the deployment."""

    @pytest.mark.usefixtures("deployed")
    def test_each_invocation_continues_the_trace_of_the_host(self, app, ear):
        doors = [span for span in ear.spans if kind_of(span) == names.INVOCATION.name]

        assert {span.context.trace_id: span.parent.span_id for span in doors} == app.hosts
        assert all(span.parent.is_remote for span in doors)

    @pytest.mark.usefixtures("deployed")
    def test_every_other_span_has_its_parent_in_the_same_trace(self, ear):
        known = {(span.context.trace_id, span.context.span_id) for span in ear.spans}
        inner = [span for span in ear.spans if kind_of(span) != names.INVOCATION.name]

        assert inner
        assert all((span.context.trace_id, span.parent.span_id) in known for span in inner)

    def test_links_lead_from_the_drop_to_all_that_was_done_for_the_run(self, ear, deployed):
        drop = next(span for span in ear.spans if span.name == f"{names.INVOCATION.name} dataset_uploaded")
        of_the_run = {
            span.context.trace_id
            for span in ear.spans
            if span.attributes.get("finetune.run_id") == deployed.id
        }

        assert len(of_the_run) >= 3
        assert of_the_run <= traces_from(ear.spans, drop.context.trace_id)
        assert f"{drop.context.trace_id:032x}" in deployed.trace_parent

    def test_one_query_by_run_finds_each_step_that_was_performed(self, ear, deployed):
        performed = {
            span.attributes["finetune.effect"]
            for span in ear.spans
            if kind_of(span) == names.PERFORM.name and span.attributes["finetune.run_id"] == deployed.id
        }

        assert {
            "ValidateDataset",
            "UploadFile",
            "CreateJob",
            "AnswerExamples",
            "PromoteChampion",
        } <= performed

    @pytest.mark.usefixtures("deployed")
    def test_answers_from_other_threads_stay_in_the_trace_of_their_effect(self, ear):
        by_id = {span.context.span_id: span for span in ear.spans}
        asked = [span for span in ear.spans if span.name.endswith("foundry.completions.answer")]
        parents = {by_id[span.parent.span_id].name for span in asked}

        assert "finetune.perform AnswerExamples" in parents
        assert parents <= {
            "finetune.perform AnswerExamples",
            "finetune.perform SmokeTest",
            "finetune.observe staging",
        }

    def test_messages_carry_the_trace_of_who_queued_them(self, app, ear, deployed):
        senders = {span.context.span_id for span in ear.spans}

        assert app.sent
        for message in app.sent:
            run_id, traceparent = message.split(" ")
            assert run_id == deployed.id
            assert int(traceparent.split("-")[2], 16) in senders

    def test_a_message_of_an_older_release_is_understood(self, app, ear):
        app.drop(DROP, dataset())
        run_id = app.world.index.active()[0].run_id
        app.invoke(advancing.advance_run, out="again", message=func.QueueMessage(body=run_id.encode()))

        assert not [record for record in ear.events() if record.event == "run.unknown"]

    def test_a_run_of_an_older_release_has_no_drop_to_be_linked_to(self, app, ear):
        app.drop(DROP, dataset())
        run, version = app.world.runs.load(app.world.index.active()[0].run_id)
        old = msgspec.to_builtins(run)
        del old["trace_parent"]
        run = msgspec.convert(old, type(run))
        app.world.runs.replace(run, version, ())
        app.services.reconciler.advance(run.id)

        assert ear.spans[-1].name == names.ADVANCE.name
        assert not ear.spans[-1].links


def total(ear, metric, **attributes):
    """Sum of a counter, or of what a histogram measured."""
    wanted = {f"finetune.{key}": value for key, value in attributes.items()}
    return sum(
        point.value if metric.instrument != "histogram" else point.sum
        for name, point in ear.points()
        if name == metric.name and wanted.items() <= dict(point.attributes).items()
    )


class TestMetrics:
    """The numbers are those of the run."""

    def test_money_is_counted_once(self, ear, deployed):
        assert total(ear, names.SPEND_ESTIMATED, pipeline="boxes") == deployed.summary.estimated_usd > 0
        assert total(ear, names.SPEND_TOKENS) == deployed.trained_tokens > 0

    @pytest.mark.usefixtures("deployed")
    def test_every_call_is_counted(self, app, ear):
        twins = {
            "foundry.jobs": app.world.trainer,
            "foundry.files": app.world.files,
            "foundry.completions": app.world.inference,
            "arm.deployments": app.world.deployer,
            "table.claims": app.world.claims,
        }

        for api, twin in twins.items():
            assert total(ear, names.API_CALLS, api=api) == len(twin.calls) > 0, api
        assert total(ear, names.API_CALLS, api="foundry.jobs", operation="create") == 1

    def test_time_in_each_status_adds_up_to_the_life_of_the_run(self, ear, deployed):
        life = (deployed.status_since - deployed.created_at).total_seconds()

        assert total(ear, names.STATUS_DURATION, pipeline="boxes") == pytest.approx(life)
        assert total(ear, names.STATUS_DURATION, status="received") >= 60  # companions may arrive

    def test_evaluation_and_validation_are_counted(self, ear, deployed):
        assert (
            total(ear, names.EVALUATION_EXAMPLES, target="candidate") == deployed.summary.evaluation_examples
        )
        assert (
            total(ear, names.EVALUATION_EXAMPLES, target="baseline") == deployed.summary.evaluation_examples
        )
        assert total(ear, names.VALIDATION_ROWS) == 60
        assert total(ear, names.VALIDATION_BYTES) == len(dataset())
        assert total(ear, names.VALIDATION_FILES) == 1

    def test_the_gauges_show_the_last_look_without_reading_more(self, app, ear):
        app.drop(DROP, dataset())
        app.until(Status.AWAITING_APPROVAL)
        app.tick()
        app.world.clock.advance(600)
        before = len(app.world.index.calls)
        app.services.poller.tick()
        reads = app.world.index.calls[before:]

        assert reads == ["active", "ticked"]
        assert total(ear, names.APPROVALS_WAITING, gate="deployment") == 1
        assert total(ear, names.APPROVALS_WAITING, gate="spend") == 0
        assert total(ear, names.APPROVALS_OLDEST, gate="deployment") >= 600
        assert total(ear, names.RUNS_ACTIVE, status="awaiting_approval") == 1
        assert total(ear, names.RUNS_ACTIVE) == 1

    def test_a_row_of_an_older_release_is_counted_without_an_age(self, app, ear):
        app.drop(DROP, dataset())
        row = codec.active_to_entity(app.world.index.active()[0], 1)
        assert row.pop("StatusSince")
        old = codec.active_from_entity(row)
        telemetry.looked([old], app.world.clock.now())

        assert old.status_since is None
        assert total(ear, names.RUNS_ACTIVE, status=old.status.value) == 1
        assert total(ear, names.RUNS_OLDEST) == 0

    def test_gauges_of_an_instance_that_no_longer_polls_fall_silent(self, app, ear, monkeypatch):
        app.tick()
        shown = {name for name, _ in ear.points()}
        monkeypatch.setattr(signals, "LOOK_FRESH_S", -1.0)

        assert names.RUNS_ACTIVE.name in shown
        assert names.RUNS_ACTIVE.name not in {name for name, _ in ear.points()}

    def test_each_tick_is_a_heartbeat_also_if_it_fails(self, app, ear):
        app.tick()
        app.world.index.fail_next("active", Throttled("busy"))
        with pytest.raises(Throttled):
            app.tick()

        assert total(ear, names.POLL_TICKS, outcome="ok") == 1
        assert total(ear, names.POLL_TICKS, outcome="throttled") == 1
        assert (
            total(ear, names.POLL_CALLS, outcome="ok") == 3
        )  # active rows, changed datasets, that it ticked


class TestPoison:
    """A message that failed in all its tries is told, with the run that it is about."""

    def poison(self, app, function="dataset_uploaded", container="datasets"):
        event = {"FunctionId": f"Host.Functions.{function}", "ContainerName": container, "BlobName": DROP}
        app.invoke(datasets.dataset_poisoned, message=func.QueueMessage(body=json.dumps(event).encode()))

    def test_a_poisoned_dataset_names_its_run(self, app, ear):
        app.world.datasets.put(DROP, dataset())
        self.poison(app)
        (record,) = ear.events()

        run_id = app.world.index.active()[0].run_id
        assert (record.event, record.run_id) == ("message.poisoned", run_id)
        assert [one.run_id for one in app.world.index.poison()] == [run_id]
        assert total(ear, names.POISON_MESSAGES, queue="webjobs-blobtrigger-poison") == 1

    def test_it_is_told_also_if_storage_does_not_answer(self, app, ear):
        app.world.datasets.fail_next("properties", Throttled("busy"))
        with pytest.raises(Throttled):
            self.poison(app)

        assert [record.event for record in ear.events()] == ["message.poisoned"]
        assert [one.run_id for one in app.world.index.poison()] == [None]

    @pytest.mark.parametrize(("text", "known"), [("0123456789abcdef0123", True), ("<b>who</b>", False)])
    def test_the_first_page_is_told_whose_it_is_if_it_is_a_run_s(self, app, text, known):
        app.invoke(advancing.advance_poisoned, message=func.QueueMessage(body=text.encode()))
        app.world.index.fail_next("poisoned", Throttled("busy"))
        app.invoke(advancing.advance_poisoned, message=func.QueueMessage(body=b"f" * 20))

        assert [one.run_id for one in app.world.index.poison()] == [text if known else None]

    def test_a_blob_of_the_same_name_elsewhere_is_told_and_is_no_dataset(self, app, ear):
        app.world.datasets.put(DROP, dataset())
        self.poison(app, container="artifacts")

        assert [(r.event, getattr(r, "run_id", None)) for r in ear.events()] == [("message.poisoned", None)]
        assert app.world.index.active() == []

    def test_messages_of_other_functions_are_left_alone(self, app, ear):
        self.poison(app, "other")

        assert ear.events() == []


class TestErrors:
    """Failures are told by their code."""

    def test_an_error_marks_its_call_its_step_and_the_log(self, app, ear):
        app.world.trainer.fail_next("create", OutcomeUnknown("lost"))
        app.drop(DROP, dataset())
        app.until(Status.AWAITING_APPROVAL)
        failed = {s.name: s for s in ear.spans if s.status.status_code is StatusCode.ERROR}

        assert set(failed) == {"finetune.call foundry.jobs.create", "finetune.perform CreateJob"}
        call = failed["finetune.call foundry.jobs.create"]
        assert call.attributes["error.type"] == call.attributes["finetune.outcome"] == "outcome_unknown"
        assert call.kind is SpanKind.CLIENT
        assert not call.events
        attempts = [
            s.attributes["finetune.attempt"] for s in ear.spans if s.name.endswith("perform CreateJob")
        ]
        assert attempts == [1, 2]
        logged = [r for r in ear.events() if r.event == "effect.failed"]
        assert [(r.code, r.effect, r.status) for r in logged] == [
            ("outcome_unknown", "CreateJob", "submitting")
        ]

    def test_an_unexpected_error_is_told_by_its_class_alone(self, app, ear, monkeypatch):
        def burst(*_):
            raise ValueError("jane.doe@example.com")

        monkeypatch.setattr(app.world.index, "active", burst)
        with pytest.raises(ValueError, match="jane"):
            app.tick()

        assert ear.spans[-1].attributes["error.type"] == "ValueError"
        assert total(ear, names.API_CALLS, api="table.index", outcome="crashed") == 1
        assert "jane" not in ear.everything()

    def test_what_is_not_there_and_lost_races_are_answers_not_failures(self, app, ear):
        app.drop(DROP, dataset())
        app.invoke(datasets.dataset_uploaded, out="again", client=SimpleNamespace(blob_name=DROP))
        app.request(runs.get_run, "GET", {"run_id": "0" * 20})
        known = {s.name: s for s in ear.spans if "error.type" in s.attributes}

        assert {name: s.attributes["error.type"] for name, s in known.items()} == {
            "finetune.call table.runs.insert": "conflict",
            "finetune.call table.runs.load": "not_found",
            "finetune.door get_run": "not_found",
        }
        assert {s.status.status_code for s in known.values()} == {StatusCode.UNSET}

    def test_an_answer_of_500_and_more_is_a_failure(self, app, ear):
        app.world.runs.fail_next("load", Throttled("busy"))
        assert app.request(runs.get_run, "GET", {"run_id": "0" * 20}).status_code == 503

        assert ear.spans[-1].name == "finetune.door get_run"
        assert ear.spans[-1].status.status_code is StatusCode.ERROR

    def test_a_retry_is_a_move(self, app, ear):
        app.world.trainer.fail_next("create", Refused("no"))
        app.drop(DROP, dataset())
        run = app.until(Status.FAILED)
        app.request(runs.retry_run, "POST", {"run_id": run.id}, out="due")

        moves = [(r.previous, r.status) for r in ear.events() if r.event == "run.moved"]
        assert moves[-1] == ("failed", "validating")

    def test_a_stream_that_breaks_is_told(self, app, ear):
        app.world.datasets.fail_next("chunks", Throttled("busy"))
        app.drop(DROP, dataset())
        app.until(Status.AWAITING_APPROVAL)

        assert total(ear, names.API_CALLS, api="blob.datasets", operation="chunks", outcome="throttled") == 1


CANARY = "canary-7f3a"
EMAIL = f"{CANARY}@example.com"
SECRET = f"AccountKey={CANARY}=="


def adverse(app):
    """Everything that can go wrong, with text in it that must not be told."""
    said = f"Prompt 'call {EMAIL}' was refused, sig={CANARY}\r\n\x1b[31mforged\u202e"
    for twin, method, error in (
        (app.world.files, "upload", OutcomeUnknown(said)),
        (app.world.trainer, "create", Throttled(said)),
        (app.world.trainer, "jobs", Unauthorized(said)),
        (app.world.datasets, "changed_since", Throttled(said)),
        (app.world.deployer, "put", Throttled(said)),
        (app.world.inference, "answer", Refused(said)),
    ):
        twin.fail_next(method, error)
    rows = (
        dataset()
        + json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"Who is {EMAIL}? {SECRET}"},
                    {"role": "assistant", "content": f"Somebody. {CANARY}"},
                ]
            }
        ).encode()
    )
    app.drop(f"boxes/{EMAIL}.jsonl", rows, uploaded_by=CANARY)
    run = app.until(Status.AWAITING_APPROVAL, Status.FAILED)
    if run.status is Status.FAILED:
        app.request(runs.retry_run, "POST", {"run_id": run.id}, out="due")
        run = app.until(Status.AWAITING_APPROVAL)
    app.approve(run, person=EMAIL, comment=SECRET)
    run = app.until(Status.DEPLOYED)
    app.world.trainer.fail_next("jobs", Throttled(said))
    app.tick()
    app.world.trainer.is_stepping = False
    app.drop("boxes/second.jsonl", dataset(70))
    app.until(Status.TRAINING)
    app.world.runs.fail_next("load", Throttled(said))
    app.tick()
    app.world.trainer.create(
        app.world.trainer.bodies[-1], app.world.clock.now()
    )  # late, beside the run's own
    app.world.trainer.fail_next("cancel", Throttled(said))
    app.tick()
    app.drop(f"{EMAIL}/training.jsonl", dataset())
    app.drop("boxes/broken.jsonl", f'{{"messages": "{EMAIL}"'.encode())
    app.until(Status.INVALID)
    app.world.runs.fail_next("replace", Throttled(said))
    with pytest.raises(Throttled):
        app.drop("boxes/third.jsonl", dataset(50))
    app.request(runs.get_run, "GET", {"run_id": CANARY})
    app.request(runs.get_artifact, "GET", {"run_id": run.id, "name": EMAIL})
    app.world.trainer.fail_next("jobs", Unauthorized("the identity lacks a role"))
    app.invoke(health.health, req=None)
    app.invoke(datasets.dataset_uploaded, out="again", client=type("B", (), {"blob_name": EMAIL}))
    elsewhere = f"boxes/../../pipelines/{EMAIL}"
    app.invoke(datasets.dataset_uploaded, out="again", client=type("B", (), {"blob_name": elsewhere}))
    app.request(runs.get_artifact, "GET", {"run_id": run.id, "name": "evaluation/comparison.csv"})
    app.invoke(advancing.advance_run, out="again", message=func.QueueMessage(body=b"nobody"))
    app.invoke(advancing.advance_poisoned, message=func.QueueMessage(body=run.id.encode()))
    app.invoke(datasets.dataset_poisoned, message=func.QueueMessage(body=f"no JSON {EMAIL}".encode()))
    event = {"FunctionId": "Host.Functions.dataset_uploaded", "ContainerName": "datasets", "BlobName": EMAIL}
    app.invoke(datasets.dataset_poisoned, message=func.QueueMessage(body=json.dumps(event).encode()))


@pytest.fixture
def after_all(app, ear):
    """What was heard while everything went wrong."""
    adverse(app)
    return ear


class TestTable:
    """The table is what is emitted: all of it, and no more.  And nothing that was planted gets out."""

    def test_what_was_planted_is_in_no_span_metric_or_record(self, after_all):
        assert CANARY not in after_all.everything()
        assert not any(ord(c) < 32 or c == "\u202e" for r in after_all.events() for c in r.getMessage())

    def test_every_entry_is_emitted_and_nothing_else(self, after_all):
        assert {kind_of(span) for span in after_all.spans} == {span.name for span in names.SPANS}
        assert {name for name, _ in after_all.points()} == {metric.name for metric in names.METRICS}
        assert {record.event for record in after_all.events()} == {event.name for event in names.EVENTS}

    def test_every_attribute_is_in_its_entry(self, after_all):
        spans, metrics = {s.name: s for s in names.SPANS}, {m.name: m for m in names.METRICS}
        emitted = defaultdict(set)
        for span in after_all.spans:
            emitted[kind_of(span)] |= set(span.attributes)
        for name, point in after_all.points():
            assert set(point.attributes) == {a.key for a in metrics[name].attributes}, name
        bugs = {names.ERROR_TYPE.key}  # decisions and looks fail by a bug alone
        for name, keys in emitted.items():
            assert keys | bugs == {a.key for a in spans[name].attributes}, name
        assert sum(names.ERROR_TYPE.key in keys for keys in emitted.values()) >= 4

    def test_every_key_of_a_record_is_in_its_entry(self, after_all):
        keys = defaultdict(set)
        for record in after_all.events():
            keys[record.event] |= set(record.__dict__) & set(names.LOG_KEYS)

        for event in names.EVENTS:
            assert keys[event.name] - {"event"} <= set(event.keys), event.name
