"""A base model as a judge: it scores or labels an answer, from nothing but the prompt that asks for it.

It finds the parts that are labelled in the prompt (`Reference:`, `"target":`, `<response>`), compares the words and numbers that
they share, works out arithmetic, and answers in the range that is asked for or with one of the labels.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from local.foundry.common.rows import content_text
from local.foundry.graders.formula import FormulaError, evaluate

_ASKS: Final = re.compile(
    r"\b(scor(e|es|ing)|grad(e|es|ing|er)|rat(e|ing)|judge|evaluat(e|or|ion)|classify|label|compare)\b",
    re.IGNORECASE,
)
_ROLES: Final = {
    "reference": "reference|ground[ _]truth|gold|expected|correct[ _]answer|target|ideal",
    "output": "output|response|candidate|prediction|completion|model[ _]answer|submission|generated|summary|answer",
    "question": "question|prompt|input|query|numbers|nums|article|context|task|conversation",
}
_LABELLED: Final = re.compile(
    r"(?:^|[{,\n])[\s\"'*#\[<-]*(?:the |model'?s? |user'?s? )?"
    r"(" + "|".join(_ROLES.values()) + r")(?: answer| text)?[\s\"'*\]>]*:[ \t\"'*]*"
    r"|<(" + "|".join(_ROLES.values()) + r")>",
    re.IGNORECASE,
)
_BOUND: Final = r"(-?\d+(?:\.\d+)?)"
_RANGE: Final = re.compile(
    r"(?:from|between|scale(?: of)?|range|score|<|\(|\[)[:\s]*" + _BOUND + r"\s*(?:-|to|and|,)\s*" + _BOUND,
    re.IGNORECASE,
)
_CHOICES: Final = re.compile(
    r"\b(?:one of|either|labels?|with|only|answer)\b[\s:]*((?:[\"'`*]*[a-z_]+[\"'`*]*(?:\s*[,/]\s*(?:or\s+)?|\s+or\s+))+"
    r"[\"'`*]*[a-z_]+)",
    re.IGNORECASE,
)
_GOOD: Final = frozenset({
    "yes", "pass", "passed", "correct", "good", "true", "positive", "better", "accurate", "relevant", "grounded", "accept"
})  # fmt: skip
_BAD: Final = frozenset({
    "no", "fail", "failed", "incorrect", "bad", "false", "negative", "worse", "wrong", "inaccurate", "irrelevant", "reject"
})  # fmt: skip
_WORD: Final = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*")
#: Signs that people write for multiplication and division.
_SIGNS: Final = str.maketrans({"x": "*", "\u00d7": "*", "\u00f7": "/"})
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_COMMON: Final = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "have", "in", "is", "it", "its", "not", "of", "on",
    "or", "that", "the", "their", "there", "this", "to", "was", "were", "which", "with",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What a judge is asked for: the parts of the prompt by their roles, the range, and labels if it shall choose one."""

    parts: dict[str, str]
    low: float
    high: float
    labels: tuple[str, ...]


def asked(messages: list[dict[str, Any]]) -> Asked | None:
    """What is to be judged; None if these messages do not ask for a judgement."""
    text = "\n".join(content_text(message.get("content")) for message in messages)
    first = text.partition("\n\n")[0] + "\n" + content_text(messages[0].get("content"))
    if not _ASKS.search(first):
        return None
    last = _parts(content_text(messages[-1].get("content")))
    parts = last if "output" in last else _parts(text)
    if "output" not in parts or not ({"reference", "question"} & parts.keys()):
        return None
    found = _RANGE.search(text)
    low, high = (float(found[1]), float(found[2])) if found else (0.0, 1.0)
    return Asked(parts, low, high, _labels(text) if not found else ())


def _parts(text: str) -> dict[str, str]:
    """For each role, the last text that is labelled with one of its names."""
    marks = list(_LABELLED.finditer(text))
    found: dict[str, str] = {}
    for at, mark in enumerate(marks):
        end = marks[at + 1].start() if at + 1 < len(marks) else len(text)
        name = mark[1] or mark[2]
        role = next(role for role, names in _ROLES.items() if re.fullmatch(names, name, re.IGNORECASE))
        value = text[mark.end() : end]
        if mark[2]:
            value = value.partition("</")[0]
        if value := value.strip().strip(",").strip("\"'"):
            found[role] = value
    return found


def _labels(text: str) -> tuple[str, ...]:
    for match in _CHOICES.finditer(text):
        words = re.findall(r"[A-Za-z_]+", re.sub(r"\bor\b", " ", match[1], flags=re.IGNORECASE))
        if {word.lower() for word in words} & (_GOOD | _BAD):
            return tuple(words)
    return ()


def quality(parts: dict[str, str]) -> float:
    """How good the output is, 0 to 1."""
    output, reference, question = (parts.get(role, "") for role in ("output", "reference", "question"))
    if (worked := _arithmetic(output, reference, question)) is not None:
        return worked
    if reference:
        return likeness(output, reference)
    return 0.8 * likeness(
        output, question
    )  # whether it is right cannot be seen, only whether it is about the question


def likeness(output: str, reference: str) -> float:
    """How much two texts share, 0 to 1: words other than the commonest ones count, and numbers count most."""
    if output.strip().casefold() == reference.strip().casefold():
        return 1.0
    ours, theirs = _content(output), _content(reference)
    numbers = [word for word in theirs if word[0].isdigit()]
    kept = sum(word in ours for word in numbers) / len(numbers) if numbers else 1.0
    shared, size = (ours & theirs).total(), ours.total() + theirs.total()
    return 2 * shared / size * (1 + kept) / 2 if shared else 0.0


def _content(text: str) -> Counter[str]:
    counts = Counter(word for word in _WORD.findall(text.lower()) if word not in _COMMON)
    return Counter({word: count * (2 if word[0].isdigit() else 1) for word, count in counts.items()})


def _arithmetic(output: str, reference: str, question: str) -> float | None:
    """The quality of an expression that should reach a target with given numbers; None if nothing of the kind is asked.

    It is 1 for the target, and less the further the value is off.
    """
    target = _NUMBER.fullmatch(reference.strip().strip("\"'{} "))
    expression = _expression(output)
    if target is None or expression is None:
        return None
    try:
        off = abs(evaluate(expression.translate(_SIGNS)) - float(target[0]))
    except FormulaError:
        return 0.0
    used, given = (Counter(re.findall(r"\d+", text)) for text in (expression, question))
    if given and used != given:
        return 0.1
    return next(
        score for most, score in ((1e-9, 1.0), (1, 0.8), (5, 0.6), (float("inf"), 0.4)) if off <= most
    )


def _expression(output: str) -> str | None:
    try:
        found, _ = json.JSONDecoder().raw_decode(output, output.index("{"))
    except ValueError:
        return None
    return str(found["expression"]) if isinstance(found, dict) and "expression" in found else None


def score(of: Asked) -> float:
    """The score in the range that is asked for; a whole number on a scale of whole numbers."""
    found = of.low + quality(of.parts) * (of.high - of.low)
    is_whole = of.low.is_integer() and of.high.is_integer() and of.high - of.low > 1
    return float(round(found)) if is_whole else round(found, 3)


def chosen(of: Asked, labels: tuple[str, ...]) -> str:
    """One of the labels: a positive one for a good output, a negative one otherwise.

    Of labels that are neither, a good output gets the first and any other the last.
    """
    is_good = quality(of.parts) >= 0.5
    wanted = _GOOD if is_good else _BAD
    return next((label for label in labels if label.lower() in wanted), labels[0 if is_good else -1])


def verdict(messages: list[dict[str, Any]]) -> str | None:
    """What a judge answers; None if these messages do not ask for a judgement."""
    of = asked(messages)
    if of is None:
        return None
    if of.labels:
        return chosen(of, of.labels)
    return f"{score(of):g}"
