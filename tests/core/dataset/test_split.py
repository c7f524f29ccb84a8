"""The split: seeded, whole groups of equal rows, at least ten left."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset.findings import FindingLog
from shared.core.dataset.inspect import Role
from shared.core.dataset.split import assign, check_overlap, plan_split
from shared.core.pipeline import DatasetSpec, EvaluationSplit, MethodType, Split
from tests.core.dataset.rows import ANSWER, USER, chat, inspect, lines, many


def plan_of(
    summary,
    *,
    validation=0.1,
    evaluation=0.1,
    most=200,
    has_validation=False,
    has_evaluation=False,
    seed=42,
    **more,
):
    log = FindingLog()
    spec = DatasetSpec(
        validation=Split(share=validation, seed=seed, required=more.pop("required", False)),
        evaluation=EvaluationSplit(share=evaluation, seed=seed, max_examples=most),
    )
    return plan_split(summary, has_validation, has_evaluation, spec, log, **more), log


def roles_of(plan, summary):
    return [assign(plan, index, key) for index, key in enumerate(summary.row_keys)]


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ({}, (80, 10, 10)),
        ({"evaluation": 0.0}, (90, 10, 0)),
        ({"validation": 0.0}, (90, 0, 10)),
        ({"has_validation": True}, (90, 0, 10)),
        ({"has_evaluation": True}, (90, 10, 0)),
        ({"most": 4}, (86, 10, 4)),
        ({"evaluation": 0.001}, (89, 10, 1)),
    ],
)
def test_shares_become_counts(options, counts):
    summary, _ = inspect(many(100))
    plan, log = plan_of(summary, **options)

    assert tuple(plan.counts[role] for role in Role) == counts
    assert [roles_of(plan, summary).count(role) for role in Role] == list(counts)
    assert sum(plan.tokens.values()) == summary.tokens
    assert log.totals == {}


def test_another_seed_chooses_other_rows():
    summary, _ = inspect(many(100))

    first, second = (roles_of(plan_of(summary, seed=seed)[0], summary) for seed in (1, 2))

    assert first != second


def test_nine_examples_are_too_few_and_the_remedy_says_how_many_are_missing():
    summary, _ = inspect(many(9))
    _, log = plan_of(summary, validation=0.0, evaluation=0.0)

    assert log.totals == {"DS006": 1}
    assert "Add at least 1 examples" in log.findings[0].remedy


def test_ten_examples_are_enough_only_without_splits():
    summary, _ = inspect(many(10))

    assert plan_of(summary)[1].totals == {"DS006": 1}
    assert plan_of(summary, validation=0.0, evaluation=0.0)[1].totals == {}
    assert plan_of(summary, has_validation=True, has_evaluation=True)[1].totals == {}


def test_a_required_validation_file_that_is_missing_is_an_error():
    summary, _ = inspect(many(30))

    assert plan_of(summary, required=True)[1].totals == {"DS009": 1}
    assert plan_of(summary, required=True, has_validation=True)[1].totals == {}


def test_reinforcement_needs_validation_rows():
    summary, _ = inspect(lines(*(chat({**USER, "content": f"{i}"}, n=i) for i in range(30))), "reinforcement")

    assert plan_of(summary, validation=0.0, method=MethodType.REINFORCEMENT)[1].totals == {"DS064": 1}
    assert plan_of(summary, method=MethodType.REINFORCEMENT)[1].totals == {}


def test_rows_of_another_file_are_refused():
    summary, _ = inspect(many(20))
    plan, _ = plan_of(summary)

    with pytest.raises(IndexError, match="20 rows when the split was planned"):
        assign(plan, 20, 1)


def test_rows_shared_with_a_companion_are_counted():
    training, _ = inspect(many(20))
    other, _ = inspect(many(3) + lines(chat(USER, ANSWER)), file="validation.jsonl", role=Role.VALIDATION)
    log = FindingLog()

    assert check_overlap(training, other, log) == 3
    assert log.totals == {"DS008": 1}


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=60),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
    st.integers(1, 20),
    st.integers(0, 2**31 - 1),
)
def test_equal_rows_stay_together_and_the_bounds_hold(numbers, validation, evaluation, most, seed):
    rows = [chat({**USER, "content": f"number {n}"}, ANSWER) for n in numbers]
    summary, _ = inspect(lines(*rows))
    plan, _ = plan_of(summary, validation=validation, evaluation=evaluation, most=most, seed=seed)
    roles = roles_of(plan, summary)

    sides = {
        number: {role for n, role in zip(numbers, roles, strict=True) if n == number} for number in numbers
    }
    assert all(len(side) == 1 for side in sides.values())
    held = [n for n, role in zip(numbers, roles, strict=True) if role is Role.EVALUATION]
    wanted = min(max(round(evaluation * len(numbers)), 1), most) if evaluation > 0 and len(numbers) > 1 else 0
    assert len(held) <= wanted or len(set(held)) == 1
    assert bool(held) == ((wanted > 0 and len(set(numbers)) > 1) or wanted >= len(numbers))
