"""The `method` of a job: what may be asked for, and how it is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from local.foundry.common.bodies import object_at, schema_of
from local.foundry.common.errors import ServiceError
from local.foundry.graders import grading

NAMES: Final = ("supervised", "dpo", "reinforcement")
_Bounds = tuple[Any, float, float]
#: Hyperparameter -> type, least and greatest value.  The bounds are those of OpenAI's specification: Azure publishes none.
_CORE: Final[dict[str, _Bounds]] = {
    "batch_size": (int, 1, 256),
    "learning_rate_multiplier": (int | float, 1e-9, math.inf),
    "n_epochs": (int, 1, 50),
}
_KNOWN: Final[dict[str, dict[str, _Bounds]]] = {
    "supervised": _CORE,
    "dpo": _CORE | {"beta": (int | float, 1e-9, 2)},
    "reinforcement": _CORE
    | {
        "compute_multiplier": (int | float, 1e-5, 10),
        "eval_interval": (int, 1, math.inf),
        "eval_samples": (int, 1, math.inf),
    },
}
_EFFORTS: Final = ("default", "low", "medium", "high")
AUTO: Final = -1


@dataclass(frozen=True, slots=True)
class Method:
    """How a job learns.  A hyperparameter is `AUTO` where the service shall choose it."""

    name: str
    hyperparameters: dict[str, Any]
    more: dict[str, Any]
    """Only for reinforcement: grader, response_format."""


def read_method(body: dict[str, Any]) -> Method:
    """The method of a job's body.

    Raises:
        ServiceError: 400.
    """
    given = object_at(body, "method")
    name = str(given.get("type", "supervised"))
    if name not in NAMES:
        raise ServiceError(400, "invalidPayload", f"The method '{name}' is not supported.", "method.type")
    inside = object_at(given, name)
    asked = object_at(inside, "hyperparameters") or object_at(body, "hyperparameters")
    more = _reinforcement(body, inside) if name == "reinforcement" else {}
    return Method(name, _hyperparameters(name, asked), more)


def _hyperparameters(method: str, asked: dict[str, Any]) -> dict[str, Any]:
    bounds = _KNOWN[method]
    chosen = {
        name: AUTO if value in (None, "auto") else value
        for name, value in (dict.fromkeys(bounds) | asked).items()
    }
    for name, (kind, least, most) in bounds.items():
        value = chosen[name]
        is_number = isinstance(value, kind) and not isinstance(value, bool)
        if value != AUTO and not (is_number and least <= value <= most):
            raise ServiceError(400, "invalidPayload", f"Invalid value for {name}: {value!r}.", name)
    if method == "reinforcement":
        effort = asked.get("reasoning_effort") or "default"
        if effort not in _EFFORTS:
            raise ServiceError(
                400, "invalidPayload", f"Invalid value for reasoning_effort: {effort!r}.", "reasoning_effort"
            )
        chosen["reasoning_effort"] = effort
    return chosen


def _reinforcement(body: dict[str, Any], inside: dict[str, Any]) -> dict[str, Any]:
    """The grader and the response format of a reinforcement job, which needs both files.

    Raises:
        ServiceError: 400.
    """
    path = "method.reinforcement.grader"
    if not inside.get("grader"):
        raise ServiceError(400, "invalidPayload", f"Missing required parameter: '{path}'.", path)
    if problem := next(grading.problems(inside["grader"], path), None):
        raise ServiceError(400, "invalidPayload", problem, path)
    if not body.get("validation_file"):
        message = "A validation file is required for reinforcement fine-tuning."
        raise ServiceError(400, "invalidPayload", message, "validation_file")
    response_format = inside.get("response_format")
    if response_format is None:
        return {"grader": inside["grader"]}
    if schema_of(response_format) is None:
        where = "method.reinforcement.response_format"
        raise ServiceError(
            400, "invalidPayload", f"Invalid value for '{where}': expected a json_schema.", where
        )
    return {"grader": inside["grader"], "response_format": response_format}


def show_method(job: dict[str, Any]) -> dict[str, Any]:
    """The method of a stored job, as the service answers it."""
    inside = job.get("more", {}) | {"hyperparameters": job["hyperparameters"]}
    return {"type": job["method"], job["method"]: inside}
