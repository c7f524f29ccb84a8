"""What differs between a run and the one whose model its pipeline promoted last: what an approver has not seen before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from difflib import unified_diff
from typing import Final

import msgspec

#: Lines of the pipeline file that are shown; more are counted.
_LINES_MAX: Final = 80
#: Longer lines, and longer files, are not compared line by line.
_LINE_CHARS_MAX: Final = 200
_FILE_LINES_MAX: Final = 4_000
_KEY_BYTES: Final = 8


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two runs, as far as it is known; None is not known.

    Attributes:
        run_id: of the run.
        source: its pipeline file.
        model: base model, or the tuned one that it began with.
        graders: by which it is judged, the one that decides first.
        exam: what identifies the held-out examples.
        rows: what identifies the rows that are trained on.
        examples: how many these are.
        keys: identity of each of these rows, 8 bytes a row.
        against: run whose model was the champion that it was measured against; empty: there was none.
    """

    run_id: str
    source: str | None = None
    model: str | None = None
    graders: str | None = None
    exam: str | None = None
    rows: str | None = None
    examples: int | None = None
    keys: bytes | None = None
    against: str | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the pipeline file: `+` is new, `-` is gone, a space is as before."""

    sign: str
    text: str


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an approval is about: what it is now, what it was, and in a word whether that differs."""

    what: str
    now: str
    before: str
    said: str


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What differs.

    Attributes:
        facts: model, data, exam, grader, champion.
        lines: of the pipeline file that differ, with those around them.
        lines_left_out: how many more there are.
        file_said: whether the file differs, in a sentence.
    """

    facts: tuple[Fact, ...]
    lines: tuple[Line, ...]
    lines_left_out: int
    file_said: str


def changes(now: Side, before: Side) -> Changes:
    """What differs between two runs of one pipeline."""
    lines, left_out = _lines(now.source, before.source)
    is_known = now.source is not None and before.source is not None
    changed = sum(1 for line in lines if line.sign != " ") + left_out
    said = (
        "It is not known whether the pipeline file differs."
        if not is_known
        else "The pipeline file is the same."
        if now.source == before.source
        else f"The pipeline file differs in {changed:,} lines."
        if lines
        else "The pipeline file differs; it is too long to be compared here."
    )
    return Changes(facts=tuple(_facts(now, before)), lines=lines, lines_left_out=left_out, file_said=said)


def _facts(now: Side, before: Side) -> Iterator[Fact]:
    yield _fact("model", now.model, before.model)
    yield Fact(
        what="training rows",
        now=_count(now.examples),
        before=_count(before.examples),
        said=_rows(now, before),
    )
    yield _fact(
        "held-out examples", _short(now.exam), _short(before.exam), same="the same exam", other="another exam"
    )
    yield _fact("graders", now.graders, before.graders)
    yield _fact("measured against the model of", _against(now.against), _against(before.against))


def _fact(
    what: str, now: str | None, before: str | None, *, same: str = "the same", other: str = "another"
) -> Fact:
    is_known = now is not None and before is not None
    said = (same if now == before else other) if is_known else "not known"
    return Fact(what=what, now=now or "not known", before=before or "not known", said=said)


def _against(run_id: str | None) -> str | None:
    return "nothing: there was no champion" if run_id == "" else run_id


def _count(number: int | None) -> str:
    return "not known" if number is None else f"{number:,}"


def _short(digest: str | None) -> str | None:
    return digest and digest[:12]


def _rows(now: Side, before: Side) -> str:
    """How many rows were added and removed, as far as stored keys tell."""
    if now.rows is not None and now.rows == before.rows:
        return "the same rows"
    if not (_is_whole(now.keys) and _is_whole(before.keys)):
        is_known = now.rows is not None and before.rows is not None
        return "others; which ones is not known" if is_known else "not known"
    ours, theirs = Counter(_split(now.keys or b"")), Counter(_split(before.keys or b""))
    added, removed = (ours - theirs).total(), (theirs - ours).total()
    return f"{added:,} added, {removed:,} removed, {(ours & theirs).total():,} as before"


def _is_whole(keys: bytes | None) -> bool:
    return keys is not None and len(keys) % _KEY_BYTES == 0


def _split(keys: bytes) -> Iterator[bytes]:
    return (keys[at : at + _KEY_BYTES] for at in range(0, len(keys), _KEY_BYTES))


def _lines(now: str | None, before: str | None) -> tuple[tuple[Line, ...], int]:
    if now is None or before is None or now == before:
        return (), 0
    old, new = before.splitlines(), now.splitlines()
    if max(len(old), len(new)) > _FILE_LINES_MAX:
        return (), 0
    found = [
        Line(sign=line[0], text=line[1 : _LINE_CHARS_MAX + 1])
        for line in unified_diff(old, new, n=1, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]
    rest = sum(1 for line in found[_LINES_MAX:] if line.sign != " ")
    return tuple(found[:_LINES_MAX]), rest
