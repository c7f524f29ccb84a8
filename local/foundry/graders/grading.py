"""What is wrong with a grader, and how it rewards answers: for reinforcement jobs, `graders/validate` and `graders/run`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from local.foundry.common import tokens
from local.foundry.common.catalogue import base_of
from local.foundry.common.rows import content_text
from local.foundry.graders import formula, judging, python_grader, templates
from local.foundry.graders.formula import FormulaError
from local.foundry.graders.similarity import METRICS

#: As the client's types list them: booleans, all false when all went well.
ERRORS: Final = (
    "formula_parse_error", "sample_parse_error", "truncated_observation_error", "unresponsive_reward_error",
    "invalid_variable_error", "other_error", "python_grader_server_error", "python_grader_runtime_error",
    "model_grader_server_error", "model_grader_refusal_error", "model_grader_parse_error",
)  # fmt: skip
_DETAILS: Final = (
    "python_grader_server_error_type",
    "python_grader_runtime_error_details",
    "model_grader_server_error_details",
)
_CHECKS: Final[dict[str, Callable[[str, str], bool]]] = {
    "eq": lambda given, reference: given == reference,
    "ne": lambda given, reference: given != reference,
    "like": lambda given, reference: reference in given,
    "ilike": lambda given, reference: reference.casefold() in given.casefold(),
}
_NESTED_MAX: Final = 10

Call = tuple[dict[str, Any], dict[str, Any]]
"""What is graded: the sample, which holds the answer, and the item, which is its row."""


@dataclass(frozen=True, slots=True)
class Grade:
    """The grade of one sample."""

    reward: float
    scores: dict[str, float] = field(default_factory=dict)
    """The rewards of the graders inside a multi grader, by their keys."""
    errors: dict[str, Any] = field(default_factory=dict)
    """What is reported, by the name of the error or of its details."""
    tokens: dict[str, dict[str, int]] = field(default_factory=dict)
    """The tokens that a judge took, by its model."""

    @property
    def has_failed(self) -> bool:
        """Whether the reward is the 0 of an error, not a judgement."""
        return bool(self.errors)


def failed(error: str, **details: Any) -> Grade:
    """The grade of a sample that could not be graded."""
    return Grade(0.0, errors={error: True, **details})


# What is wrong with a grader object


def problems(grader: Any, path: str = "grader") -> Iterator[str]:
    """Why a grader cannot be run; each problem names its place."""
    if not isinstance(grader, dict):
        yield f"Invalid value for '{path}': expected an object."
        return
    kind = grader.get("type")
    check = _PROBLEMS.get(str(kind))
    if check is None:
        known = ", ".join(_PROBLEMS)
        yield f"Invalid value for '{path}.type': {kind!r}. Supported values are: {known}."
        return
    if not isinstance(grader.get("name"), str) or not grader["name"]:
        yield f"Missing required parameter: '{path}.name'."
    yield from check(grader, path)


def _comparing(choice: str, known: Sequence[str]) -> Callable[[dict[str, Any], str], Iterator[str]]:
    def check(grader: dict[str, Any], path: str) -> Iterator[str]:
        for key in ("input", "reference"):
            yield from _text_problems(grader.get(key), f"{path}.{key}")
        if grader.get(choice) not in known:
            yield f"Invalid value for '{path}.{choice}': {grader.get(choice)!r}. Supported values are: {', '.join(known)}."

    return check


def _text_problems(value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"Missing required parameter: '{path}'."
        return
    yield from (f"Invalid template in '{path}': {problem}." for problem in templates.problems(value))


def _model_problems(grader: dict[str, Any], path: str) -> Iterator[str]:
    if base_of(str(grader.get("model"))) is None and not str(grader.get("model", "")).startswith(
        ("o3", "o1", "gpt-")
    ):
        yield f"Invalid value for '{path}.model': {grader.get('model')!r} cannot be used as a grader."
    messages = grader.get("input")
    if not isinstance(messages, list) or not messages:
        yield f"Missing required parameter: '{path}.input'."
        return
    for number, message in enumerate(messages):
        content = content_text(message.get("content")) if isinstance(message, dict) else None
        yield from _text_problems(content, f"{path}.input[{number}].content")
    low, high = _bounds(grader)
    if not low < high:
        yield f"Invalid value for '{path}.range': expected two numbers, the smaller first."


def _bounds(grader: dict[str, Any]) -> tuple[float, float]:
    found = grader.get("range") or [0, 1]
    try:
        low, high = (float(bound) for bound in found)
    except (TypeError, ValueError):
        return 1.0, 0.0
    return low, high


def _python_problems(grader: dict[str, Any], path: str) -> Iterator[str]:
    if problem := python_grader.source_problem(grader.get("source")):
        yield f"Invalid value for '{path}.source': {problem}"


def _multi_problems(grader: dict[str, Any], path: str) -> Iterator[str]:
    inner = grader.get("graders")
    if not isinstance(inner, dict) or not 1 <= len(inner) <= _NESTED_MAX:
        yield f"Invalid value for '{path}.graders': expected an object of 1 to {_NESTED_MAX} graders."
        return
    for name, one in inner.items():
        if isinstance(one, dict) and one.get("type") == "multi":
            yield f"Invalid value for '{path}.graders.{name}': a multi grader cannot hold another."
        else:
            yield from problems(one, f"{path}.graders.{name}")
    try:
        unknown = formula.names(str(grader.get("calculate_output") or "")) - inner.keys()
    except FormulaError as error:
        yield f"Invalid value for '{path}.calculate_output': {error}."
        return
    if unknown:
        yield f"Invalid value for '{path}.calculate_output': unknown names {', '.join(sorted(unknown))}."


def _endpoint_problems(_grader: dict[str, Any], path: str) -> Iterator[str]:
    yield f"Invalid value for '{path}.type': endpoint graders are a private preview that this resource does not take part in."


_PROBLEMS: Final[dict[str, Callable[[dict[str, Any], str], Iterator[str]]]] = {
    "string_check": _comparing("operation", tuple(_CHECKS)),
    "text_similarity": _comparing("evaluation_metric", tuple(METRICS)),
    "score_model": _model_problems,
    "python": _python_problems,
    "multi": _multi_problems,
    "endpoint": _endpoint_problems,
}


def item_slots(grader: dict[str, Any]) -> set[str]:
    """All slots `item.*` in the templates of a valid grader."""
    if grader["type"] == "multi":
        return {slot for inner in grader["graders"].values() for slot in item_slots(inner)}
    texts = [grader.get("reference", ""), *_inputs(grader)]
    return {slot for text in texts for slot in templates.slots(text) if slot.startswith("item.")}


def _inputs(grader: dict[str, Any]) -> list[str]:
    given = grader.get("input", "")
    return [given] if isinstance(given, str) else [content_text(message.get("content")) for message in given]


# Grading


def grade(grader: dict[str, Any], calls: Sequence[Call]) -> list[Grade]:
    """The grades that a valid grader gives, in the order of the samples."""
    if grader["type"] == "python":
        return [_python_grade(found) for found in python_grader.run(grader["source"], list(calls))]
    if grader["type"] == "multi":
        inner = {name: grade(one, calls) for name, one in grader["graders"].items()}
        return [
            _combined(grader["calculate_output"], {name: found[at] for name, found in inner.items()})
            for at in range(len(calls))
        ]
    return [_rendered(grader, sample, item) for sample, item in calls]


def _python_grade(found: python_grader.Graded) -> Grade:
    if found.reward is None:
        return failed("python_grader_runtime_error", python_grader_runtime_error_details=found.error)
    return Grade(found.reward) if math.isfinite(found.reward) else failed("python_grader_runtime_error")


def _combined(calculate: str, inner: dict[str, Grade]) -> Grade:
    scores = {name: one.reward for name, one in inner.items()}
    errors = {key: value for one in inner.values() for key, value in one.errors.items()}
    used = {model: count for one in inner.values() for model, count in one.tokens.items()}
    try:
        return Grade(formula.evaluate(calculate, scores), scores, errors, used)
    except FormulaError:
        return Grade(0.0, scores, errors | {"formula_parse_error": True}, used)


def _rendered(grader: dict[str, Any], sample: dict[str, Any], item: dict[str, Any]) -> Grade:
    try:
        if grader["type"] == "score_model":
            return _model_grade(grader, sample, item)
        given = templates.render(grader["input"], item, sample)
        reference = templates.render(grader["reference"], item, sample)
    except templates.NotJson:
        return failed("sample_parse_error")
    except templates.NoValue:
        return failed("invalid_variable_error")
    if grader["type"] == "string_check":
        return Grade(float(_CHECKS[grader["operation"]](given, reference)))
    return Grade(METRICS[grader["evaluation_metric"]](given, reference))


def _model_grade(grader: dict[str, Any], sample: dict[str, Any], item: dict[str, Any]) -> Grade:
    """The score of the judge of `judging`, in the grader's range."""
    messages = [
        message | {"content": templates.render(content_text(message.get("content")), item, sample)}
        for message in grader["input"]
    ]
    low, high = _bounds(grader)
    of = judging.asked(messages) or judging.Asked(
        {"output": str(sample.get("output_text", "")), "question": content_text(messages[-1].get("content"))},
        low,
        high,
        (),
    )
    reward = judging.score(judging.Asked(of.parts, low, high, ()))
    used = {
        "prompt_tokens": tokens.of_messages(messages),
        "completion_tokens": tokens.count(f"{reward:g}"),
    }
    return Grade(reward, tokens={str(grader["model"]): used})


def run(grader: dict[str, Any], model_sample: str, item: dict[str, Any]) -> dict[str, Any]:
    """The answer of `graders/run`."""
    started = time.perf_counter()
    found = grade(grader, [({"output_text": model_sample}, item)])[0]
    used = sum(sum(counts.values()) for counts in found.tokens.values())
    return {
        "reward": found.reward,
        "metadata": {
            "name": grader["name"],
            "type": grader["type"],
            "errors": {name: bool(found.errors.get(name)) for name in ERRORS}
            | {name: found.errors.get(name) for name in _DETAILS},
            "execution_time": time.perf_counter() - started,
            "scores": found.scores,
            "token_usage": used or None,
            "sampled_model_name": None,
        },
        "sub_rewards": found.scores,
        "model_grader_token_usage_per_model": found.tokens,
    }
