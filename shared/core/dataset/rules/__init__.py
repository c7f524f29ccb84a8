"""The rules of a dataset, one function and one code each; importing this fills `RULES`."""

from shared.core.dataset.rulebook import RULES
from shared.core.dataset.rules import files, images, lines, messages, methods, sets, texts, tools

__all__ = ["RULES", "files", "images", "lines", "messages", "methods", "sets", "texts", "tools"]
