"""What models answer.  A tuned model answers from its training rows; a base model has never seen them."""

from __future__ import annotations

import copy
import difflib
import json
import math
import re
from collections import Counter
from functools import lru_cache
from typing import Any, Final

from local.foundry.learning import words
from local.foundry.rows import Pair, prompt_text
from local.foundry.store import Store

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")
_TOKEN: Final = re.compile(r"\w+(?:[.,]\d+)*%?|[^\w\s]|\s+")
_BASE_WORDS: Final = 60
_ALIGNED_MAX: Final = 1500
_SWAP_WORDS_MAX: Final = 5
_COMMON_SHARE: Final = 0.3
_NUMBER: Final = re.compile(r"\$?\d[\d.,]*%?")


class Memory:
    """The training rows of a tuned model, found again by their prompts (TF-IDF cosine)."""

    def __init__(self, rows: list[Pair]) -> None:
        self._rows = rows
        counts = [Counter(words(row.prompt)) for row in rows]
        seen = Counter(word for count in counts for word in count)
        self._shares = {word: number / max(1, len(rows)) for word, number in seen.items()}
        self._weight = {word: math.log((1 + len(rows)) / (1 + number)) + 1 for word, number in seen.items()}
        self._vectors = [self._vector(count) for count in counts]

    def is_specific(self, text: str) -> bool:
        """Whether a text is of the kind that answers copy from prompts: no word of it stands in every other prompt."""
        return all(self._shares.get(word, 0.0) <= _COMMON_SHARE for word in words(text) if word.isalpha())

    def _vector(self, count: Counter[str]) -> dict[str, float]:
        raw = {word: number * self._weight.get(word, 0.0) for word, number in count.items()}
        length = math.sqrt(sum(value * value for value in raw.values())) or 1.0
        return {word: value / length for word, value in raw.items()}

    def nearest(self, prompt: str) -> Pair:
        """The training row whose prompt is most like this one."""
        asked = self._vector(Counter(words(prompt)))
        scores = [
            sum(value * vector.get(word, 0.0) for word, value in asked.items()) for vector in self._vectors
        ]
        return self._rows[max(range(len(scores)), key=lambda at: (scores[at], -at))]


class Models:
    """Answers of all models of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._memory = lru_cache(maxsize=8)(self._load)

    def _load(self, name: str) -> Memory:
        known = self._store.knowledge(name) or {"rows": []}
        return Memory([Pair(prompt=prompt, answer=answer) for prompt, answer in known["rows"]])

    def answer(self, model: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
        """The assistant message of a model; the same for the same question."""
        prompt = prompt_text(messages)
        known = self._store.knowledge(model)
        if known is None or not known["rows"]:
            return {"role": "assistant", "content": _lead(prompt)}
        memory = self._memory(model)
        return adapted(memory.nearest(prompt), prompt, memory)


def _lead(prompt: str) -> str:
    """What a model says that only knows how to repeat: the first sentences."""
    text = prompt.rpartition("\n\n")[2] or prompt
    said: list[str] = []
    for sentence in _SENTENCE.split(text.strip()):
        said.append(sentence)
        if sum(len(part.split()) for part in said) >= _BASE_WORDS:
            break
    return " ".join(" ".join(said).split()[: 2 * _BASE_WORDS]) or "I am not sure."


def adapted(pair: Pair, prompt: str, memory: Memory) -> dict[str, Any]:
    """The row's answer, with what it copied from its own prompt copied from this one instead.

    Where the two prompts differ at the same place, the asked wording takes the place of the trained one: numbers for numbers,
    names for names, never words that stand in many prompts.
    """
    swaps = _swaps(pair.prompt, prompt, memory)
    answer = copy.deepcopy(pair.answer)
    answer.pop("weight", None)
    if isinstance(answer.get("content"), str):
        answer["content"] = _swap(answer["content"], swaps)
    for call in answer.get("tool_calls") or ():
        arguments = _swap(call["function"]["arguments"], swaps)
        try:
            json.loads(arguments)
        except ValueError:
            continue
        call["function"]["arguments"] = arguments
    return {"role": "assistant", **{key: value for key, value in answer.items() if key != "role"}}


def _swaps(trained: str, asked: str, memory: Memory) -> dict[str, str]:
    """Trained wording -> asked wording, of the places where the prompts differ; the most frequent where there are several."""
    left, right = _TOKEN.findall(trained)[:_ALIGNED_MAX], _TOKEN.findall(asked)[:_ALIGNED_MAX]
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    seen: dict[str, Counter[str]] = {}
    for tag, a, b, c, d in matcher.get_opcodes():
        old, new = "".join(left[a:b]).strip(), "".join(right[c:d]).strip()
        if tag == "replace" and _is_swap(old, new, memory):
            seen.setdefault(old, Counter())[new] += 1
    return {old: choices.most_common(1)[0][0] for old, choices in seen.items()}


def _is_swap(old: str, new: str, memory: Memory) -> bool:
    if not old or not new or len(old.split()) > _SWAP_WORDS_MAX or len(new.split()) > _SWAP_WORDS_MAX:
        return False
    if _NUMBER.fullmatch(old) or _NUMBER.fullmatch(new):
        return bool(_NUMBER.fullmatch(old) and _NUMBER.fullmatch(new))
    return memory.is_specific(old) and memory.is_specific(new)


def _swap(text: str, swaps: dict[str, str]) -> str:
    """All swaps at once, longest first, at word boundaries."""
    if not swaps:
        return text
    choices = "|".join(re.escape(old) for old in sorted(swaps, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{choices})(?!\w)", lambda match: swaps[match[0]], text)
