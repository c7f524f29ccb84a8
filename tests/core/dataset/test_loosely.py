"""A question of an exam that is spelled otherwise in the training data is no new question."""

import pytest

from shared.core.dataset.options import Role
from shared.core.spec import DatasetSpec, Split
from tests.core.dataset.rows import chat, lines, validated

ASKED = "I want my money back for order 3.5-B, it's late"
#: The same question in another spelling.
SAME = (
    ASKED + ".",
    ASKED + " !",
    f"  {ASKED}\n",
    ASKED.upper(),
    ASKED.replace(" ", "\t"),
    ASKED.replace(",", ""),
    f"“{ASKED}”",
    [{"type": "text", "text": ASKED}],
    [
        {"type": "text", "text": "I want my money back"},
        {"type": "text", "text": "for order 3.5-B, it's late?"},
    ],
)
#: Questions that only look like it.
OTHERS = (
    ASKED.replace("3.5", "35"),
    ASKED.replace("3.5", "3,5"),
    ASKED.replace("-B", "+B"),
    ASKED.replace("it's", "its"),
    ASKED.replace("money", "mon ey"),
    "not " + ASKED,
)


def held_out(question, *, trained_on=ASKED, **options):
    """The only row of an evaluation file that asks this, beside a training file that has another question among others."""
    training = [asking(f"number {n}?") for n in range(30)] + [asking(trained_on)]
    found = validated(
        lines(*training),
        companions={"evaluation": lines(asking(question))},
        dataset=DatasetSpec(validation=Split(share=0)),
        **options,
    )
    (row,) = found.held_out
    return row, found


def asking(question):
    return chat({"role": "user", "content": question}, {"role": "assistant", "content": "refund"})


def codes(found):
    return [finding.code for finding in found.report.findings if finding.file == "evaluation.jsonl"]


@pytest.mark.parametrize("question", SAME, ids=str)
def test_another_spelling_is_the_same_question(question):
    row, found = held_out(question)

    assert row.is_trained_on
    assert "DS087" in codes(found) or "DS086" in codes(found)


@pytest.mark.parametrize("question", OTHERS, ids=str)
def test_a_question_that_looks_alike_is_another_one(question):
    row, found = held_out(question)

    assert not row.is_trained_on
    assert codes(found) == []


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("caf\u00e9", "cafe\u0301", True),
        ("2\u00b2", "22", False),
        ("What is 5 - 3", "What is 5 + 3", False),
        ("What is .5", "What is 5", False),
        ("返金してください。", "返金してください", True),
        ("返金してください", "返品してください", False),
        ("मुझे पैसे चाहिए।", "मुझे पैसे चाहिए", True),
        ("कि", "की", False),
    ],
)
def test_other_scripts_and_numbers(one, other, is_same):
    assert held_out(one, trained_on=other)[0].is_trained_on is is_same


def test_images_count_as_they_are():
    def seen(data):
        image = {"type": "image_url", "image_url": {"url": f"https://example.org/{data}.png"}}
        return [{"type": "text", "text": "What is it?"}, image]

    assert held_out(seen("AAAA"), trained_on=seen("AAAA"))[0].is_trained_on
    assert not held_out(seen("AAAA"), trained_on=seen("BBBB"))[0].is_trained_on


def test_a_row_that_gives_way_to_a_frozen_set_may_be_spelled_otherwise():
    row, found = held_out(ASKED + "!", has_frozen_set=True, quarantine_max_share=0.1)

    assert not row.is_trained_on
    assert [reasons[0].code for reasons in found.files[Role.TRAINING].quarantine.values()] == ["DS094"]


def test_within_one_file_spelling_makes_rows_that_may_be_parted():
    """As it was, so that a file is split as before."""
    found = validated(lines(*(asking(ASKED + "!" * n) for n in range(40))))

    assert not found.files[Role.TRAINING].loose_keys
    assert len({row.group for row in found.held_out}) == len(found.held_out) > 0
