"""A run is judged again by the pipeline file of today: model and answers stay, there is no second job, and a person decides."""

import pytest

from shared.core import artifacts
from shared.core.errors import CannotJudge, GateClosed, Refused, StaleDigest
from shared.core.people import Person
from shared.core.run import Status
from shared.people import People
from shared.run_folder import Evidence
from shared.views.runs import RunViews
from tests.support.product import APPROVER, PRICE, dataset
from tests.support.rounds import ENDS, EXACT, JUDGED, Rounds

pytestmark = pytest.mark.slow

WRONG = JUDGED.replace("operation: eq", "operation: ne")
ADA = Person(id="ada", name="Ada")
SPLIT = "dataset: {validation: {split: 0}, evaluation: {split: 0.5}}\n"


class Judged(Rounds):
    """A pipeline whose file was wrong, and the people who mend it."""

    def __init__(self, pipeline=WRONG):
        super().__init__(pipeline)
        self.asked = 0
        self.world.inference.answers = self.counted

    def counted(self, deployment, messages):
        self.asked += "box" in messages[-1]["content"]
        return self.recite(deployment, messages)

    def mend(self, text):
        self.world.pipeline_files.put("boxes.yaml", text)

    def rejudge(self, run, person=ADA):
        return People(self.world).rejudge(run.id, person)

    def again(self, run, *ends):
        """Have it judged again, and let it come to its gate or end; how many questions that took is in `asked`."""
        self.asked = 0
        self.rejudge(run)
        return self.until(*(ends or ENDS))

    def vote(self, run, decision, digest=None):
        digest = digest or run.gates["deployment"].digest
        People(self.world).vote(
            run.id, "deployment", APPROVER, decision=decision, digest=digest, comment="seen"
        )

    def load(self, run):
        return self.world.runs.load(run.id)[0]

    def settled(self, run):
        """The run after its clean-up."""
        for _ in range(40):
            self.world.clock.advance(4000)
            for run_id in self.poller.tick():
                self.reconciler.advance(run_id)
        assert not self.world.index.active()
        return self.load(run)

    @property
    def jobs(self):
        return len(self.world.trainer.bodies)


def ended(pipeline=WRONG, rows=60):
    product = Judged(pipeline)
    run = product.round(dataset(rows))
    return product, run


def not_promoted(*args, **options):
    product, run = ended(*args, **options)
    assert run.status is Status.NOT_PROMOTED
    return product, run


def test_a_wrong_grader_costs_no_second_job():
    product, before = not_promoted()
    product.mend(JUDGED)
    run = product.again(before)

    assert (run.status, run.evaluation.outcome) == (Status.AWAITING_APPROVAL, "better")
    assert (run.model, run.job_id, run.summary, run.spec_digest, run.committed_at) == (
        before.model,
        before.job_id,
        before.summary,
        before.spec_digest,
        before.committed_at,
    )
    assert product.asked == 0, "stored answers serve"
    product.approve(run)
    assert product.until(Status.DEPLOYED).id == before.id
    assert product.jobs == 1
    assert product.world.pipelines.champion("boxes").model == before.model


def test_the_candidate_is_not_deployed_to_be_judged_if_it_owes_no_answer():
    product, before = not_promoted()
    before = product.settled(before)
    product.mend(JUDGED)
    puts, put = [], product.world.deployer.put
    product.world.deployer.put = lambda name, **values: (puts.append(name), put(name, **values))
    product.again(before)

    assert puts == []


def test_both_pins_and_both_evidences_are_kept_and_the_report_says_what_changed():
    product, before = not_promoted()
    folder = product.folder(before)
    pinned, evidence = folder.read(artifacts.PINNED), folder.read(artifacts.COMPARISON)
    product.mend(JUDGED.replace("evaluation: {", "evaluation: {promote: {confidence: 0.9}, "))
    run = product.again(before)

    assert folder.read(artifacts.PINNED) == pinned
    assert folder.read(artifacts.pinned_again(run.judging.pin))
    assert folder.read(artifacts.Artifact("evaluation/superseded-0/comparison.json")) == evidence
    assert run.judging.changed == ("evaluation.graders", "evaluation.promote.confidence")
    assert (run.judging.person, run.judging.name) == ("ada", "Ada")
    said = "changed since the first judgement: evaluation.graders, evaluation.promote.confidence."
    assert said in folder.read(artifacts.COMPARISON_PAGE).decode()
    assert said in run.gate.reason
    history = [event.detail or "" for event in product.world.runs.history(run.id)]
    assert any(text.startswith("to be judged again, asked by Ada: evaluation 2") for text in history)


def test_a_process_that_dies_once_the_next_plan_is_stored_costs_no_answer():
    """The row does not know that plan, and vouches for the one that was put aside."""
    product, before = not_promoted()
    folder = product.folder(before)
    plan, evidence = folder.read(artifacts.PLAN), folder.read(artifacts.COMPARISON)
    product.mend(JUDGED)
    write = product.world.artifacts.write

    def dies(name, *args):
        write(name, *args)
        if name.endswith("/plan.json") and "superseded" not in name:
            product.world.artifacts.write = write
            raise KeyboardInterrupt

    product.world.artifacts.write = dies
    with pytest.raises(KeyboardInterrupt):
        product.again(before)
    run = product.until(*ENDS)

    assert (run.status, run.evaluation.outcome, product.asked) == (Status.AWAITING_APPROVAL, "better", 0)
    assert run.warnings == before.warnings  # nobody changed anything
    kept = Evidence(product.world.artifacts, run)
    assert kept.read(artifacts.Artifact("evaluation/superseded-0/plan.json")) == plan
    assert kept.read(artifacts.Artifact("evaluation/superseded-0/comparison.json")) == evidence


def test_another_grader_is_another_look_and_the_same_one_is_not():
    product, before = not_promoted()
    product.mend(JUDGED)
    run = product.again(before)

    assert (before.evaluation.look.pipeline, run.evaluation.look.pipeline) == (1, 2)


def test_a_person_is_asked_also_under_automatic():
    automatic = "approval: {mode: automatic}\n" + SPLIT
    product, before = not_promoted(WRONG + automatic, rows=140)
    product.mend(JUDGED + automatic)
    run = product.again(before)

    assert run.status is Status.AWAITING_APPROVAL
    assert run.evaluation.doubts == (), "nobody would have been asked otherwise"
    assert "A person is asked because it was judged again." in run.gate.reason


def test_an_expired_gate_is_opened_anew_and_the_old_approval_counts_no_more():
    product, run = ended(JUDGED + "approval: {approvers: 2}\n")
    old = run.gate
    product.approve(run)
    product.world.clock.advance(8 * 24 * 3600)
    expired = product.until(Status.EXPIRED)
    again = product.again(expired)

    assert again.status is Status.AWAITING_APPROVAL
    assert (again.judging.changed, product.asked) == ((), 0)
    assert again.evaluation.look == expired.evaluation.look, "the same comparison is the same look"
    assert again.gate.digest != old.digest
    assert again.gate.decisions == ()
    with pytest.raises(StaleDigest, match="Ada had the run judged again"):
        People(product.world).vote(
            run.id, "deployment", ADA, decision="approve", digest=old.digest, comment="seen"
        )
    product.approve(again)
    People(product.world).vote(
        run.id, "deployment", ADA, decision="approve", digest=again.gate.digest, comment="seen"
    )
    assert product.until(Status.DEPLOYED)


def test_an_evaluation_that_failed_goes_on_by_the_file_of_today():
    product = Judged(JUDGED)

    def unfit(deployment, messages):
        if product.asked > 8 and "box" in messages[-1]["content"]:
            raise Refused("no")
        return product.counted(deployment, messages)

    product.world.inference.answers = unfit
    failed = product.round(dataset(200), None, Status.FAILED)
    assert failed.failure.step == Status.EVALUATING
    product.world.inference.answers = product.counted
    run = product.again(failed)

    assert run.status is Status.AWAITING_APPROVAL
    assert product.jobs == 1
    assert product.asked == 2 * run.evaluation.examples - 8, "one chunk was there"


UNICORN = "deployment: {smoke_test: [{messages: [{role: user, content: Say hello.}], expect: unicorn}]}\n"


def test_a_smoke_test_that_was_wrong_is_corrected_and_costs_no_second_job():
    product = Judged(JUDGED + UNICORN)
    run = product.round(dataset(60))
    product.approve(run)
    failed = product.until(Status.FAILED)
    assert failed.failure.code == "smoke_test_failed"
    product.mend(JUDGED)
    People(product.world).retry(failed.id, ADA)
    assert product.until(Status.FAILED).failure.code == "smoke_test_failed", "a retry asks the same"

    run = product.again(failed)
    assert (run.status, run.judging.changed) == (Status.AWAITING_APPROVAL, ("deployment.smoke_test",))
    with pytest.raises(StaleDigest):
        product.vote(run, "approve", failed.gates["deployment"].digest)
    product.approve(run)
    assert product.until(Status.DEPLOYED, Status.FAILED).status is Status.DEPLOYED
    assert (product.jobs, product.asked) == (1, 0)


def stopped():
    product = Judged(JUDGED)
    run = product.round(dataset(60))
    People(product.world).cancel(run.id, ADA)
    return product, product.until(Status.CANCELLED)


def test_the_same_data_is_a_duplicate_of_a_run_that_was_stopped_with_its_model():
    product, before = stopped()
    product.world.datasets.put("boxes/again.jsonl", dataset(60))
    product.world.clock.advance(60)
    assert product.until(Status.DUPLICATE).duplicate_of == before.id


def test_a_run_that_was_stopped_with_its_model_goes_on_and_costs_no_second_job():
    product, before = stopped()
    run = product.again(before)
    assert (run.status, run.cancel) == (Status.AWAITING_APPROVAL, None)
    product.approve(run)
    assert product.until(Status.DEPLOYED, Status.FAILED).status is Status.DEPLOYED
    assert (product.jobs, product.asked) == (1, 0)


def test_a_verdict_can_be_given_again_and_again():
    product, run = not_promoted()
    for number in (1, 2, 3):
        run = product.again(run)
        assert (run.status, run.evaluation_round) == (Status.NOT_PROMOTED, number)
        assert run.evaluation.look.pipeline == 1
    product.mend(JUDGED)

    assert product.again(run).status is Status.AWAITING_APPROVAL
    assert product.jobs == 1


def test_another_baseline_is_asked_and_nobody_else():
    product = Judged(JUDGED)
    product.world.deployer.add("best", "gpt-5")
    product.world.inference.answers = lambda name, messages: product.counted(
        "candidate" if name == "best" else name, messages
    )
    product.mend(JUDGED.replace("{deployment: base}", "{deployment: best}"))
    run = product.round(dataset(60))
    assert run.status is Status.NOT_PROMOTED
    product.mend(JUDGED)
    _, prepared = product.rejudge(run)
    product.asked = 0
    again = product.until(*ENDS)

    assert prepared.asked.questions == product.asked == again.evaluation.examples
    assert again.status is Status.AWAITING_APPROVAL


def test_another_limit_of_tokens_asks_all_anew_and_keeps_the_old_answers():
    product, before = not_promoted()
    folder = product.folder(before)
    old = folder.read(artifacts.answers("candidate", 0))
    product.mend(JUDGED.replace("evaluation: {", "evaluation: {max_completion_tokens: 99, "))
    _, prepared = product.rejudge(before)
    product.asked = 0
    run = product.until(*ENDS)

    assert prepared.asked.questions == product.asked == 2 * run.evaluation.examples
    assert prepared.asked.completion_tokens == 99 * product.asked
    assert folder.read(artifacts.answers("candidate", 0)) == old
    assert folder.read(artifacts.answers("candidate", 0, 1))
    assert folder.read(artifacts.Artifact("evaluation/superseded-0/plan.json"))
    product.mend(WRONG.replace("evaluation: {", "evaluation: {max_completion_tokens: 99, "))
    product.world.clock.advance(8 * 24 * 3600)
    product.again(product.until(Status.EXPIRED))
    assert product.asked == 0


def refused(product, run, match):
    """It is refused with words, and nothing is changed: neither the run nor what is stored of it."""
    row, stored = product.world.runs._rows[run.id], dict(product.world.artifacts._blobs)
    with pytest.raises(CannotJudge, match=match) as error:
        product.rejudge(run)
    assert error.value.remedy
    assert product.world.runs._rows[run.id] == row
    assert product.world.artifacts._blobs == stored
    return error.value


def test_a_model_that_is_gone_is_said_so():
    product, run = not_promoted()
    product.world.trainer.deleted_models.add(run.model)

    assert "a seed is enough" in refused(product, run, f"{run.model} is not in Foundry").remedy


def test_a_grader_that_cannot_read_the_rows_is_refused_with_its_finding():
    product, run = not_promoted()
    product.mend(WRONG.replace("item.reference", "item.answer"))

    refused(product, run, r"PF001 pipelines/boxes.yaml:\d+: evaluation.graders\[0\].reference: .*item.answer")


def test_a_pipeline_file_with_problems_or_none_is_refused():
    product, run = not_promoted()
    product.mend(WRONG + "mood: bad\n")
    refused(product, run, "pipelines/boxes.yaml:.*mood")
    product.mend(JUDGED.replace("{deployment: base}", "{deployment: base, system_prompt: p.txt}"))
    refused(product, run, "p.txt")
    product.world.pipeline_files._texts.clear()
    refused(product, run, "no pipeline file pipelines/boxes.yaml")


@pytest.mark.parametrize(
    ("budget", "match"),
    [
        ("{per_run_usd: 1}", r"\$2\d\.\d\d for 60 answers.* more than budget.per_run_usd = \$1.00"),
        ("{per_month_usd: 20}", r"committed this month is more than budget.per_month_usd = \$20.00"),
    ],
)
def test_missing_answers_that_are_too_dear_are_refused_with_the_numbers(budget, match):
    product, run = not_promoted(rows=300)
    asked = "{training_usd_per_million_tokens: 2, prompt_usd_per_million_tokens: 5000, completion_usd_per_million_tokens: 8000}"
    dear = JUDGED.replace("evaluation: {", "evaluation: {max_completion_tokens: 50, ").replace(PRICE, asked)
    product.mend(dear + f"budget: {budget}\n")
    refused(product, run, match)

    product.mend(dear + "budget: {per_run_usd: 100, per_month_usd: 100}\n")
    _, prepared = product.rejudge(run)
    assert 20 < prepared.cost.usd < 30


def test_answers_whose_price_nobody_knows_are_asked_and_it_says_so():
    product, run = not_promoted()
    product.mend(JUDGED.replace("evaluation: {", "evaluation: {max_completion_tokens: 50, "))
    _, prepared = product.rejudge(run)

    assert prepared.cost.usd is None
    assert "their cost is not known" in prepared.cost.basis


def test_what_was_approved_is_not_judged_again():
    product, run = ended(JUDGED)
    product.approve(run)

    with pytest.raises(
        GateClosed, match="is awaiting_approval and cannot be judged again: what it shows was approved"
    ):
        product.rejudge(run)
    run = product.until(Status.DEPLOYED)
    with pytest.raises(GateClosed, match="is deployed and cannot be judged again"):
        product.rejudge(run)


@pytest.mark.parametrize("is_rejected", [False, True])
def test_a_verdict_that_a_person_was_asked_about_is_given_anew_and_an_old_approval_counts_no_more(
    is_rejected,
):
    """The gate stays no dead end: what was wrong with the rule is mended without another job."""
    product, run = ended(JUDGED)
    old = run.gates["deployment"].digest
    if is_rejected:
        product.vote(run, "reject")
        run = product.until(Status.REJECTED)
    product.mend(JUDGED.replace("evaluation: {", "evaluation: {promote: {confidence: 0.9}, "))
    product.rejudge(run)
    again = product.until(Status.AWAITING_APPROVAL)
    gate = again.gates["deployment"]

    assert gate.digest != old
    assert "evaluation.promote.confidence" in gate.reason
    assert "Judgement 1 was better: " in gate.reason
    assert RunViews(product.world).detail(run.id).judged_again.before == again.judging.before
    assert again.judging.before[0].startswith("better: ")
    assert len(product.world.trainer.bodies) == 1
    with pytest.raises(StaleDigest):
        product.vote(again, "approve", digest=old)
    product.approve(again)
    assert product.until(Status.DEPLOYED).model == run.model


def test_an_expired_spend_gate_has_nothing_to_judge():
    product = Judged(
        JUDGED.replace(PRICE, "{training_usd_per_million_tokens: 9}") + "budget: {approve_above_usd: 0}\n"
    )
    product.round(dataset(60), None, Status.AWAITING_SPEND_APPROVAL)
    product.world.clock.advance(8 * 24 * 3600)
    run = product.until(Status.EXPIRED)

    with pytest.raises(GateClosed):
        product.rejudge(run)


def test_of_two_requests_at_once_one_counts():
    product, run = not_promoted()
    product.mend(JUDGED)
    replace = product.world.runs.replace

    def overtaken(*args):
        product.world.runs.replace = replace
        product.rejudge(run, APPROVER)
        return replace(*args)

    product.world.runs.replace = overtaken
    with pytest.raises(GateClosed, match="is queueing and cannot"):
        product.rejudge(run)
    again = product.until(*ENDS)
    assert (again.judging.name, again.evaluation_round) == ("Ada", 1)
    assert again.status is Status.AWAITING_APPROVAL


def with_set(text, lines="[1]", path="sets/a.jsonl"):
    return text.replace("evaluation: {", f"evaluation: {{set: {path}, must_pass: {lines}, ")


def judged_on_a_set(lines):
    """A run on a frozen set of boxes that it was not trained on; its candidate fails the first line."""
    product = Judged(with_set(JUDGED, lines))
    exam = dataset(140).splitlines(keepends=True)[80:]
    product.exam = exam[0].replace(b"is ", b"is not ") + b"".join(exam[1:])
    product.world.pipeline_files.put("sets/a.jsonl", product.exam.decode())
    run = product.round(dataset(60))
    assert run.failure is None or run.failure.code == "not_better", run.failure
    return product, run


def test_a_line_that_is_asked_for_no_more_need_not_be_passed():
    product, run = judged_on_a_set("[1, 2]")
    assert "line 1" in run.failure.message
    product.mend(with_set(JUDGED, "[2]"))
    again = product.again(run)

    assert again.status is Status.AWAITING_APPROVAL
    assert again.judging.changed == ("evaluation.must_pass",)


def test_a_line_that_the_run_was_not_prepared_for_leaves_it_unproven():
    product, run = judged_on_a_set("[1]")
    product.mend(with_set(JUDGED, "[7]"))
    again = product.again(run)

    assert (again.status, again.evaluation.outcome) == (Status.AWAITING_APPROVAL, "unproven")
    assert "Line 7 of evaluation.set" in again.evaluation.reason


@pytest.mark.parametrize("change", ["other rows", "gone", "renamed", "none"])
def test_the_exam_stays_what_was_prepared_whatever_the_set_says_today(change):
    product, run = judged_on_a_set("[1]")
    files = product.world.pipeline_files
    file = with_set(JUDGED, "[2]")
    if change == "other rows":
        files.put("sets/a.jsonl", product.exam.decode().partition("\n")[2])
    elif change == "gone":
        del files._texts["sets/a.jsonl"]
    elif change == "renamed":
        file = with_set(JUDGED, "[2]", "sets/b.jsonl")
        files.put("sets/b.jsonl", product.exam.decode())
    else:
        file = JUDGED
    product.mend(file)
    again = product.again(run)

    assert again.summary == run.summary
    assert again.evaluation.examples == run.evaluation.examples
    is_other = change != "renamed"
    assert again.status is (Status.NOT_PROMOTED if is_other else Status.AWAITING_APPROVAL)
    assert bool(again.judging.notes) == is_other
    if is_other:
        assert "keeps to those that it was prepared with" in again.judging.notes[0]
        assert (
            "evaluation.set has other rows today"
            in product.folder(run).read(artifacts.COMPARISON_PAGE).decode()
        )


def test_a_deletion_that_is_under_way_does_not_hit_what_is_deployed_anew():
    """The clean-up's request was sent, and its answer lost: it may arrive until its lease is over."""
    product = Judged()
    delete, late = product.world.deployer.delete, []
    product.world.deployer.delete = late.append
    before = product.round(dataset(60))
    assert before.status is Status.NOT_PROMOTED
    product.poller.tick()
    product.reconciler.advance(before.id)
    product.world.deployer.delete = delete
    assert product.load(before).attempt.effect.startswith("DeleteDeployment")
    product.mend(JUDGED.replace("evaluation: {", "evaluation: {max_completion_tokens: 50, "))
    product.rejudge(before)
    for _ in range(10):
        for run_id in product.poller.tick():
            product.reconciler.advance(run_id)
        product.world.clock.advance(60)
    assert product.load(before).status is Status.QUEUEING
    for name in late:
        delete(name)
    run = product.until(*ENDS)

    assert run.status is Status.AWAITING_APPROVAL
    assert run.candidate in product.world.deployer.names


def test_a_deployment_that_is_being_deleted_is_waited_for_and_put_anew():
    product, before = not_promoted()
    before = product.settled(before)
    product.mend(JUDGED.replace("evaluation: {", "evaluation: {max_completion_tokens: 50, "))
    deployer = product.world.deployer
    deployer.add(before.candidate, before.model)
    deployer.move(before.candidate, "Deleting")
    deployer.is_stepping = False
    product.rejudge(before)
    for _ in range(5):
        for run_id in product.poller.tick():
            product.reconciler.advance(run_id)
        product.world.clock.advance(60)
    assert product.load(before).status is Status.STAGING
    deployer.is_stepping = True

    assert product.until(*ENDS).status is Status.AWAITING_APPROVAL


def test_a_run_that_was_judged_again_is_retried_by_the_same_pin_and_judged_again_once_more():
    product, before = not_promoted()
    product.mend(JUDGED.replace("evaluation: {", "evaluation: {max_completion_tokens: 50, "))
    product.world.deployer.fail_next("put", Refused("no such SKU"))
    failed = product.again(before, Status.FAILED)
    assert failed.failure.step == Status.STAGING
    People(product.world).retry(before.id, APPROVER)
    run = product.until(*ENDS)

    assert run.judging == failed.judging
    assert run.status is Status.AWAITING_APPROVAL
    product.world.clock.advance(8 * 24 * 3600)
    again = product.again(product.until(Status.EXPIRED))
    assert (again.status, again.evaluation_round) == (Status.AWAITING_APPROVAL, 2)
    assert product.jobs == 1


def test_a_run_that_an_older_release_judged_is_judged_again_with_what_it_has():
    """No groups, no keys, no number of the evaluation, graders named in the pin only."""
    product, run = not_promoted()
    product.forget(
        run,
        artifacts.EVALUATION_GROUPS,
        artifacts.EVALUATION_KEYS,
        artifacts.EVALUATION_TRAINED,
        artifacts.TRAINING_KEYS,
        artifacts.VALIDATION_RESULT,
    )
    product.mend(JUDGED)
    again = product.again(run)

    assert again.status is Status.AWAITING_APPROVAL
    assert again.evaluation.groups == again.evaluation.examples


@pytest.mark.parametrize("gone", [artifacts.PINNED, artifacts.prepared("evaluation")])
def test_what_is_gone_is_named(gone):
    product, run = not_promoted()
    product.forget(run, gone)
    product.people = People(product.world)

    with pytest.raises(CannotJudge) as error:
        product.rejudge(run)
    assert "Restore it" in error.value.remedy


def test_a_pin_that_was_changed_after_it_was_judged_again_stops_the_run():
    product, run = not_promoted()
    product.mend(JUDGED)
    judged, _ = product.rejudge(run)
    name = f"runs/{run.id}/{artifacts.pinned_again(judged.judging.pin).name}"
    raw = product.world.artifacts.read(name)
    product.world.artifacts.write(name, raw.replace(b'"eq"', b'"ne"'), "application/json")
    product.world.clock.advance(60)
    product.reconciler.advance(run.id)
    assert "artifact_gone" in product.load(run).trouble

    product.world.artifacts.write(name, raw, "application/json")
    assert product.until(*ENDS).status is Status.AWAITING_APPROVAL


def test_the_app_chooses_graders_where_the_file_of_today_names_none():
    product, run = not_promoted()
    product.mend(JUDGED.replace(f", graders: [{EXACT}]", ""))
    again = product.again(run)

    assert again.judging.changed == ("evaluation.graders",)
    assert again.evaluation.metric != "exact"
