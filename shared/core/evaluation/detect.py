"""Which graders fit a task, by the answers that its held-out examples have.

Used where the pipeline file names none.  The first grader decides; the reason is for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from shared.core.evaluation.answers import parsed_json
from shared.core.evaluation.graders import completed, grader_problems
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.labels import normalised
from shared.core.evaluation.similarity import tokens
from shared.core.spec import MethodType

#: What 0.1.0 and 0.2.0 used wherever a pipeline file named no graders; today for free text.
SIMILARITY: Final[tuple[dict[str, Any], ...]] = (
    {
        "type": "text_similarity",
        "name": "similarity",
        "input": "{{sample.output_text}}",
        "reference": "{{item.reference}}",
        "evaluation_metric": "rouge_l",
    },
    {
        "type": "string_check",
        "name": "exact_match",
        "input": "{{sample.output_text}}",
        "reference": "{{item.reference}}",
        "operation": "eq",
    },
)
#: Types of graders of reinforcement fine-tuning that are run here too.
_OF_JOBS: Final = ("string_check", "text_similarity")
#: So many of the references must be alike to show the task: a few may be wrong.
_MOST: Final = 0.95
#: From this share of references with calls on, the calls are the task.
_CALLING: Final = 0.2
#: A label is a line of at most so many characters and words.
_LABEL_CHARS_MAX: Final = 64
_LABEL_WORDS_MAX: Final = 6
#: Each label has this many examples or more, on average; answers of at most `_BRIEF_TOKENS_MAX` tokens need not be repeated.
_LABEL_EXAMPLES_MIN: Final = 2
_BRIEF_TOKENS_MAX: Final = 4


class Detected(msgspec.Struct, frozen=True, kw_only=True):
    """Graders that were found to fit.

    Attributes:
        graders: grader objects, the deciding one first; empty if none can decide.
        reason: why these, as a sentence for people.
    """

    graders: tuple[dict[str, Any], ...]
    reason: str

    @property
    def decides(self) -> bool:
        """Whether there is one that can decide."""
        return bool(self.graders)


def detect(
    items: Sequence[EvaluationItem], method: MethodType, job_grader: Mapping[str, Any] | None
) -> Detected:
    """The graders for a task whose pipeline file names none.

    Args:
        items: the held-out examples.
        method: how the model is tuned.
        job_grader: of the reinforcement job.
    """
    if method is MethodType.REINFORCEMENT:
        return _of_job(job_grader)
    if not items:
        return Detected(graders=SIMILARITY, reason="No examples are held out, so nothing will be compared.")
    calling = sum(1 for item in items if item.reference_calls)
    if calling >= _CALLING * len(items):
        rest = "" if calling == len(items) else " Where they call none, it is right to call none."
        reason = f"{calling} of {len(items)} held-out references call tools: name and arguments are compared.{rest}"
        return Detected(graders=(completed({"type": "tool_call_match"}),), reason=reason)
    texts = [item.reference or "" for item in items]
    return _json(texts) or _labels(texts) or _free_text()


def _of_job(grader: Mapping[str, Any] | None) -> Detected:
    kind = (grader or {}).get("type")
    if kind not in _OF_JOBS:
        why = f"the job's grader is of the type {kind}, which is not run here"
    elif found := grader_problems(dict(grader or {})):
        why = f"the job's own grader cannot be run here ({found[0].path}: {found[0].message})"
    else:
        reason = f"The job's own grader compares the answers: {kind}."
        return Detected(graders=(dict(grader or {}),), reason=reason)
    reason = f"Nothing decides: {why}, and `evaluation.graders` names no other. A person will be asked."
    return Detected(graders=(), reason=reason)


def _json(texts: Sequence[str]) -> Detected | None:
    found = sum(map(is_container, texts))
    if found < _MOST * len(texts):
        return None
    reason = f"{found} of {len(texts)} held-out references are JSON: it is compared by value."
    return Detected(graders=(completed({"type": "json_match"}),), reason=reason)


def is_container(text: str) -> bool:
    """Whether a text is a JSON object or list; numbers, words in quotes and `true` are labels."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        return isinstance(parsed_json(text), dict | list)
    except ValueError:
        return False


def _labels(texts: Sequence[str]) -> Detected | None:
    """Few answers that come again and again, or answers so short that only one wording of them is right."""
    short = [text for text in texts if is_label(text)]
    if len(short) < _MOST * len(texts):
        return None
    labels = {normalised(text) for text in short}
    brief = sum(1 for text in short if len(tokens(normalised(text))) <= _BRIEF_TOKENS_MAX)
    if len(labels) * _LABEL_EXAMPLES_MIN <= len(short):
        what = f"{len(short)} of {len(texts)} held-out references are one of {len(labels)} labels"
    elif brief >= _MOST * len(texts):
        what = f"{brief} of {len(texts)} held-out references are a word, a number or little more"
    else:
        return None
    reason = f"{what}: they are compared without case, quotes and full stop."
    return Detected(graders=(completed({"type": "label_match"}),), reason=reason)


def is_label(text: str) -> bool:
    """Whether a text could be a label by its form."""
    text = text.strip()
    return (
        bool(text)
        and len(text) <= _LABEL_CHARS_MAX
        and len(text.split()) <= _LABEL_WORDS_MAX
        and "\n" not in text
    )


def _free_text() -> Detected:
    reason = (
        "The held-out references are free text: similarity of words (ROUGE-L) shows how near answers come, not whether they are "
        "right."
    )
    return Detected(graders=SIMILARITY, reason=reason)
