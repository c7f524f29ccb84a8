"""Errors say who acts next; their base says nothing and is never raised."""

import pytest

from shared.core import errors
from shared.core.errors import FinetuneError, NotFound


def test_the_base_of_all_errors_is_not_raised():
    with pytest.raises(TypeError, match="one of the subclasses"):
        FinetuneError("x")


def test_an_error_without_words_has_those_of_its_class():
    assert (NotFound().message, NotFound().remedy) == ("There is no such thing.", NotFound.default_remedy)
    assert (NotFound("a", remedy="b").message, NotFound("a", remedy="b").remedy) == ("a", "b")


def drawn():
    """(depth, name) of each line of the tree at the top of the module."""
    for line in errors.__doc__.splitlines():
        name = line.strip().partition(" ")[0]
        if line.startswith("    "):
            yield (len(line) - len(line.lstrip())) // 4 - 1, name


def tree(kind, depth=0):
    """The same of the classes, in the order in which they are defined."""
    yield depth, kind.__name__
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child, depth + 1)


def test_the_tree_that_is_drawn_is_that_of_the_classes():
    assert list(drawn()) == [*tree(FinetuneError), (0, "IllegalTransition")]


def test_every_class_of_the_module_is_drawn():
    classes = {kind.__name__ for kind in vars(errors).values() if isinstance(kind, type)}

    assert {name for _, name in drawn()} == classes - {"ClassVar"}
