"""What another judgement changes, what it costs, and what the budget says to that: one figure beside the line, one on it."""

import msgspec
import pytest

from shared.core.evaluation.answers import Answer
from shared.core.judging_again import (
    Owed,
    beyond_budget,
    changed_keys,
    changed_prompts,
    cost_of,
    evaluation_of_today,
    owed,
    spec_of_today,
)
from shared.core.spec import Budget, DeploymentSize, EvaluationSpec, Prices, PromoteRule
from tests.support.builders import a_policy

BEFORE = a_policy("evaluation: {set: sets/a.jsonl, must_pass: [1], candidate: {capacity: 70}}\n").spec
TODAY = msgspec.structs.replace(
    BEFORE, evaluation=EvaluationSpec(set="sets/b.jsonl", must_pass=(2,), max_completion_tokens=9)
)


def test_the_evaluation_is_that_of_today():
    assert evaluation_of_today(BEFORE, TODAY, is_same_set=True) == (TODAY.evaluation, ())


def test_the_set_stays_and_its_lines_with_it():
    merged, notes = evaluation_of_today(BEFORE, TODAY, is_same_set=False)

    assert (merged.set, merged.must_pass, merged.max_completion_tokens) == ("sets/a.jsonl", (1,), 9)
    assert len(notes) == 1


def test_the_size_of_the_candidate_is_that_of_its_own_model():
    """Another model may not be offered in the same size."""
    other = msgspec.structs.replace(TODAY, model="o4-mini-2025-04-16")

    assert evaluation_of_today(BEFORE, other, is_same_set=True)[0].candidate == BEFORE.evaluation.candidate
    assert evaluation_of_today(BEFORE, TODAY, is_same_set=True)[0].candidate == DeploymentSize()


def test_keys_that_differ_are_named_as_the_file_has_them():
    after = EvaluationSpec(
        graders=({"type": "json_match"},),
        promote=PromoteRule(confidence=0.9, metric="x"),
        max_completion_tokens=9,
    )

    was, now = (msgspec.structs.replace(BEFORE, evaluation=one) for one in (EvaluationSpec(), after))
    assert list(changed_keys(was, now)) == [
        "evaluation.graders",
        "evaluation.promote.metric",
        "evaluation.promote.confidence",
        "evaluation.max_completion_tokens",
    ]
    assert list(changed_keys(now, now)) == []


def test_the_smoke_test_of_today_counts_and_nothing_else_of_the_deployment():
    today = a_policy(
        "deployment: {capacity: 7, smoke_test: [{messages: [{role: user, content: Who?}]}]}\n"
    ).spec
    held_to = spec_of_today(BEFORE, today, BEFORE.evaluation)

    assert held_to.deployment.smoke_test == today.deployment.smoke_test
    assert held_to.deployment.capacity == BEFORE.deployment.capacity
    assert list(changed_keys(BEFORE, held_to)) == ["deployment.smoke_test"]


def test_a_prompt_that_says_something_else_is_a_change_and_a_new_one_is_named_by_its_baseline():
    before, after = {"a.txt": "x", "b.txt": "y"}, {"a.txt": "z", "b.txt": "y", "c.txt": "new"}

    assert list(changed_prompts(before, after)) == ["the text of a.txt"]


def answer(prompt, completion):
    return Answer(index=0, text="x", finish_reason="stop", prompt_tokens=prompt, completion_tokens=completion)


KNOWN = [answer(10, 4), answer(30, 8), answer(0, 999)]  # the last one was not billed


def test_what_is_missing_is_estimated_by_what_is_there():
    asked = owed(5, KNOWN, prompt_chars=400, limit=1000, is_same_limit=True)

    assert asked == Owed(questions=5, prompt_tokens=100, completion_tokens=30)


def test_under_another_limit_an_answer_may_take_all_of_it():
    asked = owed(5, KNOWN, prompt_chars=400, limit=1000, is_same_limit=False)

    assert asked == Owed(questions=5, prompt_tokens=100, completion_tokens=5000)


def test_without_any_answer_characters_are_counted():
    asked = owed(5, [], prompt_chars=400, limit=1000, is_same_limit=True)

    assert asked == Owed(questions=5, prompt_tokens=500, completion_tokens=5000)


ASKED = Owed(questions=5, prompt_tokens=2_000_000, completion_tokens=1_000_000)
PRICES = Prices(prompt_usd_per_million_tokens=2.0, completion_usd_per_million_tokens=8.0)


def test_cost_follows_from_the_prices_of_the_file():
    assert cost_of(ASKED, PRICES).usd == 12.0
    assert "5 answers, about 2,000,000 prompt and 1,000,000 completion tokens" in cost_of(ASKED, PRICES).basis


@pytest.mark.parametrize("missing", ["prompt_usd_per_million_tokens", "completion_usd_per_million_tokens"])
def test_a_price_that_is_missing_leaves_the_cost_unknown(missing):
    cost = cost_of(ASKED, msgspec.structs.replace(PRICES, **{missing: None}))

    assert cost.usd is None
    assert f"prices.{missing}" in cost.basis
    assert beyond_budget(cost, Budget(per_run_usd=0), paid_usd=1, committed_usd=1) is None


def test_nothing_missing_costs_nothing():
    assert cost_of(Owed(questions=0), Prices()).usd == 0.0


@pytest.mark.parametrize(
    ("budget", "match"),
    [
        ({"per_run_usd": 17.0, "per_month_usd": 42.0}, None),
        (
            {"per_run_usd": 16.99, "per_month_usd": 42.0},
            "on top of $5.00 for the job is more than budget.per_run_usd = $16.99",
        ),
        (
            {"per_run_usd": None, "per_month_usd": 41.99},
            "$30.00 committed this month is more than budget.per_month_usd = $41.99",
        ),
        ({"per_run_usd": None, "per_month_usd": None}, None),
    ],
)
def test_the_budget_is_kept_to_the_cent(budget, match):
    why = beyond_budget(cost_of(ASKED, PRICES), Budget(**budget), paid_usd=5, committed_usd=30)

    assert (why is None) if match is None else (match in why and why.startswith("$12.00 for 5 answers"))


def test_what_costs_nothing_is_within_any_budget():
    free = cost_of(Owed(questions=0), PRICES)

    assert beyond_budget(free, Budget(per_run_usd=0, per_month_usd=0), paid_usd=9, committed_usd=9) is None
