"""The items of an evaluation on the page of a run: what was asked, both answers, where they differ; long texts to open."""

from __future__ import annotations

from typing import Final, NamedTuple

from shared.core.artifacts import COMPARISON_TABLE
from shared.core.evaluation.contest import Contest
from shared.core.evaluation.exam import CANDIDATE
from shared.core.evaluation.scorecard import Comparison, Row
from shared.core.run import Run
from shared.core.shown import visible
from shared.core.word_diff import Piece, differing
from shared.views.fitting import fitting, size_of
from shared.views.run_shown import Item, Items, Long, Pages, Side

#: Items on one page, and of each text so many characters at once: what is longer is opened.
ITEMS_SHOWN: Final = 10
_TEXT_MAX: Final = 360
_TEXT_BYTES_MAX: Final = 480
#: Of a text that is opened; and of all such texts of a page, which has 200 KB in all: the others are opened on a page that shows
#: their item alone.
_WHOLE_MAX: Final = 4_000
_WHOLE_BYTES_MAX: Final = 10_000
_ALONE_BYTES_MAX: Final = 4 * _WHOLE_BYTES_MAX
_PAGE_BYTES_MAX: Final = 8_000
#: Of a page whose other lists are short.
_ROOMY_BYTES_MAX: Final = 40_000
_NAME_MAX: Final = 80


class _Room:
    """What is left on a page for whole texts; `place` is that of the item whose texts they are."""

    def __init__(self, bytes_max: int) -> None:
        self.left = bytes_max
        self.place = 0

    def long(self, text: str, head: str) -> Long | None:
        """A text to open, of which the head is shown; None where that is all."""
        if head == text or visible(text, keep="\n\t") == head:
            return None
        whole = fitting(text, _WHOLE_MAX, _WHOLE_BYTES_MAX)
        size = size_of(whole)
        if size > self.left:
            return Long(whole="", link=f"?item={self.place}#items")
        self.left -= size
        return Long(whole=whole, link="")


class Part(NamedTuple):
    """Which items are shown.

    Attributes:
        first: the first one, from 0.
        alone: the only one; None: a page of them.
        is_roomy: whether the other lists of the page are short.
    """

    first: int = 0
    alone: int | None = None
    is_roomy: bool = False


def items(run: Run, comparison: Comparison, contest: Contest, part: Part) -> Items:
    """The items of a contest, what was lost worst first.

    Args:
        run: it is of.
        comparison: the artifact.
        contest: which one.
        part: which of them.
    """
    baseline, metric = contest.baseline, comparison.metric
    rows = [row for row in comparison.rows if not {CANDIDATE, baseline} & set(row.known_to)]
    ranked = sorted(
        ((_difference(row, baseline, metric), row) for row in rows), key=lambda pair: (pair[0], pair[1].index)
    )
    lost, won = sum(1 for value, _ in ranked if value < 0), sum(1 for value, _ in ranked if value > 0)
    count, first = (ITEMS_SHOWN, part.first) if part.alone is None else (1, part.alone)
    first = first if 0 <= first < len(ranked) else 0
    most = _ROOMY_BYTES_MAX if part.is_roomy else _PAGE_BYTES_MAX
    shown, room = ranked[first : first + count], _Room(most if part.alone is None else _ALONE_BYTES_MAX)
    lines = []
    for place, (_, row) in enumerate(shown, start=first):
        room.place = place
        lines.append(_item(row, baseline, metric, room))
    order = "the worst lost first" if lost else "none is lost, so the smallest gain comes first"
    return Items(
        against=comparison.target(baseline).label,
        said=f"{lost:,} lost, {won:,} won, {len(rows) - lost - won:,} equal; {order}.",
        lines=tuple(lines),
        pages=pages_of("items", first, count, len(ranked)),
        csv=f"/api/runs/{run.id}/artifacts/{COMPARISON_TABLE.name}",
    )


def pages_of(name: str, first: int, size: int, total: int) -> Pages:
    """Where the parts of a list begin: `name` is the parameter of the address."""
    if total <= size:
        return Pages()
    return Pages(
        said=f"{first + 1:,} of {total:,}"
        if size == 1
        else f"{first + 1:,} to {min(first + size, total):,} of {total:,}",
        before=f"?{name}={max(first - size, 0)}#{name}" if first else "",
        after=f"?{name}={first + size}#{name}" if first + size < total else "",
    )


def _difference(row: Row, baseline: str, metric: str) -> float:
    ours, theirs = (row.scores.get(side, {}).get(metric, 0.0) for side in (CANDIDATE, baseline))
    return ours - theirs


def _head(text: str) -> str:
    return fitting(text, _TEXT_MAX, _TEXT_BYTES_MAX)


def _item(row: Row, baseline: str, metric: str, room: _Room) -> Item:
    value = _difference(row, baseline, metric)
    theirs, ours = (_head(row.answers.get(side, "")) for side in (baseline, CANDIDATE))
    left, right = differing(theirs, ours)
    about = [f"group {row.group}"] if row.group else []
    about += [*row.slices, *([f"has to be passed (line {row.must_pass})"] if row.must_pass else [])]
    prompt, reference = _head(row.prompt), _head(row.reference)
    return Item(
        number=row.index,
        difference=f"{value:+.3f}",
        tone="bad" if value < 0 else "good" if value > 0 else "quiet",
        about=fitting(" · ".join(about), 3 * _NAME_MAX),
        prompt=prompt,
        prompt_long=room.long(row.prompt, prompt),
        reference=reference,
        reference_long=room.long(row.reference, reference),
        baseline=_side(row, baseline, metric, left, room.long(row.answers.get(baseline, ""), theirs)),
        candidate=_side(row, CANDIDATE, metric, right, room.long(row.answers.get(CANDIDATE, ""), ours)),
    )


def _side(row: Row, side: str, metric: str, pieces: tuple[Piece, ...], long: Long | None) -> Side:
    score = row.scores.get(side, {}).get(metric)
    missing = row.unscored.get(side, "")
    return Side(
        pieces=pieces,
        long=long,
        score="" if score is None or missing else f"{score:.3f}",
        note=f"no score: {missing}" if missing else "",
    )
