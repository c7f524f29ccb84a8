"""What a chart is made of.  Classes are those of `style.css`, lengths are units of the `viewBox`."""

from __future__ import annotations

from typing import Final

import msgspec

WIDTH: Final = 480
HEIGHT: Final = 250


class _Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is drawn."""

    css: str


class Line(_Shape, frozen=True, kw_only=True):
    """A line through `points`: `x,y x,y`."""

    points: str


class Dot(_Shape, frozen=True, kw_only=True):
    """A dot."""

    x: float
    y: float
    r: float


class Stroke(_Shape, frozen=True, kw_only=True):
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float


class Band(_Shape, frozen=True, kw_only=True):
    """A filled area."""

    x: float
    y: float
    width: float
    height: float


class Words(_Shape, frozen=True, kw_only=True):
    """A text; `anchor` is that of SVG."""

    x: float
    y: float
    text: str
    anchor: str = "start"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers below a chart, as they are shown; the first cell of a row is its heading."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A picture with its words.

    Attributes:
        key: of this chart on its page.
        title: what it shows.
        described: the same for those who do not see it, with the numbers that matter.
        key_of: what each form means: class and words.
    """

    key: str
    title: str
    described: str
    width: int = WIDTH
    height: int = HEIGHT
    bands: tuple[Band, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    words: tuple[Words, ...] = ()
    key_of: tuple[tuple[str, str], ...] = ()
    table: Table | None = None
