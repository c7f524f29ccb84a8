"""Scores of all sides: what is counted by groups, and what a model knew already."""

import pytest

from shared.core.evaluation.exam import CANDIDATE, Exam, Score

SCORES = [
    Score(value=1.0, is_known=True),
    Score(value=0.5, is_known=True),
    Score(value=None),
    Score(value=0.2),
]
MADE = Exam(
    groups=["a", "b", "b", "b"],
    labels={CANDIDATE: "candidate"},
    scores={CANDIDATE: SCORES},
    slices=[("x",), ("y",), ("x",), ("y",)],
)


def test_the_mean_is_of_groups_and_no_answer_counts_nothing():
    assert MADE.mean(CANDIDATE) == pytest.approx((1.0 + 0.7 / 3) / 2)


def test_what_a_model_was_trained_on_is_counted_and_can_be_left_out():
    fresh = MADE.fresh(CANDIDATE)

    assert MADE.known(CANDIDATE) == 2
    assert (fresh.groups, fresh.slices) == (["b", "b"], [("x",), ("y",)])
    assert [score.value for score in fresh.scores[CANDIDATE]] == [None, 0.2]
    assert fresh.known(CANDIDATE) == 0


@pytest.mark.parametrize(
    ("is_so", "share"),
    [
        ([True, False, False, False], 0.5),
        ([False, True, True, False], 0.5),
        ([False, True, False, False], 0.25),
    ],
)
def test_a_share_is_of_items_or_of_groups_whichever_is_more(is_so, share):
    assert MADE.share(is_so) == pytest.approx(share)


def test_a_share_of_groups_weighs_their_items_alike():
    made = Exam(groups=["a", "b", "b", "b", "b"], labels={}, scores={})

    assert made.share([False, True, True, True, False]) == pytest.approx(0.6)
    assert made.share([True, False, False, False, True]) == pytest.approx((1 + 0.25) / 2)


def test_of_nothing_there_is_no_share():
    assert Exam(groups=[], labels={}, scores={}).share([]) == 0.0
