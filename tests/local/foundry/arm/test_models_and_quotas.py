"""Which models there are and until when, what of them is left, and who says no: by Azure's own clients."""

import time
from datetime import UTC, datetime, timedelta

import openai
import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.cognitiveservices.models import (
    Deployment,
    DeploymentModel,
    DeploymentProperties,
    PatchResourceTagsAndSku,
    Sku,
)

WHERE = ("rg", "account")
REGION = "northcentralus"
QUOTA = "OpenAI.GlobalStandard.gpt4.1-nano"
ROWS = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}\n' * 12


def day(offset):
    return f"{datetime.now(UTC).date() + timedelta(days=offset)}"


def wanted(model="gpt-4.1-nano", *, sku="GlobalStandard", capacity=5, version="2025-04-14", **more):
    properties = DeploymentProperties(model=DeploymentModel(format="OpenAI", name=model, version=version))
    return Deployment(sku=Sku(name=sku, capacity=capacity), properties=properties, **more)


@pytest.fixture
def deployed(arm):
    """Put deployments, and delete them again."""
    names = []

    def put(name, *args, **kwargs):
        made = arm.begin_create_or_update(*WHERE, name, wanted(*args, **kwargs)).result()
        names.append(name)
        return made

    yield put
    for name in names:
        arm.begin_delete(*WHERE, name).result()


def refused(call):
    with pytest.raises(HttpResponseError) as caught:
        call()
    return caught.value.status_code, caught.value.error.code, caught.value.error.message


def usage(management, name=QUOTA):
    return next(one for one in management.usages.list(REGION) if one.name.value == name)


def model(management, name):
    return next(one for one in management.accounts.list_models(*WHERE) if one.name == name)


def test_a_model_says_how_it_is_deployed_and_that_no_date_is_set(management):
    seen = model(management, "gpt-4.1")

    assert (seen.format, seen.version, seen.lifecycle_status) == (
        "OpenAI",
        "2025-04-14",
        "GenerallyAvailable",
    )
    assert (seen.deprecation.inference, seen.deprecation.fine_tune) == ("2099-12-31T00:00:00Z",) * 2
    usages = {sku.name: sku.usage_name for sku in seen.skus}
    assert usages["GlobalStandard"] == "OpenAI.GlobalStandard.gpt4.1"
    assert (
        usages["DeveloperTier"] == "OpenAI.DeveloperTier.gpt4.1-finetune"
    )  # listed, but for tuned models only
    assert (seen.capabilities["chatCompletion"], seen.finetune_capabilities["fineTune"]) == ("true", "true")
    assert model(management, "Llama-3.3-70B-Instruct").format == "Meta"
    assert model(management, "Qwen3.8-27B").lifecycle_status == "Preview"
    assert model(management, "gpt-oss-20b").skus[0].usage_name == "AIServices.GlobalStandard.gpt-oss-20b"


def test_the_documented_schedule_can_be_asked_for(management, offer):
    offer(retirements="documented")
    seen = model(management, "gpt-4.1-mini").deprecation

    assert (seen.inference, seen.fine_tune) == ("2027-04-14T00:00:00Z", "2027-04-14T00:00:00Z")
    assert seen.deprecation_status == "Planned"
    assert model(management, "Qwen3-32B").deprecation.deprecation_status == "Tentative"


@pytest.mark.parametrize(
    ("offset", "status"), [(2, "GenerallyAvailable"), (0, "Deprecated"), (-1, "Deprecated")]
)
def test_a_base_model_can_be_deployed_and_asked_until_its_day_comes(
    arm, management, client, deployed, offer, offset, status
):
    deployed("aging")
    until_it_answers(client, "aging")
    on = datetime.now(UTC).date() + timedelta(days=offset)
    offer(retirements={"gpt-4.1-nano": {"base": f"{on}"}})
    assert model(management, "gpt-4.1-nano").lifecycle_status == status
    if offset > 0:
        assert ask(client, "aging").choices
        assert deployed("younger").properties.provisioning_state == "Succeeded"
        return
    since = f"{on:%m/%d/%Y} 00:00:00"
    assert refused(lambda: arm.begin_create_or_update(*WHERE, "younger", wanted())) == (
        400,
        "ServiceModelDeprecated",
        f"The model 'Format:OpenAI,Name:gpt-4.1-nano,Version:2025-04-14' has been deprecated since {since}.",
    )
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, "aging")
    assert (caught.value.status_code, caught.value.code) == (410, "ModelDeprecated")


def ask(client, name):
    return client.chat.completions.create(model=name, messages=[{"role": "user", "content": "hello"}])


def until_it_answers(client, name):
    stop_at = time.monotonic() + 20
    while True:
        try:
            return ask(client, name)
        except openai.NotFoundError:
            assert time.monotonic() < stop_at
            time.sleep(0.03)


def test_a_model_on_its_way_out_is_only_for_those_who_have_it(arm, deployed, offer):
    offer(retirements={"gpt-4o": {"deprecating": day(-1)}, "gpt-4.1-mini": {"deprecating": day(-1)}})
    status, code, told = refused(
        lambda: arm.begin_create_or_update(*WHERE, "new", wanted("gpt-4o", version="2024-08-06"))
    )

    assert (status, code) == (400, "ServiceModelDeprecating")
    assert told.endswith("is in deprecating state and cannot be used for new deployments.")
    assert deployed("another", "gpt-4.1-mini").properties.provisioning_state == "Succeeded"


def test_training_ends_before_deployments_do(client, upload, offer):
    file = upload(ROWS).id

    def create(model):
        job = client.fine_tuning.jobs.create(
            model=model, training_file=file, extra_body={"trainingType": "Standard"}
        )
        client.fine_tuning.jobs.cancel(job.id)

    offer(retirements={"gpt-4.1": {"training": day(0)}, "gpt-4.1-mini": {"training": day(2)}})
    with pytest.raises(openai.BadRequestError) as caught:
        create("gpt-4.1-2025-04-14")
    create("gpt-4.1-mini")

    assert (caught.value.code, caught.value.param) == ("invalidPayload", "model")
    assert "has been deprecated for fine-tuning since" in caught.value.message


def test_a_wrong_offer_is_said_aloud(client, offer):
    offer(retirements={"gpt-9": {"base": day(0)}})
    with pytest.raises(openai.InternalServerError):
        ask(client, "gpt-4.1")


def test_quotas_count_the_capacity_of_deployments(management, deployed):
    before = usage(management)
    deployed("seven", capacity=7)
    after = usage(management)

    assert (after.current_value - before.current_value, after.limit) == (7, before.limit)
    assert (after.name.localized_value, after.unit) == (
        "Tokens Per Minute (thousands) - gpt4.1-nano - GlobalStandard", "Count",
    )  # fmt: skip
    assert usage(management, "AccountCount").limit == 200
    assert usage(management, "OpenAI.FineTuned.Deployments").limit == 10
    left = next(
        one.properties
        for one in management.model_capacities.list("OpenAI", "gpt-4.1-nano", "2025-04-14")
        if one.name == "GlobalStandard"
    )
    assert left.available_capacity == after.limit - after.current_value
    assert left.available_finetune_capacity == 1000


def test_what_is_left_can_be_deployed_and_not_one_more(arm, management, deployed, offer):
    taken = int(usage(management).current_value)
    offer(quotas={QUOTA: taken + 20})
    told = (
        "This operation require 21 new capacity in quota Tokens Per Minute (thousands) - gpt4.1-nano - GlobalStandard, which is "
        f"bigger than the current available capacity 20. The current quota usage is {taken} and the quota limit is {taken + 20} "
        "for quota Tokens Per Minute (thousands) - gpt4.1-nano - GlobalStandard."
    )

    assert refused(lambda: arm.begin_create_or_update(*WHERE, "all", wanted(capacity=21))) == (
        400, "InsufficientQuota", told,
    )  # fmt: skip
    assert deployed("all", capacity=20).sku.capacity == 20
    larger = PatchResourceTagsAndSku(sku=Sku(name="GlobalStandard", capacity=21))
    status, code, words = refused(lambda: arm.begin_update(*WHERE, "all", larger))
    assert (status, code) == (400, "InsufficientQuota")
    assert "require 1 new capacity" in words
    assert deployed("elsewhere", sku="DataZoneStandard", capacity=21).sku.capacity == 21  # a quota of its own


def test_a_patch_changes_what_it_names(arm, deployed):
    deployed("patched", capacity=3, tags={"owner": "anna"})
    resized = arm.begin_update(
        *WHERE, "patched", PatchResourceTagsAndSku(sku=Sku(name="GlobalStandard", capacity=4))
    ).result()
    tagged = arm.begin_update(*WHERE, "patched", PatchResourceTagsAndSku(tags={"owner": "ben"})).result()

    assert (resized.sku.capacity, resized.tags) == (4, {"owner": "anna"})
    assert (tagged.sku.capacity, tagged.tags) == (4, {"owner": "ben"})
    assert resized.properties.provisioning_state == tagged.properties.provisioning_state == "Succeeded"
    assert tagged.properties.current_capacity == 4
    assert [(limit.key, limit.count) for limit in tagged.properties.rate_limits] == [
        ("request", 4),
        ("token", 4000),
    ]
    again = arm.begin_create_or_update(*WHERE, "patched", wanted(capacity=4)).result()
    assert not again.tags  # a PUT replaces all


def test_a_failed_operation_says_why(arm, deployed):
    with pytest.raises(HttpResponseError) as caught:
        deployed("failing", tags={"stand-in": "fails"})
    seen = arm.get(*WHERE, "failing")
    again = refused(lambda: arm.begin_create_or_update(*WHERE, "failing", wanted()))
    arm.begin_delete(*WHERE, "failing").result()

    assert caught.value.error.code == "DeploymentFailed"
    assert caught.value.error.message == "The deployment could not be provisioned."
    assert seen.properties.provisioning_state == "Failed"
    assert again == (
        400, "BadRequest", "The deployment 'failing' is in 'Failed' state, please delete it before creating a new one.",
    )  # fmt: skip
    assert deployed("failing").properties.provisioning_state == "Succeeded"
