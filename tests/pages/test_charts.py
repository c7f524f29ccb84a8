"""Charts: where lines lie, how many points they have, and that their words and numbers are there without the picture."""

import pytest

from shared.core.evaluation.measured import Interval
from shared.core.evaluation.plot import Differences
from shared.pages import charts
from shared.pages.charts import Mark, Measured, Series


def losses(count, last=1.0):
    points = [(step, 3 - (3 - last) * step / count) for step in range(1, count + 1)]
    return Series(name="training loss", css="line-a", points=points)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.5, 1.0]),
        (1.4, 2.6, [1.0, 1.5, 2.0, 2.5, 3.0]),
        (2.0, 2.0, [1.5, 2.0, 2.5]),
        (-0.013, 0.02, [-0.02, -0.01, 0.0, 0.01, 0.02]),
    ],
)
def test_ticks_are_round_and_lie_around_all_numbers(low, high, expected):
    assert charts.ticks(low, high) == expected


def test_a_line_has_at_most_300_points_and_keeps_its_ends_and_its_outliers():
    points = [(float(step), 1.0) for step in range(10_000)]
    points[5_003] = (5_003.0, 9.0)
    points[7_001] = (7_001.0, -3.0)

    kept = charts.thinned(points)

    assert len(kept) <= charts.POINTS_MAX
    assert {points[0], points[-1], points[5_003], points[7_001]} <= set(kept)
    assert kept == sorted(kept)
    assert charts.thinned(points[:300]) == points[:300]


def test_curves_lie_within_the_picture_and_say_what_they_show():
    chart = charts.curves(
        "loss",
        "Loss",
        [losses(20), Series(name="validation loss", css="line-b", points=[(10, 2.0), (20, 2.4)])],
        [Mark(x=10, css="best", words="lowest validation loss"), Mark(x=99, css="best", words="not drawn")],
        x_name="step",
    )

    for line in chart.lines:
        for point in line.points.split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= chart.width
            assert 0 <= y <= chart.height
    assert "validation loss from 2 to 2.4, lowest 2; lowest validation loss at step 10" in chart.described
    assert ("line-b", "validation loss") in chart.key_of
    assert "not drawn" not in chart.described
    assert chart.table.head == ("step", "training loss", "validation loss", "note")
    assert ("10", "2", "2", "lowest validation loss") in chart.table.rows
    assert len(chart.table.rows) == 20


def test_of_many_steps_the_table_has_evenly_many_and_those_that_are_marked():
    chart = charts.curves(
        "loss", "Loss", [losses(5_000)], [Mark(x=4_321, css="checkpoint", words="c")], x_name="step"
    )

    steps = [row[0] for row in chart.table.rows]
    assert len(steps) <= charts.ROWS_MAX + 1
    assert {"1", "4321", "5000"} <= set(steps)
    assert chart.table.caption == f"Loss: {len(steps)} of 5,000 steps"


def test_numbers_that_are_none_are_not_drawn():
    odd = Series(name="a", css="line-a", points=[(1, float("nan")), (2, float("inf")), (3, 1.0)])

    chart = charts.curves("k", "t", [odd, Series(name="b", css="line-b", points=[])], x_name="step")

    assert [line.points for line in chart.lines] == [f"{chart.dots[0].x:g},{chart.dots[0].y:g}"]
    assert charts.curves("k", "t", [Series(name="b", css="line-b", points=[])], x_name="step") is None


def test_differences_are_dots_whose_forms_tell_wins_losses_and_ties():
    values = sorted([-1.0, -0.3, 0.0, 0.0, 0.2, 0.5, 1.0])
    seen = Differences(
        title="exact: candidate less base",
        values=values,
        gain=Interval(value=0.2, low=0.1, high=0.3),
        confidence=0.95,
    )

    chart = charts.differences("gain", seen)

    assert [dot.css for dot in chart.dots] == ["loss", "loss", "tie", "tie", "win", "win", "win"]
    assert [band.css for band in chart.bands] == ["interval"]
    assert chart.described.startswith("7 groups: 3 higher, 2 lower, 2 equal; gain +0.200")
    assert sum(int(count) for _, count in chart.table.rows) == 7
    many = charts.differences(
        "k", Differences(title="t", values=[0.1] * 9_000, gain=Interval(value=0.1), confidence=0.95)
    )
    assert len(many.dots) == charts.POINTS_MAX
    assert many.bands == ()


def test_quality_is_broken_where_the_exam_changed():
    runs = [
        Measured(name="a", value=0.5, low=0.4, high=0.6),
        Measured(name="b", value=0.6),
        Measured(name="c", value=0.9, begins="another exam"),
        Measured(name="d", value=0.8),
    ]

    chart = charts.intervals("quality", "Quality", runs)

    assert [len(line.points.split()) for line in chart.lines] == [2, 2]
    assert [stroke.css for stroke in chart.strokes if stroke.css in {"break", "whisker"}] == [
        "whisker",
        "break",
    ]
    assert chart.table.rows[1] == ("c", "0.900", "", "another exam")
    assert charts.intervals("quality", "Quality", []) is None
