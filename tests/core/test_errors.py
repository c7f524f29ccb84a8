"""Errors say who acts next; their base says nothing and is never raised."""

import pytest

from shared.core.errors import FinetuneError, NotFound


def test_the_base_of_all_errors_is_not_raised():
    with pytest.raises(TypeError, match="one of the subclasses"):
        FinetuneError("x")


def test_an_error_without_words_has_those_of_its_class():
    assert (NotFound().message, NotFound().remedy) == ("There is no such thing.", NotFound.default_remedy)
    assert (NotFound("a", remedy="b").message, NotFound("a", remedy="b").remedy) == ("a", "b")
