"""What models answer: a tuned model from its training rows, a base model without having seen any."""

from __future__ import annotations

import difflib
import json
import math
import re
from array import array
from collections import Counter
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import numpy as np

from local.foundry.common.rows import Pair, answer_text, content_text, prompt_text
from local.foundry.common.store import Store
from local.foundry.graders.judging import verdict
from local.foundry.learning.language_model import words
from local.foundry.learning.preference import taste
from local.foundry.learning.reinforcement import Policy
from local.foundry.learning.skills import conforming, lead

_TOKEN: Final = re.compile(r"\w+(?:[.,]\d+)*%?|[^\w\s]")
_ALIGNED_MAX: Final = 800
_LOADED_MAX: Final = 2  # models in memory: enough for a candidate and its baseline
_SWAP_WORDS_MAX: Final = 5
_COMMON_SHARE: Final = 0.3
_NUMBER: Final = re.compile(r"\$?\d[\d.,]*%?")


class Memory:
    """The training rows of a tuned model, found by their prompts: cosine of TF-IDF vectors, by an inverted index."""

    def __init__(self, rows: list[Pair]) -> None:
        self._rows = rows
        seen = Counter(word for row in rows for word in set(words(row.prompt)))
        self._shares = {word: number / max(1, len(rows)) for word, number in seen.items()}
        self._weight = {word: math.log((1 + len(rows)) / (1 + number)) + 1 for word, number in seen.items()}
        places: dict[str, tuple[array[int], array[float]]] = {}
        for at, row in enumerate(rows):
            count = Counter(words(row.prompt))
            length = math.sqrt(sum((n * self._weight[word]) ** 2 for word, n in count.items())) or 1.0
            for word, number in count.items():
                where, values = places.setdefault(word, (array("I"), array("d")))
                where.append(at)
                values.append(number * self._weight[word] / length)
        self._index = {
            word: (np.frombuffer(where, np.uint32), np.frombuffer(values, np.float64))
            for word, (where, values) in places.items()
        }

    def is_specific(self, text: str) -> bool:
        """Whether a text belongs to its own prompt, so that answers copy it: none of its words stands in many prompts."""
        return all(self._shares.get(word, 0.0) <= _COMMON_SHARE for word in words(text) if word.isalpha())

    def nearest(self, prompt: str) -> Pair:
        """The training row whose prompt is most similar to this one; of equals, the first."""
        scores = np.zeros(len(self._rows))
        for word, number in Counter(words(prompt)).items():
            if word in self._index:
                rows, values = self._index[word]
                scores[rows] += number * self._weight[word] * values
        return self._rows[int(scores.argmax())]


class _Tuned:
    """What one tuned model knows, and the model that it was tuned from."""

    def __init__(self, known: dict[str, Any], parent: _Tuned | None) -> None:
        self._parent = parent
        self._rows = [Pair(prompt=prompt, answer=answer) for prompt, answer in known.get("rows", ())]
        if parent is not None:
            self._rows += parent._rows  # noqa: SLF001  # its own class
        self._memory = Memory(self._rows) if self._rows else None
        choices = known.get("choices", ())
        shown = [Pair(prompt, preferred) for prompt, preferred, _ in choices]
        self._preferred = Memory(shown) if shown else None
        # By the identity of the row, not by its prompt: several rows may have the same prompt.
        self._others = {id(pair): Pair(pair.prompt, row[2]) for pair, row in zip(shown, choices, strict=True)}
        self._taste = taste(known["taste"]) if "taste" in known else None
        self._policy = Policy.load(known["policy"]) if "policy" in known else None

    def answer(self, prompt: str) -> dict[str, Any]:
        """Its answer to a prompt."""
        if self._policy is not None:
            return _said(self._policy.best(prompt) or lead(prompt))
        if self._preferred is not None and self._taste is not None:
            liked = self._taste
            return max(
                self._choices(prompt, self._preferred), key=lambda message: liked.reward(answer_text(message))
            )
        if self._memory is not None:
            return adapted(self._memory.nearest(prompt), prompt, self._memory)
        return self._parent.answer(prompt) if self._parent else _said(lead(prompt))

    def _choices(self, prompt: str, memory: Memory) -> list[dict[str, Any]]:
        """Both answers of the nearest pair, adapted to the prompt, and the answer from before the fit."""
        nearest = memory.nearest(prompt)
        before = self._parent.answer(prompt) if self._parent else _said(lead(prompt))
        pair = (nearest, self._others[id(nearest)])
        return [*(adapted(row, prompt, memory) for row in pair), before]


class Models:
    """All models of a store, and what they answer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tuned = lru_cache(maxsize=_LOADED_MAX)(self._load)

    def _load(self, name: str) -> _Tuned | None:
        known = self._store.knowledge(name)
        if known is None:
            return None
        return _Tuned(known, self._tuned(known["parent"]) if "parent" in known else None)

    def answer(
        self,
        model: str,
        messages: list[dict[str, Any]],
        *,
        can_call: bool,
        schema: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The assistant's message; always the same one for the same question.

        Args:
            model: name of a base model or of a tuned one.
            messages: the conversation so far.
            can_call: whether the request offers tools; without them the model answers in text.
            schema: the schema of the JSON that the answer must be, if any.
        """
        prompt = prompt_text(messages)
        tuned = self._tuned(model)
        if tuned is not None:
            answer = tuned.answer(prompt)
        else:
            answer = _said(verdict(messages) or lead(prompt))
        if not can_call:
            answer = {"role": "assistant", "content": answer_text(answer)}
        if schema is not None and "tool_calls" not in answer:
            answer |= {"content": conforming(str(answer["content"]), schema)}
        return answer


def _said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def adapted(pair: Pair, prompt: str, memory: Memory) -> dict[str, Any]:
    """The answer of a row, adapted to another prompt: what it copied from its own prompt is copied from the other one.

    Where the two prompts differ, the new wording replaces the old one in the answer: numbers for numbers, names for names, and
    never words that stand in many prompts.
    """
    swaps = _swaps(pair.prompt, prompt, memory)
    answer: dict[str, Any] = {"role": "assistant", "content": None}
    if text := content_text(pair.answer.get("content")):
        answer["content"] = _swap(text, swaps)
    calls = [_called(call, swaps) for call in pair.answer.get("tool_calls") or ()]
    return answer | ({"tool_calls": calls} if calls else {})


def _called(call: dict[str, Any], swaps: dict[str, str]) -> dict[str, Any]:
    """A tool call with adapted arguments, unless they would not be JSON any more."""
    arguments = _swap(call["function"]["arguments"], swaps)
    try:
        json.loads(arguments)
    except ValueError:
        arguments = call["function"]["arguments"]
    return call | {"function": call["function"] | {"arguments": arguments}}


def _swaps(trained: str, asked: str, memory: Memory) -> dict[str, str]:
    """The new wording for each old one, where the prompts differ; the most frequent if there are several."""
    left, right = _tokens(trained), _tokens(asked)
    matcher = difflib.SequenceMatcher(None, [t[0] for t in left], [t[0] for t in right], autojunk=False)
    seen: dict[str, Counter[str]] = {}
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "replace":
            continue
        old, new = trained[left[a].start() : left[b - 1].end()], asked[right[c].start() : right[d - 1].end()]
        if _is_swap(old, new, memory):
            seen.setdefault(old, Counter())[new] += 1
    return {old: choices.most_common(1)[0][0] for old, choices in seen.items()}


def _tokens(text: str) -> list[re.Match[str]]:
    return list(islice(_TOKEN.finditer(text), _ALIGNED_MAX))


def _is_swap(old: str, new: str, memory: Memory) -> bool:
    if not old or not new or len(old.split()) > _SWAP_WORDS_MAX or len(new.split()) > _SWAP_WORDS_MAX:
        return False
    if _NUMBER.fullmatch(old) or _NUMBER.fullmatch(new):
        return bool(_NUMBER.fullmatch(old) and _NUMBER.fullmatch(new))
    return memory.is_specific(old) and memory.is_specific(new)


def _swap(text: str, swaps: dict[str, str]) -> str:
    """The text with all swaps made at once, at the bounds of words; longer ones come first."""
    if not swaps:
        return text
    choices = "|".join(re.escape(old) for old in sorted(swaps, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{choices})(?!\w)", lambda match: swaps[match[0]], text)
