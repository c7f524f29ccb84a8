"""Ports `Files`, `Trainer`, `Inference`, `Deployer`: the twins and the adapters on the stand-in keep the same promises."""

import io
import itertools
import time
from datetime import UTC, datetime, timedelta

import pytest

from local.rights import client_id
from shared.adapters.account import ArmAccount
from shared.adapters.clock import SystemClock
from shared.adapters.credentials import make_credential
from shared.adapters.deployments import ArmDeployer, create_arm_client
from shared.adapters.foundry import (
    FoundryFiles,
    FoundryInference,
    FoundryTrainer,
    create_account_client,
    create_openai_client,
)
from shared.core.errors import NotReady, Refused, StartWindowPassed, Unauthorized, Unavailable
from shared.core.evaluation.answers import Answer
from shared.core.models import model_format
from shared.core.offered import usage_of
from shared.core.serving import Route, routes_of
from tests.contracts.recording import Recorded
from tests.support.boxes import boxes
from tests.twins.foundry import echo
from tests.twins.world import TwinWorld

_NUMBERS = itertools.count(1)
LONG_AGO, FAR_AHEAD = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
QUESTION = [{"role": "user", "content": "What is the code of box 3?"}]
ROWS = boxes(20)
MARKS = {"finetune-run": "r", "finetune-purpose": "candidate"}


class StandInPorts:
    """The adapters on the stand-in, each with the rights of the identity that it has in Azure."""

    clock = SystemClock()

    def __init__(self, addresses, client, account):
        self.files = FoundryFiles(client, self.clock, upload_timeout_s=30)
        self.trainer = FoundryTrainer(client, self.clock)
        self.inference = FoundryInference(client, account)
        arm = create_arm_client(
            make_credential("managed_identity", client_id("deployer")),
            arm_endpoint=addresses["endpoint"],
            subscription_id="s",
            timeout_s=10,
        )
        self.deployer, self.account = ArmDeployer(arm, "rg", "a"), ArmAccount(arm, "rg", "a")


@pytest.fixture(params=["twin", pytest.param("stand_in", marks=pytest.mark.stand_in)])
def ports(request):
    if request.param == "twin":
        twins = TwinWorld()
        twins.deployer.add("gpt-4.1", "gpt-4.1")
        twins.deployer.add("o4-mini", "o4-mini")
        twins.inference.answers = marked
        yield Recorded(twins, request.cls.__name__)
        return
    addresses = request.getfixturevalue("as_managed_identity")
    credential = make_credential("managed_identity", client_id("host"))
    with (
        create_openai_client(addresses["project_endpoint"], credential, timeout_s=10) as client,
        create_account_client(addresses["project_endpoint"], credential, timeout_s=10) as account,
    ):
        yield StandInPorts(addresses, client, account)


@pytest.fixture
def name():
    """Of something that no other test knows."""
    return f"contract-{next(_NUMBERS)}"


def until(look, timeout_s=30):
    stop_at = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < stop_at, "it did not happen in time"
        time.sleep(0.03)
    return seen


def soon(ports):
    return ports.clock.now() + timedelta(seconds=30)


def uploaded(ports, name):
    filename = f"{name}.jsonl"
    file = ports.files.upload(filename, io.BytesIO(ROWS), soon(ports))
    until(lambda: ports.files.named(frozenset({filename}))[filename].status == "processed")
    return file


def created(ports, name, **changes):
    body = {
        "model": "gpt-4.1",
        "training_file": uploaded(ports, name).id,
        "suffix": name,
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
        "extra_body": {"trainingType": "GlobalStandard"},
    }
    return ports.trainer.create(body | changes, soon(ports))


def succeeded(ports, name, **changes):
    job = created(ports, name, **changes)
    return until(lambda: (seen := ports.trainer.job(job.id)).status == "succeeded" and seen)


def put(ports, deployment, model):
    try:
        ports.deployer.put(
            deployment,
            model=model,
            model_format=model_format(model),
            sku="GlobalStandard",
            capacity=50,
            tags=MARKS,
        )
    except Unavailable as busy:
        assert busy.retry_after_s
        return False
    return True


def ask(ports, deployment, marker="", routes=(Route.PROJECT,)):
    messages = [{"role": "user", "content": f"{QUESTION[0]['content']}{marker}"}]
    return ports.inference.answer(
        deployment, messages, None, index=7, max_completion_tokens=50, routes=routes
    )


def marked(deployment, messages):
    """What a twin answers to the markers of `local.foundry.answers.oddities`."""
    marker = messages[-1]["content"].partition("[stand-in: ")[2].removesuffix("]")
    if marker.startswith("HTTP"):
        _, status, code = marker.split()
        errors = {"401": Unauthorized, "403": Unauthorized, "404": NotReady, "409": Refused, "410": Refused}
        if error := errors.get(status):
            raise error(marker)
        return Answer(index=0, text=None, error=marker, error_code=None if code == "null" else code)
    return {
        "refuses": Answer(index=0, text=None, finish_reason="stop", refusal="I cannot."),
        "filtered prompt": Answer(index=0, text=None, error="filtered", error_code="content_filter"),
        "filtered answer": Answer(index=0, text=None, finish_reason="content_filter"),
        "reasons 50": Answer(index=0, text=None, finish_reason="length"),
        "uses up its limit": Answer(index=0, text=None, finish_reason="length"),
    }.get(marker) or echo(deployment, messages)


def answered(ports, deployment):
    try:
        return ask(ports, deployment)
    except NotReady:
        return None


def deleted(ports, deployment):
    try:
        ports.deployer.delete(deployment)
    except Unavailable:
        return False
    return True


class TestFiles:
    """Files are found by name, so that an upload of unknown outcome is not repeated."""

    def test_an_upload_is_found_by_its_name_until_it_is_deleted(self, ports, name):
        filename = f"{name}.jsonl"
        assert ports.files.named(frozenset({filename})) == {}
        before = ports.files.count()
        file = uploaded(ports, name)
        assert ports.files.count() == before + 1
        found = ports.files.named(frozenset({filename, "other.jsonl"}))

        assert {key: seen.id for key, seen in found.items()} == {filename: file.id}
        assert (file.filename, found[filename].size_bytes) == (filename, len(ROWS))
        assert ports.files.content(file.id) == ROWS
        ports.files.delete(file.id)
        ports.files.delete(file.id)  # again is harmless
        assert ports.files.named(frozenset({filename})) == {}
        with pytest.raises(Refused):
            ports.files.content(file.id)

    def test_of_two_uploads_of_one_name_the_same_one_always_counts(self, ports, name):
        """The older; within one second, the resolution of the service's times, at least always the same."""
        filename = f"{name}.jsonl"
        both = [uploaded(ports, name), ports.files.upload(filename, io.BytesIO(ROWS), soon(ports))]
        looks = [ports.files.named(frozenset({filename}))[filename].id for _ in range(3)]

        assert len(set(looks)) == 1
        assert looks[0] in {file.id for file in both if file.created_at == both[0].created_at}

    def test_nothing_begins_after_its_start_window(self, ports, name):
        past = ports.clock.now() - timedelta(seconds=1)

        with pytest.raises(StartWindowPassed):
            ports.files.upload(f"{name}.jsonl", io.BytesIO(ROWS), past)
        with pytest.raises(StartWindowPassed):
            ports.trainer.create({"model": "gpt-4.1", "training_file": "file-1"}, past)
        assert ports.files.named(frozenset({f"{name}.jsonl"})) == {}


class TestTrainer:
    """Jobs are created once, listed newest first, and end."""

    def test_a_job_echoes_what_was_asked_and_is_listed(self, ports, name):
        job = created(ports, name)

        assert (job.status, job.suffix, job.base_model.partition("-2")[0]) == ("pending", name, "gpt-4.1")
        assert job.hyperparameters["n_epochs"] == 1
        assert (job.model, job.error, job.result_files) == (None, None, ())
        listed = next(
            seen for seen in ports.trainer.jobs(LONG_AGO) if seen.training_file == job.training_file
        )
        assert listed.id == job.id
        assert ports.trainer.jobs(FAR_AHEAD) == []
        assert ports.trainer.job("ftjob-unknown") is None

    def test_newer_jobs_are_listed_first(self, ports, name):
        first, second = created(ports, f"{name}-1"), created(ports, f"{name}-2")
        listed = [job.id for job in ports.trainer.jobs(LONG_AGO)]

        assert listed.index(second.id) < listed.index(first.id)

    def test_a_job_that_succeeded_has_a_model_and_results_and_stays_so(self, ports, name):
        job = succeeded(ports, name)
        ports.trainer.cancel(job.id)

        assert job.model.endswith(f"-{name}")
        assert job.trained_tokens > 0
        assert ports.files.content(job.result_files[0]).startswith(b"step,train_loss")
        assert len(ports.trainer.events(job.id, 1)) == 1
        assert isinstance(ports.trainer.checkpoints(job.id), list)
        assert ports.trainer.job(job.id).status == "succeeded"
        assert ports.trainer.has_model(job.model)
        assert not ports.trainer.has_model(f"{job.model}-unknown")

    def test_a_job_can_be_cancelled_once_and_again(self, ports, name):
        job = created(ports, name)
        ports.trainer.cancel(job.id)
        ports.trainer.cancel(job.id)

        assert until(lambda: not (seen := ports.trainer.job(job.id)).is_live and seen).status == "cancelled"
        ports.trainer.cancel("ftjob-unknown")


class TestDeployer:
    """Deployments by name, one write on the account at a time."""

    def test_a_deployment_appears_serves_and_goes(self, ports, name):
        model = succeeded(ports, name).model
        assert ports.deployer.deployment(name) is None
        until(lambda: put(ports, name, model))
        with pytest.raises(NotReady):
            ask(ports, name)
        view = until(lambda: (seen := ports.deployer.deployment(name)).state == "Succeeded" and seen)

        assert (view.name, view.model, view.sku, view.capacity) == (name, model, "GlobalStandard", 50)
        assert view.tags == MARKS
        answer = until(lambda: answered(ports, name))
        assert (answer.index, answer.error) == (7, None)
        assert "box" in answer.text
        assert min(answer.prompt_tokens, answer.completion_tokens, answer.latency_ms) > 0
        assert (answer.cached_tokens, answer.reasoning_tokens) == (0, 0)
        until(lambda: put(ports, name, model))  # the same again is harmless
        until(lambda: ports.deployer.deployment(name).state == "Succeeded")
        until(lambda: deleted(ports, name))
        until(lambda: ports.deployer.deployment(name) is None)
        ports.deployer.delete(name)
        with pytest.raises(NotReady):
            ask(ports, name)

    def test_a_second_write_on_the_account_has_to_wait(self, ports, name):
        model = succeeded(ports, name).model
        until(lambda: put(ports, f"{name}-1", model))

        assert not put(ports, f"{name}-2", model)
        until(lambda: put(ports, f"{name}-2", model))


class TestAccount:
    """What Resource Manager says of the account: each question by itself."""

    def test_the_account_says_what_it_offers_and_what_is_left(self, ports):
        region = ports.account.region()
        (model,) = [
            one for one in ports.account.models() if (one.name, one.version) == ("gpt-4.1", "2025-04-14")
        ]

        assert (model.format, model.training_ends_at, model.inference_ends_at) == ("OpenAI", None, None)
        assert model.capabilities["fineTune"] == "true"
        assert ports.account.deployments()["gpt-4.1"] == "gpt-4.1"
        usage = usage_of(ports.account.usages(region), "gpt-4.1", "GlobalStandard", of_tuned=True)
        assert usage.limit == 1000
        assert ports.account.capacities(region, model)["GlobalStandard"] == usage.limit - usage.used

    def test_a_tuned_model_that_is_deployed_is_listed(self, ports, name):
        model = succeeded(ports, name).model
        until(lambda: put(ports, name, model))

        assert ports.account.deployments()[name] == model
        assert ports.account.states()[name] in {"Accepted", "Creating", "Succeeded"}


class TestInference:
    """A deployment answers, or says why it does not."""

    def test_a_tuned_open_model_answers_at_the_account_only(self, ports, name):
        model = succeeded(ports, name, model="Qwen3-32B").model
        until(lambda: put(ports, name, model))
        until(lambda: ports.deployer.deployment(name).state == "Succeeded")

        def answered():
            try:
                return ask(ports, name, routes=routes_of(model))
            except NotReady:
                return None

        assert until(answered).route == Route.ACCOUNT
        with pytest.raises(NotReady):
            ask(ports, name)

    def test_an_openai_model_answers_at_its_project(self, ports):
        assert ask(ports, "gpt-4.1", routes=routes_of("gpt-4.1")).route == Route.PROJECT

    @pytest.mark.parametrize("temperature", [0.0, None])
    def test_a_deployment_answers_the_question_that_was_asked(self, ports, temperature):
        answer = ports.inference.answer(
            "gpt-4.1", QUESTION, None, index=3, max_completion_tokens=50, temperature=temperature
        )

        assert (answer.index, answer.error, answer.finish_reason) == (3, None, "stop")
        assert answer.text
        assert min(answer.prompt_tokens, answer.completion_tokens) > 0

    def test_tools_may_be_offered(self, ports):
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]

        assert ports.inference.answer("gpt-4.1", QUESTION, tools, index=0, max_completion_tokens=50).text

    @pytest.mark.parametrize(
        ("marker", "expected"),
        [
            ("refuses", ("refused", None, "stop", None, True)),
            ("filtered prompt", ("filtered", None, None, "content_filter", True)),
            ("filtered answer", ("filtered", None, "content_filter", None, True)),
            ("reasons 50", ("truncated", None, "length", None, True)),
            ("uses up its limit", ("truncated", None, "length", None, True)),
            ("HTTP 400 image_parse_error", ("failed", None, None, "image_parse_error", False)),
            ("HTTP 413 null", ("failed", None, None, None, False)),
            ("HTTP 415 odd", ("failed", None, None, "odd", False)),
            ("HTTP 422 null", ("failed", None, None, None, False)),
        ],
    )
    def test_what_becomes_of_a_question_is_said(self, ports, marker, expected):
        answer = ask(ports, "gpt-4.1", f"[stand-in: {marker}]")
        seen = answer.outcome, answer.text, answer.finish_reason, answer.error_code, answer.was_served

        assert seen == expected
        assert answer.index == 7
        assert (answer.refusal is None) is (marker != "refuses")
        assert (answer.error is None) is (answer.was_served and marker != "filtered prompt")

    @pytest.mark.parametrize(
        ("marker", "error"),
        [
            ("HTTP 401 odd", Unauthorized),
            ("HTTP 403 odd", Unauthorized),
            ("HTTP 404 odd", NotReady),
            ("HTTP 409 odd", Refused),
            ("HTTP 410 odd", Refused),
        ],
    )
    def test_what_is_said_of_the_deployment_is_an_error(self, ports, marker, error):
        with pytest.raises(error):
            ask(ports, "gpt-4.1", f"[stand-in: {marker}]")

    def test_a_parameter_that_a_model_does_not_take_is_left_out(self, ports):
        if not isinstance(ports, Recorded):
            until(lambda: put(ports, "o4-mini", "o4-mini-2025-04-16"))
            until(lambda: answered(ports, "o4-mini"))
        answer = ports.inference.answer(
            "o4-mini", QUESTION, None, index=3, max_completion_tokens=50, temperature=0.0
        )
        again = ports.inference.answer(
            "o4-mini",
            QUESTION,
            None,
            index=3,
            max_completion_tokens=50,
            temperature=0.0,
            left_out=frozenset(answer.left_out),
        )

        assert (answer.outcome, answer.left_out) == ("answered", ("temperature",))
        assert (again.text, again.left_out) == (answer.text, answer.left_out)
        assert ask(ports, "gpt-4.1").left_out == ()

    def test_a_question_is_asked_as_the_model_was_trained(self, ports):
        """`parallel_tool_calls` without tools would be refused."""
        function = {"name": "f", "parameters": {"type": "object"}}
        schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
        form = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": schema}}
        for tools, more in (
            (None, {"response_format": form, "parallel_tool_calls": False}),
            ([{"type": "function", "function": function}], {"parallel_tool_calls": False}),
            (None, {"functions": [function]}),
        ):
            answer = ports.inference.answer(
                "gpt-4.1", QUESTION, tools, index=0, max_completion_tokens=50, trained_with=more
            )
            assert (answer.outcome, answer.left_out) == ("answered", ())

    def test_a_deployment_that_is_not_there_is_not_ready(self, ports):
        with pytest.raises(NotReady):
            ask(ports, "no-such-deployment")


@pytest.fixture
def real(as_managed_identity):
    """What twins do not know of: the words of the service, identities and audiences."""
    credential = make_credential("managed_identity", client_id("host"))
    with (
        create_openai_client(as_managed_identity["project_endpoint"], credential, timeout_s=10) as client,
        create_account_client(as_managed_identity["project_endpoint"], credential, timeout_s=10) as account,
    ):
        yield StandInPorts(as_managed_identity, client, account)


class TestService:
    """What Azure refuses, in its words, and who is asking."""

    def test_what_is_refused_is_refused_in_the_services_words(self, real, name):
        good = {
            "model": "gpt-4.1",
            "training_file": uploaded(real, name).id,
            "extra_body": {"trainingType": "GlobalStandard"},
        }

        with pytest.raises(Refused, match="wrong suffix"):
            real.files.upload("a.txt", io.BytesIO(b"{}"), soon(real))
        with pytest.raises(Refused, match="does not support fine-tuning"):
            real.trainer.create(good | {"extra_body": {}}, soon(real))
        with pytest.raises(Refused, match="does not exist"):
            real.trainer.create(good | {"model": "gpt-2"}, soon(real))
        with pytest.raises(Refused, match="DeploymentModelNotSupported"):
            until(lambda: put(real, "ghost", "gpt-4.1-2025-04-14.ft-0123"))

    def test_a_job_on_too_few_examples_fails_with_a_reason(self, real, name):
        filename = f"{name}.jsonl"
        file = real.files.upload(filename, io.BytesIO(boxes(9)), soon(real))
        until(lambda: real.files.named(frozenset({filename}))[filename].status == "processed")
        body = {
            "model": "gpt-4.1",
            "training_file": file.id,
            "extra_body": {"trainingType": "GlobalStandard"},
        }
        job = real.trainer.create(body, soon(real))

        failed = until(lambda: (seen := real.trainer.job(job.id)).status == "failed" and seen)
        assert "at least 10" in failed.error

    def test_a_wrong_audience_is_unauthorized(self, real):
        client = real.deployer._client
        client._config.credential_scopes = ["https://vault.azure.net/.default"]
        client._config.authentication_policy._scopes = ("https://vault.azure.net/.default",)

        with pytest.raises(Unauthorized, match="audience"):
            real.deployer.deployment("x")

    def test_what_an_identity_may_not_do_is_unauthorized(self, as_managed_identity):
        """Each of the two holds the roles of its own work only."""
        host, deployer = (
            make_credential("managed_identity", client_id(name)) for name in ("host", "deployer")
        )
        arm = create_arm_client(
            host, arm_endpoint=as_managed_identity["endpoint"], subscription_id="s", timeout_s=10
        )
        with pytest.raises(Unauthorized, match="does not have authorization to perform action"):
            ArmDeployer(arm, "rg", "a").deployment("x")
        endpoint = as_managed_identity["project_endpoint"]
        with (
            create_openai_client(endpoint, deployer, timeout_s=5) as client,
            pytest.raises(Unauthorized, match="lacks the required data action"),
        ):
            FoundryTrainer(client, SystemClock()).job("x")

    def test_no_identity_is_unauthorized(self, as_managed_identity, monkeypatch):
        monkeypatch.setenv("IDENTITY_HEADER", "wrong")
        credential = make_credential("managed_identity", None)
        endpoint = as_managed_identity["project_endpoint"]
        with (
            create_openai_client(endpoint, credential, timeout_s=5) as client,
            pytest.raises(Unauthorized),
        ):
            FoundryTrainer(client, SystemClock()).job("x")
