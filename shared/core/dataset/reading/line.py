"""One line to one row, read strictly, and a row to one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from shared.core.dataset.findings import EXCERPT_READ_MAX
from shared.core.dataset.format import Row
from shared.core.dataset.rulebook import Issue, broken
from shared.core.dataset.rules import lines
from shared.core.json_path import descend, steps_of

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder(order="deterministic").encode
#: Order does not matter where colons are counted, and sorting takes time.
_encode_in_order: Final = msgspec.json.Encoder().encode


class Signs(NamedTuple):
    """What may be in lines, as far as it can be seen before they are parsed.

    Attributes:
        doubts: that they may raise.
        has_null: whether null may stand in them.
    """

    doubts: Sequence[lines.Doubt] = lines.DOUBTFUL
    has_null: bool = True


#: Nobody has looked.
UNSEEN: Final = Signs()


def parse_row(data: bytes, signs: Signs = UNSEEN) -> Row | Issue:
    """Read one line: the object on it, or why there is none.

    Refused is what two parsers could read differently: invalid UTF-8, NaN and Infinity, lone surrogates, numbers beyond 64 bits,
    duplicate keys, more than 64 levels, anything but one object.  A line of too many values is not read at all.
    """
    if len(data) > lines.VALUES_MAX and (found := broken(lines.too_many_values, data)):
        return found[0]
    try:
        value = _decode(data)
        written = _encode_in_order(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError):
        return next(issue for rule in lines.UNREADABLE for issue in broken(rule, data))
    for doubt in signs.doubts:
        if doubt.is_doubtful(data, value, written) and (found := broken(doubt.rule, data)):
            return found[0]
    row: Row = value
    return row


#: A line that is known to hold a row, as it is.
decode_row: Final = msgspec.json.Decoder(dict[str, Any]).decode


def encode_row(row: Row) -> bytes:
    """A row as one line, keys in the order in which they were given."""
    return msgspec.json.encode(row)


def with_excerpt(issue: Issue, row: Row) -> Issue:
    """An issue with what is to be shown of its row: what lies at its path, if the rule names nothing else."""
    if issue.problem.excerpt is not None:
        return issue
    # One character more shows that the text goes on.
    shown = _excerpt_at(row, issue.problem.path)[: EXCERPT_READ_MAX + 1]
    return issue._replace(problem=issue.problem._replace(excerpt=shown))


def _excerpt_at(row: Any, path: str | None) -> str:
    """What lies at a JSON path of a row, as text; of the whole row, or of the nearest thing that is there."""
    value, _ = descend(row, steps_of(path or ""))
    return value if isinstance(value, str) else _encode(value).decode()
