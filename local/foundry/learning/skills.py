"""Ways to answer a prompt without having seen its answer.  Each may be right or wrong.

A base model always takes the first one.  Reinforcement fine-tuning learns which of them is rewarded.
"""

from __future__ import annotations

import itertools
import json
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from local.foundry.graders.formula import FormulaError, evaluate

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_LIST: Final = re.compile(r"[\[(]\s*(-?\d+(?:\s*,\s*-?\d+)+)\s*[\])]")
_TARGET: Final = re.compile(r"target\W{1,5}(-?\d+)", re.IGNORECASE)
_QUOTED: Final = re.compile(r"[\"'`]([^\"'`\n]{1,30})[\"'`]")
_LISTED: Final = re.compile(r"((?:[\w-]+(?:\s*[,/]\s*(?:or\s+)?|\s+or\s+))+[\w-]+)")
_OPTIONS_MAX: Final = 12
_SEARCHED_MAX: Final = 2000
_OPERATIONS: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_NUMBERS_MAX: Final = 6
_BASE_WORDS: Final = 60
_INSTRUCTION_WORDS_MAX: Final = 30


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible answer, and the skill that gives it; `fields` are its parts, by the names that a JSON answer may have."""

    skill: str
    text: str
    fields: dict[str, str] = field(default_factory=dict)


def candidates(prompt: str, options: Sequence[str] = ()) -> list[Candidate]:
    """What the skills can answer to a prompt.

    Args:
        prompt: what is asked.
        options: labels that the prompts of the task name; each of them is always a possible answer.
    """
    found = [Candidate("repeat", lead(prompt)), *_spans(prompt), *_sums(prompt), *_expressions(prompt)]
    found += [Candidate(f"option:{option}", option) for option in options]
    return [one for one in found if one.text]


def lead(prompt: str) -> str:
    """The answer of a base model, which has not seen the task: sentences of the text that it was given.

    Sentences with figures come first, then the last one, then the others, up to a number of words.  A short question is repeated.
    """
    sentences = [part for part in _SENTENCE.split(_given(prompt)) if part.strip()]
    if not sentences:
        return "I am not sure."
    order = [at for at, sentence in enumerate(sentences) if _NUMBER.search(sentence)] + [
        len(sentences) - 1,
        *range(len(sentences)),
    ]
    chosen: list[int] = []
    for at in dict.fromkeys(order):
        if sum(len(sentences[one].split()) for one in chosen) >= _BASE_WORDS:
            break
        chosen.append(at)
    text = " ".join(sentences[at].strip() for at in sorted(chosen))
    return " ".join(text.split()[: 2 * _BASE_WORDS])


def _given(prompt: str) -> str:
    """The text of a prompt without a short instruction before it."""
    first, _, rest = prompt.strip().partition("\n\n")
    return rest if rest.strip() and len(first.split()) <= _INSTRUCTION_WORDS_MAX else prompt


def _spans(prompt: str) -> Iterator[Candidate]:
    sentences = _SENTENCE.split(prompt.strip())
    yield Candidate("last_sentence", sentences[-1])
    quoted = _QUOTED.findall(prompt)
    if quoted:
        yield Candidate("last_quoted", quoted[-1])
    names = re.findall(r"(?<![.!?]\s)(?<!^)\b[A-Z][a-z]+", prompt)
    if names:
        yield Candidate("last_name", names[-1])
    if words := re.findall(r"\w+", prompt):
        yield Candidate("last_word", words[-1])


def _sums(prompt: str) -> Iterator[Candidate]:
    """What can be computed from all numbers of a question."""
    numbers = [float(number) for number in _NUMBER.findall(prompt)][-_NUMBERS_MAX:]
    if not numbers:
        return
    ways: dict[str, Callable[[list[float]], float]] = {
        "first_number": lambda found: found[0],
        "last_number": lambda found: found[-1],
        "largest_number": max,
        "smallest_number": min,
        "sum": sum,
        "product": lambda found: evaluate("*".join(f"({number})" for number in found)),
        "difference": lambda found: found[0] - sum(found[1:]),
    }
    for name, way in ways.items():
        try:
            yield Candidate(name, f"{way(numbers):.10g}")
        except FormulaError:
            continue


def _expressions(prompt: str) -> Iterator[Candidate]:
    """Expressions of a list of numbers that should reach a target: their sum, and the best one of a short search."""
    lists, targets = _LIST.findall(prompt), _TARGET.findall(prompt)
    if not lists or not targets:
        return
    numbers, target = [number.strip() for number in lists[-1].split(",")][:_NUMBERS_MAX], float(targets[-1])
    yield _expression("add_up", " + ".join(numbers))
    yield _expression("search", _nearest(numbers, target))


def _worth(expression: str) -> float:
    try:
        return evaluate(expression)
    except FormulaError:
        return float("inf")


def _nearest(numbers: list[str], target: float) -> str:
    """The expression that comes nearest to a target, of a limited number; all are evaluated from left to right."""
    ways = itertools.product(
        itertools.permutations(numbers), itertools.product(_OPERATIONS, repeat=len(numbers) - 1)
    )
    order, signs = min(itertools.islice(ways, _SEARCHED_MAX), key=lambda way: abs(_from_left(*way) - target))
    made = order[0]
    for place, (sign, number) in enumerate(zip(signs, order[1:], strict=True)):
        made = f"({made}) {sign} {number}" if place else f"{made} {sign} {number}"
    return made


def _from_left(order: Sequence[str], signs: Sequence[str]) -> float:
    worth = float(order[0])
    for sign, number in zip(signs, order[1:], strict=True):
        worth = _OPERATIONS[sign](worth, float(number))
    return worth


def _expression(skill: str, expression: str) -> Candidate:
    worth = f"{_worth(expression):.10g}"
    return Candidate(skill, expression, {"expression": expression, "result": worth})


def options_of(prompts: Sequence[str]) -> tuple[str, ...]:
    """Labels that most of the prompts name: quoted words, and words in a list with `or`."""
    seen: Counter[str] = Counter()
    for prompt in prompts:
        listed = [
            word
            for found in _LISTED.findall(prompt)
            for word in re.split(r"\s*[,/]\s*(?:or\s+)?|\s+or\s+", found)
        ]
        seen.update(
            {word for word in (*_QUOTED.findall(prompt), *listed) if word and not _NUMBER.fullmatch(word)}
        )
    common = [word for word, count in seen.most_common() if 2 * count > len(prompts)]
    return tuple(sorted(common[:_OPTIONS_MAX]))


# Answers in the shape of a schema


def shaped(candidate: Candidate, schema: dict[str, Any] | None) -> str:
    """The candidate's text, or JSON of the schema with the candidate in it."""
    return (
        candidate.text
        if schema is None
        else json.dumps(_fill(schema, candidate, "", schema), ensure_ascii=False)
    )


def conforming(text: str, schema: dict[str, Any]) -> str:
    """The text if it is a JSON object already, otherwise JSON of the schema with the text in it."""
    try:
        is_json = isinstance(json.loads(text), dict)
    except ValueError:
        is_json = False
    return text if is_json else shaped(Candidate("", text), schema)


def _fill(schema: Any, candidate: Candidate, name: str, root: dict[str, Any], depth: int = 0) -> Any:
    """A value of a schema: the candidate's field of that name, or its text."""
    if not isinstance(schema, dict) or depth > 8:
        return None
    if isinstance(reference := schema.get("$ref"), str):
        return _fill(_resolve(root, reference), candidate, name, root, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return _fill(schema[key][0], candidate, name, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return next((one for one in schema["enum"] if str(one) == candidate.text), schema["enum"][0])
    kind = schema.get("type")
    kind = next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        inner = schema.get("properties") or {}
        return {key: _fill(value, candidate, key, root, depth + 1) for key, value in inner.items()}
    if kind == "array":
        return [_fill(schema.get("items") or {}, candidate, name, root, depth + 1)]
    return _scalar(kind, candidate.fields.get(name, candidate.text))


def _resolve(root: dict[str, Any], reference: str) -> Any:
    found: Any = root
    for key in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(key) if key and isinstance(found, dict) else found
    return found


def _scalar(kind: Any, text: str) -> Any:
    if kind in {"number", "integer"}:
        number = _NUMBER.search(text)
        return (float if kind == "number" else lambda raw: int(float(raw)))(number[0] if number else "0")
    if kind == "boolean":
        return text.strip().lower() in {"yes", "true", "correct"}
    return None if kind == "null" else text
