"""What Resource Manager answers is what Microsoft's SDK knows, key by key, and has what Microsoft's examples have."""

import pytest
from azure.mgmt.cognitiveservices import models

WHERE = ("rg", "account")
REGION = "northcentralus"
GPT41 = ("OpenAI", "gpt-4.1", "2025-04-14")
SYSTEM = {"createdBy", "createdByType", "createdAt", "lastModifiedBy", "lastModifiedByType", "lastModifiedAt"}
MODEL = {
    "format", "name", "version", "isDefaultVersion", "maxCapacity", "capabilities", "deprecation", "lifecycleStatus",
    "systemData",
}  # fmt: skip

#: What is listed -> (the call, the SDK's type of a row, keys of a row in Azure/azure-rest-api-specs' examples of 2025-09-01).
LISTS = {
    "models of the account": (lambda m, hook: m.accounts.list_models(*WHERE, **hook), "AccountModel", MODEL),
    "models of the region": (lambda m, hook: m.models.list(REGION, **hook), "Model", {"kind", "skuName", "model"}),
    "SKUs of the account": (
        lambda m, hook: m.accounts.list_skus(*WHERE, **hook).value, "AccountSku", {"resourceType", "sku"}),
    "SKUs of a deployment": (
        lambda m, hook: m.deployments.list_skus(*WHERE, "gpt-4.1", **hook), "SkuResource", {"resourceType", "sku", "capacity"}),
    "SKUs of the subscription": (
        lambda m, hook: m.resource_skus.list(**hook), "ResourceSku",
        {"resourceType", "name", "tier", "kind", "locations", "restrictions"}),
    "quotas of the account": (
        lambda m, hook: m.accounts.list_usages(*WHERE, **hook).value, "Usage", {"name", "currentValue", "limit", "unit"}),
    "quotas of the region": (
        lambda m, hook: m.usages.list(REGION, **hook), "Usage", {"name", "currentValue", "limit", "unit"}),
    "capacities": (
        lambda m, hook: m.model_capacities.list(*GPT41, **hook), "ModelCapacityListResultValueItem",
        {"id", "type", "name", "location", "properties"}),
    "capacities of the region": (
        lambda m, hook: m.location_based_model_capacities.list(REGION, *GPT41, **hook), "ModelCapacityListResultValueItem",
        {"id", "type", "name", "location", "properties"}),
    "deployments": (
        lambda m, hook: m.deployments.list(*WHERE, **hook), "Deployment",
        {"id", "name", "type", "sku", "properties", "etag", "systemData"}),
}  # fmt: skip
#: Azure answers it (outputs of `az cognitiveservices model list`), the SDK's type of these limits lacks it.
ANSWERED_ALL_THE_SAME = {f"{where}skus.rateLimits.key is no key of CallRateLimit" for where in ("", "model.")}


def strangers(body, kind, path=""):
    """Keys and values of an answer that the SDK's type does not have."""
    if kind.startswith("["):
        for one in body:
            yield from strangers(one, kind[1:-1], path)
    elif kind.startswith("{"):
        yield from (f"{path}{key}" for key, value in body.items() if not isinstance(value, str))
    elif (known := getattr(models, kind, None)) is not None and hasattr(known, "_attribute_map"):
        kinds = {one["key"]: one["type"] for one in known._attribute_map.values()}
        for key, value in body.items():
            if key not in kinds:
                yield f"{path}{key} is no key of {kind}"
            else:
                yield from strangers(value, kinds[key], f"{path}{key}.")
    elif not isinstance(body, {"str": str, "bool": bool, "int": int, "float": (int, float)}.get(kind, str)):
        yield f"{path[:-1]} is {body!r}, no {kind}"


def answered(call):
    """What the SDK makes of an answer, and the answer itself."""
    bodies = []
    seen = call({"raw_response_hook": lambda response: bodies.append(response.http_response.json())})
    rows = list(seen) if not hasattr(seen, "as_dict") else seen
    return rows, bodies[0]


def test_strangers_are_found():
    wrong = {"name": 1, "odd": "x", "sku": {"capacity": "1"}, "tags": {"a": 1}}

    assert sorted(strangers(wrong, "Deployment")) == [
        "name is 1, no str", "odd is no key of Deployment", "sku.capacity is '1', no int", "tags.a",
    ]  # fmt: skip


@pytest.mark.parametrize("listed", LISTS)
def test_lists_have_the_keys_of_the_sdk_and_of_the_examples(management, listed):
    call, kind, documented = LISTS[listed]
    rows, body = answered(lambda hook: call(management, hook))

    assert rows
    assert set(strangers(body["value"], f"[{kind}]")) - ANSWERED_ALL_THE_SAME == set()
    for row in body["value"]:
        assert documented - row.keys() == set()


def test_models_have_what_the_examples_have_inside(management):
    _, body = answered(lambda hook: management.models.list(REGION, **hook))

    for row in body["value"]:
        assert MODEL | {"skus"} <= row["model"].keys()
        assert row["model"]["systemData"].keys() == SYSTEM
        assert row["model"]["deprecation"].keys() == {"fineTune", "inference", "deprecationStatus"}
        for sku in row["model"]["skus"]:
            assert sku.keys() == {"name", "usageName", "capacity", "deprecationDate", "rateLimits"}
            assert sku["capacity"].keys() == {"minimum", "maximum", "step", "default"}


def test_the_account_has_the_keys_of_the_sdk(management):
    account, body = answered(lambda hook: management.accounts.get(*WHERE, **hook))

    assert list(strangers(body, "Account")) == []
    assert {"id", "name", "type", "location", "sku", "kind", "etag", "properties"} <= body.keys()
    assert (account.kind, account.location, account.properties.provisioning_state) == (
        "AIServices", REGION, "Succeeded",
    )  # fmt: skip
    assert account.properties.endpoint.startswith("https://")
    assert any(kind.startswith("OpenAI") for kind in account.properties.endpoints)
