"""The split: seeded, whole groups of equal rows, at least ten left."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset.options import Role
from shared.core.spec import DatasetSpec, EvaluationSplit, Split
from tests.core.dataset.rows import ANSWER, USER, chat, lines, many, validated


def plan_of(
    data, *, validation=0.1, evaluation=0.1, most=200, companions=(), seed=42, required=False, **more
):
    spec = DatasetSpec(
        validation=Split(share=validation, seed=seed, required=required),
        evaluation=EvaluationSplit(share=evaluation, seed=seed, max_examples=most),
    )
    others = {role: lines(chat({"role": "user", "content": f"For {role}?"}, ANSWER)) for role in companions}
    found = validated(data, dataset=spec, companions=others, **more)
    return found.plan, found.report.totals


def roles_of(plan):
    return [plan.role_of(row) for row in range(len(plan.assignment))]


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ({}, (80, 10, 10)),
        ({"evaluation": 0.0}, (90, 10, 0)),
        ({"validation": 0.0}, (90, 0, 10)),
        ({"companions": ["validation"]}, (90, 0, 10)),
        ({"companions": ["evaluation"]}, (90, 10, 0)),
        ({"most": 4}, (86, 10, 4)),
        ({"evaluation": 0.001}, (89, 10, 1)),
    ],
)
def test_shares_become_counts(options, counts):
    plan, totals = plan_of(many(100), **options)

    assert tuple(plan.counts[role] for role in Role) == counts
    assert [roles_of(plan).count(role) for role in Role] == list(counts)
    assert totals == {}


def test_another_seed_chooses_other_rows():
    first, second = (roles_of(plan_of(many(100), seed=seed)[0]) for seed in (1, 2))

    assert first != second


def test_nine_examples_are_too_few_and_the_remedy_says_how_many_are_missing():
    report = validated(
        many(9), dataset=DatasetSpec(validation=Split(share=0), evaluation=EvaluationSplit(share=0))
    ).report

    assert report.totals == {"DS006": 1}
    assert "Add at least 1 example;" in report.findings[0].remedy


@pytest.mark.parametrize(
    ("rows", "options", "counts", "codes"),
    [
        (10, {}, (10, 0, 0), {"DS105": 1}),
        (11, {}, (10, 0, 1), {}),
        (12, {}, (10, 1, 1), {}),
        (14, {"evaluation": 0.5}, (14, 0, 0), {"DS105": 1}),
        (20, {"validation": 0.3, "evaluation": 0.5}, (10, 0, 10), {}),
        (10, {"validation": 0.0, "evaluation": 0.0}, (10, 0, 0), {}),
        (10, {"evaluation": 0.0}, (10, 0, 0), {}),
        (10, {"companions": ["validation"]}, (10, 0, 0), {"DS105": 1}),
        (10, {"companions": ["validation", "evaluation"]}, (10, 0, 0), {}),
        (9, {}, (7, 1, 1), {"DS006": 1}),
        (1, {}, (1, 0, 0), {"DS006": 1}),
    ],
)
def test_what_is_held_out_never_makes_a_trainable_set_untrainable(rows, options, counts, codes):
    plan, totals = plan_of(many(rows), **options)

    assert tuple(plan.counts[role] for role in Role) == counts
    assert totals == codes


@pytest.mark.parametrize(
    ("rows", "companions", "counts", "codes"),
    [
        (12, (), (10, 1, 1), {}),
        (11, (), (10, 1, 0), {"DS105": 1}),
        (10, (), (8, 1, 1), {"DS006": 1}),
        (10, ["validation"], (10, 0, 0), {"DS105": 1}),
    ],
)
def test_reinforcement_keeps_its_validation_rows_first(rows, companions, counts, codes):
    data = lines(*(chat({**USER, "content": f"{i}"}, n=i) for i in range(rows)))
    others = {role: lines(chat({"role": "user", "content": f"For {role}?"}, n=1)) for role in companions}
    found = validated(data, "reinforcement", companions=others)

    assert tuple(found.plan.counts[role] for role in Role) == counts
    assert found.report.totals == codes


def test_a_reinforcement_file_of_11_rows_is_told_that_they_are_too_few_and_not_that_they_are_alike():
    data = lines(*(chat({**USER, "content": f"What is {i} times seven?"}, n=i) for i in range(11)))
    (found,) = validated(data, "reinforcement").report.findings

    assert found.code == "DS105"
    assert "fewer than 10 would be left" in found.message


def test_a_file_of_nothing_but_bad_rows_is_not_told_that_there_are_too_few():
    found = validated(lines(*[chat(USER, {**ANSWER, "content": ""})] * 3))

    assert found.report.totals == {"DS035": 3}


def test_it_says_what_to_do_where_nothing_is_held_out():
    found = validated(many(10)).report.findings[0]

    assert "nothing can be compared" in found.message
    assert "fewer than 10 would be left" in found.message
    assert "split: 0" in found.remedy
    assert "evaluation.jsonl" in found.remedy


def test_the_missing_examples_are_counted_as_if_nothing_were_held_out():
    assert (
        validated(many(9)).report.findings[0].message.startswith("9 examples are left for training, at least")
    )
    rows = lines(*(chat({**USER, "content": f"{i}"}, n=i) for i in range(10)))
    assert (
        "9 examples are left for training after 1 are held"
        in validated(rows, "reinforcement").report.findings[0].message
    )


@pytest.mark.parametrize("method", ["supervised", "dpo", "reinforcement"])
def test_rows_that_all_ask_the_same_cannot_be_held_out_and_it_says_why(method):
    answers = [{"role": "assistant", "content": f"bird {i}"} for i in range(30)]
    rows = {
        "supervised": [chat(USER, answer) for answer in answers],
        "dpo": [
            {"input": chat(USER), "preferred_output": [a], "non_preferred_output": [ANSWER]} for a in answers
        ],
        "reinforcement": [chat(USER, answer="x") for _ in answers],
    }[method]
    found = validated(lines(*rows), method).report
    code = "DS064" if method == "reinforcement" else "DS105"
    finding = next(finding for finding in found.findings if finding.code == code)

    assert "ask the same" in finding.message
    assert found.totals.keys().isdisjoint({"DS006", "DS064", "DS105"} - {code})
    assert found.ok == (method != "reinforcement")


def test_a_required_validation_file_that_is_missing_is_an_error():
    assert plan_of(many(30), required=True)[1] == {"DS009": 1}
    assert plan_of(many(30), required=True, companions=["validation"])[1] == {}


def test_reinforcement_needs_validation_rows():
    data = lines(*(chat({**USER, "content": f"{i}"}, n=i) for i in range(30)))

    assert plan_of(data, method="reinforcement", validation=0.0)[1] == {"DS064": 1}
    assert plan_of(data, method="reinforcement")[1] == {}


def test_each_label_has_its_share():
    rows = [
        chat({"role": "user", "content": f"Mail {i} of {count}"}, {"role": "assistant", "content": label})
        for label, count in (("spam", 60), ("ham", 30), ("bill", 10))
        for i in range(count)
    ]
    plan, _ = plan_of(lines(*rows))

    assert {name: tuple(parts[role] for role in Role) for name, parts in plan.strata.items()} == {
        "spam": (48, 6, 6),
        "ham": (24, 3, 3),
        "bill": (8, 1, 1),
    }


def test_short_and_long_rows_have_their_share():
    rows = [
        chat(
            {"role": "user", "content": f"Tell {i}"},
            {"role": "assistant", "content": f"so {'far ' * (i // 10)}{i}"},
        )
        for i in range(200)
    ]
    plan, _ = plan_of(lines(*rows), validation=0.0)

    assert sorted(parts[Role.EVALUATION] for parts in plan.strata.values()) == [5, 5, 5, 5]


def test_near_duplicates_stay_on_one_side():
    words = [f"word{i}" for i in range(6000)]
    rows = []
    for i in range(40):
        text = words[i * 140 : i * 140 + 140]
        rows += [
            chat(
                {"role": "user", "content": " ".join([*text, extra])},
                {"role": "assistant", "content": f"Answer {i}"},
            )
            for extra in ("one", "two", "three")
        ]
    plan, totals = plan_of(lines(*rows), validation=0.2, evaluation=0.2)
    roles = roles_of(plan)

    assert totals["DS085"] == 80
    assert all(len(set(roles[i : i + 3])) == 1 for i in range(0, 120, 3))
    assert plan.counts[Role.EVALUATION] > 10


def test_rows_made_from_a_template_are_no_near_duplicates():
    """As in rft-countdown: a long instruction, the same in all rows, and a few numbers."""
    template = " ".join(f"instruction{i}" for i in range(150))
    data = lines(*(chat({"role": "user", "content": f"{template} {i} {i * i}"}, n=i) for i in range(60)))
    plan, totals = plan_of(data, method="reinforcement")

    assert totals == {"DS106": 1}  # a note
    assert (plan.counts[Role.VALIDATION], plan.counts[Role.EVALUATION]) == (6, 6)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=60),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
    st.integers(1, 20),
    st.integers(0, 2**31 - 1),
)
def test_equal_rows_stay_together_and_the_bounds_hold(numbers, validation, evaluation, most, seed):
    rows = [chat({**USER, "content": f"number {n}"}, ANSWER) for n in numbers]
    plan, _ = plan_of(lines(*rows), validation=validation, evaluation=evaluation, most=most, seed=seed)
    roles = roles_of(plan)

    sides = {
        number: {role for n, role in zip(numbers, roles, strict=True) if n == number} for number in numbers
    }
    assert all(len(side) == 1 for side in sides.values())
    held = [n for n, role in zip(numbers, roles, strict=True) if role is Role.EVALUATION]
    wanted = min(max(round(evaluation * len(numbers)), 1), most) if evaluation > 0 and len(numbers) > 1 else 0
    assert len(held) <= wanted or len(set(held)) == 1
    assert not held or (wanted > 0 and len(set(numbers)) > 1)
    assert len(numbers) < 10 or plan.counts[Role.TRAINING] >= 10
    smallest = min(map(numbers.count, numbers))
    assert held or not wanted or smallest == len(numbers) or 10 <= len(numbers) < 10 + max(wanted, smallest)
