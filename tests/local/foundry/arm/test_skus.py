"""Which model is tuned where and how, and deployed under which SKU; checked for every one of them."""

import pytest

from tests.local.foundry.inside import code, words

_REGULAR = {"Standard", "GlobalStandard", "DataZoneStandard", "ProvisionedManaged"}
SKUS = {*_REGULAR, "DeveloperTier"}
TYPES = {"standard", "globalStandard", "datazoneStandard", "developerTier"}
_OPEN, _PREVIEW = {"globalStandard", "datazoneStandard"}, {"globalStandard", "developerTier"}
_SFT, _DPO, _RFT = "supervised", "dpo", "reinforcement"

#: Model -> (methods, training types, SKUs of tuned models, formats), as MicrosoftDocs/azure-ai-docs says
#: (`foundry/includes/fine-tune-supported-models.md@9586c84`, 2026-10-06; formats: microsoft/azure-skills).
FACTS = {
    "gpt-4.1": ({_SFT, _DPO}, TYPES, SKUS, {"OpenAI"}),
    "gpt-4.1-mini": ({_SFT, _DPO}, TYPES, SKUS, {"OpenAI"}),
    "gpt-4.1-nano": ({_SFT, _DPO}, TYPES, SKUS, {"OpenAI"}),
    "gpt-4o": ({_SFT, _DPO}, TYPES, _REGULAR, {"OpenAI"}),
    "gpt-4o-mini": ({_SFT}, TYPES, _REGULAR, {"OpenAI"}),
    "o4-mini": ({_RFT}, TYPES, SKUS, {"OpenAI"}),
    "gpt-5": ({_RFT}, TYPES - {"developerTier"}, {"Standard"}, {"OpenAI"}),
    "gpt-oss-20b": ({_SFT}, _OPEN, {"GlobalStandard"}, {"Microsoft", "OpenAI-OSS"}),
    "Ministral-3B": ({_SFT}, _OPEN, {"GlobalStandard"}, {"Mistral AI"}),
    "Llama-3.3-70B-Instruct": ({_SFT}, _OPEN, {"GlobalStandard"}, {"Meta"}),
    "Qwen3-32B": ({_SFT}, _OPEN, {"GlobalStandard"}, {"Alibaba"}),
    "gpt-oss-120b": ({_SFT, _RFT}, _PREVIEW, set(), {"Microsoft", "OpenAI-OSS"}),
    "Qwen3.6-35B-A3B": ({_SFT, _RFT}, _PREVIEW, set(), {"Alibaba"}),
    "Qwen3.8-27B": ({_SFT, _RFT}, _PREVIEW, set(), {"Alibaba"}),
    "Muse-Glimmer-30B": ({_SFT, _RFT}, _PREVIEW, set(), {"Meta"}),
    "MAI-Code-1.1-Flash": ({_RFT}, _PREVIEW, {"GlobalStandard"}, {"Microsoft"}),
}
FORMATS = set.union(*(formats for *_, formats in FACTS.values()))
GRADER = {
    "type": "string_check", "name": "g", "operation": "eq", "input": "{{sample.output_text}}", "reference": "x",
}  # fmt: skip
METHODS = {_SFT: {}, _DPO: {}, _RFT: {"grader": GRADER}}


@pytest.fixture(scope="module")
def inside(start_inside):
    made = start_inside(deployment_accepted_s=0.0, deployment_creating_s=0.0, job_pending_s=3600.0)
    made.offer(quotas={"OpenAI.FineTuned.Deployments": 1000})
    return made


@pytest.fixture(scope="module")
def file(inside):
    return inside.processed()


def created(inside, answer):
    """Whether a job was taken; it is cancelled, so that the queue never fills."""
    if answer.status_code != 200:
        return False
    return inside.post(f"/fine_tuning/jobs/{answer.json()['id']}/cancel").status_code == 200


def method(name):
    return {"type": name, name: METHODS[name]}


def test_the_stand_in_knows_these_models_and_no_others(inside):
    listed = {row["id"] for row in inside.get("/models").json()["data"]}

    assert {inside.get(f"/models/{name}").json()["id"] for name in FACTS} == listed


@pytest.mark.parametrize("model", FACTS)
def test_methods_and_training_types_of_a_model(inside, file, model):
    methods, types, *_ = FACTS[model]
    body = {"model": model, "training_file": file, "validation_file": file}
    first, somewhere = next(iter(sorted(methods))), next(iter(sorted(types)))
    taken = {
        name for name in METHODS
        if created(inside, inside.job(**body, trainingType=somewhere, method=method(name)))
    }  # fmt: skip
    answers = {kind: inside.job(**body, trainingType=kind, method=method(first)) for kind in TYPES}

    assert taken == methods
    assert {kind for kind, answer in answers.items() if created(inside, answer)} == types
    for kind in TYPES - types:
        assert words(answers[kind]) == "The specified base model does not support fine-tuning."


@pytest.mark.parametrize("model", FACTS)
def test_skus_of_a_base_model_and_of_what_was_tuned_from_it(inside, model):
    *_, skus, formats = FACTS[model]
    kind, dated = min(formats), inside.get(f"/models/{model}").json()["id"]
    tuned = inside.a_tuned(dated)
    base_skus = _REGULAR if formats == {"OpenAI"} else {"GlobalStandard"}
    version = dated.removeprefix(f"{model}-") if dated != model else "1"
    for what, name, taken in (("base", model, base_skus), ("tuned", tuned, skus)):
        answers = {sku: inside.put("sku-of", name, sku=sku, kind=kind) for sku in SKUS}
        assert {sku for sku, answer in answers.items() if answer.status_code < 300} == taken, what
        for sku in SKUS - taken:
            assert code(answers[sku]) == "InvalidResourceProperties"
            assert words(answers[sku]) == (
                f"The specified SKU '{sku}' of account deployment is not supported by the model '{model}' version: '{version}'."
            )


@pytest.mark.parametrize("model", FACTS)
def test_formats_of_a_model(inside, model):
    formats = FACTS[model][-1]
    answers = {kind: inside.put("format-of", model, kind=kind) for kind in FORMATS | {"openai"}}

    assert {kind for kind, answer in answers.items() if answer.status_code < 300} == formats
    assert {answer.status_code for kind, answer in answers.items() if kind not in formats} == {500}


@pytest.mark.parametrize("spelled", ["developertier", "Developer", "DeveloperTier"])
def test_the_documentations_names_of_the_developer_tier_are_one(inside, spelled):
    made = inside.put("developer", inside.a_tuned("gpt-4.1-2025-04-14"), sku=spelled)

    assert made.status_code < 300
    assert made.json()["sku"]["name"] == "DeveloperTier"


def test_a_name_of_no_sku_is_said_to_be_none(inside):
    refused = inside.put("none", "gpt-4.1", sku="S0")

    assert (refused.status_code, words(refused)) == (400, "The deployment sku name 'S0' is invalid.")


def test_a_version_is_the_models(inside):
    assert inside.put("versioned", "gpt-4.1", version="2025-04-14").status_code < 300
    assert code(inside.put("versioned", "gpt-4.1", version="2020-01-01")) == "DeploymentModelNotSupported"
    tuned = inside.a_tuned("gpt-4.1-2025-04-14")
    assert code(inside.put("versioned", tuned, version="2")) == "DeploymentModelNotSupported"


def test_tuned_models_are_listed_with_their_base(inside):
    name = inside.a_tuned("o4-mini-2025-04-16")
    where = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a/models"
    rows, address = [], where
    while address:
        body = inside.client.get(address, headers=inside.arm).json()
        rows, address = rows + body["value"], body.get("nextLink")
    (seen,) = [row for row in rows if row["name"] == name]

    assert seen["baseModel"] == {"format": "OpenAI", "name": "o4-mini", "version": "2025-04-16"}
    assert {sku["name"] for sku in seen["skus"]} == SKUS
    assert {sku["usageName"] for sku in seen["skus"]} == {f"OpenAI.{sku}.o4-mini-finetune" for sku in SKUS}
    assert name in {row["id"] for row in inside.get("/models").json()["data"]}


def test_old_scale_settings_are_refused(inside):
    model = {"format": "OpenAI", "name": "gpt-4.1", "version": "2025-04-14"}
    body = {
        "sku": {"name": "Standard", "capacity": 1},
        "properties": {"model": model, "scaleSettings": {"scaleType": "Manual"}},
    }
    refused = inside.deployment("old", "PUT", body)

    assert (refused.status_code, code(refused)) == (400, "InvalidResourceProperties")
    assert "please use 'sku' instead" in words(refused)
