"""Patterns that runs of earlier releases are pinned to, and that the engine without backtracking does not take.

They are held against an answer by Python's `re`, in a process of its own, which is ended when it takes too long: `re` cannot be
interrupted, and while it works nothing else does.
"""

from __future__ import annotations

import subprocess  # nosec B404  the command is fixed; pattern and text go in as data
import sys
from typing import Final

import msgspec

from shared.core import expected

TIME_MAX_S: Final = 1.0
_SEARCH: Final = (
    "import json, re, sys\n"
    "pattern, text = json.load(sys.stdin)\n"
    "sys.exit(0 if re.search(pattern, text) else 3)\n"
)
_FOUND: Final = 0
_NOT_FOUND: Final = 3


class TookTooLong(Exception):
    """A pattern did not come to an end, or could not be run at all."""


def fits(text: str, expect: str) -> bool:
    """Whether an answer contains what is expected.

    Raises:
        TookTooLong: nobody knows.
    """
    try:
        return expected.fits(text, expect)
    except expected.NotTaken:
        return _searched(expect[1:-1], text[: expected.ANSWER_CHARS_MAX])


def _searched(pattern: str, text: str) -> bool:
    command = [sys.executable, "-I", "-S", "-c", _SEARCH]
    data = msgspec.json.encode([pattern, text])
    try:
        done = subprocess.run(  # noqa: S603  # nosec B603  see above
            command, input=data, capture_output=True, timeout=TIME_MAX_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        msg = f"the pattern took more than {TIME_MAX_S:g} s"
        raise TookTooLong(msg) from error
    if done.returncode not in {_FOUND, _NOT_FOUND}:
        msg = "the pattern could not be run"
        raise TookTooLong(msg)
    return done.returncode == _FOUND
