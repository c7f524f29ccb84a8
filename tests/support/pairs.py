"""Tests of two parameters of which `make test` takes some pairs, and `make thorough` the others."""

import pytest

EVERY = 4


def some_pairs(names, others, every=EVERY):
    """All pairs, one of so many without the marker: each name has some of the others, and each of the others some names."""
    return [
        pytest.param(name, other, marks=() if (at + place) % every == 0 else pytest.mark.thorough)
        for at, name in enumerate(names)
        for place, other in enumerate(others)
    ]
