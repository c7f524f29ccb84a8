"""Azure is asked before money is spent: once an hour, anew right before the job; silence refuses nothing and holds nothing up."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.core.errors import NotReady, Refused, Unauthorized, Unavailable
from shared.core.offered import TUNED_USAGE, Usage
from shared.core.pipeline.file import parse_pipeline
from shared.core.policy import Policy
from shared.core.run import Status
from shared.foresight import Foresight
from shared.views.runs import RunViews
from tests.support.product import PIPELINE, Product, dataset
from tests.twins.account import a_model
from tests.twins.world import TwinWorld

SPEC = parse_pipeline(PIPELINE, name="boxes").spec
QUESTIONS = ["region", "models", "deployments", "usages", "capacities"]
HOUR = Policy().answers_kept_s


def dropped(**account):
    product = Product()
    for name, value in account.items():
        setattr(product.world.account, name, value)
    product.world.datasets.put("boxes/a/training.jsonl", dataset())
    return product


def report(product, run):
    return list(RunViews(product.world).detail(run.id).azure)


def retired(days=-1):
    at = datetime(2026, 11, 23, 10, tzinfo=UTC) + timedelta(days=days)
    return [a_model("gpt-4.1", training_ends_at=at)]


def test_answers_serve_for_an_hour_and_not_right_before_a_job():
    world = TwinWorld()
    foresight = Foresight(world, Policy())
    foresight.of(SPEC)
    world.clock.advance(HOUR - 1)
    foresight.of(SPEC)
    assert world.account.calls == QUESTIONS
    world.clock.advance(1)
    foresight.of(SPEC)
    assert world.account.calls == QUESTIONS * 2
    foresight.of(SPEC, anew=True)
    assert world.account.calls == QUESTIONS * 3
    foresight.of(SPEC)  # what was heard then serves, too
    assert world.account.calls == QUESTIONS * 3


def test_what_was_not_answered_is_asked_again_and_the_rest_is_kept():
    world = TwinWorld()
    foresight = Foresight(world, Policy())
    world.account.fail_next("usages", Unauthorized("HTTP 403"))
    assert "quota of the subscription (unauthorized: HTTP 403)" in foresight.of(SPEC).not_known[0]
    assert foresight.of(SPEC).not_known == ()
    assert world.account.calls == [*QUESTIONS, "usages"]


def test_other_pipelines_ask_for_their_own_models_only():
    world = TwinWorld()
    foresight = Foresight(world, Policy())
    foresight.of(SPEC)
    foresight.of(parse_pipeline("model: gpt-4.1-mini-2025-04-14\n", name="other").spec)
    assert world.account.calls == [*QUESTIONS, "capacities"]


def test_a_service_that_does_not_answer_is_not_asked_on():
    """Or a job that has to be sent within a minute would never be."""
    world = TwinWorld()
    world.account.fail_next("models", Unavailable("no answer"))
    said = Foresight(world, Policy()).of(SPEC)

    assert world.account.calls == ["region", "models"]
    assert len(said.not_known) == 3  # models, deployments, usages: without its model no capacity is asked for
    assert (said.retired, said.full, said.warnings) == (None, (), ())
    assert "jobs" in world.trainer.calls  # the data plane is another service


def test_slow_answers_use_up_the_time_for_questions():
    world = TwinWorld()
    policy = Policy()
    region = world.account.region

    def slowly():
        world.clock.advance(policy.questions_s + 1)
        return region()

    world.account.region = slowly
    said = Foresight(world, policy).of(SPEC)

    assert world.account.calls == ["region"]
    assert all("slow" in sentence for sentence in said.not_known)


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ("region", Unavailable("time-out")),
        ("models", Unauthorized("HTTP 401")),
        ("deployments", Refused("HTTP 404")),
        ("usages", Unauthorized("HTTP 403")),
        ("capacities", Refused("HTTP 404")),
        ("jobs", Unauthorized("HTTP 403")),
        ("count", Unavailable("time-out")),
    ],
)
def test_what_is_not_known_neither_refuses_nor_holds_up_a_run(question, error):
    product = dropped()
    world = product.world
    asked = {"jobs": world.trainer, "count": world.files}.get(question, world.account)
    if question == "jobs":  # it is asked for the jobs of the run too, which has to be known
        original = world.trainer.jobs

        def jobs(since):
            if since.year == 2000:
                raise error
            return original(since)

        world.trainer.jobs = jobs
    else:
        asked.fail_next(question, error, times=1000)
    run = product.until(Status.AWAITING_APPROVAL)

    assert len(world.trainer.bodies) == 1
    assert any("Not known" in sentence for sentence in report(product, run))
    assert [event.detail for event in world.runs.history(run.id) if event.kind == "trouble"] == []


def test_a_retired_model_ends_the_run_before_anything_is_sent():
    product = dropped(offered=retired())
    run = product.until(Status.FAILED)

    assert run.failure.code == "model_retired"
    assert "2026-11-22" in run.failure.message
    assert (product.world.files.uploads, product.world.trainer.bodies) == ([], [])
    assert report(product, run)[0] == run.failure.message


def test_a_model_that_is_retired_while_the_run_waits_is_not_paid_for():
    product = dropped(offered=retired(days=80))
    product.world.files.processing_looks = 3
    run = product.until(Status.UPLOADING)
    assert any("stops tuning" in warning for warning in run.warnings)
    product.world.account.offered = retired()
    run = product.until(Status.FAILED)

    assert (run.failure.code, run.failure.step) == ("model_retired", Status.SUBMITTING)
    assert product.world.trainer.bodies == []


def test_a_full_account_is_said_before_the_job_and_then_waited_for():
    product = dropped()
    product.world.account.quotas = {TUNED_USAGE: Usage(used=10, limit=10)}
    run = product.until(Status.SUBMITTING)
    for _ in range(5):
        for run_id in product.poller.tick():
            product.reconciler.advance(run_id)
        product.world.clock.advance(30)
    run, _ = product.world.runs.load(run.id)
    assert "takes 10" in report(product, run)[0]
    assert any("takes 10" in warning for warning in run.warnings)
    assert run.trouble.startswith("quota_exhausted: The account has 10 tuned deployments, and takes 10")
    assert product.world.trainer.bodies == []
    product.world.account.quotas = {}
    product.until(Status.AWAITING_APPROVAL)

    assert len(product.world.trainer.bodies) == 1


def test_who_decides_about_the_money_reads_what_azure_says():
    product = Product()
    product.world.account.offered = retired(days=30)
    text = PIPELINE.replace("prices: {training_usd_per_million_tokens: 2}\n", "")
    product.world.pipeline_files.put("boxes.yaml", text)
    product.world.datasets.put("boxes/a/training.jsonl", dataset())
    run = product.until(Status.AWAITING_SPEND_APPROVAL)
    shown = RunViews(product.world).detail(run.id)

    assert any("stops tuning gpt-4.1-2025-04-14 on 2026-12-23" in sentence for sentence in shown.gate.azure)
    assert shown.azure == shown.gate.azure
    page = RunViews(product.world).artifact(run.id, "report.md").data.decode()
    assert "stops tuning" in page.partition("## Before money is spent")[2]
    assert msgspec.json.encode(shown)


def test_a_tuned_open_model_is_measured_tested_and_told_on_the_route_that_serves_it():
    product = Product()
    product.world.pipeline_files.put("boxes.yaml", PIPELINE.replace("gpt-4.1-2025-04-14", "Qwen3-32B"))
    product.world.datasets.put("boxes/a/training.jsonl", dataset())
    run = product.until(Status.AWAITING_APPROVAL)
    product.approve(run)
    run = product.until(Status.DEPLOYED)
    views = RunViews(product.world, "https://x.services.ai.azure.com/api/projects/p")
    shown = msgspec.to_builtins(views.pipeline("boxes").champion)
    path = f"/openai/deployments/{run.production}/chat/completions?api-version=2025-04-01-preview"

    assert run.smoke.route == "account"
    assert shown["route"] == {
        "name": "account",
        "url": f"https://x.services.ai.azure.com{path}",
        "base_url": "https://x.services.ai.azure.com",
        "path": path,
        "model": run.production,
        "audience": "https://cognitiveservices.azure.com",
        "scope": "https://cognitiveservices.azure.com/.default",
    }
    assert msgspec.to_builtins(views.detail(run.id).deployment.route) == shown["route"]


def test_an_open_model_that_nobody_serves_is_said_early():
    product = Product()
    product.world.pipeline_files.put("boxes.yaml", PIPELINE.replace("gpt-4.1-2025-04-14", "Qwen3-32B"))
    product.world.datasets.put("boxes/a/training.jsonl", dataset())
    product.world.inference.fail_next("answer", NotReady("neither here nor there"), times=1000)
    run = product.until(Status.STAGING)
    for _ in range(5):
        for run_id in product.poller.tick():
            product.reconciler.advance(run_id)
        product.world.clock.advance(30)
    run, _ = product.world.runs.load(run.id)

    assert run.trouble == "deployment_not_ready: neither here nor there"


def test_the_limit_of_files_is_none_for_a_run_whose_files_are_there(monkeypatch):
    """Files of ended runs stay for a day; right before the job its own are there already."""
    world = TwinWorld()
    monkeypatch.setattr(world.files, "count", lambda: 100)

    assert any("100 files" in sentence for sentence in Foresight(world, Policy()).of(SPEC).full)
    assert Foresight(world, Policy()).of(SPEC, anew=True).full == ()
