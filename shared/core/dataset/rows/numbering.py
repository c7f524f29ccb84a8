"""Small numbers for what many rows share: their system messages, and answers that may be labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from xxhash import xxh3_64_intdigest

_SYSTEMS_MAX: Final = 10_000
_LABEL_NAMES_MAX: Final = 1000
#: The number of a text when there are too many different ones to number.
OTHER: Final = 65_535


class Numbering:
    """The texts of one file that have a number so far."""

    def __init__(self) -> None:
        # By hash: ten thousand long texts are not kept for their numbers.
        self._systems: dict[int, int] = {xxh3_64_intdigest(b""): 0}
        self._labels: dict[str, int] = {}

    def of_systems(self, texts: Sequence[bytes]) -> list[int]:
        """A small number for each system message, 0 for none; 65535 when there are too many different ones."""
        known = self._systems
        keys = [xxh3_64_intdigest(text) for text in texts]
        for key in dict.fromkeys(keys):
            if key not in known and len(known) <= _SYSTEMS_MAX:
                known[key] = len(known)
        return [known.get(key, OTHER) for key in keys]

    def of_labels(self, answers: Mapping[int, str] | None, count: int) -> list[int]:
        """A small number for each answer that may be a label; 65535 for others; nothing once there are too many."""
        known = self._labels
        if answers is None or len(known) >= _LABEL_NAMES_MAX:
            return []
        numbers = [OTHER] * count
        for at, answer in answers.items():
            if answer not in known and len(known) < _LABEL_NAMES_MAX:
                known[answer] = len(known) + 1
            numbers[at] = known.get(answer, OTHER)
        return numbers

    def label_names(self) -> tuple[str, ...]:
        """The answers that may be labels, by number less one; none if there are too many."""
        return tuple(self._labels) if len(self._labels) < _LABEL_NAMES_MAX else ()
