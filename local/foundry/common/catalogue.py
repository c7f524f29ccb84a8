"""The models that can be tuned: by which methods, where, and under which SKUs they are deployed (documentation of 2026-10-06)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_DATE: Final = re.compile(r"-(\d{4}-\d{2}-\d{2})$")

#: Training types, lower-cased -> as the service echoes them.
TRAINING_TYPES: Final = {
    name.lower(): name for name in ("standard", "globalStandard", "developerTier", "datazoneStandard")
}
#: Deployment SKUs, lower-cased -> as they are shown.  The documentation writes the developer tier in three ways.
SKUS: Final = {
    **{
        name.lower(): name
        for name in ("Standard", "GlobalStandard", "DataZoneStandard", "ProvisionedManaged", "DeveloperTier")
    },
    "developer": "DeveloperTier",
}

_ANYWHERE: Final = frozenset(TRAINING_TYPES)
_HOSTED: Final = frozenset({"globalstandard", "datazonestandard"})
_PREVIEW: Final = frozenset({"globalstandard", "developertier"})
_REGULAR: Final = ("Standard", "GlobalStandard", "DataZoneStandard", "ProvisionedManaged")
_GLOBAL: Final = ("GlobalStandard",)


@dataclass(frozen=True, slots=True)
class Model:
    """A base model.

    Attributes:
        dated: name with its version's date, if it has one.
        methods: by which it can be tuned.
        training_types: those with which it can be tuned, lower-cased.
        base_skus: SKUs under which it is deployed as it is.
        tuned_skus: SKUs under which a model that was tuned from it is deployed; none if that needs managed compute.
        formats: what `model.format` of a deployment may be; the first one is shown.
        is_preview: whether it is a preview.
        is_open: whether it is an open model: what was tuned from it answers at the account only.
        example_tokens_max: tokens of the longest training example.
    """

    dated: str
    methods: frozenset[str]
    training_types: frozenset[str] = _ANYWHERE
    base_skus: tuple[str, ...] = _REGULAR
    tuned_skus: tuple[str, ...] = (*_REGULAR, "DeveloperTier")
    formats: tuple[str, ...] = ("OpenAI",)
    is_preview: bool = False
    is_open: bool = False
    example_tokens_max: int = 65_536

    @property
    def name(self) -> str:
        """The name without a date, by which Resource Manager knows it."""
        return _DATE.sub("", self.dated)

    @property
    def version(self) -> str:
        """The date, which is Resource Manager's version of a base model; 1 where there is none."""
        found = _DATE.search(self.dated)
        return found[1] if found else "1"


def _openai(dated: str, *methods: str, tuned_skus: tuple[str, ...] = (*_REGULAR, "DeveloperTier")) -> Model:
    return Model(dated, frozenset(methods), tuned_skus=tuned_skus)


def _hosted(name: str, *formats: str) -> Model:
    """An open model that Azure tunes and serves."""
    return Model(name, frozenset({_SFT}), _HOSTED, _GLOBAL, _GLOBAL, formats, is_open=True)


def _preview(name: str, formats: tuple[str, ...], *methods: str, tuned_skus: tuple[str, ...] = ()) -> Model:
    is_open = not name.startswith("MAI")
    return Model(
        name, frozenset(methods), _PREVIEW, _GLOBAL, tuned_skus, formats, is_preview=True, is_open=is_open
    )


_SFT, _DPO, _RFT = "supervised", "dpo", "reinforcement"
#: Field notes and Azure's own list of models disagree about the format of these; which one a deployment needs is not known.
_OSS: Final = ("Microsoft", "OpenAI-OSS")

_ALIASES: Final[dict[str, Model]] = {
    model.name: model
    for model in (
        _openai("gpt-4.1-2025-04-14", _SFT, _DPO),
        _openai("gpt-4.1-mini-2025-04-14", _SFT, _DPO),
        Model("gpt-4.1-nano-2025-04-14", frozenset({_SFT, _DPO}), example_tokens_max=32_768),
        _openai("gpt-4o-2024-08-06", _SFT, _DPO, tuned_skus=_REGULAR),
        _openai("gpt-4o-mini-2024-07-18", _SFT, tuned_skus=_REGULAR),
        _openai("o4-mini-2025-04-16", _RFT),
        Model("gpt-5-2025-08-07", frozenset({_RFT}), _ANYWHERE - {"developertier"}, tuned_skus=("Standard",)),
        _hosted("gpt-oss-20b", *_OSS),
        _hosted("Ministral-3B", "Mistral AI"),
        _hosted("Llama-3.3-70B-Instruct", "Meta"),
        _hosted("Qwen3-32B", "Alibaba"),
        _preview("gpt-oss-120b", _OSS, _SFT, _RFT),
        _preview("Qwen3.6-35B-A3B", ("Alibaba",), _SFT, _RFT),
        _preview("Qwen3.8-27B", ("Alibaba",), _SFT, _RFT),
        _preview("Muse-Glimmer-30B", ("Meta",), _SFT, _RFT),
        _preview("MAI-Code-1.1-Flash", ("Microsoft",), _RFT, tuned_skus=_GLOBAL),
    )
}
#: A name that a job may use, with or without the date -> its model.
MODELS: Final = _ALIASES | {model.dated: model for model in _ALIASES.values()}


def base_of(name: str) -> Model | None:
    """The base model by its own name, or by the name of a model that was tuned from it; None if there is no such model."""
    return MODELS.get(name.partition(".ft-")[0])


def is_tuned(name: str) -> bool:
    """Whether a name is that of a tuned model or of a checkpoint."""
    return ".ft-" in name
