"""What models answer.  A tuned model answers from its training rows; a base model has never seen them."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections import Counter
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import numpy as np

from local.foundry.learning import words
from local.foundry.rows import Pair, answer_text, content_text, prompt_text
from local.foundry.store import Store

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")
_TOKEN: Final = re.compile(r"\w+(?:[.,]\d+)*%?|[^\w\s]")
_BASE_WORDS: Final = 60
_ALIGNED_MAX: Final = 800
_SWAP_WORDS_MAX: Final = 5
_COMMON_SHARE: Final = 0.3
_NUMBER: Final = re.compile(r"\$?\d[\d.,]*%?")


class Memory:
    """The training rows of a tuned model, found again by their prompts (cosine of TF-IDF vectors, as an inverted index)."""

    def __init__(self, rows: list[Pair]) -> None:
        self._rows = rows
        counts = [Counter(words(row.prompt)) for row in rows]
        seen = Counter(word for count in counts for word in count)
        self._shares = {word: number / max(1, len(rows)) for word, number in seen.items()}
        self._weight = {word: math.log((1 + len(rows)) / (1 + number)) + 1 for word, number in seen.items()}
        places: dict[str, list[tuple[int, float]]] = {}
        for at, count in enumerate(counts):
            length = math.sqrt(sum((n * self._weight[word]) ** 2 for word, n in count.items())) or 1.0
            for word, number in count.items():
                places.setdefault(word, []).append((at, number * self._weight[word] / length))
        self._index = {
            word: (np.array([at for at, _ in found]), np.array([value for _, value in found]))
            for word, found in places.items()
        }

    def is_specific(self, text: str) -> bool:
        """Whether a text is of the kind that answers copy from prompts: no word of it stands in every other prompt."""
        return all(self._shares.get(word, 0.0) <= _COMMON_SHARE for word in words(text) if word.isalpha())

    def nearest(self, prompt: str) -> Pair:
        """The training row whose prompt is most like this one; the first of equals."""
        scores = np.zeros(len(self._rows))
        for word, number in Counter(words(prompt)).items():
            if word in self._index:
                rows, values = self._index[word]
                scores[rows] += number * self._weight[word] * values
        return self._rows[int(scores.argmax())]


class Models:
    """Answers of all models of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._memory = lru_cache(maxsize=8)(self._load)

    def _load(self, name: str) -> Memory | None:
        known = self._store.knowledge(name)
        if known is None or not known["rows"]:
            return None
        return Memory([Pair(prompt=prompt, answer=answer) for prompt, answer in known["rows"]])

    def answer(self, model: str, messages: list[dict[str, Any]], can_call: bool) -> dict[str, Any]:  # noqa: FBT001  # run_in_threadpool takes no keywords
        """The assistant message of a model; the same for the same question.

        Args:
            model: name of a base model or of a tuned one.
            messages: the conversation so far.
            can_call: whether the request offers tools; without them a model answers in words.
        """
        prompt = prompt_text(messages)
        memory = self._memory(model)
        if memory is None:
            return {"role": "assistant", "content": _lead(prompt)}
        answer = adapted(memory.nearest(prompt), prompt, memory)
        return answer if can_call else {"role": "assistant", "content": answer_text(answer)}


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
    answer: dict[str, Any] = {"role": "assistant", "content": None}
    if text := content_text(pair.answer.get("content")):
        answer["content"] = _swap(text, swaps)
    calls = [_called(call, swaps) for call in pair.answer.get("tool_calls") or ()]
    return answer | ({"tool_calls": calls} if calls else {})


def _called(call: dict[str, Any], swaps: dict[str, str]) -> dict[str, Any]:
    """A tool call with other arguments, as long as they are JSON."""
    arguments = _swap(call["function"]["arguments"], swaps)
    try:
        json.loads(arguments)
    except ValueError:
        arguments = call["function"]["arguments"]
    return call | {"function": call["function"] | {"arguments": arguments}}


def _swaps(trained: str, asked: str, memory: Memory) -> dict[str, str]:
    """Trained wording -> asked wording, of the places where the prompts differ; the most frequent where there are several."""
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
    """All swaps at once, longest first, at word boundaries."""
    if not swaps:
        return text
    choices = "|".join(re.escape(old) for old in sorted(swaps, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{choices})(?!\w)", lambda match: swaps[match[0]], text)
