"""Anybody can check a verdict: scores and rule give it again, bit for bit."""

import random

import msgspec
import pytest

from shared.core.evaluation.answers import AnswerOutcome
from shared.core.evaluation.contest import Exam, Score
from shared.core.evaluation.evidence import (
    Basis,
    ScoreLine,
    check_keys,
    decode_basis,
    digest_of_scores,
    exam_of,
    judge_by,
    score_lines,
)
from shared.core.evaluation.looks import Look
from shared.core.evaluation.self_test import P_MAX, SelfTest
from shared.core.evaluation.verdict import Outcome, judge
from shared.core.identity import digest_of
from tests.core.evaluation.exams import exam, rule, score

chance = random.Random(8)
MADE = exam(
    [round(chance.random(), 3) for _ in range(38)] + [None, "ungradable"],
    [round(chance.random() / 2, 3) for _ in range(38)]
    + [Score(value=None, outcome=AnswerOutcome.TRUNCATED), "ungradable"],
    [0.1] * 39 + ["ungradable"],
    groups=[number // 2 for number in range(40)],
)
BASIS = Basis(
    metric="similar",
    is_similarity=True,
    labels=dict(MADE.labels),
    skipped=("champion: none",),
    rule=rule(superior_by=0.05),
    look=Look(set=2, pipeline=3),
    app_version="0.3.0",
)


def test_the_lines_and_the_rule_give_the_verdict_again():
    lines = list(score_lines(MADE))
    basis = decode_basis(msgspec.json.encode(BASIS))
    again = exam_of(lines, basis.labels)

    assert basis == BASIS
    assert again == MADE
    assert len(lines) == 3 * 40
    verdict = judge_by(again, basis)
    assert msgspec.json.encode(verdict) == msgspec.json.encode(judge_by(MADE, BASIS))
    assert verdict == judge(
        MADE, BASIS.rule, BASIS.look, metric="similar", skipped=("champion: none",), is_similarity=True
    )
    assert verdict.doubts[0].startswith("similar compares wording")


class TestWhatTheGraderShowed:
    """A verdict is one thing; whether the grader may be relied on is another."""

    won = exam([1.0] * 60, [0.0] * 60)
    basis = msgspec.structs.replace(
        BASIS,
        metric="label",
        is_similarity=False,
        labels=dict(won.labels),
        skipped=(),
        rule=rule(),
        look=Look(set=1, pipeline=1),
    )

    def judged(self, made=None, **changes):
        return judge_by(made or self.won, msgspec.structs.replace(self.basis, **changes))

    def test_a_grader_that_passed_leaves_no_doubt(self):
        passed = SelfTest(grader="label", passed=True, reason="all is well", p=0.001)
        found = self.judged(self_test=passed, chance=0.009)

        assert (found.outcome, found.doubts) == (Outcome.BETTER, ())

    def test_one_that_failed_does_and_says_why(self):
        found = self.judged(self_test=SelfTest(grader="label", passed=False, reason="it gives everything 1"))

        assert found.outcome is Outcome.BETTER
        assert found.doubts == ("label has not passed its self-test: it gives everything 1",)

    def test_of_a_similarity_one_doubt_is_enough(self):
        failed = SelfTest(grader="label", passed=False, reason="it compares wording")

        (doubt,) = self.judged(self_test=failed, is_similarity=True).doubts
        assert "compares wording, which alone" in doubt

    @pytest.mark.parametrize("chance", [P_MAX, 0.6])
    def test_answers_that_fit_any_question_leave_a_doubt(self, chance):
        (doubt,) = self.judged(chance=chance).doubts

        assert doubt == (
            f"the candidate's answers score about as much when they are handed out at random (p {chance:.3g}), so they may not "
            "depend on what was asked"
        )

    def test_doubts_of_the_grader_come_before_those_of_the_numbers(self):
        few = exam([1.0] * 20, [0.0] * 20)
        failed = SelfTest(grader="label", passed=False, reason="it gives everything 1")
        first, second = self.judged(few, self_test=failed).doubts

        assert "self-test" in first
        assert "20 groups" in second

    @pytest.mark.parametrize(("p", "is_said"), [(P_MAX, True), (1.0, True), (0.001, False), (None, False)])
    def test_of_a_grader_that_tells_nothing_a_lost_verdict_says_so(self, p, is_said):
        lost = exam([0.0] * 60, [1.0] * 60)
        found = self.judged(lost, self_test=SelfTest(grader="label", passed=False, reason="r", p=p))

        assert found.outcome is Outcome.NOT_BETTER
        assert found.reason.endswith(
            "examples: correct the grader in the pipeline file, and have the run judged again."
            if is_said
            else "and that is not chance."
        )

    def test_what_is_not_better_has_no_doubts(self):
        lost = exam([0.0] * 60, [1.0] * 60)
        failed = SelfTest(grader="label", passed=False, reason="it gives everything 1")
        found = self.judged(lost, self_test=failed)

        assert (found.outcome, found.doubts) == (Outcome.NOT_BETTER, ())

    def test_where_nothing_decides_it_is_unproven_whatever_the_scores(self):
        found = self.judged(undecided="no grader can decide", chance=0.5)

        assert (found.outcome, found.reason) == (Outcome.UNPROVEN, "no grader can decide")
        assert (found.decided_by, found.doubts) == (None, ())
        assert self.judged(not_known=("baseline-1",)).doubts
        assert self.judged(undecided="no grader can decide", not_known=("baseline-1",)).doubts == ()
        assert found.contests == self.judged().contests

    def test_what_is_not_known_and_what_was_not_asked_counts(self):
        assert "trained on" in self.judged(not_known=("baseline-1",)).doubts[0]
        assert self.judged(not_asked=(4,)).reason.startswith("Line 4 of evaluation.set must be passed")


def test_a_key_that_stands_twice_is_named_in_short():
    with pytest.raises(ValueError, match=r"^key 'a{60}' appears twice in one object$"):
        check_keys(b'{"%s": 1, "%s": 2}' % (b"a" * 80, b"a" * 80))


def test_what_the_service_counted_beside_comes_back():
    counted = score(1.0, cached_tokens=7, reasoning_tokens=5, latency_ms=40)
    made = exam([counted, 0.5], [0.5, counted])
    lines = list(score_lines(made))

    assert exam_of(lines, made.labels) == made
    assert [msgspec.json.decode(line).get("latency_ms") for line in lines] == [40, None, None, 40]


def test_tokens_that_nobody_counted_prove_nothing_unless_they_are_no_part_of_what_was_measured():
    unknown = score(1.0, prompt_tokens=None, completion_tokens=None)
    made = exam([unknown] * 60, [unknown] * 60)
    basis = msgspec.structs.replace(BASIS, labels=dict(made.labels), rule=rule(not_worse_by=0.2), skipped=())

    assert judge_by(made, basis).outcome is Outcome.UNPROVEN
    assert judge_by(made, basis, knows_tokens=True).outcome is Outcome.UNPROVEN
    assert judge_by(made, basis, knows_tokens=False).outcome is Outcome.AS_GOOD


def test_the_order_of_the_lines_does_not_count():
    lines = list(score_lines(MADE))

    assert exam_of(reversed(lines), BASIS.labels) == MADE
    assert exam_of(chance.sample(lines, len(lines)), BASIS.labels) == MADE
    assert exam_of([b"", *lines, b" \n"], BASIS.labels) == MADE


def test_a_line_says_all_that_counts_and_no_word_of_what_was_answered():
    line = msgspec.json.decode(next(score_lines(MADE)))

    assert set(line) == {
        "side", "index", "score", "outcome", "group", "prompt_tokens", "completion_tokens",
    }  # fmt: skip
    assert line == {
        "side": "candidate",
        "index": 0,
        "score": MADE.scores["candidate"][0].value,
        "outcome": "answered",
        "group": "g0",
        "prompt_tokens": 100,
        "completion_tokens": 10,
    }


def test_sides_that_did_not_all_get_the_same_items_are_not_written_down():
    shorter = msgspec.structs.replace(
        MADE, scores=MADE.scores | {"baseline-2": MADE.scores["baseline-2"][1:]}
    )

    with pytest.raises(ValueError, match="zip"):
        list(score_lines(shorter))


def changed(**values):
    first = {
        "side": "candidate",
        "index": 1,
        "score": 0.5,
        "outcome": "answered",
        "group": "g1",
        "prompt_tokens": None,
        "completion_tokens": None,
    }
    return msgspec.json.encode(first | values)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "line 2: "),
        (changed(outcome="lost"), "line 2: Invalid enum value 'lost'"),
        (changed(side="baseline-7"), "line 2: item 1 of baseline-7: the rule names no such side"),
        (changed(index=0), "line 2: item 0 of candidate: it was there before"),
        (
            changed(side="baseline-1", index=0, group="g9"),
            "line 2: item 0 is of group g9 here, of g0 before",
        ),
        (changed(), "baseline-1 has 0 of 2 items"),
        (changed(score=1.5), "line 2: .*<= 1"),
        (changed(outcome="refused"), "line 2: a score, although the answer was refused"),
        (changed(gradable=False), "line 2: a score, although the item cannot be graded"),
        (changed(score=None), "line 2: no score, although the item can be graded and was answered"),
    ],
)
def test_lines_that_do_not_belong_together_are_refused(line, words):
    with pytest.raises(ValueError, match=words):
        exam_of([changed(index=0, group="g0"), line], {"candidate": "c", "baseline-1": "b"})


def test_a_line_of_an_item_that_can_be_graded_need_not_say_so():
    assert msgspec.json.decode(changed(), type=ScoreLine).gradable is True
    (score,) = exam_of([changed()], {"candidate": "c"}).scores["candidate"]
    assert score == Score(value=0.5)


@pytest.mark.parametrize("outcome", ["refused", "filtered", "failed", "truncated"])
def test_a_line_without_an_answer_has_no_score(outcome):
    (score,) = exam_of([changed(score=None, outcome=outcome)], {"candidate": "c"}).scores["candidate"]

    assert score == Score(value=None, outcome=AnswerOutcome(outcome))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": {"baseline-1": "b"}}, "labels: candidate is missing"),
        ({"rule": rule(confidence=0.4)}, "rule.confidence: 0.4 is not between"),
        ({"rule": rule(confidence=0.99999)}, "rule.confidence: 0.99999 is not between"),
        ({"rule": rule(superior_by=1.1)}, "^rule: a number is out of range$"),
        ({"rule": rule(min_gain=1.1)}, "^rule: a number is out of range$"),
        ({"rule": rule(min_gain=-1.1)}, "^rule: a number is out of range$"),
        (
            {"rule": rule(superior_by=0.1, min_gain=0.1)},
            "^rule: superior_by, not_worse_by and min_gain exclude each other$",
        ),
        ({"rule": rule(not_worse_by=0.1, min_gain=-0.1)}, "exclude each other"),
        ({"rule": rule(not_worse_by=1.1)}, "rule: a number is out of range"),
        ({"rule": rule(max_severe_regressions=0.0)}, "rule: a number is out of range"),
        ({"rule": rule(max_slice_loss=1.1)}, "rule: a number is out of range"),
        ({"not_known": ("baseline-9",)}, "^not_known: there is no such side$"),
        ({"rule": rule(max_severe_regressions=1.1)}, "rule: a number is out of range"),
        ({"look": Look(set=0, pipeline=1)}, "look: the first one is 1"),
        ({"look": Look(set=1, pipeline=0)}, "look: the first one is 1"),
    ],
    ids=str,
)
def test_a_basis_that_no_run_can_have_is_refused(change, words):
    raw = msgspec.json.encode(msgspec.structs.replace(BASIS, **change))

    with pytest.raises(ValueError, match=words):
        decode_basis(raw)


@pytest.mark.slow
def test_a_basis_at_its_edges_is_read():
    for changed_rule in (
        rule(min_gain=-1.0),
        rule(min_gain=1.0, max_cost_ratio=1000.0, max_prompt_ratio=0.001),
        rule(confidence=0.5, superior_by=1.0, max_severe_regressions=1.0),
        rule(confidence=0.9999, not_worse_by=1.0, max_severe_regressions=0.001),
        rule(superior_by=0.0, max_slice_loss=0.0),
        rule(not_worse_by=0.0, max_slice_loss=1.0),
    ):
        everybody = msgspec.structs.replace(BASIS, rule=changed_rule, not_known=tuple(BASIS.labels))
        assert decode_basis(msgspec.json.encode(everybody)) == everybody
        for look in (Look(set=1, pipeline=1), Look(set=1_000_000, pipeline=1_000_000)):
            basis = msgspec.structs.replace(BASIS, rule=changed_rule, look=look)
            assert decode_basis(msgspec.json.encode(basis)) == basis
            assert judge_by(MADE, basis)


def test_the_digest_of_scores_is_of_their_lines_in_whatever_order_they_were_read():
    lines = list(score_lines(MADE))

    assert digest_of_scores(exam_of(reversed(lines), BASIS.labels)) == digest_of_scores(MADE)
    assert digest_of_scores(MADE) == digest_of(b"".join(line + b"\n" for line in lines))


def test_what_is_left_out_sliced_and_must_be_passed_comes_back():
    scores = [Score(value=1.0, is_known=True), Score(value=None, is_gradable=False)]
    made = Exam(
        groups=["g0", "g1"],
        labels={"candidate": "candidate"},
        scores={"candidate": scores},
        slices=[("label a", "script Latin"), ()],
        must_pass={1: 17},
    )
    first, second = map(msgspec.json.decode, score_lines(made))

    assert exam_of(score_lines(made), made.labels) == made
    assert (first["left_out"], first["slices"]) == (True, ["label a", "script Latin"])
    assert (second["gradable"], second["must_pass"]) == (False, 17)
    assert not {"gradable", "must_pass"} & first.keys()
    assert not {"left_out", "slices"} & second.keys()


@pytest.mark.parametrize("other", [{"slices": ["b"]}, {"must_pass": 3}, {}])
def test_sides_that_disagree_about_an_item_are_refused(other):
    made = Exam(
        groups=["g0"],
        labels={"candidate": "c", "baseline-1": "b"},
        scores={"candidate": [Score(value=1.0)], "baseline-1": [Score(value=0.0)]},
        slices=[("a",)],
        must_pass={0: 2},
    )
    first, second = score_lines(made)
    changed = {
        key: value for key, value in msgspec.json.decode(second).items() if key not in {"slices", "must_pass"}
    }

    with pytest.raises(ValueError, match="line 2: item 0 has other slices here than before"):
        exam_of([first, msgspec.json.encode(changed | other)], made.labels)
