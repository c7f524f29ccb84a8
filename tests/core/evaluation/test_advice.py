"""What to try after a candidate was not promoted."""

import msgspec
import pytest

from shared.core.evaluation.advice import advice
from shared.core.evaluation.contest import Contest, Severe
from tests.support.builders import BETTER

SEEN = msgspec.structs.replace(BETTER, outcome="not_better", gain=0.02, examples=60)


def contest(**changes):
    values = {
        "baseline": "baseline-1",
        "n": 60,
        "groups": 30,
        "wins": 3,
        "losses": 2,
        "gain": 0.02,
        "lower_bound": -0.1,
        "complete_bound": None,
        "safe_bound": None,
        "p": 0.4,
        "means": {"candidate": 0.5, "baseline": 0.48},
        "missing": {"candidate": 0, "baseline": 0},
        "missing_both": 0,
        "left_out": 0,
        "severe": Severe(count=0, upper_bound=0.1),
        "needed": 400,
        "prompt_ratio": None,
        "cost_ratio": None,
    }
    return Contest(**(values | changes))


@pytest.mark.parametrize(
    ("found", "overfits", "words"),
    [
        (contest(missing={"candidate": 4, "baseline": 1}), False, "owes 4 answers"),
        (contest(is_worse=True), True, "look at the lost items"),
        (contest(), True, "fewer epochs"),
        (contest(severe=Severe(count=2, upper_bound=0.2)), False, "2 groups lose 0.5"),
        (contest(), False, "gains a little"),
        (contest(needed=None), False, "gains less than the rule asks for"),
        (contest(needed=30), False, "something else stands in the way"),
        (None, False, "gains a little"),
    ],
)
def test_one_sentence_says_what_to_try(found, overfits, words):
    assert words in advice(SEEN, found, overfits=overfits).to_try


@pytest.mark.parametrize("gain", [None, 0.0, -0.2])
def test_without_a_gain_other_rows_are_worth_more(gain):
    seen = msgspec.structs.replace(SEEN, gain=gain)

    assert "gains nothing" in advice(seen, contest(), overfits=False).to_try


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (contest(), "About 400 groups in all, about 800 examples, would settle it"),
        (contest(needed=None), "would not settle it"),
        (contest(needed=30), "There were enough groups (30)"),
        (contest(groups=0, needed=12), "about 12 examples"),
        (None, "not known"),
    ],
)
def test_it_says_how_many_would_settle_it(found, words):
    found = advice(SEEN, found, overfits=False)

    assert words in found.settles
    assert "Nobody promotes it by hand" in found.nobody


@pytest.mark.parametrize("found", [contest(), contest(needed=None), contest(needed=30), None])
def test_more_evaluation_rows_are_advised_only_where_they_would_settle_it(found):
    told = advice(SEEN, found, overfits=False)
    is_advised = "more evaluation rows can show" in told.to_try

    assert is_advised == told.settles.startswith("About 400 groups")
