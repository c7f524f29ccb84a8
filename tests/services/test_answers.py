"""One odd question never fails a paid run, and what a deployment refuses altogether is never the outcome of a question."""

import json
import threading

import msgspec
import pytest

from shared.core import artifacts
from shared.core.errors import NotReady, Refused, Throttled, Unauthorized
from shared.core.evaluation.answers import Answer
from shared.core.policy import Policy
from shared.core.run import Status
from shared.run_folder import RunFolder
from tests.support.product import Product, dataset

pytestmark = pytest.mark.slow

CHUNK = 4
ODD = {
    "bad image": Answer(index=0, text=None, error="image_parse_error: no", error_code="image_parse_error"),
    "no name": Answer(index=0, text=None, error="HTTP 413: too large"),
    "prompt filtered": Answer(
        index=0, text=None, error="content_filter: violence", error_code="content_filter"
    ),
    "answer filtered": Answer(index=0, text=None, finish_reason="content_filter"),
    "refused": Answer(index=0, text=None, finish_reason="stop", refusal="I cannot."),
    "cut off": Answer(index=0, text="The code of", finish_reason="length"),
    "thought too long": Answer(index=0, text=None, finish_reason="length"),
    "empty": Answer(index=0, text=None, finish_reason="stop"),
    "unreadable": Answer(index=0, text=None, error="unreadable_answer: no", error_code="unreadable_answer"),
    "wrong content": Answer(index=0, text=None, error="model_error: no", error_code="model_error"),
}
OUTCOMES = {
    "bad image": "failed",
    "no name": "failed",
    "prompt filtered": "filtered",
    "answer filtered": "filtered",
    "refused": "refused",
    "cut off": "truncated",
    "thought too long": "truncated",
    "empty": "failed",
    "unreadable": "failed",
    "wrong content": "failed",
}
PLAIN = "Reply with OK."


class Odd(Product):
    """A product whose deployments answer some questions oddly.

    Attributes:
        odd: question, deployment or "any", the first that is there -> answer, error, or a list of them in their order.
        asked: deployment and question of everything that was asked.
    """

    def __init__(self):
        super().__init__(Policy(evaluation_chunk_size=CHUNK))
        self.odd, self.asked, self.lock = {}, [], threading.Lock()
        self.world.inference.answers = self.answer
        self.world.datasets.put("boxes/training.jsonl", dataset(60))

    def answer(self, deployment, messages):
        question = messages[-1]["content"]
        with self.lock:
            self.asked.append((deployment, question))
        said = self.odd.get(question, self.odd.get(deployment, self.odd.get("any")))
        if isinstance(said, list):
            said = said.pop(0) if len(said) > 1 else said[0]
        said = self.recite(deployment, messages) if said is None else said
        if isinstance(said, Exception):
            raise said
        return said

    def folder(self, run):
        return RunFolder(self.world.artifacts, run.id)

    def questions(self, run):
        rows = self.folder(run).read(artifacts.prepared("evaluation")).splitlines()
        return [msgspec.json.decode(row)["messages"][-2]["content"] for row in rows]

    def answers(self, run, target):
        folder = self.folder(run)
        chunks = [artifacts.chunk_of(name) for name in folder.names(artifacts.ANSWERS)]
        stored = [folder.read(artifacts.answers(target, chunk)) for name, chunk in chunks if name == target]
        return [answer for raw in stored for answer in msgspec.json.decode(raw, type=list[Answer])]

    def tick_until_asked(self, question):
        while all(asked != question for _, asked in self.asked):
            for run_id in self.poller.tick():
                self.reconciler.advance(run_id)
            self.world.clock.advance(30)

    def asked_plainly(self, deployment):
        return self.asked.count((deployment, PLAIN))


@pytest.fixture
def odd():
    return Odd()


def measured(odd, *statuses):
    return odd.until(*statuses, Status.AWAITING_APPROVAL, Status.NOT_PROMOTED, Status.FAILED)


def staged(odd):
    """A run whose candidate is about to serve."""
    odd.odd[PLAIN] = NotReady("soon")
    run = odd.until(Status.STAGING)
    odd.tick_until_asked(PLAIN)
    del odd.odd[PLAIN]
    return odd.world.runs.load(run.id)[0]


def test_an_evaluation_with_every_kind_of_outcome_ends_with_a_verdict(odd):
    run = staged(odd)
    questions = odd.questions(run)
    for question, answer in zip(questions, ODD.values(), strict=False):
        odd.odd[question] = answer
    run = measured(odd)

    assert run.evaluation is not None, run.failure
    assert len(questions) >= CHUNK
    for target in ("candidate", "baseline-1"):
        given = odd.answers(run, target)
        expected = [OUTCOMES[name] for name, _ in zip(ODD, questions, strict=False)]
        assert [answer.outcome for answer in given[: len(expected)]] == expected
        assert len(given) == len(questions)


@pytest.mark.parametrize("name", ["refused", "prompt filtered", "thought too long", "empty", "bad image"])
def test_a_candidate_that_never_answers_is_not_better(odd, name):
    run = staged(odd)
    odd.odd[run.candidate] = ODD[name]
    odd.odd[PLAIN] = "OK"
    run = measured(odd)

    assert run.evaluation.outcome == "not_better"
    assert {answer.outcome for answer in odd.answers(run, "candidate")} == {OUTCOMES[name]}
    assert {answer.outcome for answer in odd.answers(run, "baseline-1")} == {"answered"}


def test_refusals_beside_an_answer_are_stored_and_nothing_else_is_asked(odd):
    run = staged(odd)
    questions = odd.questions(run)
    for question in questions[1:CHUNK]:
        odd.odd[question] = ODD["bad image"]
    before = odd.asked_plainly(run.candidate)
    run = measured(odd)

    given = odd.answers(run, "candidate")
    assert [answer.outcome for answer in given[:CHUNK]] == ["answered"] + ["failed"] * (CHUNK - 1)
    assert given[1].error_code == "image_parse_error"
    assert odd.asked_plainly(run.candidate) == before + 1  # by staging
    assert all(odd.asked.count((run.candidate, question)) == 1 for question in questions)


def test_refusals_after_an_answer_in_another_chunk_ask_nothing_else(odd):
    run = staged(odd)
    for question in odd.questions(run)[CHUNK:]:
        odd.odd[question] = ODD["bad image"]
    odd.odd[PLAIN] = ["OK", ODD["no name"]]  # asked again, it would fail the run
    run = measured(odd)

    assert run.evaluation is not None
    assert {answer.outcome for answer in odd.answers(run, "candidate")[CHUNK:]} == {"failed"}


def test_where_nothing_was_answered_yet_a_plain_question_shows_that_the_deployment_works(odd):
    run = staged(odd)
    for question in odd.questions(run)[:CHUNK]:
        odd.odd[question] = ODD["no name"]
    before = odd.asked_plainly(run.candidate)
    run = measured(odd)

    assert run.evaluation is not None
    assert {answer.outcome for answer in odd.answers(run, "candidate")[:CHUNK]} == {"failed"}
    assert odd.asked_plainly(run.candidate) == before + 1 + 1  # staging asks it too


def test_a_deployment_that_refuses_even_a_plain_question_fails_the_run_with_its_words(odd):
    run = staged(odd)
    odd.odd["any"] = ODD["bad image"]
    odd.odd[PLAIN] = ["OK", ODD["bad image"]]
    run = measured(odd)

    assert run.status is Status.FAILED
    assert run.failure.code == "refused"
    assert "plain question" in run.failure.message
    assert "image_parse_error" in run.failure.message
    assert odd.answers(run, "candidate") == []


@pytest.mark.parametrize("name", ["unreadable", "wrong content"])
def test_a_deployment_of_which_no_answer_can_be_read_is_waited_for(odd, name):
    """It may be trouble on the way: nothing of the chunk is stored, and nothing ends."""
    run = staged(odd)
    odd.odd["any"] = ODD[name]
    odd.odd[PLAIN] = ["OK", ODD[name]]
    for _ in range(5):
        for run_id in odd.poller.tick():
            odd.reconciler.advance(run_id)
        odd.world.clock.advance(30)

    run = odd.world.runs.load(run.id)[0]
    assert (run.status, odd.answers(run, "candidate")) == (Status.EVALUATING, [])
    assert run.trouble.startswith("unavailable: ")
    assert "plain question" in run.trouble
    odd.odd.clear()
    assert measured(odd).evaluation is not None


#: What no release should have stored as the answers of a chunk, and one did.
SPOILT = {
    "tokens null": b'[{"index":0,"text":"hi","prompt_tokens":null}]',
    "tokens a float": b'[{"index":0,"text":"hi","completion_tokens":2.5}]',
    "reason a number": b'[{"index":0,"text":"hi","finish_reason":3}]',
    "not UTF-8": b'[{"index":0,"text":"\xff"}]',
    "half": b'[{"index":0,"te',
    "empty": b"",
    "an object": b"{}",
    "too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("target", ["candidate", "baseline-1"])
def test_answers_that_cannot_be_read_are_asked_for_again(odd, monkeypatch, name, target):
    run = staged(odd)
    questions = odd.questions(run)
    stored = artifacts.answers(target, 0)
    write, spoilt = RunFolder.write_json, []

    def spoil(folder, artifact, value):
        if artifact == stored and not spoilt:
            spoilt.append(name)
            return folder.write(artifact, SPOILT[name])
        return write(folder, artifact, value)

    monkeypatch.setattr(RunFolder, "write_json", spoil)
    run = measured(odd)

    assert run.evaluation is not None, run.failure
    assert spoilt == [name]
    assert [answer.text is not None for answer in odd.answers(run, target)] == [True] * len(questions)
    deployment = run.candidate if target == "candidate" else "base"
    times = [odd.asked.count((deployment, question)) for question in questions]
    assert times == [2] * CHUNK + [1] * (len(questions) - CHUNK), "only that chunk"


@pytest.mark.parametrize("error", [Throttled("429"), NotReady("soon"), Unauthorized("403")])
def test_an_error_of_the_deployment_is_no_outcome_and_nothing_of_the_chunk_is_stored(odd, error):
    run = staged(odd)
    questions = odd.questions(run)
    odd.odd[questions[1]] = error
    odd.odd[questions[2]] = ODD["bad image"]
    odd.tick_until_asked(questions[1])

    assert odd.answers(run, "candidate") == []
    del odd.odd[questions[1]]
    run = measured(odd)
    assert [answer.outcome for answer in odd.answers(run, "candidate")[:3]] == [
        "answered",
        "answered",
        "failed",
    ]


def test_a_refusal_of_another_kind_still_fails_the_run(odd):
    """HTTP 409 or 410, say: it is about the deployment."""
    run = staged(odd)
    odd.odd[odd.questions(run)[0]] = Refused("answer of d: HTTP 410: retired")
    run = measured(odd)

    assert (run.status, run.failure.code) == (Status.FAILED, "refused")


def test_a_parameter_that_was_left_out_once_is_not_sent_again_in_the_chunk(odd, monkeypatch):
    run = staged(odd)
    first = odd.questions(run)[0]
    odd.odd[first] = Answer(index=0, text="x", left_out=("seed",))
    sent = {}
    ask = odd.world.inference.answer

    def noting(deployment, messages, tools, **more):
        sent[deployment, messages[-1]["content"]] = more.get("left_out")
        return ask(deployment, messages, tools, **more)

    monkeypatch.setattr(odd.world.inference, "answer", noting)
    monkeypatch.setattr("shared.evaluating._PARALLEL", 1)
    measured(odd)

    asked = [(question, left_out) for (name, question), left_out in sent.items() if name == run.candidate]
    candidate = [left_out for question, left_out in asked if question != PLAIN]
    assert candidate[:CHUNK] == [frozenset(), *[frozenset({"seed"})] * (CHUNK - 1)]
    assert candidate[CHUNK] == frozenset()


def test_every_side_is_asked_in_the_form_that_the_candidate_was_trained_in(monkeypatch):
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    product = Product()
    product.world.pipeline_files.put(
        "boxes.yaml",
        f"""model: o4-mini-2025-04-16
method:
  type: reinforcement
  reinforcement:
    grader:
      {{type: string_check, name: g, operation: eq, input: "{{{{sample.output_json.code}}}}", reference: "{{{{item.code}}}}"}}
    response_format: {json.dumps(form)}
budget: {{approve_above_usd: null}}
evaluation:
  baselines: [{{deployment: base}}]
  graders: [{{type: label_match, reference: "{{{{item.code}}}}"}}]
""",
    )
    rows = (
        {
            "messages": [{"role": "user", "content": f"Code of box {n}?"}],
            "code": str(n * 7),
            "parallel_tool_calls": False,
        }
        for n in range(60)
    )
    product.world.datasets.put(
        "boxes/training.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode()
    )
    sent = {}
    ask = product.world.inference.answer

    def noting(deployment, messages, tools, **more):
        sent.setdefault(deployment, []).append(more.get("trained_with"))
        return ask(deployment, messages, tools, **more)

    monkeypatch.setattr(product.world.inference, "answer", noting)
    run = measured(product)

    trained = {"parallel_tool_calls": False, "response_format": form}
    assert run.evaluation
    for deployment in ("base", run.candidate):
        assert [more for more in sent[deployment] if more] == [trained] * run.evaluation.examples


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "failed: an empty answer"),
        (ODD["refused"], "refused: I cannot."),
        (ODD["prompt filtered"], "filtered: content_filter: violence"),
        (ODD["thought too long"], "truncated: the limit of tokens came before any text"),
        (ODD["bad image"], "failed: image_parse_error: no"),
    ],
)
def test_a_smoke_test_says_what_became_of_its_question(odd, answer, why):
    run = measured(odd)
    odd.approve(run)
    odd.odd["any"] = answer
    run = odd.until(Status.DEPLOYED, Status.FAILED)

    assert run.status is Status.FAILED
    assert why in run.failure.message


def test_a_smoke_test_takes_an_answer_that_was_cut_off(odd):
    run = measured(odd)
    odd.approve(run)
    odd.odd["any"] = ODD["cut off"]

    assert odd.until(Status.DEPLOYED, Status.FAILED).status is Status.DEPLOYED
