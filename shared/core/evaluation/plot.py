"""The differences of each contest as a picture: every group a dot, from the worst to the best, with the gain and its interval.

Nothing in it is code or comes from elsewhere, and no colour says what the place of a dot does not say too: it may be shown on
any page, printed in grey, and read by who cannot tell colours apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

import msgspec

from shared.core.evaluation.marks import percent
from shared.core.evaluation.measured import Interval
from shared.core.evaluation.measures import ACCURACY
from shared.core.evaluation.scorecard import Comparison
from shared.core.shown import clipped, visible

_WIDTH: Final = 640
_HEIGHT: Final = 260
_LEFT: Final = 56
_RIGHT: Final = 16
_TOP: Final = 34
_BOTTOM: Final = 60
#: Blue and vermilion of Okabe and Ito, which all eyes can tell apart; losses are hollow too, ties are grey and small.
_WIN: Final = 'fill="#0072b2"'
_LOSS: Final = 'fill="#ffffff" stroke="#d55e00" stroke-width="1.5"'
_TIE: Final = 'fill="#6b6b6b"'
_INK: Final = "#1f1f1f"
_GRID: Final = "#dddddd"
_BAND: Final = "#c9d6e6"
#: Beyond, dots would lie on each other.
DOTS_MAX: Final = 300
#: The picture reaches as far up and down as the first of these that everything fits into.
_REACHES: Final = (0.1, 0.2, 0.5, 1.0)
_TITLE_CHARS_MAX: Final = 80
_KEY: Final = "each dot is a group, from the worst to the best; above 0 the candidate scores higher"


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """What a picture shows of one contest.

    Attributes:
        title: of both sides, for people.
        values: difference of each group, candidate less baseline, -1 to 1, in ascending order.
        gain: their mean with its interval.
        confidence: of each end of it.
    """

    title: str
    values: Sequence[float]
    gain: Interval
    confidence: float


def differences_of(comparison: Comparison) -> list[Differences]:
    """What is drawn of a comparison: each contest."""
    found = []
    for part in comparison.measured:
        accuracy = next((measure for measure in part.measures if measure.name == ACCURACY), None)
        if part.baseline is not None and accuracy and accuracy.difference:
            label = comparison.target(part.baseline).label
            drawn = Differences(
                title=f"{comparison.metric}: candidate less {label}",
                values=[group.gain for group in part.gains],
                gain=accuracy.difference,
                confidence=comparison.rule.confidence,
            )
            found.append(drawn)
    return found


def to_svg(contests: Sequence[Differences]) -> str:
    """An SVG of 640 x 260 for each contest, one below the other.

    Of more than 300 groups evenly many are drawn; the first and the last always are.
    """
    height = _HEIGHT * max(len(contests), 1)
    told = ". ".join(f"{_text(seen.title)}: {described(seen)}" for seen in contests)
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    look = 'font-family="system-ui, sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc" {look}>',
        '<title id="title">Differences of groups of held-out examples</title>',
        f'<desc id="desc">{escape(told or "No contest")}</desc>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, seen in enumerate(contests):
        parts += [f'<g transform="translate(0 {number * _HEIGHT})">', *_contest(seen), "</g>"]
    if not contests:
        parts.append(f'<text x="{_LEFT}" y="22" fill="{_INK}">No baseline was compared.</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def reach_of(seen: Differences) -> float:
    """How far the picture reaches up and down."""
    ends = [end for end in (seen.gain.low, seen.gain.high) if end is not None]
    most = max(map(abs, [*seen.values, *ends]), default=0.0)
    return next((reach for reach in _REACHES if most <= reach), 1.0)


def drawn(values: Sequence[float]) -> Sequence[float]:
    """The values that are drawn: of more than 300 evenly many, the first and the last among them."""
    count = len(values)
    if count <= DOTS_MAX:
        return values
    return [values[round(place * (count - 1) / (DOTS_MAX - 1))] for place in range(DOTS_MAX)]


def _contest(seen: Differences) -> list[str]:
    reach = reach_of(seen)
    return [
        f'<text x="{_LEFT}" y="20" fill="{_INK}" font-weight="600">{escape(_text(seen.title))}</text>',
        *_interval(seen, reach),
        *_scale(reach),
        *_dots(seen.values, reach),
        f'<text x="{_LEFT}" y="{_HEIGHT - _BOTTOM + 24}" fill="{_INK}">{_KEY}</text>',
        f'<text x="{_LEFT}" y="{_HEIGHT - _BOTTOM + 42}" fill="{_INK}">{escape(described(seen))}</text>',
    ]


def described(seen: Differences) -> str:
    """What the picture shows, in words."""
    losses = sum(1 for value in seen.values if value < 0)
    wins = sum(1 for value in seen.values if value > 0)
    groups = len(seen.values)
    text = f"{groups} groups: {wins} higher, {losses} lower, {groups - wins - losses} equal; gain {seen.gain.value:+.3f}"
    low, high = seen.gain.low, seen.gain.high
    if low is None or high is None:
        return text
    return f"{text}, {low:+.3f} to {high:+.3f} ({percent(seen.confidence)} at each end)"


def _text(label: str) -> str:
    """A label that XML can hold, on one line."""
    return clipped(visible(label), _TITLE_CHARS_MAX)


def _y(value: float, reach: float) -> float:
    inside = min(max(value / reach, -1.0), 1.0)
    return round(_TOP + (1 - inside) / 2 * (_HEIGHT - _TOP - _BOTTOM), 1)


def _scale(reach: float) -> list[str]:
    lines = []
    for value in (-reach, -reach / 2, 0.0, reach / 2, reach):
        y = _y(value, reach)
        stroke = _INK if value == 0 else _GRID
        lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="{stroke}"/>')
        number = "0" if value == 0 else f"{value:+g}"
        lines.append(f'<text x="{_LEFT - 8}" y="{y + 4:g}" text-anchor="end" fill="{_INK}">{number}</text>')
    return lines


def _interval(seen: Differences, reach: float) -> list[str]:
    """The band of the interval, and the gain in it."""
    band = []
    if seen.gain.low is not None and seen.gain.high is not None:
        top, bottom = _y(seen.gain.high, reach), _y(seen.gain.low, reach)
        height = max(round(bottom - top, 1), 1)
        width = _WIDTH - _LEFT - _RIGHT
        band.append(f'<rect x="{_LEFT}" y="{top}" width="{width}" height="{height}" fill="{_BAND}"/>')
    y = _y(seen.gain.value, reach)
    line = f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="{_INK}" stroke-dasharray="6 3"/>'
    return [*band, line]


def _dots(values: Sequence[float], reach: float) -> list[str]:
    values = drawn(values)
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(values), 1)
    radius = 3 if len(values) <= 100 else 2
    return [
        f'<circle cx="{_LEFT + (place + 0.5) * step:.1f}" cy="{_y(value, reach)}" r="{radius if value else radius - 0.5:g}" '
        f"{_LOSS if value < 0 else _WIN if value > 0 else _TIE}/>"
        for place, value in enumerate(values)
    ]
