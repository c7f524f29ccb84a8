"""What a model was trained on proves nothing about it: such examples are left out, counted and named."""

import json

import msgspec
import pytest

from shared import known_rows
from shared.core import artifacts
from shared.core.dataset.validate import keys_of
from shared.core.observations import EvaluationPlan
from shared.core.run import Status
from shared.core.spec import MethodType
from tests.support.boxes import boxes
from tests.support.product import dataset
from tests.support.rounds import JUDGED, WHOLE, Rounds, rows

pytestmark = pytest.mark.slow

REHELD = JUDGED + "dataset: {evaluation: {seed: 7, split: 0.3}}\n"


class TestTheCandidate:
    def test_a_hundred_training_rows_as_evaluation_file_deploy_nothing_by_themselves(self):
        rounds = Rounds(WHOLE + "approval: {mode: automatic}\n")
        run = rounds.round(dataset(200), dataset(100))

        assert run.status is Status.AWAITING_APPROVAL
        assert run.evaluation.outcome == "unproven"
        assert "Only 0 held-out examples" in run.evaluation.reason
        assert "Left out: 100 of 100 examples, which candidate was trained on." in run.evaluation.reason
        assert rounds.left_out(run)["candidate"] == set(range(100))

    def test_some_training_rows_among_others_are_left_out_counted_and_named(self):
        rounds = Rounds()
        run = rounds.round(dataset(200), rows(*range(195, 300)))
        page = rounds.folder(run).read(artifacts.COMPARISON_PAGE).decode()

        assert run.evaluation.outcome == "better"
        assert rounds.left_out(run) == {"candidate": set(range(5)), "baseline-1": set()}
        contest = rounds.contests(run)["base"]
        assert (contest["n"], contest["left_out"]) == (100, 5)
        assert "Left out: 5 of 105 examples, which candidate was trained on." in run.evaluation.reason
        assert (
            "candidate was trained on 5 of 105 examples, on which it is not compared: 0, 1, 2, 3, 4." in page
        )

    @pytest.mark.parametrize(("known", "is_doubted"), [(10, False), (11, True)])
    def test_more_than_a_tenth_left_out_asks_a_person(self, known, is_doubted):
        run = Rounds().round(dataset(200), rows(*range(200 - known, 300 - known)))
        doubts = [doubt for doubt in run.evaluation.doubts if "trained on them" in doubt]

        assert run.evaluation.outcome == "better"
        assert bool(doubts) is is_doubted

    def test_five_rows_forty_times_each_are_five_pieces_of_evidence(self):
        rounds = Rounds(WHOLE + "approval: {mode: automatic}\n")
        run = rounds.round(dataset(100), rows(*range(100, 105)) * 40)

        assert run.status is Status.AWAITING_APPROVAL
        assert run.evaluation.groups == 5
        assert any("5 groups of held-out examples" in doubt for doubt in run.evaluation.doubts)

    def test_rows_that_nearly_equal_training_rows_are_known_too(self):
        rounds = Rounds()
        near, far = long_row("a bicycle with two wheels"), long_row("a boat")
        run = rounds.round(dataset(60) + near + far, near.replace(b"two", b"2") + rows(*range(100, 120)))

        assert rounds.left_out(run)["candidate"] == {0}


def long_row(what):
    """A row of many words about something."""
    words = " ".join(f"{what.split()[-1]}{n} goes" for n in range(30))
    talk = [{"role": "user", "content": f"Of {what}: {words}"}, {"role": "assistant", "content": "Go."}]
    return json.dumps({"messages": talk}).encode() + b"\n"


@pytest.fixture(scope="module")
def grown():
    """A champion, and a data set that grew: another seed holds out rows that the champion was trained on."""
    rounds = Rounds()
    first = rounds.deployed(dataset(120))
    rounds.world.pipeline_files.put("boxes.yaml", REHELD)
    return rounds, first, rounds.round(dataset(200))


class TestTheChampion:
    def test_what_it_was_trained_on_is_left_out_of_the_comparison_with_it_only(self, grown):
        rounds, first, second = grown
        trained = set(rounds.folder(first).read(artifacts.prepared("training")).splitlines())
        asked = rounds.folder(second).read(artifacts.prepared("evaluation")).splitlines()
        known = {place for place, line in enumerate(asked) if line in trained}
        contests = rounds.contests(second)

        assert 10 < len(known) < len(asked)
        assert rounds.left_out(second) == {"candidate": set(), "baseline-1": known, "baseline-2": set()}
        assert contests["champion"]["left_out"] == len(known)
        assert contests["champion"]["n"] == len(asked) - len(known)
        assert contests["base"]["n"] == len(asked)

    @pytest.mark.parametrize(
        ("forgotten", "is_known"),
        [
            ([artifacts.TRAINING_KEYS], True),
            ([artifacts.TRAINING_KEYS, artifacts.prepared("training")], False),
            ([artifacts.TRAINING_KEYS, artifacts.PINNED], False),
        ],
    )
    def test_a_champion_without_keys_has_them_made_of_its_rows_while_these_are_there(
        self, forgotten, is_known
    ):
        rounds = Rounds()
        first = rounds.deployed(dataset(60))
        rounds.forget(first, *forgotten)
        rounds.world.pipeline_files.put("boxes.yaml", REHELD)
        second = rounds.round(dataset(90))
        rule = json.loads(rounds.folder(second).read(artifacts.RULE))

        assert bool(rounds.left_out(second)["baseline-1"]) is is_known
        assert rule["not_known"] == ([] if is_known else ["baseline-1"])

    def test_what_a_plan_of_an_older_release_does_not_say_is_not_known(self, grown):
        rounds, _, second = grown
        raw = json.loads(rounds.folder(second).read(artifacts.PLAN))
        del raw["trained_by"]
        made = msgspec.convert(raw, EvaluationPlan)
        groups = list(range(made.items))

        assert known_rows.find(rounds.world, second, made, groups).not_known == ("baseline-1",)

    def test_a_candidate_that_goes_on_from_the_champion_knows_what_that_knows(self):
        rounds = Rounds()
        first = rounds.deployed(dataset(60))
        rounds.world.pipeline_files.put(
            "boxes.yaml",
            JUDGED.replace("gpt-4.1-2025-04-14", first.model)
            + "dataset: {evaluation: {seed: 7, split: 0.3}}\n",
        )
        second = rounds.round(dataset(90))
        left_out = rounds.left_out(second)

        assert left_out["candidate"] == left_out["baseline-1"] != set()


def test_examples_in_one_group_with_one_that_is_known_are_known():
    rounds = Rounds()
    run = rounds.round(dataset(100), rows(*range(95, 130)))
    made = msgspec.json.decode(rounds.folder(run).read(artifacts.PLAN), type=EvaluationPlan)
    alone = known_rows.find(rounds.world, run, made, range(35)).places["candidate"]
    paired = known_rows.find(rounds.world, run, made, [place // 2 for place in range(35)]).places["candidate"]

    assert alone
    assert paired == {place for known in alone for place in (known // 2 * 2, known // 2 * 2 + 1)}


@pytest.mark.parametrize("role", ["training", "evaluation"])
def test_stored_keys_are_those_of_the_prepared_rows(role):
    rounds = Rounds()
    run = rounds.round(dataset(100))
    kind = {"training": artifacts.TRAINING_KEYS, "evaluation": artifacts.EVALUATION_KEYS}[role]
    lines = rounds.folder(run).read(artifacts.prepared(role)).splitlines()

    assert rounds.folder(run).read(kind) == known_rows.encoded(keys_of(lines, MethodType.SUPERVISED))
    assert len(set(keys_of(lines, MethodType.SUPERVISED))) == len(lines)


def test_a_line_that_is_no_row_of_the_method_is_said_so():
    talk = b'{"input": {"messages": [{"role": "user", "content": "a"}]}, "preferred_output": [], "non_preferred_output": []}'

    with pytest.raises(ValueError, match="line 2 is not a row for dpo"):
        list(keys_of([talk, boxes(1)], MethodType.DPO))


@pytest.mark.parametrize(
    ("kept", "stored", "words"),
    [
        (artifacts.EVALUATION_TRAINED, b"{", "cannot be read"),
        (artifacts.EVALUATION_TRAINED, b"", "cannot be read"),
        (artifacts.EVALUATION_TRAINED, b"[6]", "not among the 6 held-out ones"),
        (artifacts.EVALUATION_TRAINED, b"[-1]", "not among the 6 held-out ones"),
        (artifacts.EVALUATION_KEYS, bytes(8 * 5), "has 5 keys for 6 held-out examples"),
    ],
    ids=["cut", "empty", "beyond", "below 0", "too few keys"],
)
def test_what_is_not_about_the_held_out_examples_is_named_and_not_guessed(kept, stored, words):
    rounds = Rounds()
    answers = rounds.world.inference.answers

    def change(deployment, messages):
        (active,) = rounds.world.index.active()
        rounds.store(active.run_id, kept, stored)
        return answers(deployment, messages)

    rounds.world.inference.answers = change
    run = rounds.round(dataset(60))

    assert (run.status, run.failure.can_retry) == (Status.FAILED, True)
    assert kept.name in run.failure.message
    assert words in run.failure.message
