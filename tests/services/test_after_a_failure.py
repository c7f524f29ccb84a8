"""What a failed run says to do helps: a retry keeps its pipeline file, and known data is new work with another job only."""

import re

import msgspec
import pytest

from shared.core import errors
from shared.core.decide import decide
from shared.core.endings import ENDINGS
from shared.core.judgeable import may_be_judged
from shared.core.observations import Champion, DeploymentView, SmokeResult, Verifying
from shared.core.run import Failure, Status
from shared.people import People
from shared.views import run_about
from shared.views.offers import in_buttons
from tests.services.run_pages import page_of
from tests.support.builders import NOW, SUMMARY, a_policy, a_run
from tests.support.product import APPROVER, PIPELINE, Product, dataset
from tests.twins.world import TwinWorld

ERRORS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.FinetuneError)
]
ASKED = "deployment: {smoke_test: [{messages: [{role: user, content: Hello?}], expect: never said}]}\n"


@pytest.fixture
def failed():
    """A product whose run failed its smoke test, and whose stored file was corrected then."""
    made = Product()
    made.world.pipeline_files.put("boxes.yaml", PIPELINE + ASKED)
    made.world.datasets.put("boxes/training.jsonl", dataset())
    made.approve(made.until(Status.AWAITING_APPROVAL))
    made.run = made.until(Status.FAILED)
    assert made.run.failure.code == "smoke_test_failed"
    made.world.pipeline_files.put("boxes.yaml", PIPELINE)
    return made


def test_a_retry_keeps_the_pipeline_file_that_the_run_began_with(failed):
    People(failed.world).retry(failed.run.id, APPROVER)

    assert failed.until(Status.FAILED, Status.DEPLOYED).failure.code == "smoke_test_failed"


@pytest.mark.parametrize(("job", "status"), [("", Status.DUPLICATE), ("seed: 7\n", Status.AWAITING_APPROVAL)])
def test_a_corrected_file_takes_the_same_data_only_with_another_job(failed, job, status):
    failed.world.pipeline_files.put("boxes.yaml", PIPELINE + job)
    failed.world.clock.advance(60)
    failed.world.datasets.put("boxes/again.jsonl", dataset())
    run = failed.until(Status.DUPLICATE, Status.AWAITING_APPROVAL)

    assert run.status is status


def test_by_the_corrected_file_it_is_judged_again(failed):
    People(failed.world).rejudge(failed.run.id, APPROVER)
    failed.approve(failed.until(Status.AWAITING_APPROVAL))

    assert failed.until(Status.DEPLOYED, Status.FAILED).status is Status.DEPLOYED


def test_in_place_the_remedy_is_new_work_since_nobody_judges_it_again():
    spec = a_policy("deployment: {strategy: replace}\n")
    run = a_run(Status.VERIFYING, smoke=SmokeResult(passed=False, message="no"), production="summaries")
    seen = DeploymentView(name="summaries", model=run.model, state="Succeeded", sku="s", capacity=1)
    ended = decide(run, Verifying(deployment=seen), NOW, spec).run

    assert "drop the dataset again as new work" in ended.failure.remedy.lower()
    assert "rejudge" not in ended.failure.remedy
    assert not may_be_judged(ended)


def test_its_page_says_so_and_what_is_left_and_names_no_route(failed):
    page = page_of(failed.world, failed.run.id)
    why = page.stands.why

    assert "by the pipeline file that the run began with" in why
    assert 'correct `deployment.smoke_test` in the pipeline file, then "Judge again"' in why
    assert "Clients have no model from this pipeline" in why
    assert "champion" not in why
    assert '"Try again"' in why
    assert "POST" not in why
    assert [file.what for file in page.stands.files] == ["deployment/smoke.json"]
    assert f"Its deployment {failed.run.production} is there" in page.stands.left[0]


@pytest.mark.parametrize(
    ("step", "champion", "candidate_removed", "words"),
    [
        (Status.VERIFYING, None, True, "summaries-01234567 is there: it is kept"),
        (Status.DEPLOYING, None, True, "summaries-01234567 may be there"),
        (Status.DEPLOYING, "summaries-01234567", True, "do not delete it"),
        (Status.DEPLOYING, "another", True, "may be there"),
        (Status.EVALUATING, None, False, "summaries-candidate-01234567 is being removed"),
        (Status.EVALUATING, None, True, "No deployment of it is left."),
    ],
)
def test_a_failed_run_says_which_of_its_deployments_are_there(step, champion, candidate_removed, words):
    failure = Failure(step=step, code="x", message="m", remedy="r")
    run = a_run(Status.DEPLOYING, failure=failure, candidate_removed=candidate_removed)
    run = msgspec.structs.replace(run, status=Status.FAILED)
    present = champion and Champion(deployment=champion, model="m", run_id="f" * 20, since=NOW)
    [said] = run_about.left(run, present)

    assert words in said


def test_of_other_runs_nothing_is_said_to_be_left():
    assert run_about.left(a_run(Status.DEPLOYED), None) == ()


def test_no_remedy_names_a_route_of_the_api_on_a_page():
    remedies = {ending.remedy for ending in ENDINGS.values()} | {kind.default_remedy for kind in ERRORS}
    routes = re.compile(r"POST|GET |/api/|failure\.remedy|`comment`")

    assert [one for one in remedies if routes.search(one)], "there would be nothing to put into other words"
    assert [said for one in remedies if routes.search(said := in_buttons(one))] == []


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.INVALID, Status.DUPLICATE])
def test_a_run_that_cost_nothing_shows_no_month(status):
    [fact] = run_about.cost(a_run(status), None)

    assert (fact.what, fact.said) == ("training", "nothing")


def test_a_run_that_had_a_job_shows_what_it_cost():
    run = a_run(Status.CANCELLED, job_id="ftjob-1", summary=SUMMARY)

    assert [fact.what for fact in run_about.cost(run, None)] == [
        "training",
        "a month of hosting",
        "evaluation",
    ]


def test_a_duplicate_leads_to_the_run_that_does_the_work():
    world, run = TwinWorld(), a_run(Status.DUPLICATE, duplicate_of="f" * 20)
    world.runs.insert(run, [])

    assert page_of(world, run.id).stands.link == f"/api/ui/runs/{'f' * 20}"
