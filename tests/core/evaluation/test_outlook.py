"""Before money is spent: what so few groups can show, and what to write so that more can be shown."""

import msgspec
import pytest

from shared.core.evaluation.ahead import outlook
from shared.core.evaluation.doubts import NONE_YET
from shared.core.evaluation.exact import fewest_groups
from shared.core.evaluation.grading import examine
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.looks import ComingLook, error_of
from shared.core.evaluation.more_groups import Source, how_to_have
from shared.core.evaluation.outlook import Outlook
from shared.core.evaluation.prospect import BaselinesAhead, ExamAhead, Past, Prospect
from shared.core.evaluation.verdict import judge
from shared.core.pipeline.file import parse_pipeline
from shared.core.spec import DatasetSpec, EvaluationSplit
from tests.core.evaluation.exams import LOOK, exam, rule

pytestmark = pytest.mark.slow

LABELS = ["billing", "delivery", "account", "hardware"]
THERE = BaselinesAhead(present=("base",))
FILE = "pipelines/p.yaml"
WRITE_250 = "write `dataset: {evaluation: {max_examples: 250}}`"
GAIN_OF_200 = (
    "The smallest true gain that 200 groups are likely to show is 0.10 (95% confidence; a chance of 90%; differences with a "
    "standard deviation of 0.5, assumed until this pipeline has a comparison). A gain of 0.1 takes about 215 groups."
)


def told(groups, extra="", *, baselines=THERE, past=None, texts=None, **exam):
    """The outlook of a pipeline with so many groups, or with these of each example."""
    source = f"model: gpt-4.1-2025-04-14\n{extra}"
    spec = parse_pipeline(source, name="p").spec
    groups = list(range(groups)) if isinstance(groups, int) else groups
    texts = texts or [LABELS[number % 4] for number in range(len(groups))]
    items = [
        EvaluationItem(index=n, messages=[], reference=text) for n, text in enumerate(texts[: len(groups)])
    ]
    kind = exam.pop("kind", "split")
    rows = exam.pop("rows", 1000)
    ahead = ExamAhead(groups=groups, source=Source(kind=kind, rows=rows, dataset=spec.dataset), **exam)
    prospect = Prospect(
        spec=spec,
        source=source,
        file=FILE,
        exam=ahead,
        examined=examine(items, spec, source, FILE),
        baselines=baselines,
        past=past or Past(),
    )
    return outlook(prospect)


def evaluation(rule):
    return f"evaluation:\n  baselines: [{{deployment: base}}]\n  promote:\n    {rule}\n"


#: References that only a similarity can grade.
FREE = [f"The code of box {number} is {number * 7919 % 1000}." for number in range(60)]
AUTOMATIC = "approval: {mode: automatic}\n"


def obstacle(found, path):
    """The only obstacle of a key."""
    (one,) = [obstacle for obstacle in found.obstacles if obstacle.path == path]
    return one


class TestWhatTheySay:
    def test_a_pipeline_that_lacks_nothing(self):
        found = told(200)

        assert (found.examples, found.groups, found.compared_groups) == (200, 200, 200)
        assert (found.obstacles, found.can_be_better) == ((), True)
        assert (found.grader, found.has_passed, found.look) == ("label_match", True, None)
        assert found.sentences == (
            "200 held-out examples.",
            GAIN_OF_200,
            "label_match decides; it passed its self-test. Guessing, with the answer to another example, scores 0.23 on average.",
        )

    @pytest.mark.parametrize(("groups", "gain"), [(30, 0.27), (100, 0.15), (200, 0.10)])
    def test_the_smallest_gain(self, groups, gain):
        found = told(groups)

        assert round(found.smallest_gain, 2) == gain
        assert f"{groups} groups are likely to show is {gain:.2f} (95% confidence" in " ".join(
            found.sentences
        )

    def test_groups_count_and_not_rows(self):
        found = told([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5])

        assert (found.examples, found.groups, found.compared_groups) == (12, 6, 6)
        assert "12 held-out examples in 6 groups." in found.sentences

    def test_the_spread_of_the_last_comparison_is_taken(self):
        found = told(100, past=Past(spread=0.1))

        assert (found.spread, found.is_spread_assumed) == (0.1, False)
        assert found.smallest_gain == pytest.approx(told(100).smallest_gain / 5, abs=1e-4)
        assert "as in the last comparison of this pipeline" in " ".join(found.sentences)
        assert "A gain of 0.1 takes" not in " ".join(found.sentences)

    def test_a_comparison_without_any_difference_promises_nothing(self):
        assert told(100, past=Past(spread=0.0)) == told(100)

    def test_a_line_is_part_of_the_gain(self):
        plain = told(200).smallest_gain

        assert told(200, evaluation("superior_by: 0.2")).smallest_gain == pytest.approx(plain + 0.2)
        saving = "not_worse_by: 0.05\n    max_prompt_ratio: 0.5"
        assert told(200, evaluation(saving)).smallest_gain == pytest.approx(plain - 0.05)

    @pytest.mark.parametrize("look", [1, 7])
    def test_automatic_takes_the_confidence_of_the_coming_look(self, look):
        past = Past(coming=ComingLook(number=look))
        found = told(200, AUTOMATIC, past=past)

        assert (found.look, found.confidence) == (look, 1 - error_of(0.95, look))
        assert found.smallest_gain > told(200).smallest_gain
        assert f"which `automatic` takes at look {look} since the last promotion" in " ".join(found.sentences)
        assert (told(200, past=past).look, told(200, past=past).confidence) == (None, 0.95)

    def test_it_is_said_if_nothing_can_be_shown(self):
        found = told(30, evaluation("superior_by: 0.8"), texts=FREE)

        assert found.smallest_gain is None
        assert (
            "not likely to show any gain below 1" in obstacle(found, "evaluation.promote.superior_by").message
        )
        assert "30 groups are not likely to show any gain (95% confidence)." in found.sentences
        assert found.can_be_better
        assert told(60, evaluation("superior_by: 0.8"), texts=FREE).obstacles == ()
        most = told(60, evaluation("superior_by: 1"), texts=FREE)
        assert obstacle(most, "evaluation.promote.superior_by").remedy == "Ask for less."

    def test_a_gain_that_is_not_shown_if_all_groups_are_won_is_out_of_reach(self):
        found = told(10, evaluation("superior_by: 0.52"))
        one = obstacle(found, "evaluation.promote.superior_by")

        assert (found.can_be_better, found.smallest_gain) == (False, None)
        assert one.message == (
            "10 groups cannot show a gain of 0.52 at 95% confidence, even if all are won: they show 0.240 at most"
        )
        assert one.remedy.startswith(
            "Ask for less than 0.240, or have more: a gain of 0.76 takes 38 groups: "
        )
        most = obstacle(told(60, evaluation("superior_by: 1")), "evaluation.promote.superior_by")
        assert most.remedy == "Ask for less than 0.804."

    @pytest.mark.no_cover
    @pytest.mark.parametrize("groups", [5, 7, 10, 30, 60])
    @pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
    @pytest.mark.parametrize("line", [0.01, 0.05, 0.2, 0.4, 0.5, 0.6, 0.8])
    def test_it_can_be_better_exactly_where_the_verdict_can(self, groups, confidence, line):
        found = told(groups, evaluation(f"superior_by: {line}\n    confidence: {confidence}"))
        all_won = exam([1.0] * groups, [0.0] * groups)
        asked = rule(superior_by=line, confidence=confidence)
        verdict = judge(all_won, asked, LOOK, metric="label_match", is_planning=False)

        assert found.can_be_better is (verdict.outcome == "better")
        assert found.can_be_better or found.smallest_gain is None

    def test_groups_of_several_examples_may_lie_between_won_and_lost(self):
        pairs = [number // 2 for number in range(20)]

        assert told(pairs, evaluation("superior_by: 0.52")).can_be_better
        others = frozenset({10})
        assert not told(
            [*range(10), 10, 10], evaluation("superior_by: 0.52"), to_candidate=others
        ).can_be_better

    def test_a_grader_that_has_not_passed_is_named_with_the_reason(self):
        texts = FREE
        found = told(60, texts=texts)

        assert (found.grader, found.has_passed, found.obstacles) == ("similarity", False, ())
        assert any(
            sentence.startswith("similarity decides; it has not passed its self-test: it compares wording")
            for sentence in found.sentences
        )

    def test_without_the_cloud_it_says_what_it_does_not_know(self):
        assert "Not known here" in told(60, baselines=None).sentences[-1]
        assert "Not known here" not in " ".join(told(60).sentences)


class TestWhatIsLeftOut:
    def test_groups_that_a_model_was_trained_on(self):
        found = told(60, to_candidate=frozenset({0, 1}), to_champion=frozenset({1, 2, 3}))

        assert (found.groups, found.compared_groups) == (60, 56)
        (exam,) = [sentence for sentence in found.sentences if sentence.startswith("60 held-out")]
        assert "trains on rows like theirs: 2 groups." in exam
        assert "champion, which was trained on them: 3 groups. That leaves 56 groups." in exam

    @pytest.mark.parametrize(("known", "is_said"), [(None, True), (frozenset(), False)])
    def test_a_champion_of_which_nothing_is_known_asks_a_person_under_automatic(self, known, is_said):
        found = told(100, AUTOMATIC, to_champion=known)

        assert [one.path for one in found.obstacles] == ["approval.mode"] * is_said
        assert all("not known what the champion was trained on" in one.message for one in found.obstacles)
        assert told(100, to_champion=known).obstacles == ()

    def test_what_is_not_known_of_the_champion_is_said(self):
        found = told(60, to_champion=None)

        assert found.compared_groups == 60
        assert "It is not known what the champion was trained on" in " ".join(found.sentences)

    @pytest.mark.parametrize(("count", "is_said"), [(10, False), (11, True)])
    def test_more_than_a_tenth_asks_a_person_under_automatic(self, count, is_said):
        known = frozenset(range(count))

        assert (
            any("left out" in one.message for one in told(100, AUTOMATIC, to_champion=known).obstacles)
            is is_said
        )
        assert told(100, to_champion=known).obstacles == ()


class TestConfidence:
    @pytest.mark.parametrize(("confidence", "fewest"), [(0.95, 5), (0.99, 7), (0.999, 10), (0.9999, 14)])
    def test_it_takes_so_many_groups(self, confidence, fewest):
        rule = evaluation(f"confidence: {confidence}")

        assert fewest_groups(confidence, 5) == fewest
        assert told(fewest, rule).can_be_better
        assert not told(fewest - 1, rule).can_be_better

    def test_what_cannot_be_had_has_its_place_and_the_numbers_to_write(self):
        found = told(6, evaluation("confidence: 0.999"), rows=60)
        one = obstacle(found, "evaluation.promote.confidence")

        assert (one.where, found.smallest_gain) == (f"{FILE}:5", None)
        assert one.message == "6 groups cannot give 99.9% confidence, however they end: it takes 10"
        assert one.remedy == (
            "Write `confidence: 0.95`, or have 10 groups: write `dataset: {evaluation: {split: 0.17}}`."
        )
        assert found.sentences[:2] == (
            "Whatever is trained, it cannot be shown to be better as things are: at best a person is asked, without proof.",
            one.render(),
        )

    @pytest.mark.parametrize("kind", ["split", "file", "set"])
    def test_fewer_than_five_groups_prove_nothing(self, kind):
        found = told([0, 0, 1, 2, 3], kind=kind)
        path = "evaluation.set" if kind == "set" else "dataset.evaluation"

        assert (
            obstacle(found, path).message
            == "4 groups of held-out examples can be compared, and fewer than 5 prove nothing"
        )
        assert obstacle(found, path).where == f"{FILE}:1"
        assert not found.can_be_better

    def test_nothing_held_out_is_said_too(self):
        found = told(0, "dataset: {evaluation: {split: 0}}\n", rows=100)

        assert obstacle(found, "dataset.evaluation").remedy == "Write `dataset: {evaluation: {split: 0.05}}`."
        assert (found.smallest_gain, found.can_be_better) == (None, False)


class TestSevereRegressions:
    @pytest.mark.parametrize(("confidence", "fewest"), [(0.95, 149), (0.99, 228), (0.999, 342)])
    def test_a_limit_takes_so_many_groups(self, confidence, fewest):
        rule = evaluation(f"max_severe_regressions: 0.02\n    confidence: {confidence}")
        found = told(fewest - 1, rule)
        one = obstacle(found, "evaluation.promote.max_severe_regressions")

        assert told(fewest, rule).obstacles == ()
        assert not found.can_be_better
        assert (one.where, f"it takes {fewest}" in one.message) == (f"{FILE}:5", True)

    def test_the_limit_that_is_named_instead_can_be_had(self):
        rule = evaluation("max_severe_regressions: 0.02")
        remedy = obstacle(told(60, rule), "evaluation.promote.max_severe_regressions").remedy
        instead = remedy.split("`")[1]

        assert instead == "max_severe_regressions: 0.049"
        assert told(60, evaluation(instead)).obstacles == ()

    @pytest.mark.parametrize(
        ("mode", "groups", "is_said"), [(AUTOMATIC, 148, True), (AUTOMATIC, 149, False), ("", 148, False)]
    )
    def test_automatic_has_one_for_scores_between_0_and_1(self, mode, groups, is_said):
        texts = [f"The code of box {number} is {number * 7919 % 1000}." for number in range(groups)]
        found = told(groups, mode, texts=texts)

        assert any("lose 0.5 or more" in one.message for one in found.obstacles) is is_said
        assert found.can_be_better

    def test_graders_that_give_only_0_and_1_need_none(self):
        assert told(100, AUTOMATIC).obstacles == ()


class TestAutomatic:
    @pytest.mark.parametrize(("groups", "is_said"), [(49, True), (50, False)])
    def test_it_takes_fifty_groups(self, groups, is_said):
        found = told(groups, AUTOMATIC)

        assert [one.path for one in found.obstacles] == ["approval.mode"] * is_said
        assert told(groups).obstacles == ()
        if is_said:
            assert found.obstacles[0].where == f"{FILE}:2"
            assert "it takes 50 groups, and there are 49" in found.obstacles[0].message

    def test_a_grader_has_to_pass(self):
        texts = [f"The code of box {number} is {number * 7919 % 1000}." for number in range(200)]

        assert ["self-test" in one.message for one in told(200, AUTOMATIC, texts=texts).obstacles] == [True]

    @pytest.mark.parametrize(
        ("reason", "is_said"), [("deployment gone is not there", True), (NONE_YET, False)]
    )
    def test_a_baseline_that_is_missing_asks_a_person_unless_there_is_none_yet(self, reason, is_said):
        baselines = BaselinesAhead(present=("base",), missing=(f"other: {reason}",))
        found = told(100, AUTOMATIC, baselines=baselines)

        assert bool(found.obstacles) is is_said
        assert f"Not measured, as things are: other: {reason}." in found.sentences


class TestBaselines:
    def test_nothing_to_compare_with_is_said_first(self):
        found = told(100, baselines=BaselinesAhead(missing=(f"champion: {NONE_YET}",)))

        assert not found.can_be_better
        assert "{deployment: NAME}" in obstacle(found, "evaluation.baselines").remedy
        assert found.missing == (f"champion: {NONE_YET}",)

    def test_what_is_not_known_is_no_obstacle(self):
        found = told(100, baselines=BaselinesAhead(not_known=("base: HTTP 503",)))

        assert (found.can_be_better, found.obstacles, found.not_known) == (True, (), ("base: HTTP 503",))
        assert "Whether it can be measured is not known: base: HTTP 503." in found.sentences


class TestMustPass:
    RULE = "evaluation:\n  set: sets/x.jsonl\n  must_pass: [2, 9]\n"

    def test_lines_that_are_asked_are_no_obstacle(self):
        found = told(20, self.RULE, kind="set", must_pass={1: 2, 8: 9})

        assert (found.obstacles, found.can_be_better) == ((), True)

    @pytest.mark.parametrize(
        ("exam", "words"),
        [
            ({"must_pass": {1: 2}}, "is not among the rows that are asked: line 9 of evaluation.set"),
            ({"must_pass": {}}, "is not among the rows that are asked: lines 2, 9 of evaluation.set"),
            (
                {"must_pass": {1: 2, 8: 9}, "to_champion": frozenset({8})},
                "is left out, because a model was trained on it: line 9 of evaluation.set",
            ),
            (
                {"must_pass": {1: 2, 8: 9}, "to_candidate": frozenset({1})},
                "is left out, because a model was trained on it: line 2 of evaluation.set",
            ),
        ],
    )
    def test_a_line_that_cannot_be_asked_is_named(self, exam, words):
        found = told(20, self.RULE, kind="set", **exam)
        one = obstacle(found, "evaluation.must_pass")

        assert (one.where, one.message) == (f"{FILE}:4", f"must be passed, and {words}")
        assert not found.can_be_better

    def test_so_is_one_that_the_grader_cannot_read(self):
        grader = '{type: label_match, reference: "{{item.target}}"}'
        found = told(20, self.RULE + f"  graders: [{grader}]\n", kind="set", must_pass={1: 2, 8: 9})

        assert (
            "without what the deciding grader reads: lines 2, 9"
            in obstacle(found, "evaluation.must_pass").message
        )


def source(kind="split", rows=1000, share=0.1, most=200):
    split = EvaluationSplit(share=share, max_examples=most)
    return Source(kind=kind, rows=rows, dataset=DatasetSpec(evaluation=split))


@pytest.mark.parametrize(
    ("groups", "of", "examples", "present", "words"),
    [
        (150, source(), 100, 100, "write `dataset: {evaluation: {split: 0.15}}`"),
        (150, source(), 100, 50, "write `dataset: {evaluation: {split: 0.3, max_examples: 300}}`"),
        (342, source(rows=5000), 200, 200, "write `dataset: {evaluation: {max_examples: 342}}`"),
        (
            50,
            source(rows=60),
            6,
            6,
            "drop about 100 rows with `dataset: {evaluation: {split: 0.5}}`, or an evaluation file of about 50 rows",
        ),
        (
            50,
            source("file", rows=30),
            30,
            30,
            "give the evaluation file about 20 more rows that no model was trained on",
        ),
        (
            250,
            source("set", rows=200),
            200,
            200,
            f"give evaluation.set about 50 more rows that no model was trained on and {WRITE_250}",
        ),
        (250, source("set", rows=400), 200, 200, WRITE_250),
        (
            20_000,
            source(),
            100,
            100,
            "about 20,000 examples would be needed, and at most 10,000 can be asked",
        ),
    ],
)
def test_how_to_have_so_many_groups(groups, of, examples, present, words):
    assert how_to_have(groups, of, examples, present) == words


def test_an_outlook_is_read_back_as_it_was_written():
    found = told(6, evaluation("confidence: 0.999") + AUTOMATIC)

    assert msgspec.json.decode(msgspec.json.encode(found), type=Outlook) == found
