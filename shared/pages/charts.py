"""Charts as geometry: what `templates/charts.html` writes as SVG, so that every text in it is escaped like any other.

Colours and widths are classes of `style.css`, which has both themes and print; no colour says what form or place does not say
too.  A line has at most 300 points, and the numbers stand in a table below.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from shared.core.evaluation import plot
from shared.core.evaluation.plot import Differences
from shared.core.shown import clipped, visible
from shared.pages.shapes import HEIGHT, WIDTH, Band, Chart, Dot, Line, Stroke, Table, Words

_LEFT: Final = 52
_RIGHT: Final = 14
_TOP: Final = 14
_BOTTOM: Final = 38
#: Points of a line, and rows of the table below a chart.
POINTS_MAX: Final = 300
ROWS_MAX: Final = 40
_TICKS: Final = 4
_LABEL_MAX: Final = 80


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A line of numbers.

    Attributes:
        name: for people.
        css: how it is drawn: `line-a` is solid, `line-b` dashed, `line-c` dotted.
        points: x and y, in the order of x.
    """

    name: str
    css: str
    points: Sequence[tuple[float, float]]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A place on the x axis that is to be noticed."""

    x: float
    css: str
    words: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its interval, such as the quality of one run.

    Attributes:
        name: of it, for the table.
        value: the number.
        low: end of its interval, if that is known.
        high: likewise.
        begins: why it cannot be compared with the one before, such as "another exam"; empty if it can.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    begins: str = ""


def ticks(low: float, high: float, count: int = _TICKS) -> list[float]:
    """Round numbers from below `low` to above `high`, about `count` steps."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        low, span = low - 0.5, 1.0
        high = low + span
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


def thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """At most 300 points with the same outline: of each part the lowest and the highest, and both ends."""
    if len(points) <= POINTS_MAX:
        return points
    inner, parts = points[1:-1], (POINTS_MAX - 2) // 2
    kept = [points[0]]
    for part in range(parts):
        those = inner[part * len(inner) // parts : (part + 1) * len(inner) // parts]
        both = {min(those, key=lambda point: point[1]), max(those, key=lambda point: point[1])}
        kept += sorted(both)
    return [*kept, points[-1]]


class _Frame:
    """Where numbers lie in the picture."""

    def __init__(self, xs: tuple[float, float], ys: Sequence[float]) -> None:
        self._xs, self._ys = xs, (ys[0], ys[-1])
        self._ticks = ys

    def x(self, value: float) -> float:
        low, high = self._xs
        share = (value - low) / (high - low) if high > low else 0.5
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self._ys
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return round(_TOP + (1 - share) * (HEIGHT - _TOP - _BOTTOM), 1)

    def grid(self) -> Iterator[Stroke]:
        for value in self._ticks:
            css = "axis" if value == 0 else "grid"
            yield Stroke(css=css, x1=_LEFT, x2=WIDTH - _RIGHT, y1=self.y(value), y2=self.y(value))

    def numbers(self, sign: str = "") -> Iterator[Words]:
        for value in self._ticks:
            text = "0" if value == 0 else f"{value:{sign}g}"
            yield Words(css="tick", x=_LEFT - 7, y=self.y(value) + 4, text=text, anchor="end")


def text_of(text: str) -> str:
    """A text that XML can hold, on one line, as long as a picture can show."""
    return clipped(visible(text), _LABEL_MAX)


def curves(
    key: str, title: str, series: Sequence[Series], marks: Iterable[Mark] = (), *, x_name: str
) -> Chart | None:
    """Lines over steps, such as losses; None without a point.

    Args:
        key: of the chart on its page.
        title: what is drawn.
        series: the lines.
        marks: places that are to be noticed.
        x_name: what the x axis counts.
    """
    marks = tuple(marks)
    finite = [
        msgspec.structs.replace(one, points=[point for point in one.points if all(map(math.isfinite, point))])
        for one in series
    ]
    finite = [one for one in finite if one.points]
    if not finite:
        return None
    points = [point for one in finite for point in one.points]
    xs = (min(x for x, _ in points), max(x for x, _ in points))
    frame = _Frame(xs, ticks(min(y for _, y in points), max(y for _, y in points)))
    lines, dots = list[Line](), list[Dot]()
    for one in finite:
        places = [(frame.x(x), frame.y(y)) for x, y in thinned(one.points)]
        lines.append(Line(css=one.css, points=" ".join(f"{x:g},{y:g}" for x, y in places)))
        if len(places) <= 60:
            dots += [Dot(css=one.css, x=x, y=y, r=2) for x, y in places]
    top, bottom = _TOP, HEIGHT - _BOTTOM
    drawn = [mark for mark in marks if xs[0] <= mark.x <= xs[1]]
    strokes = [
        Stroke(css=mark.css, x1=frame.x(mark.x), x2=frame.x(mark.x), y1=top, y2=bottom) for mark in drawn
    ]
    ends = [(xs[0], "start"), (xs[1], "end")] if xs[1] > xs[0] else [(xs[0], "middle")]
    told = "; ".join(
        f"{one.name} from {one.points[0][1]:.4g} to {one.points[-1][1]:.4g}, lowest {min(y for _, y in one.points):.4g}"
        for one in finite
    )
    noted = "".join(f"; {mark.words} at {x_name} {mark.x:g}" for mark in drawn)
    return Chart(
        key=key,
        title=text_of(title),
        described=f"{told}{noted}",
        strokes=(*frame.grid(), *strokes),
        lines=tuple(lines),
        dots=tuple(dots),
        words=(
            *frame.numbers(),
            *(Words(css="tick", x=frame.x(x), y=bottom + 17, text=f"{x:g}", anchor=at) for x, at in ends),
            Words(css="tick", x=(_LEFT + WIDTH - _RIGHT) / 2, y=bottom + 32, text=x_name, anchor="middle"),
        ),
        key_of=(
            *((one.css, text_of(one.name)) for one in finite),
            *dict.fromkeys((mark.css, text_of(mark.words)) for mark in drawn),
        ),
        table=_table_of(title, finite, drawn, x_name),
    )


def _table_of(title: str, series: Sequence[Series], marks: Sequence[Mark], x_name: str) -> Table:
    """The numbers of evenly many steps, and of all that are marked."""
    known = {x: dict[int, float]() for one in series for x, _ in one.points}
    for number, one in enumerate(series):
        for x, y in one.points:
            known[x][number] = y
    steps = sorted(known)
    marked = {mark.x: mark.words for mark in marks if mark.x in known}
    places = {round(place * (len(steps) - 1) / (ROWS_MAX - 1)) for place in range(min(len(steps), ROWS_MAX))}
    shown = steps if len(steps) <= ROWS_MAX else sorted({*(steps[place] for place in places), *marked})
    rows = [
        (
            f"{x:g}",
            *(f"{known[x][number]:.4g}" if number in known[x] else "" for number in range(len(series))),
            text_of(marked.get(x, "")),
        )
        for x in shown[: 2 * ROWS_MAX]
    ]
    whole = "" if len(shown) == len(steps) else f": {len(rows)} of {len(steps):,} steps"
    return Table(
        caption=f"{title}{whole}",
        head=(x_name, *(text_of(one.name) for one in series), "note"),
        rows=tuple(rows),
    )


def differences(key: str, seen: Differences) -> Chart:
    """Every group a dot, from the worst to the best, with the gain and its interval: as in `plot.to_svg`."""
    reach = plot.reach_of(seen)
    values = plot.drawn(seen.values)
    frame = _Frame((-0.5, max(len(values) - 0.5, 0.5)), [-reach, -reach / 2, 0.0, reach / 2, reach])
    low, high = seen.gain.low, seen.gain.high
    bands, width = list[Band](), WIDTH - _LEFT - _RIGHT
    if low is not None and high is not None:
        top = frame.y(high)
        height = max(round(frame.y(low) - top, 1), 1)
        bands.append(Band(css="interval", x=_LEFT, y=top, width=width, height=height))
    mean = frame.y(seen.gain.value)
    radius = 3.0 if len(values) <= 100 else 2.0
    counts = _counted(seen.values)
    return Chart(
        key=key,
        title=text_of(seen.title),
        described=plot.described(seen),
        bands=tuple(bands),
        strokes=(*frame.grid(), Stroke(css="mean", x1=_LEFT, x2=_LEFT + width, y1=mean, y2=mean)),
        dots=tuple(
            Dot(css=_form(value), x=frame.x(place), y=frame.y(value), r=radius if value else radius - 0.5)
            for place, value in enumerate(values)
        ),
        words=(
            *frame.numbers("+"),
            Words(
                css="tick",
                x=_LEFT + width / 2,
                y=HEIGHT - 8,
                text="groups, from the worst to the best",
                anchor="middle",
            ),
        ),
        key_of=(
            ("win", "candidate scores higher"),
            ("loss", "candidate scores lower"),
            ("tie", "equal"),
            ("mean", "gain"),
            *((("interval", "its range"),) if bands else ()),
        ),
        table=Table(
            caption=f"{text_of(seen.title)}: differences of groups",
            head=("difference", "groups"),
            rows=counts,
        ),
    )


def _form(value: float) -> str:
    return "win" if value > 0 else "loss" if value < 0 else "tie"


_PARTS: Final = (-1.0, -0.5, -0.2, -0.05, 0.0, 0.05, 0.2, 0.5, 1.0)


def _counted(values: Sequence[float]) -> tuple[tuple[str, ...], ...]:
    """How many groups have which difference."""
    rows = []
    for low, high in pairwise(_PARTS):
        if low < 0:
            found = sum(1 for value in values if (low <= value or low == _PARTS[0]) and value < high)
            name = f"{low:+g} to below {high:+g}" if high else f"{low:+g} to below 0"
        else:
            found = sum(1 for value in values if low < value and (value <= high or high == _PARTS[-1]))
            name = f"above {low:+g} to {high:+g}" if low else f"above 0 to {high:+g}"
        rows.append((name, f"{found:,}"))
    rows.insert(4, ("0", f"{sum(1 for value in values if value == 0):,}"))
    return tuple(rows)


def intervals(key: str, title: str, numbers: Sequence[Measured], *, x_name: str = "run") -> Chart | None:
    """Numbers one after another with their intervals, broken where they cannot be compared; None without any.

    Of more than 300 the newest are drawn.
    """
    shown = numbers[-POINTS_MAX:]
    if not shown:
        return None
    ends = [end for one in shown for end in (one.value, one.low, one.high) if end is not None]
    frame = _Frame((-0.5, len(shown) - 0.5), ticks(min(ends), max(ends)))
    top, bottom = _TOP, HEIGHT - _BOTTOM
    lines, strokes, part = list[Line](), list[Stroke](), list[str]()
    for place, one in enumerate(shown):
        x = frame.x(place)
        if one.begins and place:
            between = frame.x(place - 0.5)
            strokes.append(Stroke(css="break", x1=between, x2=between, y1=top, y2=bottom))
            lines, part = [*lines, Line(css="line-a", points=" ".join(part))], []
        part.append(f"{x:g},{frame.y(one.value):g}")
        if one.low is not None and one.high is not None:
            strokes.append(Stroke(css="whisker", x1=x, x2=x, y1=frame.y(one.low), y2=frame.y(one.high)))
    lines.append(Line(css="line-a", points=" ".join(part)))
    breaks = sum(1 for one in shown[1:] if one.begins)
    newest = shown[-1]
    return Chart(
        key=key,
        title=text_of(title),
        described=f"{len(shown)} numbers; the newest, {text_of(newest.name)}, is {newest.value:.3f}; breaks: {breaks}",
        strokes=(*frame.grid(), *strokes),
        lines=tuple(lines),
        dots=tuple(
            Dot(css="line-a", x=frame.x(at), y=frame.y(one.value), r=3) for at, one in enumerate(shown)
        ),
        words=(
            *frame.numbers(),
            Words(
                css="tick",
                x=(_LEFT + WIDTH - _RIGHT) / 2,
                y=bottom + 22,
                text=f"{x_name}s, the newest on the right",
                anchor="middle",
            ),
        ),
        key_of=(
            ("line-a", "value"),
            ("whisker", "its range"),
            *((("break", "not comparable with before"),) if breaks else ()),
        ),
        table=Table(
            caption=text_of(title),
            head=(x_name, "value", "range", "note"),
            rows=tuple(
                (text_of(one.name), f"{one.value:.3f}", _range(one), text_of(one.begins))
                for one in reversed(shown[-ROWS_MAX:])
            ),
        ),
    )


def _range(one: Measured) -> str:
    return "" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"
