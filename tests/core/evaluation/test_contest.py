"""The numbers of a contest: missing answers, groups, order, bounds and p, each in both directions."""

import random
import statistics
from itertools import pairwise
from unittest import mock

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.evaluation import differences
from shared.core.evaluation.contest import NOISE, contest_of, reaches
from shared.core.evaluation.looks import Look, error_of
from shared.core.evaluation.power import needed_for_scores
from tests.core.evaluation.exams import LOOK, PLAIN, contest, differing, exam, rule, score, won_lost_tied

HALF = [1.0] * 40 + [0.0] * 10


def seen(ours, theirs, by=PLAIN, groups=None, look=LOOK):
    """A contest without `needed`, which takes longer than all the rest."""
    return contest_of(exam(ours, theirs, groups=groups), "baseline-1", by, look, is_planning=False)


class TestMissingAnswers:
    """By the worst case: nobody gains by silence."""

    def test_a_baselines_silence_is_not_the_candidates_win(self):
        """Both are right on 40 of 50; of five of these the baseline's answer was filtered."""
        found = seen(HALF, [None] * 5 + HALF[5:])

        assert (found.wins, found.losses, found.gain) == (0, 0, 0.0)
        assert found.lower_bound <= 0
        assert found.missing == {"candidate": 0, "baseline": 5}

    def test_a_baselines_silence_costs_the_candidate_what_it_missed(self):
        found = seen(HALF, HALF[:45] + [None] * 5)

        assert (found.wins, found.losses, found.gain) == (0, 5, -0.1)

    def test_a_candidates_silence_is_its_loss(self):
        found = seen([None] * 5 + HALF[5:], HALF)

        assert (found.wins, found.losses, found.gain) == (0, 5, -0.1)
        assert found.missing == {"candidate": 5, "baseline": 0}

    def test_both_silent_is_no_difference_where_a_gain_is_asked_for(self):
        ours, theirs = won_lost_tied(20, 0, 10)
        found = seen(ours + [None] * 10, theirs + [None] * 10)

        assert (found.n, found.groups, found.gain) == (40, 40, 0.5)

    def test_both_silent_is_left_out_where_a_loss_is_excluded(self):
        """Else silence proves that the two are as good: the others lose 0.04."""
        ours, theirs = [0.5] * 80 + [None] * 20, [0.54] * 80 + [None] * 20
        found = seen(ours, theirs, rule(not_worse_by=0.03))

        assert (found.n, found.groups, found.gain) == (80, 80, -0.04)
        assert not reaches(found.lower_bound, rule(not_worse_by=0.03))
        assert seen(ours, theirs).n == 100
        assert (found.missing, found.missing_both) == ({"candidate": 20, "baseline": 20}, 20)

    def test_one_silent_is_not_left_out(self):
        for ours, theirs in ((None, 0.54), (0.5, None)):
            found = seen([0.5] * 9 + [ours], [0.54] * 9 + [theirs], rule(not_worse_by=0.03))
            assert found.n == 10

    def test_what_cannot_be_graded_is_nobodys_silence(self):
        ours, theirs = won_lost_tied(6, 0, 0)
        found = seen(["ungradable"] * 2 + ours, ["ungradable"] * 2 + theirs)

        assert found.missing == {"candidate": 0, "baseline": 0}
        assert (found.n, found.wins, found.losses) == (8, 6, 0)

    def test_the_complete_bound_stands_beside_it(self):
        """What today's numbers would be, had nobody been silent."""
        ours, theirs = won_lost_tied(15, 0, 35)
        found = seen(ours, theirs[:45] + [None] * 5)

        assert found.complete_bound == seen(ours[:45], theirs[:45]).lower_bound
        assert found.complete_bound > found.lower_bound
        assert seen([1.0] * 5, [None] * 5).complete_bound is None

    def test_tokens_are_compared_where_both_answered(self):
        ours = [score(1.0, prompt_tokens=10, completion_tokens=4)] * 4 + [score(None, completion_tokens=900)]
        theirs = [score(1.0, prompt_tokens=100, completion_tokens=8)] * 5
        found = seen(ours, theirs)

        assert (found.prompt_ratio, found.cost_ratio) == (0.1, 0.5)

    def test_tokens_that_one_side_does_not_know_are_not_known(self):
        known = [score(1.0)] * 5
        for unknown in (score(1.0, prompt_tokens=None), score(1.0, completion_tokens=None)):
            for ours, theirs in (
                ([unknown, *known], [score(1.0), *known]),
                ([score(1.0), *known], [unknown, *known]),
            ):
                found = seen(ours, theirs)
                assert (found.prompt_ratio is None) == (unknown.prompt_tokens is None)
                assert (found.cost_ratio is None) == (unknown.completion_tokens is None)
        assert seen(known, [score(1.0, completion_tokens=0)] * 5).cost_ratio is None


class TestGroups:
    """Items that are nearly equal count as one observation."""

    def test_five_rows_forty_times_are_five_wins(self):
        groups = [number % 5 for number in range(200)]
        found = seen([1.0] * 200, [0.0] * 200, groups=groups)

        assert (found.n, found.groups, found.wins) == (200, 5, 5)
        assert found.lower_bound == seen([1.0] * 5, [0.0] * 5).lower_bound
        assert found.lower_bound < 0.1 < seen([1.0] * 200, [0.0] * 200).lower_bound

    def test_the_gain_is_the_mean_of_the_means_of_groups(self):
        """Nine items of one group that are won, and three groups that are lost."""
        found = seen([1.0] * 9 + [0.0] * 3, [0.0] * 9 + [1.0] * 3, groups=[0] * 9 + [1, 2, 3])

        assert (found.gain, found.wins, found.losses) == (-0.5, 1, 3)

    def test_a_group_that_is_won_and_lost_is_neither(self):
        found = seen([1.0, 0.0] * 5, [0.0, 1.0] * 5, groups=[number // 2 for number in range(10)])

        assert (found.groups, found.wins, found.losses) == (5, 0, 0)

    def test_equal_differences_within_groups_are_the_same_as_one_of_each(self):
        one = [0.2, -0.1, 0.3, 0.3, 0.05, 0.1, 0.2]
        once = seen(*differing(one))
        thrice = seen(*differing(one * 3), groups=list(range(7)) * 3)

        assert msgspec.structs.replace(thrice, n=7) == once
        assert thrice.n == 21


class TestSevereRegressions:
    """Groups that lose one half or more."""

    def test_they_are_counted_with_the_upper_bound_of_their_share(self):
        found = seen(*differing([0.1] * 97 + [-0.5, -0.9, -0.49]))

        assert found.severe.count == 2
        assert found.severe.upper_bound == pytest.approx(0.0616, abs=1e-3)
        assert (
            seen(*differing([0.1] * 149)).severe.upper_bound
            < 0.02
            < seen(*differing([0.1] * 148)).severe.upper_bound
        )

    def test_they_are_counted_at_the_confidence_of_the_rule(self):
        bounds = [
            seen(*differing([0.1] * 100), rule(confidence=confidence)).severe.upper_bound
            for confidence in (0.9, 0.95, 0.99)
        ]

        assert bounds == [pytest.approx(1 - (1 - c) ** 0.01, abs=1e-9) for c in (0.9, 0.95, 0.99)]

    def test_an_answer_of_the_baseline_that_was_made_up_is_none(self):
        found = seen([0.0] * 10, [None] * 10)

        assert (found.severe.count, found.losses) == (0, 10)

    def test_the_group_of_an_answer_that_was_made_up_is_as_bad_as_its_other_rows(self):
        """A row that is lost and one of which the baseline says nothing are half a loss, which is severe."""
        found = seen([0.0, 1.0] + [1.0] * 8, [1.0, None] + [1.0] * 8, groups=["x", "x", *"abcdefgh"])

        assert found.severe.count == 1

    def test_a_candidates_silence_is_one_where_the_baseline_was_good(self):
        assert seen([None] * 10, [0.5] * 4 + [0.4] * 6).severe.count == 4

    def test_they_are_of_groups(self):
        ours, theirs = [0.0, 1.0, 0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.9, 1.0, 1.0]

        assert seen(ours, theirs, groups=[0, 0, 1, 1, 2, 3]).severe.count == 2
        assert (
            seen(ours, theirs, groups=[0, 1, 0, 1, 2, 3]).severe.count == 1
        )  # a half of 0.9 is less than one half

    def test_without_groups_there_is_no_bound(self):
        assert contest([], []).severe.upper_bound is None


class TestOrder:
    """The same answers in any order give the same numbers, bit for bit."""

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "differences",
        [
            [1.0] * 3 + [0.0] * 47,
            [1.0] * 9 + [-1.0] * 3 + [0.0] * 38,
            [0.1, 0.2, 0.3, -0.1] * 12 + [0.7, -0.9],
            [(number * 37 % 101 - 45) / 101 for number in range(50)],
        ],
        ids=["three wins", "counts", "tenths", "scores"],
    )
    def test_sixty_orders(self, differences):
        chance = random.Random(7)
        pairs = list(zip(*differing(differences), [n // 2 for n in range(50)], strict=True))
        found = set()
        for number in range(60):
            chance.shuffle(pairs)
            ours, theirs, groups = zip(*pairs, strict=True)
            found.add(msgspec.json.encode(seen(ours, theirs, groups=groups if number % 10 == 0 else None)))

        assert len(found) == 2  # one with groups, one without

    def test_three_wins_and_no_loss_are_no_proof_in_any_order(self):
        ours, theirs = won_lost_tied(3, 0, 47)

        assert seen(ours, theirs).lower_bound < 0
        assert seen(ours, theirs).p == 0.125

    def test_the_numbers_that_are_written_down(self):
        """On any machine, in any process."""
        found = contest(*differing([(number * 37 % 101 - 45) / 101 for number in range(60)]))

        assert (found.gain, found.lower_bound, found.safe_bound, found.p) == WRITTEN


WRITTEN = (0.0447194719472, -0.017968463513, -0.0637802627361, 0.118494075296)


class TestLine:
    """What is asked for is held against the bound."""

    @pytest.mark.parametrize(
        ("bound", "by", "is_reached"),
        [
            (None, PLAIN, False),
            (0.0, PLAIN, False),
            (1.4e-17, PLAIN, False),
            (1e-9, PLAIN, False),
            (1.1e-9, PLAIN, True),
            (0.0, rule(superior_by=0.0), False),
            (0.1, rule(superior_by=0.1), True),
            (0.1 - 0.9e-9, rule(superior_by=0.1), True),
            (0.1 - 1.1e-9, rule(superior_by=0.1), False),
            (0.1, rule(min_gain=0.1), True),
            (0.09, rule(min_gain=0.1), False),
            (0.0, rule(min_gain=-0.5), False),
            (-0.05, rule(not_worse_by=0.05), True),
            (-0.05 - 0.9e-9, rule(not_worse_by=0.05), True),
            (-0.051, rule(not_worse_by=0.05), False),
            (0.0, rule(not_worse_by=0.0), True),
            (-1.1e-9, rule(not_worse_by=0.0), False),
        ],
    )
    def test_the_bound_reaches_it_or_not(self, bound, by, is_reached):
        assert reaches(bound, by) is is_reached

    def test_a_gain_of_a_tenth_everywhere_is_a_tenth(self):
        """However the tenth is computed; and p says the same as the bound."""
        by = rule(superior_by=0.1)
        for found in (seen([0.3] * 10, [0.2] * 10, by), seen([0.9] * 20, [0.8] * 20, by)):
            assert reaches(found.lower_bound, by)
            assert found.p < 0.05

    def test_ties_alone_are_no_gain(self):
        found = seen([0.3] * 50, [0.1 + 0.2] * 50)

        assert not reaches(found.lower_bound, PLAIN)
        assert (found.wins, found.losses, found.p) == (0, 0, 1.0)

    def test_p_is_of_the_mean_and_not_of_the_wins(self):
        """Many small gains and few great losses, a mean of 0: the sign test would say 3e-14."""
        differences = [0.02] * 80 + [-0.8] * 2
        found = seen(*differing(differences))

        assert (found.wins, found.losses) == (80, 2)
        assert 0.2 < found.p < 0.8

    @pytest.mark.parametrize("line", [0.0, 0.2])
    def test_p_is_of_the_line_that_is_asked_for(self, line):
        ours, theirs = won_lost_tied(14, 2, 24)
        by = rule(superior_by=line)

        assert (seen(ours, theirs, by).p < 0.05) is (line == 0.0)
        assert seen(*won_lost_tied(2, 2, 96), rule(not_worse_by=0.2)).p < 1e-3

    def test_the_safe_bound_is_at_the_error_of_its_look(self):
        for ours, theirs in (won_lost_tied(40, 10, 50), differing([0.3] * 60 + [-0.1] * 20)):
            bounds = [
                seen(ours, theirs, look=Look(set=1, pipeline=number)).safe_bound for number in (1, 2, 5, 20)
            ]
            assert bounds == sorted(bounds, reverse=True)
            assert len(set(bounds)) == 4
            assert seen(ours, theirs, look=Look(set=9, pipeline=2)).safe_bound == bounds[1]
        ours, theirs = won_lost_tied(40, 10, 50)
        as_strict = rule(confidence=1 - error_of(0.95, 3))
        assert seen(ours, theirs, look=Look(set=1, pipeline=3)).safe_bound == pytest.approx(
            seen(ours, theirs, as_strict).lower_bound, abs=1e-9
        )

    def test_nothing_has_no_bounds(self):
        found = contest([], [])

        assert (found.lower_bound, found.complete_bound, found.safe_bound, found.needed) == (None,) * 4
        assert (found.p, found.gain, found.n) == (1.0, 0.0, 0)
        assert contest([1.0], [0.0]).needed is None

    def test_what_is_needed_is_planned_by_the_gain_and_spread_that_were_seen(self):
        few, many = contest(*won_lost_tied(14, 6, 20)), contest(*won_lost_tied(11, 9, 20))

        assert 40 < few.needed < 120
        assert many.needed > 1000
        assert contest(*won_lost_tied(9, 11, 20)).needed is None
        assert contest(*differing([0.1, 0.3, -0.2, 0.1, 0.2])).needed > 5
        assert contest(*differing([0.1, 0.3, -0.2, -0.4, 0.1])).needed is None
        assert seen(*won_lost_tied(14, 6, 20)).needed is None


WHOLE = st.sampled_from([0.0, 1.0])
TENTHS = st.integers(0, 10).map(lambda value: value / 10)
ANY = st.floats(0, 1)
PAIRS = st.one_of(
    *(st.lists(st.tuples(values, values), min_size=5, max_size=40) for values in (WHOLE, TENTHS, ANY))
)
#: Rules with a line above, at and below 0.
RULES = st.sampled_from(
    [PLAIN, rule(superior_by=0.1), rule(superior_by=0.5), rule(not_worse_by=0.05), rule(not_worse_by=0.4)]
)
CONFIDENCES = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])


def at(by, confidence):
    return msgspec.structs.replace(by, confidence=confidence)


#: Name -> what holds for all that may be drawn, and from what it is drawn.
LAWS = {}


def law(*drawn):
    def kept(check):
        LAWS[check.__name__] = check, drawn
        return check

    return kept


def bound_alone(ours, theirs, by):
    """A contest without p, which takes longer than all the rest where a line is asked for."""
    with mock.patch.object(differences, "gain_error", return_value=1.0):
        return seen(ours, theirs, by)


@law(PAIRS, RULES, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def bound_and_p_never_contradict_each_other(pairs, by, confidence):
    by = at(by, confidence)
    found = seen(*zip(*pairs, strict=True), by)

    if found.p >= 1 - confidence + 1e-12:
        assert found.lower_bound is None or found.lower_bound <= by.line + NOISE
        assert not reaches(found.lower_bound, by)
    # What the exact bound may not use of its error for the share of wins it keeps for that of decided groups.
    elif found.p < 0.98 * (1 - confidence):
        assert reaches(found.lower_bound, by)


@law(PAIRS)
def the_bound_falls_with_confidence_and_never_passes_the_gain(pairs):
    bounds = [
        seen(*zip(*pairs, strict=True), rule(confidence=confidence)).lower_bound
        for confidence in (0.5, 0.8, 0.9, 0.95, 0.99)
    ]
    gain = seen(*zip(*pairs, strict=True)).gain
    there = [bound for bound in bounds if bound is not None]

    assert bounds == [*there, *[None] * (5 - len(there))]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(there))
    slack = 0.02 if len(pairs) > 16 else 1e-9  # drawn parts are not halved to the last one
    assert all(bound <= gain + slack for bound in there)


@law(PAIRS, RULES, st.randoms(use_true_random=False))
def the_order_of_the_items_does_not_count(pairs, by, chance):
    shuffled = chance.sample(pairs, len(pairs))

    assert seen(*zip(*shuffled, strict=True), by) == seen(*zip(*pairs, strict=True), by)


@law(PAIRS, RULES)
def the_complete_bound_is_the_bound_where_nothing_is_missing(pairs, by):
    found = bound_alone(*zip(*pairs, strict=True), by)

    assert found.complete_bound == found.lower_bound


@law(PAIRS, RULES, st.data())
def an_answer_that_is_missing_never_helps_the_candidate(pairs, by, data):
    """Of either side, where the other answered; of both, see `TestMissingAnswers`."""
    at_item = data.draw(st.integers(0, len(pairs) - 1))
    before = bound_alone(*zip(*pairs, strict=True), by)
    ours, theirs = pairs[at_item]
    for gap in ((None, theirs), (ours, None)):
        after = bound_alone(*zip(*[*pairs[:at_item], gap, *pairs[at_item + 1 :]], strict=True), by)
        assert after.gain <= before.gain + 1e-12
        assert not (reaches(after.lower_bound, by) and not reaches(before.lower_bound, by))


@pytest.mark.no_cover
@pytest.mark.parametrize("examples", [100, pytest.param(3000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", LAWS)
@pytest.mark.slow
def test_it_holds_whatever_is_drawn(name, examples):
    check, drawn = LAWS[name]
    settings(max_examples=examples)(given(*drawn)(check))()


@pytest.mark.parametrize(
    ("ours", "theirs", "counts"), [(1.0, None, 1.0), (None, 0.0, 0.5), (None, None, 0.0)]
)
def test_silence_counts_what_is_said_of_it_unless_both_are_silent(ours, theirs, counts):
    assert differences.counted(score(ours), score(theirs), 0.5) == counts


def test_the_spread_is_that_of_the_groups():
    ours, theirs = [1.0, 1.0, 0.0, 0.5, 0.75, 0.5], [0.0, 0.5, 0.25, 0.5, 0.25, 0.75]
    found = statistics.stdev(a - b for a, b in zip(ours, theirs, strict=True))

    assert seen(ours, theirs).spread == pytest.approx(found, abs=1e-9)
    assert seen([1.0], [0.0]).spread is None


class TestIsWorse:
    """Whether a loss is shown, by counts or by scores."""

    @pytest.mark.parametrize(
        ("values", "is_worse"),
        [
            ([], False),
            ([-1.0] * 12 + [0.0] * 8, True),
            ([-1.0] * 3 + [0.0] * 17, False),
            ([1.0] * 12 + [0.0] * 8, False),
            ([-0.5 - n / 100 for n in range(20)], True),
            ([0.5 + n / 100 for n in range(20)], False),
            ([-0.25, 0.3, -0.2, 0.25, -0.3, 0.2] * 4, False),
        ],
    )
    def test_a_loss_is_shown_or_not(self, values, is_worse):
        assert differences.Numbers(values, 0.05).is_worse(0.05) is is_worse


def test_a_share_of_nothing_is_nothing():
    assert exam([], []).share([]) == 0.0
    assert exam([1.0, None], [1.0, 1.0]).share([False, True]) == 0.5


def test_what_is_needed_counts_groups_that_are_tied():
    """Of a hundred scores eighty are tied, the others gain 0.1 with a spread of 0.2."""
    rng = random.Random(4)
    decided = [rng.gauss(0.1, 0.2) for _ in range(20)]
    found = contest(*differing([0.0] * 80 + decided))
    gain, spread = statistics.fmean([0.0] * 80 + decided), statistics.stdev([0.0] * 80 + decided)

    assert found.needed == needed_for_scores(gain, spread, 0.0, 0.95, 5, tied=0.8)
    assert found.needed != needed_for_scores(gain, spread, 0.0, 0.95, 5)


@pytest.mark.parametrize(("groups", "is_planned"), [(1, False), (2, True)])
def test_two_groups_are_enough_to_plan_by(groups, is_planned):
    found = contest(*differing([0.2, 0.3][:groups]))

    assert (found.needed is not None) is is_planned
