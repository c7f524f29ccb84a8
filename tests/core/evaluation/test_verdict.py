"""The verdict follows from the numbers, and says which: each reason once, each doubt alone, and the outcomes of W1 to W12."""

import msgspec
import pytest

from shared.core.evaluation import doubts
from shared.core.evaluation.answers import Answer
from shared.core.evaluation.contest import contest_of
from shared.core.evaluation.exam import Exam
from shared.core.evaluation.looks import Look
from shared.core.evaluation.seen import Seen
from shared.core.evaluation.verdict import PROMOTED, Outcome, judge
from tests.core.evaluation.exams import (
    LOOK,
    PLAIN,
    checking,
    compared,
    differing,
    exam,
    items,
    rule,
    score,
    verdict,
    won_lost_tied,
)


def tokens(value, prompt=100, completion=10):
    return score(value, prompt_tokens=prompt, completion_tokens=completion)


@pytest.mark.parametrize(
    ("candidate", "baselines", "by", "outcome", "words"),
    [
        ([1] * 10, [[0] * 10], PLAIN, Outcome.BETTER, "1.000 against 0.000 of model 1, gain +1.000"),
        ([0] * 10, [[1] * 10], PLAIN, Outcome.NOT_BETTER, "scores lower, and that is not chance"),
        ([1] * 10, [[1] * 10], PLAIN, Outcome.NOT_BETTER, "may be chance"),
        ([1, 0] * 5, [[0, 1] * 5], PLAIN, Outcome.NOT_BETTER, "may be chance"),
        (
            [1] * 6 + [0] * 4,
            [[0] * 10],
            rule(min_gain=0.7),
            Outcome.NOT_BETTER,
            "A gain of at least 0.7 is asked for, which is not proven",
        ),
        ([1] * 10, [[0] * 10, [1] * 10], PLAIN, Outcome.NOT_BETTER, "of model 2"),
        ([1] * 10, [], PLAIN, Outcome.UNPROVEN, "No baseline could be measured (champion: none)"),
        ([1] * 4, [[0] * 4], PLAIN, Outcome.UNPROVEN, "Only 4 held-out examples"),
        ([], [], PLAIN, Outcome.UNPROVEN, "Only 0 held-out examples"),
        ([None] * 3 + [1] * 7, [[0] * 10], PLAIN, Outcome.NOT_BETTER, "no answer to 3 of 10"),
    ],
)
def test_the_outcome_follows_the_rule(candidate, baselines, by, outcome, words):
    result = verdict(candidate, *baselines, by=by, skipped=("champion: none",) if not baselines else ())

    assert result.outcome is outcome
    assert words in result.reason


class TestReasons:
    """Whole sentences, each once."""

    def test_a_candidate_that_hardly_answers(self):
        found = verdict([None] * 5 + [1.0] * 15, [0.0] * 20)

        assert (found.outcome, found.decided_by) == (Outcome.NOT_BETTER, None)
        assert found.reason == "The candidate gave no answer to 5 of 20 examples."
        assert verdict([None] * 4 + [1.0] * 16, [0.0] * 20).outcome is Outcome.BETTER

    def test_items_that_cannot_be_graded(self):
        found = verdict(["ungradable"] * 5 + [1.0] * 15, ["ungradable"] * 5 + [0.0] * 15)

        assert found.outcome is Outcome.UNPROVEN
        assert found.reason == (
            "5 of 20 examples cannot be graded by exact: they lack a field that it names. "
            "Correct its templates in the pipeline file."
        )
        assert (
            verdict(["ungradable"] * 4 + [1.0] * 16, ["ungradable"] * 4 + [0.0] * 16).outcome
            is Outcome.BETTER
        )

    def test_too_few_groups(self):
        found = verdict([1.0] * 40, [0.0] * 40, groups=[number % 4 for number in range(40)])

        assert found.outcome is Outcome.UNPROVEN
        assert found.reason == (
            "Only 40 held-out examples in 4 groups: too few to prove anything (5 groups at least)."
        )
        assert verdict([1.0] * 40, [0.0] * 40, groups=[n % 5 for n in range(40)]).outcome is Outcome.BETTER

    def test_no_baseline(self):
        assert (
            verdict([1.0] * 10).reason == "No baseline could be measured; the candidate scores 1.000 exact."
        )
        assert verdict([1.0, 0.0] * 5, skipped=("a: gone", "b: gone")).reason == (
            "No baseline could be measured (a: gone; b: gone); the candidate scores 0.500 exact."
        )

    @pytest.mark.parametrize(
        ("groups", "confidence", "needs"), [(6, 0.99, 7), (9, 0.999, 10), (13, 0.9999, 14)]
    )
    @pytest.mark.parametrize("value", [1.0, 0.7])
    def test_a_confidence_that_so_few_groups_cannot_give(self, groups, confidence, needs, value):
        by = rule(confidence=confidence)
        found = verdict([value] * groups, [0.0] * groups, by=by)

        assert found.outcome is Outcome.UNPROVEN
        assert found.reason == (
            f"{groups} held-out examples cannot give {100 * confidence:.4g}% confidence, however they end: it takes {needs} "
            "groups."
        )
        assert verdict([value] * needs, [0.0] * needs, by=by).outcome is Outcome.BETTER

    def test_a_gain_that_may_be_chance(self):
        ours, theirs = won_lost_tied(3, 0, 7)
        found = verdict(ours, theirs)

        assert (found.outcome, found.decided_by) == (Outcome.NOT_BETTER, "baseline-1")
        assert found.reason == (
            "exact: 1.000 against 0.700 of model 1, gain +0.300 (at least -0.213 with 95% confidence; 3 wins and 0 losses on 10 "
            "held-out examples). The gain may be chance: its lower bound is not above 0. About "
            f"{found.contests[0].needed} groups would show the gain seen."
        )

    def test_a_gain_that_is_smaller_than_what_is_asked_for(self):
        ours, theirs = won_lost_tied(6, 0, 4)
        found = verdict(ours, theirs, by=rule(superior_by=0.7))

        assert found.reason.endswith("A gain of at least 0.7 is asked for, which is not proven.")
        assert verdict(ours, theirs, by=rule(superior_by=0.02)).outcome is Outcome.BETTER

    @pytest.mark.parametrize(
        ("by", "asked"), [(PLAIN, ""), (rule(superior_by=0.3), " A gain of at least 0.3 is asked for.")]
    )
    def test_a_loss_that_is_no_chance(self, by, asked):
        found = verdict([0.0] * 30, [1.0] * 30, by=by)

        assert found.reason.endswith(f"The candidate scores lower, and that is not chance.{asked}")

    def test_a_loss_where_a_loss_is_allowed_names_what_is_allowed(self):
        found = verdict([0.0] * 30, [1.0] * 30, by=rule(not_worse_by=0.1))

        assert found.reason.endswith("A loss of at most 0.1 is allowed, and a greater one is not excluded.")

    def test_too_few_examples_and_nothing_to_compare_with(self):
        assert verdict([1.0] * 4).reason == (
            "Only 4 held-out examples: too few to prove anything (5 groups at least)."
        )

    def test_what_it_would_take_is_worked_out_unless_nobody_asks(self):
        won = won_lost_tied(3, 0, 7)

        assert verdict(*won).contests[0].needed
        assert verdict(*won, is_planning=False).contests[0].needed is None

    def test_where_there_is_no_bound_that_is_said(self):
        made = exam([1.0] * 5, [0.0] * 5)
        unbound = msgspec.structs.replace(contest_of(made, "baseline-1", PLAIN, LOOK), lower_bound=None)
        seen = Seen(
            exam=made,
            rule=PLAIN,
            metric="m",
            contests=(unbound,),
            skipped=(),
            not_known=(),
            knows_tokens=True,
        )

        assert "gain +1.000 (without a bound; 5 wins and 0 losses" in seen.numbers(unbound)

    def test_a_loss_that_is_not_excluded(self):
        ours, theirs = won_lost_tied(0, 10, 90)
        found = verdict(ours, theirs, by=rule(not_worse_by=0.05))

        assert found.outcome is Outcome.NOT_BETTER
        assert found.reason.endswith("A loss of at most 0.05 is allowed, and a greater one is not excluded.")

    def test_a_loss_that_is_excluded(self):
        ours, theirs = won_lost_tied(0, 10, 90)
        found = verdict(ours, theirs, by=rule(not_worse_by=0.3, max_cost_ratio=1.5))

        assert (found.outcome, found.decided_by) == (Outcome.AS_GOOD, "baseline-1")
        assert found.reason.endswith(
            "It uses 1.00 times the completion tokens; at most 1.5 times is asked for. "
            "A loss of more than 0.3 is excluded."
        )
        assert found.outcome in PROMOTED

    def test_too_many_tokens(self):
        theirs = [tokens(0.0)] * 10
        for kind, of_candidate in (("completion", {"completion": 16}), ("prompt", {"prompt": 160})):
            key = "max_cost_ratio" if kind == "completion" else "max_prompt_ratio"
            found = verdict([tokens(1.0, **of_candidate)] * 10, theirs, by=rule(**{key: 1.5}))
            assert found.outcome is Outcome.NOT_BETTER
            assert found.reason.endswith(
                f"It uses 1.60 times the {kind} tokens; at most 1.5 times is asked for."
            )
            kept = verdict([tokens(1.0, **of_candidate)] * 10, theirs, by=rule(**{key: 1.6}))
            assert kept.outcome is Outcome.BETTER
            assert kept.reason.endswith(
                f"It uses 1.60 times the {kind} tokens; at most 1.6 times is asked for."
            )

    @pytest.mark.parametrize(
        ("kind", "key"), [("completion", "max_cost_ratio"), ("prompt", "max_prompt_ratio")]
    )
    def test_tokens_that_nobody_counted(self, kind, key):
        ours = [tokens(1.0, **{kind: None})] * 10
        by = rule(**{key: 1.5})
        found = verdict(ours, [0.0] * 10, by=by)

        assert (found.outcome, found.decided_by) == (Outcome.UNPROVEN, "baseline-1")
        assert found.reason.endswith(
            f"How many {kind} tokens each used is not known, so the limit on them is not shown to be kept."
        )
        offline = verdict(ours, [0.0] * 10, by=by, knows_tokens=False)
        assert offline.outcome is Outcome.BETTER
        assert offline.reason.endswith(" Cost was not compared: the tokens are not known.")

    def test_severe_regressions(self):
        differences = [0.4] * 60 + [-0.6] * 2
        by = rule(max_severe_regressions=0.1)
        found = verdict(*differing(differences), by=rule(max_severe_regressions=0.06))

        assert found.outcome is Outcome.NOT_BETTER
        assert found.reason.endswith(
            "2 of 62 groups lose 0.5 or more, so up to 9.808% may; at most 6% is asked for."
        )
        assert verdict(*differing(differences), by=by).outcome is Outcome.BETTER
        assert verdict(*differing(differences)).outcome is Outcome.BETTER

    @pytest.mark.parametrize("count", [0, 2])
    def test_a_limit_that_is_just_reached_is_kept(self, count):
        marks = differing([0.4] * (62 - count) + [-0.6] * count)
        bound = verdict(*marks).contests[0].severe.upper_bound

        assert verdict(*marks, by=rule(max_severe_regressions=bound)).outcome is Outcome.BETTER
        assert verdict(*marks, by=rule(max_severe_regressions=bound - 1e-8)).outcome is not Outcome.BETTER

    def test_whoever_bears_any_regression_needs_no_groups_for_it(self):
        assert (
            verdict(*differing([0.9] * 60 + [-0.6]), by=rule(max_severe_regressions=1.0)).outcome
            is Outcome.BETTER
        )

    def test_a_limit_on_severe_regressions_that_so_few_groups_cannot_show(self):
        by = rule(max_severe_regressions=0.02)
        found = verdict(*differing([0.4] * 148), by=by)

        assert (found.outcome, found.decided_by) == (Outcome.UNPROVEN, "baseline-1")
        assert found.reason.endswith(
            "148 groups cannot show that at most 2% lose 0.5 or more, even if none is seen: it takes 149."
        )
        assert verdict(*differing([0.4] * 149), by=by).outcome is Outcome.BETTER

    def test_a_baseline_that_hardly_answers(self):
        found = verdict([1.0] * 20, [None] * 5 + [0.0] * 15)

        assert (found.outcome, found.decided_by) == (Outcome.UNPROVEN, "baseline-1")
        assert found.reason == "model 1 gave no answer to 5 of 20 examples, so a comparison proves nothing."

    def test_both_together_hardly_answer(self):
        ours, theirs = [None] * 3 + [1.0] * 17, [0.0] * 17 + [None] * 3
        found = verdict(ours, theirs)

        assert (found.outcome, found.decided_by) == (Outcome.UNPROVEN, "baseline-1")
        assert found.reason == (
            "The candidate or model 1 gave no answer to 6 of 20 examples, so a comparison proves nothing."
        )
        together = verdict([None] * 4 + [1.0] * 16, [None] * 4 + [0.0] * 16)
        assert together.outcome is Outcome.BETTER

    def test_missing_answers_are_named(self):
        found = verdict([None] + [1.0] * 39, [0.0] * 38 + [None] * 2)

        assert found.outcome is Outcome.BETTER
        assert found.reason.endswith(
            " Without an answer: candidate 1, model 1 2; each counts against the candidate."
        )

    def test_what_neither_side_answered_is_said_apart(self):
        ours, theirs = [None] * 2 + [1.0] * 38, [None] * 3 + [0.0] * 37
        worse = verdict(ours, theirs, by=rule(not_worse_by=0.1))

        assert (
            "candidate 2, model 1 3; the 2 of both make no difference, the others"
            in verdict(ours, theirs).reason
        )
        assert "candidate 2, model 1 3; the 2 of both are left out, the others" in worse.reason

    def test_the_means_are_those_of_which_the_gain_is_the_difference(self):
        """Also with rows that belong together, and with silence of either side or both."""
        ours = [0.8] * 40 + [None] * 3 + [0.5] * 3
        theirs = [0.5] * 40 + [None] * 2 + [0.4] + [None] + [0.4] * 2
        found = verdict(ours, theirs, groups=[*range(44), 43, 43])
        (contest,) = found.contests

        assert abs(contest.means["candidate"] - contest.means["baseline"] - contest.gain) < 1e-9
        means = f"{contest.means['candidate']:.3f} against {contest.means['baseline']:.3f} of model 1"
        assert f"{means}, gain {contest.gain:+.3f}" in found.reason

    def test_the_hardest_contest_is_named_where_all_are_won(self):
        found = verdict([1.0] * 40, [0.0] * 40, [0.0] * 20 + [1.0] * 20)

        assert found.decided_by == "baseline-2"
        assert [contest.baseline for contest in found.contests] == ["baseline-1", "baseline-2"]
        assert verdict([1.0] * 9, [0.0] * 9, [0.0] * 9).decided_by == "baseline-1"

    def test_a_baseline_that_is_not_beaten_decides_before_one_that_was_silent(self):
        found = verdict([1.0] * 20, [None] * 20, [1.0] * 20)

        assert (found.outcome, found.decided_by) == (Outcome.NOT_BETTER, "baseline-2")
        assert verdict([1.0] * 20, [None] * 20, [0.0] * 20).outcome is Outcome.UNPROVEN


class TestMissing:
    @pytest.mark.parametrize("by", [PLAIN, rule(not_worse_by=0.2)])
    def test_many_rows_of_few_groups_do_not_hide_that_most_groups_are_silent(self, by):
        """150 of 200 groups without an answer of anybody, the others 13 rows each."""
        groups = [*range(150), *(150 + number // 13 for number in range(50 * 13))]
        ours = [None] * 150 + [1.0] * 650

        assert verdict(ours, ours, groups=groups, by=by).outcome is Outcome.NOT_BETTER
        assert verdict([0.9] * 800, ours, groups=groups, by=by).outcome is Outcome.UNPROVEN
        heard = [1.0] * 800
        assert verdict(heard, [0.0] * 800, groups=groups, by=by).outcome is not Outcome.UNPROVEN

    def test_rows_count_too(self):
        """One group of many silent rows is most of the examples."""
        groups = [*range(50), *[50] * 50]

        assert verdict([1.0] * 50 + [None] * 50, [0.0] * 100, groups=groups).outcome is Outcome.NOT_BETTER

    """W1 and W2: nobody gains by silence, of whatever kind."""

    def test_fifty_items_of_which_the_baseline_was_filtered_on_five(self):
        right = [1.0] * 40 + [0.0] * 10
        found = verdict(right, [None] * 5 + right[5:])

        assert found.outcome is Outcome.NOT_BETTER
        assert "gain +0.000" in found.reason

    def test_silence_does_not_prove_that_two_are_as_good(self):
        """Both silent on twenty of a hundred, the others lose 0.04."""
        ours, theirs = [0.5] * 80 + [None] * 20, [0.54] * 80 + [None] * 20

        assert verdict(ours, theirs, by=rule(not_worse_by=0.03)).outcome is Outcome.NOT_BETTER
        assert verdict(ours, theirs, by=rule(not_worse_by=0.05)).outcome is Outcome.AS_GOOD
        silent = verdict([0.5] * 40 + [None] * 60, [0.54] * 40 + [None] * 60, by=rule(not_worse_by=0.05))
        assert silent.outcome is Outcome.NOT_BETTER

    @pytest.mark.parametrize(
        "refusal",
        [
            Answer(index=0, text=None, refusal="I cannot help with that."),
            Answer(index=0, text=None, finish_reason="content_filter"),
            Answer(index=0, text="", finish_reason="length"),
            Answer(index=0, text=""),
            Answer(index=0, text=None, error="context_length_exceeded: too long"),
        ],
        ids=["refused", "filtered", "truncated", "empty", "failed"],
    )
    def test_a_candidate_that_answers_nothing_is_not_better_at_not_saying_a_word(self, refusal):
        never = checking("polite", "no", "ne")
        silent = [msgspec.structs.replace(refusal, index=n) for n in range(20)]
        rude = [Answer(index=n, text="no") for n in range(20)]
        found = compared(items(20), {"candidate": silent, "baseline-1": rude}, graders=(never,))

        assert found.outcome is Outcome.NOT_BETTER
        assert found.reason == "The candidate gave no answer to 20 of 20 examples."
        assert found.target("candidate").errors == 20

    def test_a_baseline_whose_reasoning_used_up_its_tokens_proves_nothing(self):
        ours = [Answer(index=n, text="yes") for n in range(60)]
        theirs = [
            Answer(index=n, text="", finish_reason="length") if n < 22 else Answer(index=n, text="yes")
            for n in range(60)
        ]
        found = compared(items(60), {"candidate": ours, "baseline-1": theirs})

        assert found.outcome is Outcome.UNPROVEN
        assert found.target("baseline-1").outcomes["truncated"] == 22

    def test_a_text_that_was_cut_off_is_graded(self):
        ours = [Answer(index=n, text="yes", finish_reason="length") for n in range(20)]
        theirs = [Answer(index=n, text="no") for n in range(20)]
        found = compared(items(20), {"candidate": ours, "baseline-1": theirs})

        assert found.outcome is Outcome.BETTER
        assert (found.target("candidate").errors, found.target("candidate").outcomes["truncated"]) == (0, 20)


class TestEvidenceThatIsAskedFor:
    """W5, W8, W10: what is proof and what is not."""

    def test_three_wins_of_ten_are_not_better_and_ten_of_ten_are_at_0_999(self):
        assert verdict(*won_lost_tied(3, 0, 7)).outcome is Outcome.NOT_BETTER
        assert verdict(*won_lost_tied(10, 0, 0), by=rule(confidence=0.999)).outcome is Outcome.BETTER

    def test_five_rows_forty_times_are_five_groups(self):
        found = verdict(
            [1.0] * 200, [0.0] * 200, groups=[n % 5 for n in range(200)], by=rule(superior_by=0.1)
        )

        assert found.outcome is Outcome.NOT_BETTER
        assert "5 wins and 0 losses on 200 held-out examples in 5 groups" in found.reason

    def test_ties_are_no_proof_and_exclude_a_loss_where_there_are_enough(self):
        assert verdict([0.5] * 100, [0.5] * 100).outcome is Outcome.NOT_BETTER
        assert verdict([0.5] * 100, [0.5] * 100, by=rule(not_worse_by=0.07)).outcome is Outcome.AS_GOOD
        assert verdict([0.5] * 100, [0.5] * 100, by=rule(not_worse_by=0.05)).outcome is Outcome.NOT_BETTER

    def test_a_gain_that_is_exactly_what_is_asked_for_is_enough(self):
        ours, theirs = [0.3] * 30, [0.2] * 30

        assert verdict(ours, theirs, by=rule(superior_by=0.1)).outcome is Outcome.BETTER
        assert verdict(ours, theirs, by=rule(superior_by=0.1001)).outcome is Outcome.NOT_BETTER
        assert verdict(theirs, ours, by=rule(not_worse_by=0.1)).outcome is Outcome.AS_GOOD

    def test_a_negative_min_gain_is_none(self):
        assert verdict([0.5] * 60, [0.52] * 60, by=rule(min_gain=-0.1)).outcome is Outcome.NOT_BETTER


#: Scores that are better without any doubt: 150 groups.
SURE = [0.3] * 150


def doubts_of(differences, **more):
    found = verdict(*differing(differences), **more)
    assert found.outcome in PROMOTED
    return found.doubts


class TestDoubts:
    """What keeps `automatic` from deploying, one by one."""

    def test_none_where_all_is_there(self):
        assert doubts_of(SURE) == ()
        assert doubts_of([1.0] * 50) == ()

    def test_a_grader_that_compares_wording(self):
        (doubt,) = doubts_of(SURE, is_similarity=True)

        assert doubt == "exact compares wording, which alone does not show that an answer is right"

    def test_too_few_groups(self):
        (doubt,) = doubts_of([1.0] * 49)

        assert doubt == "there are 49 groups of held-out examples, and it takes 50"

    def test_too_few_groups_for_the_guard_on_severe_regressions(self):
        (doubt,) = doubts_of([0.3] * 148)

        assert doubt == (
            "against model 1, 0 of 148 groups lose 0.5 or more, so up to 2.004% may; at most 2% is asked for, which takes 149 "
            "groups without any"
        )
        assert doubts_of([0.3] * 149) == ()

    @pytest.mark.slow
    @pytest.mark.parametrize(("confidence", "groups"), [(0.95, 149), (0.99, 228), (0.999, 342)])
    def test_the_guard_takes_more_groups_at_a_higher_confidence(self, confidence, groups):
        by = rule(confidence=confidence)

        assert doubts_of([0.9] * groups, by=by) == ()
        assert f"which takes {groups} groups" in doubts_of([0.9] * (groups - 1), by=by)[0]

    def test_one_severe_regression_takes_236_groups(self):
        assert doubts_of([0.9] * 235 + [-0.5]) == ()
        assert "1 of 235 groups lose 0.5 or more" in doubts_of([0.9] * 234 + [-0.5])[0]
        assert doubts_of([0.9] * 234 + [-0.49]) == ()

    def test_a_limit_of_the_pipeline_file_stands_in_its_place(self):
        assert doubts_of([0.3] * 60, by=rule(max_severe_regressions=0.1)) == ()

    def test_pass_or_fail_has_no_guard_of_its_own(self):
        assert doubts_of([1.0] * 40 + [-1.0] * 12) == ()
        assert len(doubts_of([1.0] * 40 + [-1.0] * 12 + [0.25])) == 1

    def test_a_bound_that_is_not_safe_at_the_error_of_its_look(self):
        ours, theirs = won_lost_tied(40, 20, 40)
        first = verdict(ours, theirs, look=Look(set=1, pipeline=1))
        (doubt,) = verdict(ours, theirs, look=Look(set=1, pipeline=4)).doubts

        assert first.doubts == ()
        assert doubt == (
            "against model 1, a gain of -0.043 is all that is safe to say at the error left for look 4 since the last promotion "
            "(0.19%)"
        )

    def test_small_gains_are_not_safe_to_promote_before_they_are_many(self):
        """Sign flips show them at once; that no rare loss hides among them takes more."""
        differences = [0.05 + 0.01 * (number % 3) for number in range(60)]
        doubts = doubts_of(differences, by=rule(max_severe_regressions=0.1))

        assert len(doubts) == 1
        assert "is all that is safe to say" in doubts[0]
        assert doubts_of(differences * 3) == ()

    def test_a_baseline_that_was_not_measured(self):
        (doubt,) = doubts_of(
            SURE, skipped=("champion: its deployment is gone", "champion: this pipeline has none yet")
        )

        assert doubt == "not everything was measured (champion: its deployment is gone)"

    def test_against_each_baseline(self):
        ours, theirs = differing(SURE[:100])
        found = verdict(ours, theirs, theirs)

        assert [doubt.split(",")[0] for doubt in found.doubts] == ["against model 1", "against model 2"]

    def test_what_is_as_good_is_doubted_by_its_own_line(self):
        ours, theirs = differing([0.0] * 199 + [0.001])
        by = rule(not_worse_by=0.1)

        assert verdict(ours, theirs, by=by).doubts == ()
        assert len(verdict(ours, theirs, by=rule(not_worse_by=0.005)).doubts) == 1

    def test_what_is_not_promoted_has_none(self):
        assert verdict([0.0] * 60, [1.0] * 60, is_similarity=True).doubts == ()
        assert verdict([1.0] * 4, [0.0] * 4, is_similarity=True).doubts == ()


class TestWhatModelsWereTrainedOn:
    """Examples that either side of a contest knows are left out of it; others are compared as if there were no more."""

    def test_what_the_candidate_knows_counts_against_nobody(self):
        known, fresh = ["1 known"] * 5, [1.0] * 30
        result = verdict(known + fresh, [0.0] * 35)

        assert result.contests == tuple(
            msgspec.structs.replace(one, left_out=5) for one in verdict(fresh, [0.0] * 30).contests
        )
        assert "Left out: 5 of 35 examples, which candidate was trained on." in result.reason

    def test_what_a_baseline_knows_is_left_out_against_that_baseline_only(self):
        first, second = verdict([1.0] * 30, ["0 known"] * 10 + [0.0] * 20, [0.0] * 30).contests

        assert (first.n, first.left_out) == (20, 10)
        assert (second.n, second.left_out) == (30, 0)

    def test_missing_answers_are_counted_among_those_that_are_compared(self):
        result = verdict(["1 known"] * 30 + [None] * 3 + [1.0] * 7, [0.0] * 40)

        assert result.outcome is Outcome.NOT_BETTER
        assert "no answer to 3 of 10" in result.reason

    def test_where_too_few_remain_nothing_is_proven(self):
        result = verdict(["1 known"] * 96 + [1.0] * 4, [0.0] * 100)

        assert result.outcome is Outcome.UNPROVEN
        assert result.reason == (
            "Only 4 held-out examples: too few to prove anything (5 groups at least). "
            "Left out: 96 of 100 examples, which candidate was trained on."
        )

    @pytest.mark.parametrize(("count", "is_doubted"), [(10, False), (11, True)])
    def test_automatic_takes_a_tenth_at_most(self, count, is_doubted):
        result = verdict([1.0] * 100, ["0 known"] * count + [0.0] * (100 - count))

        assert result.outcome is Outcome.BETTER
        assert any("were left out" in doubt for doubt in result.doubts) is is_doubted

    def test_automatic_asks_where_it_is_not_known_what_a_model_learned_from(self):
        sure, unsure = (verdict([1.0] * 100, [0.0] * 100, not_known=sides) for sides in ((), ("baseline-1",)))

        assert not sure.doubts
        assert unsure.doubts == (
            "it is not known what model 1 was trained on, so examples that it learned from may count",
        )

    @pytest.mark.parametrize(
        ("ours", "theirs", "who"),
        [
            ("1 known", 0.0, "candidate"),
            (1.0, "0 known", "model 1"),
            ("1 known", "0 known", "candidate or model 1"),
        ],
    )
    def test_whose_training_it_was_is_said(self, ours, theirs, who):
        found = verdict([ours, *[1.0] * 60], [theirs, *[0.0] * 60])

        assert f" Left out: 1 of 61 examples, which {who} was trained on." in found.reason

    def test_how_much_may_be_left_out_is_said(self):
        found = verdict([*["1 known"] * 9, *[1.0] * 60], [0.0] * 69)

        assert found.doubts == (
            "against model 1, 9 of 69 examples were left out because a model was trained on them; at most 10% may be",
        )


class TestWords:
    @pytest.mark.parametrize(
        ("ours", "theirs", "said"),
        [([None], [0.0], "candidate 1, model 1 0"), ([1.0], [None], "candidate 0, model 1 1")],
    )
    def test_the_silence_of_one_side_is_said(self, ours, theirs, said):
        found = verdict([*ours, *[1.0] * 60], [*theirs, *[0.0] * 60])

        assert f" Without an answer: {said}; each counts against the candidate." in found.reason

    def test_without_silence_nothing_is_said_of_it(self):
        assert "Without an answer" not in verdict([1.0] * 60, [0.0] * 60).reason

    def test_tokens_that_were_never_part_of_it_are_said_only_where_they_are_asked_for(self):
        marks = [1.0] * 60, [0.0] * 60
        uncounted = [tokens(1.0, completion=None)] * 60
        limited = verdict(uncounted, marks[1], by=rule(max_cost_ratio=2.0), knows_tokens=False)
        equal = verdict([1.0] * 90, [1.0] * 90, by=rule(not_worse_by=0.1), knows_tokens=False)

        assert limited.reason.startswith("exact: 1.000 against 0.000")
        assert limited.reason.endswith(" Cost was not compared: the tokens are not known.")
        assert equal.outcome is Outcome.AS_GOOD
        assert "Cost was not compared" in equal.reason
        assert "Cost" not in verdict(*marks, knows_tokens=False).reason
        assert "Cost was not compared" not in verdict(*marks, by=rule(max_cost_ratio=2.0)).reason

    def test_all_that_speaks_against_a_candidate_is_said(self):
        """Of each baseline that is not beaten, and beside a line that must be passed."""
        ours = [tokens(1.0, completion=30)] * 30 + [tokens(0.0, completion=30)] * 30
        by = rule(max_cost_ratio=2.0, max_severe_regressions=0.1)
        found = verdict(ours, [1.0] * 60, [0.5] * 60, by=by)

        assert found.decided_by == "baseline-1"
        for words in ("of model 1", "of model 2", "It uses 3.00 times", "30 of 60 groups lose 0.5 or more"):
            assert words in found.reason
        made = exam([0.0] * 60, [1.0] * 60)
        made = Exam(groups=made.groups, labels=made.labels, scores=made.scores, must_pass={0: 7})
        lost = judge(made, PLAIN, LOOK, metric="exact").reason
        assert lost.startswith(
            "The candidate fails line 7 of evaluation.set, which it must pass. exact: 0.000 against 1.000"
        )

    @pytest.mark.parametrize(
        ("ours", "theirs", "is_worse"),
        [
            ([0.0] * 20, [1.0] * 20, True),
            ([0.3] * 20, [0.5] * 20, True),
            ([0.0] * 4 + [1.0] * 40, [1.0] * 44, False),
            ([1.0] * 20, [1.0] * 20, False),
            ([0.0] * 19 + [None], [1.0] * 20, False),  # silence proves no loss
        ],
    )
    def test_a_loss_that_is_shown_is_not_called_chance(self, ours, theirs, is_worse):
        found = verdict(ours, theirs)

        assert found.contests[0].is_worse is is_worse
        assert found.reason.count("The candidate scores lower, and that is not chance.") == is_worse
        assert ("may be chance" in found.reason) is not is_worse

    def test_a_safe_bound_that_is_nothing_is_said(self):
        contest = msgspec.structs.replace(
            contest_of(exam([1.0] * 60, [0.0] * 60), "baseline-1", PLAIN, LOOK), safe_bound=None
        )
        made = exam([1.0] * 60, [0.0] * 60)
        seen = Seen(
            exam=made,
            rule=PLAIN,
            metric="m",
            contests=(contest,),
            skipped=(),
            not_known=(),
            knows_tokens=True,
        )

        (doubt,) = doubts.doubts_of(seen, LOOK, is_similarity=False)
        assert doubt.startswith("against model 1, a gain of nothing is all that is safe to say")
