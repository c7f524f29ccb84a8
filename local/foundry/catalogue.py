"""Models that can be tuned, as the documentation of 2026-10-06 lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class Model:
    """A base model."""

    dated: str
    methods: frozenset[str]
    format: str = "OpenAI"

    @property
    def version(self) -> str:
        """The date, as Resource Manager names versions of base models; 1 where there is none."""
        found = _DATE.search(self.dated)
        return found[0] if found else "1"


def _openai(dated: str, *methods: str) -> Model:
    return Model(dated, frozenset(methods))


_SFT, _DPO, _RFT = "supervised", "dpo", "reinforcement"

_ALIASES: Final[dict[str, Model]] = {
    "gpt-4.1": _openai("gpt-4.1-2025-04-14", _SFT, _DPO),
    "gpt-4.1-mini": _openai("gpt-4.1-mini-2025-04-14", _SFT, _DPO),
    "gpt-4.1-nano": _openai("gpt-4.1-nano-2025-04-14", _SFT, _DPO),
    "gpt-4o": _openai("gpt-4o-2024-08-06", _SFT, _DPO),
    "gpt-4o-mini": _openai("gpt-4o-mini-2024-07-18", _SFT),
    "o4-mini": _openai("o4-mini-2025-04-16", _RFT),
    "gpt-5": _openai("gpt-5-2025-08-07", _RFT),
    "gpt-oss-20b": Model("gpt-oss-20b", frozenset({_SFT}), "Microsoft"),
    "Ministral-3B": Model("Ministral-3B", frozenset({_SFT}), "Mistral AI"),
    "Llama-3.3-70B-Instruct": Model("Llama-3.3-70B-Instruct", frozenset({_SFT}), "Meta"),
    "Qwen3-32B": Model("Qwen3-32B", frozenset({_SFT}), "Alibaba"),
}
#: Names that jobs take -> the model.  Dated names stand for themselves.
MODELS: Final = _ALIASES | {model.dated: model for model in _ALIASES.values()}

TRAINING_TYPES: Final = {
    name.lower(): name for name in ("standard", "globalStandard", "developerTier", "datazoneStandard")
}
SKUS: Final = frozenset(
    {"Standard", "GlobalStandard", "DataZoneStandard", "ProvisionedManaged", "DeveloperTier"}
)


def base_of(name: str) -> Model | None:
    """The base model of a model name: of itself, or of what it was tuned from."""
    return MODELS.get(name.partition(".ft-")[0])
