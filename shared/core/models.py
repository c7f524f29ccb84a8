"""What is known about the models that Foundry tunes, deploys and bills: every fact with its source and date.

Facts age.  What is not in a table here is never an error: it is a note, a default, or the admission that nothing is known.  What
a table rules out, and would be found out only after the training was paid, refuses a pipeline file.
"""

from __future__ import annotations

from typing import Final

import msgspec

from shared.core import tokenizers
from shared.core.spec import MethodType
from shared.core.tokenizers import Tokenizer

_SFT: Final = MethodType.SUPERVISED
_DPO: Final = MethodType.DPO
_RFT: Final = MethodType.REINFORCEMENT

#: As the service spells them.  Source: MicrosoftDocs/azure-ai-docs, foundry/includes/fine-tune-supported-models.md, 2026-10-06.
TRAINING_TYPES: Final = ("Standard", "GlobalStandard", "DeveloperTier", "DatazoneStandard")
#: Of most families, and assumed of those that are not known.  Source: MicrosoftDocs/azure-ai-docs,
#: ai-services/openai/includes/fine-tune-models.md, the last published value.
EXAMPLE_TOKENS_MAX: Final = 65_536


#: As Resource Manager spells them; the first one is the default.
_SERVERLESS: Final = ("GlobalStandard", "DataZoneStandard", "Standard", "ProvisionedManaged", "DeveloperTier")


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A model family.

    Attributes:
        methods: what it can be tuned by.
        training_types: where it can be tuned.
        deployment_skus: under which a tuned one can be deployed, the usual one first; none where it needs managed compute.
        candidate_sku: of those, where a candidate goes if not to the developer tier.
        is_open: whether it is an open model, whose tuned deployments answer at the account only.
        example_tokens_max: longest training example, in tokens.
        image_input: whether training examples may have images.
        tokenizer: what it keeps for itself, and what counts its tokens.
        temperature: whether requests may have `temperature`; models that reason take no other than 1.
        format: `model.format` of its deployments; a wrong one is answered with an empty HTTP 500.
    """

    methods: frozenset[MethodType]
    training_types: frozenset[str] = frozenset(TRAINING_TYPES)
    deployment_skus: tuple[str, ...] = _SERVERLESS
    candidate_sku: str = "DeveloperTier"
    is_open: bool = False
    example_tokens_max: int = EXAMPLE_TOKENS_MAX
    image_input: bool = False
    tokenizer: Tokenizer = tokenizers.OPENAI
    temperature: bool = True
    format: str = "OpenAI"


_HOSTED: Final = frozenset({"DatazoneStandard", "GlobalStandard"})
_PREVIEW: Final = frozenset({"GlobalStandard", "DeveloperTier"})
_NO_DEVELOPER_TIER: Final = tuple(sku for sku in _SERVERLESS if sku != "DeveloperTier")


def _hosted(tokenizer: Tokenizer, form: str) -> ModelFacts:
    """An open model that Azure tunes and serves."""
    return ModelFacts(
        methods=frozenset({_SFT}),
        training_types=_HOSTED,
        deployment_skus=("GlobalStandard",),
        is_open=True,
        tokenizer=tokenizer,
        format=form,
    )


def _unserved(tokenizer: Tokenizer, form: str = "OpenAI") -> ModelFacts:
    """An open model in preview that Azure tunes; what was tuned needs managed compute, or a service of others."""
    return ModelFacts(
        methods=frozenset({_SFT, _RFT}),
        training_types=_PREVIEW,
        deployment_skus=(),
        is_open=True,
        tokenizer=tokenizer,
        format=form,
    )


#: Methods, training types and deployments by family.  Source: MicrosoftDocs/azure-ai-docs,
#: foundry/includes/fine-tune-supported-models.md, 2026-10-06.  Developer tier: foundry-classic/openai/how-to/fine-tune-test.md of
#: the same.  Image input: "supported for the following models only", gpt-4o and gpt-4.1, of
#: learn.microsoft.com/azure/foundry/openai/how-to/fine-tuning-vision, read on 2026-11-28.  That tuned open models answer at the
#: account only: microsoft/azure-skills, 2026-08-21.  Formats: Azure/azure-sdk-for-python,
#: azure-ai-projects/tests/finetuning/test_finetuning.py; microsoft/azure-skills, 2026-08-21; those of Muse and MAI were not
#: found.  Temperature: OpenAI's guide to reasoning models; that Azure does the same is assumed.  Tokenizers: `tokenizers.py`.
FAMILIES: Final[dict[str, ModelFacts]] = {
    "gpt-4.1": ModelFacts(methods=frozenset({_SFT, _DPO}), image_input=True),
    "gpt-4.1-mini": ModelFacts(methods=frozenset({_SFT, _DPO})),
    "gpt-4.1-nano": ModelFacts(methods=frozenset({_SFT, _DPO}), example_tokens_max=32_768),
    "gpt-4o": ModelFacts(
        methods=frozenset({_SFT, _DPO}), deployment_skus=_NO_DEVELOPER_TIER, image_input=True
    ),
    "gpt-4o-mini": ModelFacts(methods=frozenset({_SFT}), deployment_skus=_NO_DEVELOPER_TIER),
    "o4-mini": ModelFacts(methods=frozenset({_RFT}), temperature=False),
    "gpt-5": ModelFacts(
        methods=frozenset({_RFT}),
        training_types=frozenset({"Standard", "DatazoneStandard", "GlobalStandard"}),
        deployment_skus=("Standard",),
        temperature=False,
    ),
    "Llama-3.3-70B-Instruct": _hosted(tokenizers.LLAMA, "Meta"),
    "Qwen3-32B": _hosted(tokenizers.QWEN3, "Alibaba"),
    "Ministral-3B": _hosted(tokenizers.MINISTRAL, "Mistral AI"),
    "gpt-oss-20b": _hosted(tokenizers.HARMONY, "Microsoft"),
    "gpt-oss-120b": _unserved(tokenizers.HARMONY, "Microsoft"),
    "Qwen3.6-35B-A3B": _unserved(tokenizers.QWEN3_6, "Alibaba"),
    "Qwen3.8-27B": _unserved(tokenizers.QWEN3_6, "Alibaba"),
    "Muse-Glimmer-30B": _unserved(tokenizers.NOT_FOUND),
    "MAI-Code-1.1-Flash": ModelFacts(
        methods=frozenset({_RFT}),
        training_types=_PREVIEW,
        # Its row names the second one for training alone.
        deployment_skus=("GlobalStandard", "DeveloperTier"),
        candidate_sku="GlobalStandard",
        tokenizer=tokenizers.NOT_FOUND,
    ),
}

#: What to begin with, the first one that fits: ids with their dates, and what is to be known first.  Left out is what was
#: retired, or is for those only who have it already: gpt-4.1-nano and o4-mini (2026-10), gpt-4o and gpt-4o-mini.
#: Source: Microsoft's schedule of retirements, 2026-09-02, and a catalogue of 2026-10-06; the rest as above.
BEGIN_WITH: Final[dict[str, str]] = {
    "gpt-4.1-mini-2025-04-14": "Azure tunes it until 2027-04-14, as it was said in September 2026.",
    "gpt-4.1-2025-04-14": "Azure tunes it until 2027-04-14, as it was said in September 2026.",
    "gpt-5-2025-08-07": "Azure tunes it by invitation, until 2027-02-09 as it was said in September 2026.",
    "Qwen3-32B": "It is an open model; its tuned deployments are GlobalStandard only.",
}

#: How names of models begin that the table does not have, and a family whose format and temperature they are taken to share.
_KIN: Final = (
    ("gpt-oss", "gpt-oss-120b"),
    ("gpt-5", "gpt-5"),
    *((f"o{number}", "o4-mini") for number in range(1, 10)),
    ("ministral", "Ministral-3B"),
    ("llama", "Llama-3.3-70B-Instruct"),
    ("qwen", "Qwen3-32B"),
)

_BY_LOWER_NAME: Final = {name.lower(): name for name in FAMILIES}


class SeedPrice(msgspec.Struct, frozen=True):
    """A price that others read from Azure's public retail meters: of some region and some day, and nobody's contract.

    Attributes:
        usd_per_million_tokens: US dollars for a million training tokens.
        source: the meter as it is written, with region and day.
    """

    usd_per_million_tokens: float
    source: str


#: By family the dearest reading, whatever the training type.  Meters: `serviceName eq 'Foundry Models'`, productName
#: 'Azure OpenAI', of https://prices.azure.com/api/retail/prices; amounts in euro are taken at 1.14 US dollars.  Since 2026-10-05
#: Microsoft's page of prices shows none, and what its page on costs named before were examples.
SEED_PRICES: Final[dict[str, SeedPrice]] = {
    "gpt-4.1": SeedPrice(27.50, "meter `4.1 ft training Dz`, 0.0275 USD for 1,000 tokens, read in 2026"),
    "gpt-4.1-mini": SeedPrice(
        6.60,
        "meter `gpt-4.1-mini FT Training regional`, 0.0058 EUR for 1,000 tokens in northeurope on 2026-08-27",
    ),
    "gpt-4.1-nano": SeedPrice(
        1.65,
        "meter `gpt-4.1-nano FT Training regional`, 0.00165 USD for 1,000 tokens in eastus2 on 2026-09-27",
    ),
}

#: What an hour of a tuned model's deployment cost in all meters of these families that others read in 2026, and in Microsoft's
#: page on costs until 2026-10-05: `gpt-4.1-nano-ft hosting global` and `regional`, `gpt-4.1-ft hosting regional`,
#: `o4 mini ft hosting Dz` (eastus2, 2026-09-27 and 2026-10-06).
SEED_HOSTING_USD_PER_HOUR: Final = 1.70
SEED_HOSTING_FAMILIES: Final = frozenset({*SEED_PRICES, "o4-mini"})
#: Under these a deployment is billed by the hour and by the token; provisioned units and the developer tier have other prices.
SEED_HOSTING_SKUS: Final = frozenset({"Standard", "GlobalStandard", "DataZoneStandard"})


def model_family(model: str) -> str | None:
    """The family of a model id: `gpt-4.1` for `gpt-4.1-2025-04-14` and `gpt-4.1-2025-04-14.ft-0a1b...`.

    What follows the name must be a date or version, or the id of an earlier tuning, so that `gpt-4.1-mini` is not taken for a
    `gpt-4.1`.  None if the family is unknown.
    """
    lower = model.lower()
    for name in _BY_LOWER_NAME:
        rest = lower.removeprefix(name)
        if rest == lower and name != lower:
            continue
        if not rest or rest.startswith(".ft-") or (rest[0] == "-" and rest[1:2].isdigit()):
            return _BY_LOWER_NAME[name]
    return None


def model_facts(model: str) -> ModelFacts | None:
    """What is known about the family of a model id; None if nothing is."""
    family = model_family(model)
    return None if family is None else FAMILIES[family]


def support_notes(model: str, method: MethodType, training_type: str) -> tuple[str, ...]:
    """What the documentation says against tuning this model this way, as sentences; none if it says nothing against it."""
    facts = model_facts(model)
    if facts is None:
        return (f"nothing is known about fine-tuning {model}; limits of the gpt-4.1 family are assumed",)
    notes = []
    if method not in facts.methods:
        known = ", ".join(sorted(facts.methods))
        notes.append(f"{model} is documented for {known}, not for {method.value}")
    if training_type not in facts.training_types:
        known = ", ".join(sorted(facts.training_types))
        notes.append(f"{model} is documented for training type {known}, not for {training_type}")
    return tuple(notes)


def deployment_sku(model: str) -> str:
    """Under which SKU a model that is tuned from this one goes into production, unless the pipeline file names one."""
    facts = model_facts(model)
    return facts.deployment_skus[0] if facts and facts.deployment_skus else _SERVERLESS[0]


def candidate_sku(model: str) -> str:
    """The same for a candidate: the developer tier, which costs nothing by the hour, where it is documented for the model."""
    facts = model_facts(model)
    if facts is not None and facts.candidate_sku in facts.deployment_skus:
        return facts.candidate_sku
    return deployment_sku(model)


def deployment_capacity(model: str) -> int:
    """How much a deployment takes, in thousands of tokens per minute, unless the pipeline file says it.

    With less a model may answer once a minute, and tuned open models fail to load.  Source: microsoft/azure-skills, 2026-08-21.
    """
    return 100 if is_open(model) else 50


def deployment_obstacle(model: str, sku: str) -> tuple[str, str] | None:
    """Why what is tuned from this model cannot be deployed under a SKU, and the way out; None if nothing is known against it."""
    facts = model_facts(model)
    if facts is None or sku in facts.deployment_skus or not facts.deployment_skus:
        return None
    known = " or ".join(facts.deployment_skus)
    return (
        f"a tuned {model_family(model)} is documented to be deployed as {known}, not as {sku}: it would be trained in vain",
        f"Write `sku: {facts.deployment_skus[0]}`, or leave the key out.",
    )


def serving_obstacle(model: str) -> tuple[str, str] | None:
    """Why what is tuned from this model cannot be deployed at all, and the way out; None if it can, or nothing is known."""
    facts = model_facts(model)
    if facts is None or facts.deployment_skus:
        return None
    served = ", ".join(name for name, other in FAMILIES.items() if other.deployment_skus)
    return (
        f"a tuned {model_family(model)} has no serverless deployment: its training would be paid in vain",
        f"Tune a model that is documented to have one: {served}.",
    )


def is_open(model: str) -> bool:
    """Whether a model, or what it was tuned from, is known as an open one."""
    facts = model_facts(model)
    return facts is not None and facts.is_open


def example_tokens_max(model: str) -> int:
    """Longest training example of a model, in tokens; what is longer is cut off while training."""
    facts = model_facts(model)
    return EXAMPLE_TOKENS_MAX if facts is None else facts.example_tokens_max


def takes_images(model: str | None) -> bool | None:
    """Whether training examples of a model may have images; None if that is not known."""
    facts = None if model is None else model_facts(model)
    return None if facts is None else facts.image_input


def tokenizer_of(model: str | None) -> Tokenizer:
    """The tokenizer of a model; if none is named, those of OpenAI's are meant."""
    if model is None:
        return tokenizers.OPENAI
    facts = model_facts(model)
    return tokenizers.NOT_KNOWN if facts is None else facts.tokenizer


def counting_note(model: str) -> str | None:
    """What is to be said of the tokens that are counted for a model; None if the count is exact."""
    tokenizer = tokenizer_of(model)
    if tokenizer.is_counted:
        return None
    return (
        f"token counts are approximate: those of {tokenizers.COUNTED} are counted, and the estimate takes "
        f"{tokenizer.factor:g} times as many, which is assumed for {model}"
    )


def model_format(base_model: str) -> str:
    """`model.format` of a deployment by its base model."""
    return _akin(base_model).format


def takes_temperature(model: str) -> bool:
    """Whether a model takes `temperature`; reasoning models refuse it."""
    return _akin(model).temperature


def _akin(model: str) -> ModelFacts:
    """The facts of a model, or of a family that it is taken to be like; of gpt-4.1 if there is none."""
    facts = model_facts(model)
    if facts is not None:
        return facts
    name = model.lower()
    return FAMILIES[next((family for start, family in _KIN if name.startswith(start)), "gpt-4.1")]
