"""Items on the page of a run: their order, their whole texts, and the slices."""

import msgspec
import pytest

from shared.core import artifacts
from shared.core.evaluation.scorecard import Comparison
from shared.core.evaluation.slices import SliceGain
from shared.run_folder import RunFolder
from shared.views.run_evaluation import evaluation
from shared.views.run_items import ITEMS_SHOWN, Part, items
from tests.support.long_run import measured_product


@pytest.fixture(scope="module")
def measured():
    """A run with its comparison."""
    made = measured_product()
    raw = RunFolder(made.world.artifacts, made.run.id).read(artifacts.COMPARISON)
    return made.run, msgspec.json.decode(raw, type=Comparison)


def with_rows(comparison, count, text="x", gains=(0.0,)):
    """A comparison of so many items with these texts and differences."""
    first = comparison.rows[0]
    rows = tuple(
        msgspec.structs.replace(
            first,
            index=number,
            prompt=text,
            reference=text,
            answers=dict.fromkeys(first.answers, text),
            scores={
                side: {comparison.metric: 0.5 + (gains[number % len(gains)] if side == "candidate" else 0.0)}
                for side in first.scores
            },
            known_to=(),
        )
        for number in range(count)
    )
    return msgspec.structs.replace(comparison, rows=rows)


def shown(measured, count, part, **more):
    run, comparison = measured
    return items(run, with_rows(comparison, count, **more), comparison.contests[0], part)


def longs(item):
    return [item.prompt_long, item.reference_long, item.baseline.long, item.candidate.long]


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ((-0.5, 0.0, 0.5), "1 lost, 1 won, 1 equal; the worst lost first."),
        ((0.5, 0.0, 0.25), "0 lost, 2 won, 1 equal; none is lost, so the smallest gain comes first."),
    ],
)
def test_the_order_is_called_what_it_is(measured, gains, said):
    found = shown(measured, 3, Part(), gains=gains)

    assert found.said == said
    assert [float(item.difference) for item in found.lines] == sorted(gains)


def test_a_short_text_is_whole_and_a_long_one_is_opened(measured):
    short = shown(measured, 1, Part()).lines[0]
    text = "four hundred words " * 90
    opened = shown(measured, 1, Part(), text=text).lines[0]

    assert longs(short) == [None] * 4
    assert [long.whole for long in longs(opened)] == [text] * 4
    assert opened.prompt.endswith("…")


def test_what_has_no_room_is_opened_on_a_page_of_its_item_alone(measured):
    text = "abcd " * 380
    page = shown(measured, 30, Part(), text=text)
    last = page.lines[-1]
    assert {long.link for long in longs(last)} == {f"?item={ITEMS_SHOWN - 1}#items"}
    assert page.lines[0].prompt_long.whole == text

    alone = shown(measured, 30, Part(alone=ITEMS_SHOWN - 1), text=text)
    assert [item.number for item in alone.lines] == [last.number]
    assert [long.whole for long in longs(alone.lines[0])] == [text] * 4
    assert alone.pages.said == "10 of 30"

    roomy = shown(measured, 30, Part(is_roomy=True), text=text)
    whole = [sum(bool(long.whole) for item in one.lines for long in longs(item)) for one in (page, roomy)]
    assert 0 < whole[0] < whole[1]


def test_no_text_is_longer_than_4000_characters(measured):
    opened = shown(measured, 1, Part(alone=0), text="y" * 9_000).lines[0]

    assert len(opened.prompt_long.whole) <= 4_000


def test_slices_that_may_decide_come_first_and_the_worst_of_these_at_the_top(measured):
    run, comparison = measured
    contest = comparison.contests[0]
    other = msgspec.structs.replace(contest, slices=(a_slice("large", 12, -0.3), a_slice("small", 2, -0.9)))
    mine = msgspec.structs.replace(contest, slices=(a_slice("middle", 10, -0.1), a_slice("tiny", 1, -1.0)))
    seen = msgspec.structs.replace(comparison, contests=(mine, other))
    found = evaluation(run, seen, is_gone=False, sees_rows=False, data_role="r", part=Part())

    assert [row[0] for row in found.slices.rows] == ["large", "middle", "tiny", "small"]


def a_slice(name, groups, gain):
    return SliceGain(name=name, groups=groups, gain=gain, lower_bound=None, upper_bound=None)
