"""The keys that a pipeline file leaves to the app, of those that decide whether two jobs are the same.

A later release may take another default for them; the work still counts as the same (`shared/core/identity.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.core.identity import FIRST_DEFAULTS
from shared.core.pipeline.yaml import Node
from shared.core.spec import MethodType


def left_out(root: Node, method: MethodType) -> tuple[str, ...]:
    """Keys of `FIRST_DEFAULTS` at which nothing stands, or null.

    Args:
        root: the mapping of the whole file.
        method: the type of its method, whose block counts.
    """
    return tuple(key for key in FIRST_DEFAULTS if not any(_has(root, path) for path in _paths(key, method)))


def _paths(key: str, method: MethodType) -> Iterator[str]:
    """Where a value may stand."""
    if key.startswith("hyperparameters."):
        key = f"method.{method}.{key}"
    yield key
    if key.endswith(".n_epochs"):
        yield key.replace(".n_epochs", ".epochs")


def _has(root: Node, path: str) -> bool:
    node: Node | None = root
    for part in path.split("."):
        if node is None or not isinstance(node.value, dict):
            return node is not None and node.value == part  # `validation: required`
        node = node.value.get(part)
    return node is not None and node.value is not None
