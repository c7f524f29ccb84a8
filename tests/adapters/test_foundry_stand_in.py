"""The adapters of Foundry and ARM through their real constructors, against the stand-in."""

import io
import time
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.credentials import make_credential
from shared.adapters.deployments import create_deployer
from shared.adapters.foundry import FoundryFiles, FoundryInference, FoundryTrainer, create_openai_client
from shared.core.errors import NotReady, Refused, Unauthorized, Unavailable
from tests.boxes import boxes

pytestmark = pytest.mark.usefixtures("as_managed_identity")


def soon():
    return datetime.now(UTC) + timedelta(seconds=30)


def until(look, timeout_s=30):
    stop_at = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < stop_at, "it did not happen in time"
        time.sleep(0.05)
    return seen


@pytest.fixture
def credential():
    return make_credential("managed_identity", None)


@pytest.fixture
def client(as_managed_identity, credential):
    with create_openai_client(as_managed_identity["project_endpoint"], credential, timeout_s=10) as made:
        yield made


@pytest.fixture
def deployer(as_managed_identity, credential):
    return create_deployer(
        credential,
        arm_endpoint=as_managed_identity["endpoint"],
        subscription_id="s",
        resource_group="rg",
        account_name="a",
        timeout_s=10,
    )


def uploaded(files, name, content):
    made = files.upload(name, io.BytesIO(content), soon())
    until(lambda: files.named(frozenset({name}))[name].status == "processed")
    return made


def test_from_a_file_to_an_answer(client, deployer):
    files = FoundryFiles(client, SystemClock(), upload_timeout_s=30)
    trainer, inference = FoundryTrainer(client, SystemClock()), FoundryInference(client)
    started = datetime.now(UTC) - timedelta(seconds=5)
    file = uploaded(files, "run1-training-aaaa.jsonl", boxes(20))
    job = trainer.create(
        {
            "model": "gpt-4.1",
            "training_file": file.id,
            "suffix": "boxes",
            "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
            "extra_body": {"trainingType": "GlobalStandard"},
        },
        soon(),
    )
    assert (job.status, job.training_file, job.suffix) == ("pending", file.id, "boxes")
    assert job.hyperparameters["n_epochs"] == 2
    assert [found.id for found in trainer.jobs(started) if found.training_file == file.id] == [job.id]
    assert trainer.jobs(datetime.now(UTC) + timedelta(minutes=1)) == []

    done = until(lambda: (seen := trainer.job(job.id)).status == "succeeded" and seen)
    assert done.model.endswith("-boxes")
    assert done.trained_tokens > 0
    assert files.content(done.result_files[0]).startswith(b"step,train_loss")
    assert trainer.events(job.id, 3)[0]["message"].startswith("Training tokens billed")
    assert len(trainer.checkpoints(job.id)) == 2
    trainer.cancel(job.id)  # it has ended: nothing happens
    assert trainer.job(job.id).status == "succeeded"

    assert deployer.deployment("boxes") is None
    until(lambda: put(deployer, "boxes", done.model))
    view = deployer.deployment("boxes")
    assert (view.model, view.sku, view.capacity) == (done.model, "GlobalStandard", 50)
    with pytest.raises(NotReady):
        ask(inference, "boxes")
    until(lambda: deployer.deployment("boxes").state == "Succeeded")
    assert "box" in until(lambda: try_ask(inference, "boxes"))
    deployer.delete("boxes")
    until(lambda: deployer.deployment("boxes") is None)
    deployer.delete("boxes")  # again is harmless
    files.delete(file.id)
    files.delete(file.id)
    assert files.named(frozenset({"run1-training-aaaa.jsonl"})) == {}


def put(deployer, name, model, model_format="OpenAI"):
    try:
        deployer.put(name, model=model, model_format=model_format, sku="GlobalStandard", capacity=50)
    except Unavailable as busy:
        assert busy.retry_after_s
        return False
    return True


def ask(inference, deployment):
    return inference.answer(
        deployment,
        [{"role": "user", "content": "What is the code of box 3?"}],
        None,
        index=0,
        max_completion_tokens=50,
    ).text


def try_ask(inference, deployment):
    try:
        return ask(inference, deployment)
    except NotReady:
        return None


def test_what_azure_refuses_is_refused_in_its_words(client, deployer):
    files, trainer = (
        FoundryFiles(client, SystemClock(), upload_timeout_s=30),
        FoundryTrainer(client, SystemClock()),
    )
    file = uploaded(files, "run2-training-bbbb.jsonl", boxes(12))
    good = {"model": "gpt-4.1", "training_file": file.id, "extra_body": {"trainingType": "GlobalStandard"}}

    with pytest.raises(Refused, match="wrong suffix"):
        files.upload("a.txt", io.BytesIO(b"{}"), soon())
    with pytest.raises(Refused, match="does not support fine-tuning"):
        trainer.create(good | {"extra_body": {}}, soon())
    with pytest.raises(Refused, match="does not exist"):
        trainer.create(good | {"model": "gpt-2"}, soon())
    with pytest.raises(Refused, match="DeploymentModelNotSupported"):
        until(lambda: put(deployer, "ghost", "gpt-4.1-2025-04-14.ft-0123"))
    assert trainer.job("ftjob-unknown") is None
    with pytest.raises(NotReady):
        ask(FoundryInference(client), "no-such-deployment")


def test_a_job_on_too_few_examples_fails_with_a_reason(client):
    files, trainer = (
        FoundryFiles(client, SystemClock(), upload_timeout_s=30),
        FoundryTrainer(client, SystemClock()),
    )
    file = uploaded(files, "run3-training-cccc.jsonl", boxes(9))
    body = {"model": "gpt-4.1", "training_file": file.id, "extra_body": {"trainingType": "GlobalStandard"}}
    job = trainer.create(body, soon())

    failed = until(lambda: (seen := trainer.job(job.id)).status == "failed" and seen)
    assert "at least 10" in failed.error


def test_a_wrong_audience_is_unauthorized(as_managed_identity, credential):
    wrong = create_deployer(
        credential,
        arm_endpoint=as_managed_identity["endpoint"],
        subscription_id="s",
        resource_group="rg",
        account_name="a",
        timeout_s=5,
    )
    wrong._client._config.credential_scopes = ["https://vault.azure.net/.default"]
    wrong._client._config.authentication_policy._scopes = ("https://vault.azure.net/.default",)

    with pytest.raises(Unauthorized, match="audience"):
        wrong.deployment("x")


def test_no_identity_is_unauthorized(as_managed_identity, monkeypatch):
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    client = create_openai_client(
        as_managed_identity["project_endpoint"], make_credential("managed_identity", None), timeout_s=5
    )
    with client, pytest.raises(Unauthorized):
        FoundryTrainer(client, SystemClock()).job("x")
