"""Whoever is asked for money reads first what the comparison will be able to show for it."""

import json

import msgspec
import pytest

from shared import looking_ahead
from shared.core import artifacts
from shared.core.errors import Refused, Throttled, Unavailable
from shared.core.evaluation.contest import contest_of
from shared.core.run import Status
from shared.views.runs import RunViews
from tests.core.evaluation.exams import LOOK, PLAIN, exam
from tests.support.product import PIPELINE, dataset
from tests.support.rounds import EXACT, JUDGED, WHOLE, Rounds, rows

pytestmark = pytest.mark.slow

ASKED = "budget: {approve_above_usd: 0}\n"
GATED = JUDGED + ASKED


class Asked(Rounds):
    """A pipeline whose every run asks for the money."""

    def __init__(self, pipeline=GATED):
        super().__init__(pipeline)

    def at_gate(self, training, evaluation=None):
        return self.round(training, evaluation, Status.AWAITING_SPEND_APPROVAL, Status.FAILED, Status.INVALID)

    def detail(self, run):
        return msgspec.json.decode(msgspec.json.encode(RunViews(self.world).detail(run.id)))

    def outlook(self, run):
        return json.loads(self.folder(run).read(artifacts.REPORT))["outlook"]


def test_the_spend_gate_says_it_first():
    asked = Asked(GATED.replace("graders:", "promote: {confidence: 0.999}, graders:"))
    run = asked.at_gate(dataset(60))
    detail = asked.detail(run)
    told = detail["gate"]["outlook"]
    page = asked.folder(run).read(artifacts.REPORT_PAGE).decode()

    assert (run.status, detail["gate"]["name"]) == (Status.AWAITING_SPEND_APPROVAL, "spend")
    assert told[0].startswith("Whatever is trained, it cannot be shown to be better as things are")
    assert told[1].startswith(
        "pipelines/boxes.yaml:4: evaluation.promote.confidence: 6 groups cannot give 99.9%"
    )
    assert "6 held-out examples." in told
    assert any(sentence.startswith("exact decides; it ") for sentence in told)
    assert "Not measured, as things are: champion: this pipeline has none yet." in told
    assert detail["outlook"] == asked.outlook(run)
    assert detail["outlook"]["sentences"] == told
    assert page.index("## Before money is spent") < page.index("## Training file")
    assert f"- {told[0]}" in page


def test_what_it_says_to_write_can_be_had():
    pipeline = GATED.replace("graders:", "promote: {confidence: 0.999}, graders:")
    asked = Asked(pipeline)
    (obstacle,) = asked.outlook(asked.at_gate(dataset(60)))["obstacles"]
    written = obstacle["remedy"].split("`")[-2]
    mended = Asked(f"{pipeline}{written}\n")

    assert written == "dataset: {evaluation: {split: 0.17}}"
    assert mended.outlook(mended.at_gate(dataset(60)))["obstacles"] == []


def test_a_run_without_a_spend_gate_has_it_in_its_report():
    rounds = Asked(JUDGED)
    run = rounds.round(dataset(60))
    detail = rounds.detail(run)

    assert (run.status, detail["gate"]["name"], detail["gate"]["outlook"]) == (
        Status.AWAITING_APPROVAL,
        "deployment",
        [],
    )
    assert detail["outlook"]["groups"] == 6
    assert "## Before money is spent" in rounds.folder(run).read(artifacts.REPORT_PAGE).decode()


def test_a_dataset_with_errors_costs_nothing_and_has_no_outlook():
    asked = Asked()
    run = asked.at_gate(dataset(60) + b"{\n")

    assert (run.status, asked.outlook(run), asked.detail(run)["outlook"]) == (Status.INVALID, None, None)


class TestBaselines:
    def test_one_that_is_not_there_or_not_usable_is_missing(self):
        asked = Asked()
        asked.world.deployer.move("base", "Failed")
        run = asked.at_gate(dataset(60))

        assert asked.outlook(run)["missing"] == [
            "champion: this pipeline has none yet",
            "base: deployment base is Failed",
        ]
        assert not asked.outlook(run)["can_be_better"]

        gone = Asked(GATED.replace("{deployment: base}", "{deployment: gone}"))
        assert "gone: deployment gone is not there" in gone.outlook(gone.at_gate(dataset(60)))["missing"]

    @pytest.mark.parametrize("error", [Unavailable, Throttled, Refused])
    def test_an_azure_that_does_not_answer_is_not_known_and_no_error(self, error):
        asked = Asked()
        asked.world.deployer.fail_next("deployment", error("HTTP 5xx from Azure"))
        run = asked.at_gate(dataset(60))
        told = asked.outlook(run)

        assert run.status is Status.AWAITING_SPEND_APPROVAL
        assert (told["not_known"], told["can_be_better"]) == (["base: HTTP 5xx from Azure"], True)

    def test_a_ledger_that_does_not_answer_is_asked_again(self):
        asked = Asked()
        asked.world.pipelines.fail_next("coming_look", Unavailable("HTTP 503"))

        assert asked.outlook(asked.at_gate(dataset(60)))["groups"] == 6
        assert asked.world.pipelines.calls.count("coming_look") == 2


class TestWhatModelsKnow:
    def test_rows_that_the_run_trains_on_are_left_out(self):
        asked = Asked(WHOLE + ASKED)
        told = asked.outlook(asked.at_gate(dataset(100), rows(*range(90, 130))))

        assert (told["examples"], told["groups"], told["compared_groups"]) == (40, 40, 30)

    def test_so_are_those_that_the_champion_was_trained_on(self):
        asked = Asked(JUDGED)
        asked.deployed(dataset(60))
        asked.world.pipeline_files.put("boxes.yaml", GATED + "dataset: {evaluation: {seed: 7, split: 0.3}}\n")
        run = asked.at_gate(dataset(90))
        told = asked.outlook(run)

        assert told["compared_groups"] < told["groups"] == 27
        assert any("champion, which was trained on them" in sentence for sentence in told["sentences"])
        assert told["missing"] == []

    def test_a_champion_that_nothing_is_known_of_is_said_so(self):
        asked = Asked(JUDGED)
        first = asked.deployed(dataset(60))
        asked.forget(first, artifacts.TRAINING_KEYS, artifacts.prepared("training"))
        asked.world.pipeline_files.put("boxes.yaml", GATED)
        told = asked.outlook(asked.at_gate(dataset(90)))

        assert told["compared_groups"] == told["groups"]
        assert any("not known what the champion was trained on" in sentence for sentence in told["sentences"])

    def test_a_champion_that_is_not_part_of_the_comparison_does_not_count(self):
        asked = Asked(JUDGED)
        asked.deployed(dataset(60))
        alone = GATED.replace("[champion, ", "[") + "dataset: {evaluation: {seed: 7, split: 0.3}}\n"
        asked.world.pipeline_files.put("boxes.yaml", alone)
        told = asked.outlook(asked.at_gate(dataset(90)))

        assert told["compared_groups"] == told["groups"]

    @pytest.mark.parametrize(
        ("named", "is_said"), [("", True), ("champion, ", False), ("its deployment", False)]
    )
    def test_a_champion_that_is_not_compared_asks_a_person_under_automatic(self, named, is_said):
        asked = Asked(JUDGED)
        first = asked.deployed(dataset(60))
        named = f"{{deployment: {first.production}}}, " if named == "its deployment" else named
        automatic = GATED.replace("[champion, ", f"[{named}") + "approval: {mode: automatic}\n"
        asked.world.pipeline_files.put("boxes.yaml", automatic)
        run = asked.at_gate(dataset(600))
        told = asked.outlook(run)

        missing = f"champion: {first.production} is not among the baselines of the pipeline file"
        assert told["missing"] == [missing] * is_said
        assert any(missing in one["message"] for one in told["obstacles"]) is is_said


class TestTheLastComparison:
    def test_its_spread_and_its_number_are_taken(self):
        asked = Asked(JUDGED.replace("[champion, ", "[") + "approval: {mode: automatic}\n")
        answers = asked.world.inference.answers
        asked.world.inference.answers = lambda deployment, messages: (
            answers("tuned", messages) if "7?" in messages[-1]["content"] else answers(deployment, messages)
        )
        first = asked.round(dataset(200))
        seen = json.loads(asked.folder(first).read(artifacts.EVALUATION_SUMMARY))["contests"]
        asked.world.pipeline_files.put("boxes.yaml", asked.world.pipeline_files.read("boxes") + ASKED)
        told = asked.outlook(asked.at_gate(dataset(210)))

        assert 0 < seen[0]["spread"] < 0.5
        assert (told["spread"], told["is_spread_assumed"], told["look"]) == (seen[0]["spread"], False, 2)

    @pytest.mark.parametrize("stored", [b"{", b'{"contests": []}', b'{"contests": [{"gain": 1}]}', b"\xff"])
    def test_what_it_does_not_say_is_assumed(self, stored):
        asked = Asked(JUDGED)
        asked.store(asked.round(dataset(60)).id, artifacts.EVALUATION_SUMMARY, stored)
        asked.world.pipeline_files.put("boxes.yaml", GATED)
        told = asked.outlook(asked.at_gate(dataset(90)))

        assert (told["spread"], told["is_spread_assumed"]) == (0.5, True)

    @pytest.mark.parametrize("is_there", [True, False])
    def test_where_it_was_changed_or_deleted_the_next_run_goes_on_all_the_same(self, is_there):
        """As while the last run is judged again: its new summary is there before its row knows it."""
        asked = Asked(JUDGED)
        folder = asked.folder(asked.round(dataset(60)))
        if is_there:
            folder.write(artifacts.EVALUATION_SUMMARY, b'{"contests": [{"spread": 0.1}]}')
        else:
            del asked.world.artifacts._blobs[folder._path(artifacts.EVALUATION_SUMMARY.name)]
        asked.world.pipeline_files.put("boxes.yaml", GATED)
        told = asked.outlook(asked.at_gate(dataset(90)))

        assert (told["spread"], told["is_spread_assumed"]) == (0.5, True)


@pytest.mark.parametrize(("line", "is_asked"), [(30, True), (31, False)])
def test_a_must_pass_line_that_was_put_aside_is_said_before_the_money(line, is_asked):
    pipeline = PIPELINE.replace(
        "base}]}", f"base}}], graders: [{EXACT}], set: sets/boxes.jsonl, must_pass: [{line}]}}"
    )
    quarantine = "dataset: {on_issue: quarantine, quarantine_max_share: 0.5}\n"
    asked = Asked(pipeline + quarantine + ASKED)
    bad = b'{"messages": [{"role": "user", "content": "No answer"}]}\n'
    asked.world.pipeline_files.put("sets/boxes.jsonl", (rows(*range(500, 530)) + bad).decode())
    told = asked.outlook(asked.at_gate(dataset(100)))

    assert (told["examples"], told["can_be_better"]) == (30, is_asked)
    if not is_asked:
        assert (
            "evaluation.must_pass: must be passed, and is not among the rows that are asked: line 31"
            in told["sentences"][1]
        )


def test_a_contest_keeps_the_spread_of_its_groups():
    contest = contest_of(exam([1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0]), "baseline-1", PLAIN, LOOK)

    assert contest.spread == pytest.approx(0.57735, abs=1e-5)
    assert contest_of(exam([1.0], [0.0]), "baseline-1", PLAIN, LOOK).spread is None


def test_the_largest_spread_of_several_contests_is_taken():
    raw = json.dumps({"contests": [{"spread": 0.2}, {"spread": 0.4}, {"spread": None}, {}]}).encode()

    assert looking_ahead._spread_in(raw) == 0.4
