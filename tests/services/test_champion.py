"""Nothing becomes the champion that was not measured against the champion it replaces, whoever approved it and whenever."""

from collections import Counter

import msgspec
import pytest

from shared import evaluating
from shared.core import artifacts
from shared.core.errors import Refused, StaleDigest, Unavailable
from shared.core.identity import deployment_digest, digest_of
from shared.core.identity import run_id as run_id_of
from shared.core.observations import EvaluationPlan
from shared.core.people import Person
from shared.core.policy import Policy
from shared.core.run import EvaluationSummary, Status
from shared.people import People
from shared.reconciler import Reconciler
from tests.support.boxes import boxes
from tests.support.product import APPROVER, Product

pytestmark = pytest.mark.slow

JUDGED = """\
model: gpt-4.1-2025-04-14
prices: {training_usd_per_million_tokens: 2}
dataset: {evaluation: {split: 0.5}}
evaluation:
  baselines: [BASELINES]
  graders:
    - {type: string_check, name: exact, operation: eq, input: "{{sample.output_text}}", reference: "{{item.reference}}"}
"""
MEASURED = JUDGED.replace("BASELINES", "champion, {deployment: base}")
PIPELINES = {
    "manual": MEASURED,
    "two": MEASURED + "approval: {approvers: 2}\n",
    "auto": MEASURED + "approval: {mode: automatic}\n",
    "shared": MEASURED + "deployment: {strategy: replace}\n",
    "alone": JUDGED.replace("BASELINES", "{deployment: base}"),
}
ADA, BOB = Person(id="ada", name="Ada"), Person(id="bob", name="Bob")
GATE = Status.AWAITING_APPROVAL
TURNS_MAX = 150


#: How many boxes a model knows: all but every third, say; 0: all of them, 1: none.
FAIR, WORSE, PERFECT, NONE = 3, 2, 0, 1


class Rivals(Product):
    """Several runs of a pipeline; the first dataset's model is as good as the first of `gaps`, and so on."""

    def __init__(self, pipeline, *gaps):
        super().__init__(Policy())
        self.pipeline, self.gaps = pipeline, gaps
        for name, text in PIPELINES.items():
            self.world.pipeline_files.put(f"{name}.yaml", text)
        self.asked = Counter()
        self.dropped = []
        self.world.inference.answers = self.say

    def say(self, deployment, messages):
        """A model knows the boxes except those that its gap leaves out."""
        question, model = messages[-1]["content"], self.world.deployer._deployments[deployment].model
        if "box" not in question:
            return "OK."
        self.asked[model] += 1
        gaps = {self.run(run_id).model: gap for run_id, gap in zip(self.dropped, self.gaps, strict=False)}
        gap, number = gaps.get(model, NONE), int(question.removesuffix("?").rpartition(" ")[2])
        is_known = gap == PERFECT or number % gap
        return f"The code of box {number} is {number * 7919 % 1000}." if is_known else "I do not know."

    def drop(self):
        """Somebody drops another dataset; the id of its run."""
        name = f"{self.pipeline}/set{len(self.dropped)}.jsonl"
        ref = self.world.datasets.put(name, boxes(120 + len(self.dropped), lambda n: n * 7919 % 1000))
        self.dropped.append(run_id_of("datasets", name, ref.etag))
        return self.dropped[-1]

    def when(self, run_id, status, effect, act):
        """Do something once, just after a run was stored in a status with this effect intended (None: with none)."""
        replace = self.world.runs.replace

        def hooked(run, version, events):
            stored = replace(run, version, events)
            intended = run.attempt.effect.partition(":")[0] if run.attempt else None
            if (run.id, run.status, intended) == (run_id, status, effect):
                self.world.runs.replace = replace
                act()
            return stored

        self.world.runs.replace = hooked

    def turn(self):
        for run_id in self.poller.tick():
            self.reconciler.advance(run_id)
        self.world.clock.advance(30)

    def run(self, run_id):
        return self.world.runs.load(run_id)[0]

    def reach(self, run_id, *statuses, only=False):
        """Let time pass until a run has one of the statuses; `only`: nobody else moves."""
        for _ in range(TURNS_MAX):
            if run_id in self.world.runs._rows and (run := self.run(run_id)).status in statuses:
                return run
            if only:
                self.reconciler.advance(run_id)
                self.world.clock.advance(30)
            else:
                self.turn()
        pytest.fail(f"{run_id} is {run.status}, not {statuses}: {run.trouble} {run.failure}")

    def measured_again(self, run_id, times=1):
        """The run at its next gate, once somebody has looked at the one that is open."""
        self.world.clock.advance(900)
        for _ in range(TURNS_MAX):
            if (run := self.run(run_id)).status is GATE and run.evaluation_round == times:
                return run
            self.turn()
        pytest.fail(f"{run_id} is {run.status} in round {run.evaluation_round}: {run.trouble} {run.failure}")

    def vote(self, run_id, person=ADA, digest=None):
        digest = digest or self.run(run_id).gates["deployment"].digest
        return People(self.world).vote(
            run_id, "deployment", person, decision="approve", digest=digest, comment="seen"
        )

    def read(self, run_id, name, kind):
        return msgspec.json.decode(self.world.artifacts.read(f"runs/{run_id}/{name}"), type=kind)

    def plan(self, run_id):
        return self.read(run_id, "evaluation/plan.json", EvaluationPlan)

    def champion(self):
        found = self.world.pipelines.champion(self.pipeline)
        return found and found.run_id


def both_at_the_gate(pipeline="manual", *gaps):
    """Two datasets at once, both measured while there is no champion."""
    rivals = Rivals(pipeline, *(gaps or (FAIR, PERFECT)))
    first, second = rivals.drop(), rivals.drop()
    rivals.reach(first, GATE)
    rivals.reach(second, GATE)
    assert rivals.champion() is None
    return rivals, first, second


def promoted(rivals, run_id, *people):
    for person in people or (ADA,):
        rivals.vote(run_id, person)
    rivals.reach(run_id, Status.DEPLOYED)


def assert_measured_against(rivals, run_id, champion):
    """The summary, the plan and what was compared are about this champion."""
    made, model = rivals.plan(run_id), rivals.run(champion).model
    assert rivals.run(run_id).evaluation.champion == champion == made.champion
    assert model in {made.models[target] for target in made.targets if target != "candidate"}


def test_the_second_of_two_is_measured_against_the_model_of_the_first():
    rivals, first, second = both_at_the_gate()
    before = rivals.run(second)
    old, asked = before.gate.digest, rivals.asked[before.model]
    evidence = rivals.world.artifacts.read(f"runs/{second}/evaluation/comparison.json")
    promoted(rivals, first)

    rivals.when(second, Status.QUEUEING, None, lambda: assert_refused(rivals, second, old, first))
    after = rivals.measured_again(second)
    assert after.gate.digest != old
    assert rivals.asked[before.model] == asked, "the candidate's stored answers serve"
    assert_measured_against(rivals, second, first)
    kept = f"runs/{second}/evaluation/superseded-0/comparison.json"
    assert rivals.world.artifacts.read(kept) == evidence
    assert rivals.read(second, "evaluation/superseded-0/summary.json", EvaluationSummary) == before.evaluation
    assert_refused(rivals, second, old, first)
    promoted(rivals, second)
    assert rivals.champion() == second
    assert rivals.world.pipelines.previous("manual").run_id == first


def assert_refused(rivals, run_id, digest, champion, person=ADA):
    """Whoever decides on an old digest learns which run took the champion's place, and what to do."""
    with pytest.raises(StaleDigest, match=f"Run {champion} became the champion") as refused:
        rivals.vote(run_id, person, digest=digest)
    assert "read the new evaluation" in refused.value.remedy
    is_open = rivals.run(run_id).status is Status.AWAITING_APPROVAL
    has_another = is_open and rivals.run(run_id).gate.digest != digest
    assert ("another gate is open:" in refused.value.remedy) == has_another


def test_the_history_says_which_run_took_the_place_of_which():
    rivals, first, second = both_at_the_gate()
    promoted(rivals, first)
    run = rivals.measured_again(second)

    why = f"Run {first} became the champion after this run was measured when there was no champion."
    assert run.warnings == (f"{why} It is measured again.",)
    history = [(e.kind, e.before, e.after, e.detail) for e in rivals.world.runs.history(second)]
    at = history.index(("status", GATE, Status.QUEUEING, "to be measured again: evaluation 2"))
    assert history[at - 1] == ("warning", None, None, run.warnings[0])


def test_what_is_worse_than_the_new_champion_is_not_promoted():
    rivals, first, second = both_at_the_gate("manual", PERFECT, WORSE)
    promoted(rivals, first)
    rivals.world.clock.advance(900)

    assert rivals.reach(second, Status.NOT_PROMOTED).failure.code == "not_better"
    assert rivals.champion() == first
    with pytest.raises(StaleDigest):
        rivals.vote(second)


def test_a_vote_on_an_old_measurement_is_refused_before_anybody_has_looked():
    rivals, first, second = both_at_the_gate()
    promoted(rivals, first)
    assert rivals.run(second).status is GATE
    assert_refused(rivals, second, rivals.run(second).gate.digest, first)

    assert rivals.run(second).gate.decisions == ()
    rivals.reconciler.advance(second)
    assert rivals.run(second).evaluation_round == 1, "the refused vote made it due"


def test_a_vote_is_not_recorded_while_nobody_knows_who_is_champion():
    rivals, _, second = both_at_the_gate()
    rivals.world.pipelines.fail_next("champion", Unavailable("no"))
    with pytest.raises(Unavailable):
        rivals.vote(second)

    assert rivals.run(second).gate.decisions == ()
    assert rivals.vote(second).is_new


def test_votes_from_before_the_champion_changed_do_not_count_after_it():
    rivals, first, second = both_at_the_gate("two")
    old = rivals.run(second).gate.digest
    rivals.vote(second, ADA)
    promoted(rivals, first, ADA, BOB)

    for person in (ADA, BOB):
        assert_refused(rivals, second, old, first, person)
    gate = rivals.measured_again(second).gate
    assert (gate.approvals, gate.decisions) == (0, ())
    promoted(rivals, second, ADA, BOB)


#: When the first becomes the champion: just after the second was stored like this.
MOMENTS = [
    (Status.DEPLOYING, None),
    (Status.DEPLOYING, "PutDeployment"),
    (Status.VERIFYING, None),
    (Status.VERIFYING, "SmokeTest"),
    (Status.VERIFYING, "PromoteChampion"),
]


def overtaken(pipeline, status, effect):
    """Both are approved at once; the first becomes the champion while the second is about to."""
    rivals, first, second = both_at_the_gate(pipeline)
    rivals.vote(first)
    rivals.vote(second)
    rivals.when(second, status, effect, lambda: rivals.reach(first, Status.DEPLOYED, only=True))
    while rivals.run(second).evaluation_round == 0:
        rivals.reconciler.advance(second)
        rivals.world.clock.advance(30)
    return rivals, first, second


@pytest.mark.parametrize(("status", "effect"), MOMENTS)
def test_of_two_that_were_approved_at_once_the_later_one_is_measured_again_and_leaves_nothing(status, effect):
    rivals, first, second = overtaken("manual", status, effect)
    run = rivals.measured_again(second)

    assert rivals.champion() == first
    assert run.production not in rivals.world.deployer.names, "it would cost"
    assert_measured_against(rivals, second, first)
    promoted(rivals, second)
    assert rivals.world.deployer.deployment(run.production).model == run.model


@pytest.mark.parametrize(("status", "effect"), MOMENTS[:2])
def test_clients_of_a_shared_deployment_get_the_champions_model_back(status, effect):
    rivals, first, second = overtaken("shared", status, effect)
    run, champion = rivals.measured_again(second), rivals.run(first).model

    assert rivals.world.deployer.deployment("shared").model == champion
    assert_measured_against(rivals, second, first)
    promoted(rivals, second)
    assert rivals.world.deployer.deployment("shared").model == run.model


def test_a_put_whose_answer_was_lost_is_waited_for_and_taken_back():
    rivals, first, second = both_at_the_gate()
    put, sent = rivals.world.deployer.put, []

    def late(name, **values):
        if name == rivals.run(second).production and not sent:
            sent.append(lambda: put(name, **values))
            rivals.reach(first, Status.DEPLOYED, only=True)
            raise Unavailable("the answer was lost")
        put(name, **values)

    rivals.world.deployer.put = late
    rivals.vote(first)
    rivals.vote(second)
    rivals.turn()
    run = rivals.reach(second, GATE)

    assert run.production not in rivals.world.deployer.names


@pytest.mark.parametrize(("status", "effect"), MOMENTS)
def test_without_a_gate_the_later_one_is_measured_again_too(status, effect):
    rivals = Rivals("auto", FAIR, PERFECT)
    first, second = rivals.drop(), rivals.drop()
    rivals.turn()
    rivals.when(second, status, effect, lambda: rivals.reach(first, Status.DEPLOYED, only=True))
    run = rivals.reach(second, Status.DEPLOYED, only=True)

    assert (rivals.champion(), run.evaluation_round, run.gates) == (second, 1, {})
    assert_measured_against(rivals, second, first)


def test_a_proof_that_needs_nobody_is_not_held_up_by_the_gate_that_an_earlier_verdict_opened():
    rivals, first, second = both_at_the_gate("manual")
    pinned = f"runs/{second}/pinned.json"
    raw = msgspec.json.decode(rivals.world.artifacts.read(pinned))
    raw["spec"]["approval"]["mode"] = "automatic"
    rivals.world.artifacts.write(pinned, msgspec.json.encode(raw), "application/json")
    run, version = rivals.world.runs.load(second)
    digest = digest_of(rivals.world.artifacts.read(pinned))
    rivals.world.runs.replace(run.evolve(spec_digest=digest), version, ())
    promoted(rivals, first)
    rivals.world.clock.advance(900)

    assert rivals.reach(second, Status.DEPLOYED).gates == {}


def test_what_fails_while_it_is_deployed_is_measured_again_when_it_is_tried_again():
    rivals, first, second = both_at_the_gate()
    rivals.vote(second)
    rivals.world.deployer.fail_next("put", Refused("put is refused"))
    assert rivals.reach(second, Status.FAILED).failure.step == Status.DEPLOYING
    promoted(rivals, first)
    People(rivals.world).retry(second, APPROVER)

    run = rivals.measured_again(second)
    assert_measured_against(rivals, second, first)
    assert run.gate.decisions == ()
    promoted(rivals, second)


def test_a_deployment_that_failed_its_test_is_removed_before_it_is_measured_again():
    rivals, first, second = both_at_the_gate()
    rivals.vote(second)
    say, rivals.world.inference.answers = rivals.say, lambda name, _: "" if "candidate" not in name else "OK."
    assert rivals.reach(second, Status.FAILED).failure.code == "smoke_test_failed"
    production = rivals.run(second).production
    assert production in rivals.world.deployer.names
    rivals.world.inference.answers = say
    promoted(rivals, first)
    People(rivals.world).retry(second, APPROVER)
    rivals.measured_again(second)

    assert production not in rivals.world.deployer.names


def test_whose_promotion_was_lost_to_a_crash_is_the_champion_and_goes_on():
    rivals, _, second = both_at_the_gate()
    rivals.vote(second)
    rivals.world.pipelines.lose_answer_next("promote")
    run = rivals.reach(second, Status.DEPLOYED)

    assert (rivals.champion(), run.evaluation_round) == (second, 0)


def with_a_champion(pipeline="manual", *gaps):
    """A champion, and a run that was dropped after it."""
    rivals = Rivals(pipeline, FAIR, *(gaps or (PERFECT,)))
    first = rivals.drop()
    rivals.reach(first, GATE)
    promoted(rivals, first)
    return rivals, first, rivals.drop()


def test_a_champion_whose_deployment_is_gone_is_skipped_and_not_waited_for():
    rivals, first, second = with_a_champion()
    rivals.world.deployer._deployments.pop(rivals.run(first).production)
    run = rivals.reach(second, GATE)
    rivals.world.clock.advance(901)
    rivals.turn()

    assert rivals.plan(second).skipped == (
        f"champion: deployment {rivals.run(first).production} is not there",
    )
    assert (run.evaluation.champion, rivals.run(second).evaluation_round) == (first, 0)
    promoted(rivals, second)
    assert rivals.champion() == second


def test_a_champion_whose_deployment_serves_another_model_cannot_be_measured():
    """With the strategy `replace`: a run that failed its smoke test left its model there, say."""
    rivals, first, second = with_a_champion("shared")
    rivals.world.deployer.add("shared", "gpt-4.1.ft-another")
    rivals.reach(second, GATE)

    serving = f"serving gpt-4.1.ft-another, not {rivals.run(first).model}"
    assert rivals.plan(second).skipped == (f"champion: deployment shared is {serving}",)
    assert rivals.run(second).evaluation.champion == first


def test_a_champion_that_is_no_baseline_is_named_as_not_measured():
    """Under `automatic` that asks a person; a pipeline that names the champion's deployment measures it."""
    rivals, first, second = with_a_champion("alone")
    rivals.reach(second, GATE)
    production = rivals.run(first).production

    assert rivals.plan(second).skipped == (
        f"champion: {production} is not among the baselines of the pipeline file",
    )
    assert any("not everything was measured" in doubt for doubt in rivals.run(second).evaluation.doubts)


def assert_waits_for_the_champion(rivals, first, second):
    """The second run, while the first one's deployment is being changed; then it is measured against it."""
    deployer, name = rivals.world.deployer, rivals.run(first).production

    def change():
        deployer.is_stepping = False
        deployer.move(name, "Creating")

    rivals.when(second, Status.EVALUATING, None, change)
    rivals.reach(second, Status.EVALUATING)
    rivals.turn()
    assert rivals.run(second).trouble.startswith("deployment_not_ready: the champion's deployment")
    deployer.is_stepping = True
    rivals.reach(second, GATE)
    assert_measured_against(rivals, second, first)


def test_a_champion_whose_deployment_is_being_changed_is_waited_for():
    rivals, first, second = with_a_champion()

    assert_waits_for_the_champion(rivals, first, second)


def test_a_pipeline_that_does_not_measure_the_champion_replaces_whichever_there_is():
    rivals, first, second = both_at_the_gate("alone")
    digest = rivals.run(second).gate.digest
    promoted(rivals, first)
    promoted(rivals, second)
    run = rivals.run(second)

    assert (run.evaluation_round, run.gates["deployment"].digest) == (0, digest)
    assert run.evaluation.champion is msgspec.UNSET
    assert digest == deployment_digest(run, rivals.reconciler._pins.of(run).spec)


def test_the_champion_may_change_as_often_as_it_likes_and_no_answers_are_taken_for_anothers():
    rivals = Rivals("manual", 2, 4, 8, PERFECT)
    runs = first, second, third, last = [rivals.drop() for _ in range(4)]
    for run_id in runs:
        rivals.reach(run_id, GATE)
    promoted(rivals, first)
    rivals.measured_again(last)
    assert rivals.plan(last).models["baseline-2"] == rivals.run(first).model
    rivals.measured_again(second)
    rivals.vote(second)
    rivals.reach(second, Status.DEPLOYED, only=True)
    rivals.world.deployer._deployments.pop(rivals.run(second).production)
    rivals.measured_again(last, 2)
    assert rivals.plan(last).targets.keys() == {"candidate", "baseline-1"}, "the champion is gone"
    rivals.measured_again(third, 2)
    promoted(rivals, third)
    rivals.measured_again(last, 3)

    assert rivals.plan(last).models["baseline-3"] == rivals.run(third).model
    assert_measured_against(rivals, last, third)
    assert rivals.asked["gpt-4.1"] == sum(rivals.plan(run_id).items for run_id in runs), "each run asked once"
    assert [len(rivals.run(run_id).stale_digests) for run_id in runs] == [0, 1, 2, 3]
    promoted(rivals, last)


def test_what_was_answered_is_read_as_it_was_stored_whatever_the_size_of_chunks_is_now():
    rivals, first, second = both_at_the_gate()
    promoted(rivals, first)
    policy = Policy(evaluation_chunk_size=5)
    rivals.reconciler = Reconciler(rivals.world, policy)
    asked = rivals.asked[rivals.run(second).model]
    rivals.measured_again(second)

    assert rivals.plan(second).chunk_size == Policy().evaluation_chunk_size
    assert rivals.asked[rivals.run(second).model] == asked


def as_0_2_0_wrote_it(rivals, run_id):
    """The run, its plan and its gate without what 0.3.0 added."""
    folder = f"runs/{run_id}/evaluation"
    for name in ("plan.json", "summary.json"):
        raw = msgspec.json.decode(rivals.world.artifacts.read(f"{folder}/{name}"))
        kept = {key: value for key, value in raw.items() if key not in {"champion", "round"}}
        rivals.world.artifacts.write(f"{folder}/{name}", msgspec.json.encode(kept), "application/json")
    run, version = rivals.world.runs.load(run_id)
    run = run.evolve(evaluation=msgspec.structs.replace(run.evaluation, champion=msgspec.UNSET), evidence={})
    spec = rivals.reconciler._pins.of(run).spec
    gate = msgspec.structs.replace(run.gate, digest=deployment_digest(run, spec))
    rivals.world.runs.replace(run.evolve(gates={"deployment": gate}), version, ())
    return gate.digest


def test_a_gate_of_an_older_release_is_approved_as_it_stands_while_the_champion_is_the_same():
    rivals, first, second = with_a_champion()
    rivals.reach(second, GATE)
    digest = as_0_2_0_wrote_it(rivals, second)
    rivals.world.clock.advance(901)
    rivals.turn()
    promoted(rivals, second)

    run = rivals.run(second)
    assert (run.gates["deployment"].digest, run.evaluation_round) == (digest, 0)
    assert rivals.world.pipelines.previous("manual").run_id == first


def test_a_gate_of_an_older_release_without_a_champion_is_approved_too():
    rivals, first, _ = both_at_the_gate()
    digest = as_0_2_0_wrote_it(rivals, first)
    promoted(rivals, first)

    assert rivals.run(first).gates["deployment"].digest == digest


def test_a_gate_of_an_older_release_whose_champion_could_not_be_measured_is_approved_too():
    rivals, first, second = with_a_champion()
    rivals.world.deployer._deployments.pop(rivals.run(first).production)
    rivals.reach(second, GATE)
    as_0_2_0_wrote_it(rivals, second)
    promoted(rivals, second)

    assert rivals.run(second).evaluation_round == 0


@pytest.mark.parametrize("is_voted", [False, True])
def test_a_gate_of_an_older_release_is_opened_anew_when_the_champion_changed(is_voted):
    rivals, first, second = both_at_the_gate()
    digest = as_0_2_0_wrote_it(rivals, second)
    if is_voted:
        rivals.vote(second)
        rivals.when(second, Status.DEPLOYING, None, lambda: rivals.reach(first, Status.DEPLOYED, only=True))
        rivals.vote(first)
    else:
        promoted(rivals, first)
        assert_refused(rivals, second, digest, first)
    gate = rivals.measured_again(second).gate

    assert gate.digest != digest
    assert_measured_against(rivals, second, first)
    assert_refused(rivals, second, digest, first)
    promoted(rivals, second)


BOTH = JUDGED.replace("BASELINES", "{deployment: shared}, champion") + "deployment: {strategy: replace}\n"
TURNED = JUDGED.replace("BASELINES", "champion, {deployment: shared}") + "deployment: {strategy: replace}\n"


def named_twice(text):
    """A champion that is also named by its deployment, and a run that was dropped after it."""
    rivals = Rivals("shared", FAIR, PERFECT)
    rivals.world.pipeline_files.put("shared.yaml", text)
    first = rivals.drop()
    rivals.reach(first, GATE)
    promoted(rivals, first)
    return rivals, first, rivals.drop()


@pytest.mark.parametrize("text", [BOTH, TURNED])
def test_a_champion_that_is_also_named_by_its_deployment_is_checked_and_measured_once(text):
    rivals, first, second = named_twice(text)
    rivals.reach(second, GATE)

    assert rivals.plan(second).models == {
        "candidate": rivals.run(second).model,
        "baseline-1": rivals.run(first).model,
    }
    assert rivals.plan(second).skipped == ()


@pytest.mark.parametrize("text", [BOTH, TURNED])
def test_another_model_in_the_champions_deployment_is_not_the_champion_however_it_is_named(text):
    rivals, first, second = named_twice(text)
    rivals.world.deployer.add("shared", "gpt-4.1.ft-another")
    rivals.reach(second, GATE)

    serving = f"serving gpt-4.1.ft-another, not {rivals.run(first).model}"
    assert rivals.plan(second).skipped == (f"champion: deployment shared is {serving}",)
    assert rivals.plan(second).labels == {"candidate": "candidate", "baseline-1": "shared"}


@pytest.mark.parametrize("text", [BOTH, TURNED])
def test_a_champion_that_is_being_changed_is_waited_for_however_it_is_named(text):
    rivals, first, second = named_twice(text)

    assert_waits_for_the_champion(rivals, first, second)


def swapping(rivals, run_id, deployment, act):
    """Do something once, in the midst of the first chunk that a deployment is asked for a run."""
    say, done = rivals.say, []

    def hooked(name, messages):
        said = say(name, messages)
        if name == deployment and rivals.run(run_id).status is Status.EVALUATING and not done:
            done.append(name)
            act()
        return said

    rivals.world.inference.answers = hooked


def test_what_another_model_answered_in_the_midst_of_a_chunk_is_not_stored():
    rivals, first, second = with_a_champion("shared")
    swapping(rivals, second, "shared", lambda: rivals.world.deployer.add("shared", "gpt-4.1.ft-another"))
    rivals.reach(second, GATE)

    serving = f"serving gpt-4.1.ft-another, not {rivals.run(first).model}"
    assert rivals.plan(second).skipped == (f"champion: deployment shared is {serving}",)
    names = rivals.world.artifacts.names(f"runs/{second}/evaluation/answers/")
    answered = {artifacts.chunk_of(name.partition(f"{second}/")[2])[0] for name in names}
    assert answered == set(rivals.plan(second).targets)


def test_a_champion_that_is_replaced_in_the_midst_of_an_evaluation_is_measured_from_then_on():
    rivals, first, second = with_a_champion("shared")
    other = rivals.run(first).model + "-next"

    def replace():
        rivals.world.deployer.add("shared", other)
        champion = rivals.world.pipelines.champion("shared")
        rivals.world.pipelines.promote(
            "shared", msgspec.structs.replace(champion, model=other, run_id="another"), first
        )

    swapping(rivals, second, "shared", replace)
    rivals.reach(second, GATE)

    made = rivals.plan(second)
    assert (made.champion, made.skipped) == ("another", ())
    assert other in made.models.values()
    assert rivals.run(first).model not in made.models.values()
    assert rivals.run(second).evaluation.champion == "another"


def test_a_chunk_of_a_baseline_costs_two_looks_at_its_deployment_and_of_a_candidate_none(monkeypatch):
    rivals, first, second = with_a_champion()
    looks, deployment, answer_chunk = Counter(), rivals.world.deployer.deployment, evaluating.answer_chunk
    chunk_of = []

    def counted(name):
        looks.update([(name, bool(chunk_of))])
        return deployment(name)

    def answering(*given):
        chunk_of.append(given)
        proof = answer_chunk(*given)
        chunk_of.clear()
        return proof

    rivals.world.deployer.deployment = counted
    monkeypatch.setattr(evaluating, "answer_chunk", answering)
    rivals.reach(second, GATE)

    assert looks[rivals.run(first).production, True] == 2 * rivals.plan(second).chunks
    assert looks[rivals.run(second).candidate, True] == 0
