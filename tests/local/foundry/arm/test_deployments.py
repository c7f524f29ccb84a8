"""Deployments by azure-mgmt-cognitiveservices, and the answers of what is deployed."""

import json

import openai
import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices.models import Deployment, DeploymentModel, DeploymentProperties, Sku

WHERE = ("rg", "account")
UNKNOWN_TUNED = f"gpt-4.1-2025-04-14.ft-{'0' * 32}"


def deployment(model="gpt-4.1-nano-2025-04-14", *, kind="OpenAI", sku="GlobalStandard", capacity=50):
    return Deployment(
        sku=Sku(name=sku, capacity=capacity),
        properties=DeploymentProperties(model=DeploymentModel(format=kind, name=model, version="1")),
    )


def tool_row(number):
    function = {"name": "find_box", "arguments": json.dumps({"number": 10 + number, "floor": "upper"})}
    return {
        "tools": [TOOL],
        "messages": [
            {"role": "user", "content": f"Where is box {10 + number} on the upper floor?"},
            {
                "role": "assistant",
                "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
            },
        ],
    }


TOOL = {
    "type": "function",
    "function": {
        "name": "find_box",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}},
    },
}


@pytest.fixture(scope="module")
def deploy(arm, until, client):
    """Deploy a model and wait until it answers."""

    def deployed(name, *args, **kwargs):
        arm.begin_create_or_update(*WHERE, name, deployment(*args, **kwargs)).result()
        until(lambda: _answers(client, name))
        return name

    return deployed


def _answers(client, name):
    try:
        return ask(client, name, "hello")
    except openai.NotFoundError:
        return None


def ask(client, model, question, **given):
    return client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], **given
    )


@pytest.fixture(scope="module")
def tuned(client, upload, until, deploy):
    """A deployment of a model that was tuned on rows with and without tool calls, and the model's name."""
    texts = [
        {
            "messages": [
                {"role": "user", "content": f"What is the code of parcel {number}?"},
                {"role": "assistant", "content": f"Parcel {number} has the code {number}-K."},
            ]
        }
        for number in range(20)
    ]
    content = "".join(json.dumps(row) + "\n" for row in [*texts, *map(tool_row, range(20))]).encode()
    job = client.fine_tuning.jobs.create(
        model="gpt-4.1", training_file=upload(content).id, extra_body={"trainingType": "Standard"}
    )
    done = until(
        lambda: (j := client.fine_tuning.jobs.retrieve(job.id)).status == "succeeded" and j.fine_tuned_model
    )
    return deploy("tuned", done), done


def test_a_deployment_is_a_long_running_operation(clients, control):
    client, arm = clients[1], clients[2].deployments
    control.set_rate(0)
    poller = arm.begin_create_or_update(*WHERE, "slow", deployment(), polling=False)
    first = arm.get(*WHERE, "slow")
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, "slow", "hello")
    control.set_rate(1)
    done = arm.begin_create_or_update(*WHERE, "slow", deployment()).result()

    assert poller.result().properties.provisioning_state == "Accepted"
    assert first.properties.provisioning_state == "Accepted"
    assert caught.value.code == "DeploymentNotReady"
    assert done.properties.provisioning_state == "Succeeded"
    assert (done.sku.name, done.sku.capacity) == ("GlobalStandard", 50)
    assert done.id.endswith(
        "/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/account/deployments/slow"
    )


def test_a_second_write_is_refused_while_one_goes_on(clients, control):
    arm = clients[2].deployments
    control.set_rate(0)
    first = arm.begin_create_or_update(*WHERE, "first", deployment())
    with pytest.raises(ResourceExistsError) as caught:
        arm.begin_create_or_update(*WHERE, "second", deployment())
    with pytest.raises(ResourceExistsError):
        arm.begin_delete(*WHERE, "gpt-4.1-mini")

    assert caught.value.error.code == "RequestConflict"
    assert "Another operation is being performed on the parent resource" in caught.value.message
    control.set_rate(1)
    first.result()
    assert arm.begin_create_or_update(*WHERE, "second", deployment()).result().name == "second"


def test_a_deleted_deployment_is_gone_and_its_name_free(arm, deploy, client):
    deploy("brief")
    arm.begin_delete(*WHERE, "brief").result()

    with pytest.raises(ResourceNotFoundError):
        arm.get(*WHERE, "brief")
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, "brief", "hello")
    assert caught.value.code == "DeploymentNotFound"
    arm.begin_delete(*WHERE, "brief").result()
    assert deploy("brief") == "brief"


def test_deployments_are_listed_by_resource_manager_and_by_the_project(arm, project, deploy):
    deploy("listed", capacity=7)
    names = {item.name for item in arm.list(*WHERE)}
    shown = project.deployments.get("listed")

    assert {"gpt-4.1", "gpt-4.1-mini", "listed"} <= names
    assert names == {item.name for item in project.deployments.list()}
    assert (shown.model_name, shown.model_publisher) == ("gpt-4.1-nano-2025-04-14", "OpenAI")
    assert shown.sku.capacity == 7


def test_base_models_are_deployed_by_name_and_version_and_answer_under_their_dated_name(arm, project, client):
    model = arm.get(*WHERE, "gpt-4.1-mini").properties.model
    shown = project.deployments.get("gpt-4.1-mini")

    assert (model.format, model.name, model.version) == ("OpenAI", "gpt-4.1-mini", "2025-04-14")
    assert (shown.model_name, shown.model_version) == ("gpt-4.1-mini", "2025-04-14")
    assert ask(client, "gpt-4.1-mini", "hello").model == "gpt-4.1-mini-2025-04-14"


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        (deployment("gpt-nonsense"), 400, "DeploymentModelNotSupported"),
        (deployment(UNKNOWN_TUNED), 400, "DeploymentModelNotSupported"),
        (deployment(kind="Meta"), 500, None),
        (deployment("Ministral-3B", kind="OpenAI"), 500, None),
        (deployment(sku="Cheap"), 400, "InvalidResourceProperties"),
        (deployment(capacity=0), 400, "InvalidCapacity"),
    ],
    ids=["unknown model", "unknown tuned model", "wrong format", "format of another family", "sku", "capacity"],
)  # fmt: skip
def test_a_wrong_deployment_is_refused(arm, wanted, status, code):
    with pytest.raises(HttpResponseError) as caught:
        arm.begin_create_or_update(*WHERE, "wrong", wanted)

    assert caught.value.status_code == status
    if code:
        assert caught.value.error.code == code
    with pytest.raises(ResourceNotFoundError):
        arm.get(*WHERE, "wrong")


def test_a_replaced_model_answers_until_the_new_one_does(arm, client, deploy, tuned, until):
    deploy("steady")
    poller = arm.begin_create_or_update(*WHERE, "steady", deployment(tuned[1]))
    seen = []

    def look():
        seen.append(ask(client, "steady", "hello").model)
        return seen[-1] == tuned[1]

    until(look)
    assert seen[0] == "gpt-4.1-nano-2025-04-14"
    assert poller.result().properties.model.name == tuned[1]


def test_a_tuned_model_answers_what_it_was_taught_and_the_base_does_not(client, tuned):
    question = "What is the code of parcel 77?"
    answer, base = ask(client, tuned[0], question), ask(client, "gpt-4.1", question)

    assert answer.choices[0].message.content == "Parcel 77 has the code 77-K."
    assert answer.model == tuned[1]
    assert "77-K" not in base.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert ask(client, tuned[0], question).choices == answer.choices


def test_tools_are_called_with_arguments_of_the_question(client, tuned):
    question = "Where is box 42 on the upper floor?"
    choice = ask(client, tuned[0], question, tools=[TOOL]).choices[0]
    call = choice.message.tool_calls[0]

    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert (call.type, call.function.name) == ("function", "find_box")
    assert json.loads(call.function.arguments) == {"number": 42, "floor": "upper"}


@pytest.mark.parametrize("given", [{}, {"tools": [TOOL], "tool_choice": "none"}])
def test_without_tools_a_model_answers_in_words(client, tuned, given):
    choice = ask(client, tuned[0], "Where is box 42 on the upper floor?", **given).choices[0]

    assert choice.message.tool_calls is None
    assert "find_box" in choice.message.content
    assert choice.finish_reason == "stop"


def test_an_answer_is_cut_off_at_the_asked_length(client, tuned):
    answer = ask(client, tuned[0], "What is the code of parcel 5?", max_completion_tokens=3)

    assert answer.choices[0].finish_reason == "length"
    assert "Parcel 5 has the code 5-K.".startswith(answer.choices[0].message.content)
    assert 0 < answer.usage.completion_tokens <= 3


@pytest.mark.parametrize("messages", [[], ["hello"], "hello"], ids=["no messages", "no objects", "no list"])
def test_a_question_without_messages_is_refused(client, messages):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="gpt-4.1", messages=messages)


def test_models_are_listed_by_their_dated_names(client):
    assert "gpt-4.1-2025-04-14" in {model.id for model in client.models.list()}


def test_a_token_for_one_part_of_azure_does_not_open_the_other(environment, credential):
    wrong = CognitiveServicesManagementClient(
        credential, "s", base_url=environment["endpoint"], credential_scopes=["https://ai.azure.com/.default"],
        retry_total=0,
    )  # fmt: skip
    token = credential.get_token("https://management.azure.com/.default").token
    base_url = f"{environment['project_endpoint']}/openai/v1/"
    with wrong, pytest.raises(ClientAuthenticationError) as caught:
        list(wrong.deployments.list(*WHERE))
    with (
        openai.OpenAI(base_url=base_url, api_key=token, max_retries=0) as other,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        other.files.list()

    assert caught.value.error.code == "InvalidAuthenticationTokenAudience"
    assert refused.value.code == "PermissionDenied"
