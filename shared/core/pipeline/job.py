"""The job part of a pipeline file: the keys that `azd ai finetuning` job files have too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.core.models import TRAINING_TYPES
from shared.core.pipeline.answers import check_answers, read_response_format
from shared.core.pipeline.job_graders import read_grader
from shared.core.pipeline.section import Section, each_section, guess, number_problem
from shared.core.pipeline.yaml import Node, describe
from shared.core.spec import Method, MethodType

#: What people write for the same things (docs, portal and CLI differ).
_TRAINING_TYPE_ALIASES: Final = {
    "developer": "DeveloperTier",
    "global": "GlobalStandard",
    "datazone": "DatazoneStandard",
}
_EFFORTS: Final = ("default", "low", "medium", "high")
_COMMON: Final = ("n_epochs", "batch_size", "learning_rate_multiplier")
_ALLOWED: Final[Mapping[MethodType, tuple[str, ...]]] = {
    MethodType.SUPERVISED: _COMMON,
    MethodType.DPO: (*_COMMON, "beta", "l2_multiplier"),
    MethodType.REINFORCEMENT: (
        *_COMMON,
        "compute_multiplier",
        "eval_interval",
        "eval_samples",
        "reasoning_effort",
    ),
}


@dataclass(frozen=True, slots=True)
class _Range:
    """What a hyperparameter may be.

    Attributes:
        low: the least value.
        high: the greatest.
        whole: whether it must be a whole number.
        above: whether it must be more than `low`.
    """

    low: float
    high: float
    whole: bool = False
    above: bool = False


#: Foundry publishes no ranges; 50 epochs is far above every published recipe.
_RANGES: Final[Mapping[str, _Range]] = {
    "n_epochs": _Range(1, 50, whole=True),
    "batch_size": _Range(1, 4096, whole=True),
    "learning_rate_multiplier": _Range(0, 1000, above=True),
    "beta": _Range(0, 1000, above=True),
    "l2_multiplier": _Range(0, 1000),
    "compute_multiplier": _Range(0, 1000, above=True),
    "eval_interval": _Range(1, 1_000_000, whole=True),
    "eval_samples": _Range(1, 1_000_000, whole=True),
}
#: What azd's job files may have in the hyperparameters of any method.  Source: Azure/azure-dev,
#: cli/azd/extensions/azure.ai.finetune/pkg/models/finetune.go, `HyperparametersConfig`.
_OF_AZD: Final = (
    *_COMMON,
    "prompt_loss_weight",
    "beta",
    "compute_multiplier",
    "reasoning_effort",
    "eval_interval",
    "eval_samples",
)
#: Of agentic reinforcement fine-tuning.  Source: microsoft-foundry/fine-tuning, Docs/tool-call-endpoint-grader.md.
_AGENTIC: Final = ("tools", "max_episode_steps")
#: Where keys of reinforcement fine-tuning belong that people write elsewhere.
_REINFORCEMENT_PLACES: Final = {key: f"method.reinforcement.{key}" for key in ("grader", "response_format")}
#: Keys of azd's job files that are read and not sent.
NOT_SENT: Final = ("training_file", "validation_file", "name", "environment_variables", "notify", *_AGENTIC)
_WANDB_KEYS: Final = ("project", "name", "entity", "tags")


def read_model(root: Section) -> str:
    """The base model (or an earlier tuned model), the one key without a default."""
    node = root.take("model")
    if not root.has_value("model"):
        key, message = (None, "model is missing") if node is None else ("model", "model is empty")
        remedy = "Name the model to tune, with its date: `model: gpt-4.1-mini-2025-04-14`."
        root.problem(key, message, remedy)
        return ""
    hint = "A model id has letters, digits and . _ - : /, such as gpt-4.1-mini-2025-04-14."
    return root.text("model", pattern=r"[A-Za-z0-9][A-Za-z0-9._:/-]*", hint=hint, length=200) or ""


def read_suffix(root: Section, default: str | None) -> str | None:
    """The suffix of the tuned model's name."""
    hint = (
        "Use 1 to 40 letters, digits, hyphens or underscores: it is the limit of Foundry's REST interface, and models whose"
        " name has a further dot cannot be deployed."
    )
    return root.text("suffix", default, pattern=r"[A-Za-z0-9_-]{1,40}", hint=hint)


def read_seed(root: Section, default: int | None) -> int | None:
    """The seed of the job, None if the run chooses it."""
    value = root.number_or_none("seed", default, 0, 2**31 - 1, whole=True)
    return None if value is None else int(value)


def read_method(root: Section) -> Method:
    """`method`: type and the block of that type; supervised with automatic hyperparameters if absent."""
    automatic = Method(hyperparameters=dict.fromkeys(_COMMON, "auto"))
    section = root.section("method")
    if not root.has_value("method"):
        return automatic
    names = [m.value for m in MethodType]
    if section.node is not None and "type" not in section:
        section.problem(None, "type is missing", f"Write `type:` with one of: {', '.join(names)}.")
    before = len(section.remarks.problems)
    kind = MethodType(section.choice("type", names, automatic.type.value))
    if section.node is None or "type" not in section or len(section.remarks.problems) > before:
        return automatic
    return _read_block(section, kind)


def _read_block(section: Section, kind: MethodType) -> Method:
    block = section.section(kind.value)
    misplaced = _places_in_method(kind).keys() & set(
        section.keys()
    )  # reported below: moved, they are the block
    if block.node is None and not _is_broken(section.get(kind.value)) and not misplaced:
        remedy = f"Write `{kind.value}: {{hyperparameters: {{n_epochs: auto}}}}` below `type`, or leave `method` out."
        section.problem(None, f"type is {kind.value}, but its block `{kind.value}` is missing", remedy)
    for other in MethodType:
        if other != kind and other.value in section:
            section.take(other.value)
            message = f"this block belongs to another method, type is {kind.value}"
            section.problem(other.value, message, "Remove it.")
    section.finish(elsewhere=_places_in_method(kind))
    hyperparameters = _read_hyperparameters(block.section("hyperparameters"), kind)
    grader = response_format = None
    if kind is MethodType.REINFORCEMENT:
        refuse_agentic(block)
        grader = read_grader(block)
        hint = "Give the json_schema object of the REST interface."
        response_format = read_response_format(block, block.mapping("response_format", hint))
        check_answers(block, response_format)
    block.finish(elsewhere=_hyperparameter_places(kind) | _REINFORCEMENT_PLACES)
    return Method(type=kind, hyperparameters=hyperparameters, grader=grader, response_format=response_format)


def _is_broken(node: Node | None) -> bool:
    """Whether a block is there but is not a mapping, which was reported already."""
    return node is not None and node.value is not None and not isinstance(node.value, dict)


def _read_hyperparameters(section: Section, kind: MethodType) -> dict[str, int | float | str]:
    values: dict[str, int | float | str] = dict.fromkeys(_COMMON, "auto")
    if "epochs" in section and "n_epochs" in section:
        section.problem("epochs", "epochs and n_epochs are the same thing", "Keep n_epochs.")
    for name in _ALLOWED[kind]:
        key = "epochs" if name == "n_epochs" and "epochs" in section else name
        value = _effort(section) if name == "reasoning_effort" else _hyperparameter(section, key, name)
        if value is not None:
            values[name] = value
    others = [key for key in _OF_AZD if key not in _ALLOWED[kind]]
    for key in others:
        if section.take(key) is not None:
            message = f"{key} is not a hyperparameter of {kind.value} fine-tuning; it is not sent"
            section.note(key, message, "Remove it when you like.")
    if kind is MethodType.REINFORCEMENT:
        refuse_agentic(section)
    section.finish(
        also=(*_ALLOWED[kind], "epochs"), elsewhere=_REINFORCEMENT_PLACES, unlisted=(*others, *_AGENTIC)
    )
    return values


def refuse_agentic(section: Section) -> None:
    """Refuse keys of a preview that only some subscriptions have, and whose requests no published schema describes."""
    for key in _AGENTIC:
        if section.take(key) is not None:
            message = f"{key} is not supported yet: agentic reinforcement fine-tuning is a gated preview"
            section.problem(key, message, "Remove it, and tune without tools; nothing of it would be sent.")


def _hyperparameter_places(kind: MethodType) -> dict[str, str]:
    names = (*_OF_AZD, "epochs", *_ALLOWED[kind])
    return {name: f"method.{kind.value}.hyperparameters.{name}" for name in names}


def _places_in_method(kind: MethodType) -> dict[str, str]:
    """Where keys belong that people write beside the type of the method."""
    places = _hyperparameter_places(kind) | {"hyperparameters": f"method.{kind.value}.hyperparameters"}
    return places | _REINFORCEMENT_PLACES


def places_in_root(kind: MethodType) -> dict[str, str]:
    """Where keys belong that people write at the top of the file, as the REST interface and the portal have them."""
    training_type = dict.fromkeys(
        ("trainingType", "training_type", "trainingtype"), "extra_body.trainingType"
    )
    blocks = {name.value: f"method.{name.value}" for name in MethodType}
    return _places_in_method(kind) | training_type | blocks | {"type": "method.type"}


def _effort(section: Section) -> str | None:
    return section.choice("reasoning_effort", _EFFORTS, "default") if "reasoning_effort" in section else None


def _hyperparameter(section: Section, key: str, name: str) -> int | float | str | None:
    node = section.given(key)
    if node is None:
        return None
    if node.value == "auto":
        return "auto"
    allowed = _RANGES[name]
    problem = number_problem(node, allowed.low, allowed.high, above=allowed.above, whole=allowed.whole)
    if problem:
        section.problem(key, problem[0], problem[1].removesuffix(".") + ", or auto.")
        return None
    assert isinstance(node.value, int | float)
    return int(node.value) if allowed.whole else float(node.value)


def read_training_type(root: Section, default: str) -> str:
    """`extra_body.trainingType`; always sent, because leaving it out fails with a misleading message."""
    body = root.section("extra_body")
    node = body.get("trainingType")
    if node is not None and node.text.lower() in _TRAINING_TYPE_ALIASES:
        body.take("trainingType")
        value = _TRAINING_TYPE_ALIASES[node.text.lower()]
    else:
        value = body.choice("trainingType", TRAINING_TYPES, default)
    for key in body.keys():  # noqa: SIM118  a section is not a dict: iterating it is not defined
        if key != "trainingType" and not guess(key.lower(), ("trainingtype",)):
            body.take(key)
            body.note(key, "not sent: of extra_body only trainingType is", "Remove it when you like.")
    body.finish()
    return value


def read_metadata(root: Section) -> dict[str, str]:
    """At most 16 pairs of text (keys to 64, values to 512 characters); numbers count as written."""
    section = root.section("metadata")
    if len(section.keys()) > 16:
        section.problem(None, f"{len(section.keys())} pairs, at most 16 are allowed", "Remove some.")
    pairs: dict[str, str] = {}
    for key in section.keys():  # noqa: SIM118  a section is not a dict: iterating it is not defined
        node = section.take(key)
        assert node is not None
        if isinstance(node.value, dict | list):
            remedy = "Metadata is flat: one text per key."
            section.problem(key, f"expected text, found {describe(node)}", remedy)
        elif not 1 <= len(key) <= 64 or len(node.text) > 512:
            section.problem(key, "too long", "Keys have 1 to 64 characters, values at most 512.")
        else:
            pairs[key] = node.text
    return pairs


def read_integrations(root: Section) -> tuple[dict[str, Any], ...]:
    """Weights & Biases, in azd's forms and the REST interface's, normalised to the latter."""
    node = root.get("integrations")
    hint = "Write `- type: wandb` with `config: {project: ...}`."
    if node is not None and isinstance(node.value, dict):
        section = root.section("integrations")
        found = [_wandb(section, "wandb")] if "wandb" in section else []
        section.finish(also=("wandb",))
        return tuple(f for f in found if f is not None)
    read = []
    for item in each_section(root.entries("integrations", hint) or [], root.remarks, hint):
        item.choice("type", ("wandb",), "wandb", hint="Foundry knows one integration: wandb.")
        if "type" not in item:
            item.problem(None, "type is missing", hint)
        read.append(_wandb(item, "wandb" if "wandb" in item else "config"))
        item.finish(also=("config", "wandb"))
    return tuple(r for r in read if r is not None)


def _wandb(parent: Section, key: str) -> dict[str, Any] | None:
    section = parent.section(key)
    values: dict[str, Any] = {}
    for name in _WANDB_KEYS[:3]:
        if (text := section.text(name, length=256)) is not None:
            values[name] = text
    tags = section.entries("tags", "Give a list of texts.")
    if tags:
        values["tags"] = [node.text for _, node in tags]
    for name in section.keys():  # noqa: SIM118  as above
        if name not in _WANDB_KEYS and not guess(name, _WANDB_KEYS):
            section.take(name)
            section.note(
                name, "not sent: Foundry takes project, name, entity and tags", "Remove it when you like."
            )
    section.finish()
    if "project" not in values:
        section.problem(None, "project is missing", "Name the Weights & Biases project.")
        return None
    return {"type": "wandb", "wandb": values}


def note_ignored(root: Section, name: str) -> None:
    """Notes about keys of azd's job files that this product takes from elsewhere."""
    for key in ("training_file", "validation_file"):
        if root.take(key) is not None:
            message = "ignored: the dropped dataset decides which file is used"
            root.note(key, message, "Remove it when you like.")
    if root.take("environment_variables") is not None:  # of azd before its extension had a model of job files
        root.note("environment_variables", "not sent: a job has none", "Remove it when you like.")
    node = root.take("name")
    if node is not None and node.text != name:
        message = f"ignored: the pipeline is called {name}, after its file"
        root.note("name", message, "Remove it when you like.")
