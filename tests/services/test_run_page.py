"""What the page of a run says: beside the last promotion, about money, evidence, and what is not known."""

import re
from pathlib import Path

import msgspec
import pytest

from shared.core import artifacts
from shared.core.endings import ENDINGS
from shared.core.observations import Champion
from shared.core.people import Person
from shared.core.run import Status
from shared.core.status import GATES
from shared.people import People
from shared.run_folder import RunFolder
from shared.views import run_about
from shared.views.asked import Places
from shared.views.offers import in_buttons
from shared.views.run_reading import CALLS_MAX
from tests.core.scenarios import at_deployment_gate, at_spend_gate
from tests.services.run_pages import FILE, ROLES, drop, page_of, reader
from tests.support.builders import NOW, a_run
from tests.support.product import Product
from tests.twins.world import TwinWorld

RUNBOOK = Path(__file__).parents[2] / "shared/pages/templates/runbook.html"


@pytest.fixture(scope="module")
def product():
    """A product that promoted a model, and then measured another one that is not better."""
    made = Product()
    made.world.pipeline_files.put("boxes.yaml", FILE)
    drop(made, 60)
    made.approve(made.until(Status.AWAITING_APPROVAL))
    made.first = made.until(Status.DEPLOYED)
    made.world.pipeline_files.put("boxes.yaml", FILE.replace("n_epochs: 2", "n_epochs: 3"))
    drop(made, 75)
    made.second = made.until(Status.NOT_PROMOTED, Status.AWAITING_APPROVAL)
    assert made.second.status is Status.NOT_PROMOTED
    return made


def test_a_run_that_was_not_promoted_stands_beside_the_last_one_that_was(product):
    page = page_of(product.world, product.second.id)
    since = page.since_last
    said = {fact.what: fact.said for fact in since.changes.facts}

    assert since.run_id == product.first.id
    assert "do not compare scores" in since.said
    assert said["training rows"].endswith("as before")
    assert "added" in said["training rows"]
    assert said["held-out examples"] == "another exam"
    assert said["model"] == said["graders"] == "the same"
    assert [line.sign for line in since.changes.lines if "n_epochs" in line.text] == ["-", "+"]
    assert {name: now for name, now, _ in since.figures}["verdict"] == "The candidate is not better"


def test_it_says_what_to_try_what_would_settle_it_and_why_nobody_promotes_it_by_hand(product):
    page = page_of(product.world, product.second.id)

    assert page.next.to_try.endswith(".")
    assert "settle it" in page.next.settles
    assert "Nobody promotes it by hand" in page.next.nobody
    assert [offer.act for offer in page.offers.wishes] == ["rejudge"]
    assert page.ask is None
    assert page.subject == ()


def test_items_are_the_worst_lost_first_with_both_answers_and_what_differs(product):
    items = page_of(product.world, product.second.id).evaluation.items
    differences = [float(item.difference) for item in items.lines]

    assert differences == sorted(differences)
    assert items.csv == f"/api/runs/{product.second.id}/artifacts/evaluation/comparison.csv"
    first = page_of(product.world, product.first.id).evaluation.items.lines[0]
    assert "".join(piece.text for piece in first.baseline.pieces) == "I do not know."
    assert any(piece.is_other for piece in first.candidate.pieces)


def test_no_page_takes_more_than_12_calls_and_none_goes_to_foundry(product):
    world = product.world
    stores = (world.runs, world.artifacts, world.pipelines, world.pipeline_files, world.index, world.claims)
    for run in (product.first, product.second):
        before = [len(store.calls) for store in stores]
        others = [len(store.calls) for store in (world.trainer, world.files, world.deployer, world.inference)]
        page_of(world, run.id)
        after = [len(store.calls) for store in stores]
        assert sum(after) - sum(before) <= CALLS_MAX
        assert others == [
            len(store.calls) for store in (world.trainer, world.files, world.deployer, world.inference)
        ]


def test_of_the_champion_itself_the_run_before_it_is_shown(product):
    page = page_of(product.world, product.first.id)

    assert page.since_last.run_id == ""
    assert "Nothing of this pipeline was promoted before" in page.since_last.said
    assert page.stands.then == "Nothing more happens to this run."


def test_a_run_whose_model_was_replaced_says_by_which():
    world, run = TwinWorld(), a_run(Status.DEPLOYED)
    world.runs.insert(run, [])
    champion = Champion(deployment="d", model="m", run_id="f" * 20, since=NOW)
    world.pipelines.promote(run.pipeline, champion, None)

    page = page_of(world, run.id)

    assert page.stands.then == f"Run {'f' * 20} became the champion after it."
    assert page.since_last.run_id == ""


def at_gate(make, world=None, **changes):
    world = world or TwinWorld()
    world.clock.set(NOW)
    run = make().evolve(**changes)
    world.runs.insert(run, [])
    return world, run


def test_at_the_spend_gate_the_first_screen_is_about_the_money():
    world, run = at_gate(at_spend_gate)
    ask = page_of(world, run.id).ask

    assert ask.what.startswith("Train summaries with 100 examples for ")
    assert ask.nothing == "the run ends as expired, and nothing is paid."
    assert "billed" in ask.undo
    assert ask.cost_month.startswith("nothing yet")
    assert "not known" in ask.sure[0]


@pytest.mark.parametrize(
    ("decision", "decided"), [("approve", "It is approved"), ("reject", "It is rejected")]
)
@pytest.mark.parametrize("make", [at_spend_gate, at_deployment_gate])
def test_what_is_decided_is_asked_no_more(make, decision, decided):
    world, run = at_gate(make)
    for person in range(run.gate.approvals_needed if decision == "approve" else 1):
        before = page_of(world, run.id)
        assert before.ask
        assert before.offers.gate.decided == ""
        voter = Person(id=f"x{person}", name="Grace", role=ROLES.approver)
        said = {"decision": decision, "digest": run.gate.digest, "comment": "seen"}
        People(world).vote(run.id, run.gate.name, voter, **said)
    after = page_of(world, run.id)

    assert after.ask is None
    assert after.offers.gate.decided.startswith(decided)
    assert after.stands.by is None


def test_a_remedy_names_the_buttons_of_the_page_and_no_route_of_the_api(product):
    page = page_of(product.world, product.second.id)

    assert '"Judge again"' in page.stands.why
    assert all("POST" not in in_buttons(ending.remedy) for ending in ENDINGS.values())


@pytest.mark.parametrize(
    ("uploader", "said"), [("oid", "as whoever dropped it wrote it down"), (None, "no metadata")]
)
def test_who_dropped_it_may_be_unknown(uploader, said):
    run = a_run(Status.RECEIVED)
    run = run.evolve(dataset=msgspec.structs.replace(run.dataset, uploaded_by=uploader))
    [fact] = [fact for fact in run_about.facts(run) if fact.what == "dropped by"]

    assert said in fact.more


def test_a_gate_says_that_the_champion_was_replaced_since():
    made = Product()
    made.world.pipeline_files.put("boxes.yaml", FILE)
    drop(made, 60)
    run = made.until(Status.AWAITING_APPROVAL)
    assert page_of(made.world, run.id).warnings == ()
    champion = Champion(deployment="d", model="m", run_id="f" * 20, since=NOW)
    made.world.pipelines.promote("boxes", champion, None)

    [warning] = page_of(made.world, run.id).warnings

    assert warning.startswith(f"Run {'f' * 20} became the champion after this run was measured")
    assert "A vote on it is not taken" in warning


def test_a_month_is_not_known_where_the_pipeline_file_cannot_be_read():
    world, run = at_gate(at_deployment_gate)
    page = page_of(world, run.id)

    assert page.ask.cost_month == "not known, since the price of an hour of this deployment is not known."
    assert {fact.what: fact.said for fact in page.cost}["a month of hosting"] == "not known"


@pytest.mark.parametrize(
    ("strategy", "words"),
    [("blue_green", "Let clients ask old-one again"), ("replace", "deploy old-model there again, by hand")],
)
def test_how_it_is_undone_names_the_deployment_before(strategy, words):
    made = Product()
    file = f"{FILE}deployment: {{strategy: {strategy}}}\n"
    made.world.pipeline_files.put("boxes.yaml", file)
    drop(made, 60)
    run = made.until(Status.AWAITING_APPROVAL)
    champion = Champion(deployment="old-one", model="old-model", run_id="f" * 20, since=NOW)
    made.world.pipelines.promote("boxes", champion, None)

    ask = page_of(made.world, run.id).ask

    assert words in ask.undo
    assert ask.nothing == f"the run ends as expired, and clients keep the model of run {'f' * 20}."


def test_the_exact_thing_has_all_that_the_digest_is_over():
    world, run = at_gate(at_deployment_gate)
    facts = {fact.what: fact.said for fact in page_of(world, run.id).subject}

    assert facts["digest"] == run.gate.digest
    assert (facts["model"], facts["job"], facts["pipeline file"]) == (run.model, run.job_id, run.spec_digest)
    assert facts["evaluation"] == run.evaluation.digest


def test_the_uploader_is_told_that_they_may_not_vote_and_nobody_is_offered_what_their_role_does_not_do():
    world, run = at_gate(at_deployment_gate)
    own = page_of(world, run.id, reader(person=run.dataset.uploaded_by))
    other = page_of(world, run.id, reader(ROLES.reader))

    assert [offer.act for offer in own.offers.gate.offers] == ["hold"]
    assert any("uploaded this dataset" in sentence for sentence in own.offers.gate.not_offered)
    assert other.offers.gate.offers == ()
    assert page_of(world, run.id, is_saved=True).offers.gate.offers == ()


def test_votes_without_a_line_in_the_history_do_not_count_on_the_page():
    world, run = at_gate(at_deployment_gate)
    people = People(world)
    voter = Person(id="x", name="Grace", role=ROLES.approver)
    people.vote(run.id, "deployment", voter, decision="approve", digest=run.gate.digest, comment="seen")
    stored, version = world.runs.load(run.id)
    assert page_of(world, run.id).offers.gate.approvals == 1
    forged = msgspec.structs.replace(stored.gate.decisions[0], person="y", name="Nobody")
    gate = msgspec.structs.replace(stored.gate, decisions=(*stored.gate.decisions, forged))
    world.runs.replace(stored.evolve(gates={"deployment": gate}), version, [])

    page = page_of(world, run.id)

    assert page.offers.gate.approvals == 1
    assert any("Nobody" in warning for warning in page.warnings)


def test_curves_come_from_the_results_of_the_job(product):
    training = page_of(product.world, product.first.id).training

    assert ("line-a", "training loss") in training.chart.key_of


def test_a_job_has_its_address_in_the_portal_and_a_run_its_log(product):
    page = page_of(product.world, product.first.id)

    assert page.job_link.endswith(f"/build/fine-tune/{product.first.job_id}/details")
    asking, log = page.commands
    assert product.first.production in asking.text
    assert product.first.id in log.text


def test_files_are_those_that_the_reader_may_have(product):
    may, may_not = (
        page_of(product.world, product.second.id, reader(role)) for role in (ROLES.approver, ROLES.reader)
    )

    assert may.refused == ()
    assert artifacts.COMPARISON_TABLE.name in may_not.refused
    assert artifacts.COMPARISON_TABLE.name not in {fact.what for fact in may_not.files}
    listed = {fact.what: fact.said for fact in may_not.files}
    assert listed[artifacts.COMPARISON.name] == "without rows"
    assert not any(name.startswith("prepared/") for name in listed)


def test_what_an_older_release_stored_is_listed_as_it_lies_there_and_said_not_to_be_checked():
    world, run = at_gate(at_deployment_gate)
    RunFolder(world.artifacts, run.id).write(artifacts.SCORES, b"{}")

    [file] = [fact for fact in page_of(world, run.id).files if fact.what == artifacts.SCORES.name]

    assert "an older release kept no hash of it" in file.more


@pytest.mark.parametrize("gate", GATES)
def test_everywhere_on_a_long_history_the_votes_count(gate):
    make = at_spend_gate if gate == "spend" else at_deployment_gate
    world, run = at_gate(make)
    voter = Person(id="x", name="Grace", role=ROLES.approver)
    held = People(world).hold(run.id, gate, voter, digest=run.gate.digest, comment="why?").run
    stored, version = world.runs.load(run.id)
    world.runs.replace(stored.evolve(revision=5_000), version, [])

    page = page_of(world, run.id, places=Places(events=4_000))

    assert [said.words for said in page.offers.gate.said] == [held.gate.holds[0].comment]
    assert page.offers.gate.needs_answer


def test_while_a_run_is_judged_again_the_graders_of_both_files_are_compared(product):
    run, version = product.world.runs.load(product.second.id)
    again = msgspec.structs.replace(run, status=Status.QUEUEING, evaluation=None, failure=None)
    world = product.world
    world.runs.replace(again, version, [])
    try:
        facts = {fact.what: fact for fact in page_of(world, run.id).since_last.changes.facts}
    finally:
        world.runs.replace(run, world.runs.load(run.id)[1], [])

    assert facts["graders"].said == "the same"
    assert facts["graders"].now == facts["graders"].before == "chosen from the held-out rows"


def test_a_remedy_leads_to_the_part_of_the_page_and_the_file_that_it_names(product):
    page = page_of(product.world, product.second.id)

    assert "the evaluation below (evaluation/comparison.md)" in page.stands.why
    assert [file.link for file in page.stands.files] == [
        f"/api/runs/{product.second.id}/artifacts/evaluation/comparison.md"
    ]


def test_what_to_read_of_the_runbook_is_a_link_and_of_other_documents_a_name(product):
    [again, rest] = page_of(product.world, product.second.id).runbook

    assert (again.said, again.link) == (
        "docs/operate.md, Judge a run again",
        "/api/ui/runbook#judge-a-run-again",
    )
    assert rest.link == ""


def test_every_heading_that_is_linked_is_one_of_the_runbook():
    headings = set(re.findall(r'id="([\w-]+)"', RUNBOOK.read_text()))
    for status in Status:
        for one in run_about.runbook(a_run(status)):
            assert one.link == "" or one.link.partition("#")[2] in headings, one.said


def test_a_timeline_is_to_the_second_and_other_times_to_the_minute(product):
    page = page_of(product.world, product.second.id)

    assert re.fullmatch(r"\d+ \w+ \d+, \d\d:\d\d:\d\d UTC", page.timeline[0].at.text)
    assert re.fullmatch(r"\d+ \w+ \d+, \d\d:\d\d UTC", page.since.text)


def test_the_facts_of_an_evaluation_are_whole_phrases_and_name_the_gain_that_is_asked_for(product):
    facts = {fact.what: fact for fact in page_of(product.world, product.second.id).evaluation.facts}

    assert facts["required gain"].said == "the rule asks for more than 0 (superior_by)"
    assert all(
        fact.said == "none: every question was answered"
        for what, fact in facts.items()
        if what.startswith("unanswered, against ")
    )
    assert "luck" in facts["look"].more
