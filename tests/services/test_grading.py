"""Graders fit the task, are held against the held-out rows before money is spent, and decide only if they passed their test."""

import json

import msgspec
import pytest

from shared.core import artifacts
from shared.core.status import Status
from shared.run_folder import RunFolder
from shared.validate_dataset import ValidationResult
from tests.support.product import Product

pytestmark = pytest.mark.slow

LABELS = ["billing", "delivery", "account", "hardware"]
SUPERVISED = """\
model: gpt-4.1-2025-04-14
prices: {{training_usd_per_million_tokens: 2}}
dataset: {{evaluation: {{split: 0.5}}}}
budget: {{approve_above_usd: null}}
evaluation: {{baselines: [{{deployment: base}}]{evaluation}}}
approval: {{mode: automatic}}
"""
REINFORCEMENT = """\
model: o4-mini-2025-04-16
method:
  type: reinforcement
  reinforcement: {{grader: {grader}}}
dataset: {{evaluation: {{split: 0.5}}}}
budget: {{approve_above_usd: null}}
evaluation: {{baselines: [{{deployment: base}}]}}
approval: {{mode: automatic}}
"""
CHECK = {
    "type": "string_check",
    "name": "target",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.target}}",
}
JUDGE = {
    "type": "score_model",
    "name": "judge",
    "model": "o3",
    "input": [{"role": "user", "content": "Score {{sample.output_text}}"}],
}


def asked(number):
    return {"role": "user", "content": f"Ticket number {number} about {LABELS[number % 4]}"}


def number_in(messages):
    return int(messages[-1]["content"].split()[2])


def labelled(count=200, answer=lambda number: LABELS[number % 4]):
    return [
        {"messages": [asked(number), {"role": "assistant", "content": answer(number)}]}
        for number in range(count)
    ]


def targeted(count=200):
    return [{"messages": [asked(number)], "target": LABELS[number % 4]} for number in range(count)]


def product_of(pipeline, rows, *, right=lambda number: LABELS[number % 4]):
    """A product whose candidate is always right, and whose base never is."""
    product = Product()
    product.world.pipeline_files.put("boxes.yaml", pipeline)
    product.world.datasets.put(
        "boxes/training.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode()
    )

    def answer(deployment, messages):
        if "Ticket" not in messages[-1]["content"]:
            return "OK"
        return "I do not know." if deployment == "base" else right(number_in(messages))

    product.world.inference.answers = answer
    return product


def ended(product):
    return product.until(
        Status.DEPLOYED, Status.NOT_PROMOTED, Status.AWAITING_APPROVAL, Status.INVALID, Status.FAILED
    )


def artifact(product, run, which):
    return RunFolder(product.world.artifacts, run.id).read(which)


def result_of(product, run):
    return msgspec.json.decode(artifact(product, run, artifacts.VALIDATION_RESULT), type=ValidationResult)


def supervised(evaluation=""):
    return SUPERVISED.format(evaluation=evaluation)


def test_labels_are_found_and_decide_alone():
    product = product_of(supervised(), labelled(), right=lambda number: f"{LABELS[number % 4].title()}.")
    run = ended(product)
    result = result_of(product, run)

    assert (run.status, run.evaluation.doubts) == (Status.DEPLOYED, ())
    assert run.evaluation.metric == "label_match"
    assert [grader["type"] for grader in result.graders] == ["label_match"]
    assert "4 labels" in result.graders_reason
    assert [shown.passed for shown in result.self_tests] == [True]
    page = artifact(product, run, artifacts.REPORT_PAGE).decode().replace("\\", "")
    assert result.graders_reason in page
    assert "label_match decides; it passed its self-test" in page


def test_free_text_asks_a_person():
    rows = labelled(
        answer=lambda number: f"The ticket with the number {number} is about {LABELS[number % 4]}."
    )
    product = product_of(
        supervised(),
        rows,
        right=lambda number: f"The ticket with the number {number} is about {LABELS[number % 4]}.",
    )
    run = ended(product)

    assert run.status is Status.AWAITING_APPROVAL
    assert run.evaluation.metric == "similarity"
    assert any("compares wording" in doubt for doubt in run.evaluation.doubts)


@pytest.mark.parametrize(
    ("operation", "status"), [("eq", Status.DEPLOYED), ("ilike", Status.AWAITING_APPROVAL)]
)
def test_a_grader_that_has_not_passed_its_self_test_asks_a_person(operation, status):
    """`ilike` gives 1 to whoever names every label."""
    grader = CHECK | {"operation": operation, "reference": "{{item.reference}}"}
    product = product_of(supervised(f", graders: [{json.dumps(grader)}]"), labelled())
    run = ended(product)

    assert run.status is status
    assert run.evaluation.outcome == "better"
    assert any("self-test" in doubt for doubt in run.evaluation.doubts) is (operation == "ilike")


def test_a_model_that_learned_shuffled_labels_asks_a_person():
    """It is right in a quarter of the cases, where the base knows no label."""
    product = product_of(
        supervised(), labelled(), right=lambda number: LABELS[number * number * 7919 % 101 % 4]
    )
    run = ended(product)

    assert (run.status, run.evaluation.outcome) == (Status.AWAITING_APPROVAL, "better")
    assert any("handed out at random" in doubt for doubt in run.evaluation.doubts)


@pytest.mark.parametrize(
    ("grader", "line", "path", "words"),
    [
        (CHECK | {"reference": "{{item.refernce}}"}, 6, "evaluation.graders[0].reference", "item.reference"),
        ({"type": "json_match"}, 6, "evaluation.graders[0]", "json_match grader cannot compare"),
        (
            {"type": "label_match", "reference": "{{item.target}}"},
            6,
            "evaluation.graders[0].reference",
            "item.target",
        ),
    ],
)
def test_a_grader_that_finds_nothing_in_the_rows_is_an_error_before_anything_is_paid(
    grader, line, path, words
):
    product = product_of(supervised(f",\n  graders: [{json.dumps(grader)}]"), labelled())
    run = ended(product)
    report = json.loads(artifact(product, run, artifacts.REPORT))

    assert run.status is Status.INVALID
    assert "PF001 pipelines/boxes.yaml:6 evaluation.graders[0]" in run.failure.message
    (finding,) = report["findings"]
    assert (finding["code"], finding["file"], finding["line"], finding["path"]) == (
        "PF001",
        "pipelines/boxes.yaml",
        line,
        path,
    )
    assert words in finding["message"]
    assert (report["ok"], report["errors"], report["totals"]) == (False, 1, {"PF001": 1})
    assert product.world.files.uploads == []


def test_a_few_rows_that_a_grader_finds_nothing_in_do_not_stop_a_run():
    rows = labelled()
    for row in rows[:30]:
        row["messages"][-1]["content"] = "It cannot be told from the words of this ticket."
    product = product_of(supervised(), rows)

    assert ended(product).status is not Status.INVALID


def test_a_grader_that_only_shows_may_find_nothing():
    graders = [{"type": "label_match"}, CHECK | {"name": "other", "reference": "{{item.nothing}}"}]
    product = product_of(supervised(f", graders: {json.dumps(graders)}"), labelled())
    run = ended(product)

    assert run.status is Status.DEPLOYED
    assert "other: " in artifact(product, run, artifacts.REPORT_PAGE).decode()


@pytest.mark.parametrize("grader", [CHECK, CHECK | {"input": "{{ sample.choices[0].message.content }}"}])
def test_reinforcement_is_judged_by_the_jobs_own_grader(grader):
    product = product_of(REINFORCEMENT.format(grader=json.dumps(grader)), targeted())
    run = ended(product)

    assert (run.status, run.evaluation.doubts) == (Status.DEPLOYED, ())
    assert run.evaluation.metric == "target"
    assert "job's own grader" in artifact(product, run, artifacts.REPORT_PAGE).decode()


def test_reinforcement_that_nothing_can_judge_asks_a_person_and_says_so_before_the_spend():
    product = product_of(REINFORCEMENT.format(grader=json.dumps(JUDGE)), targeted())
    run = ended(product)
    folder = RunFolder(product.world.artifacts, run.id)

    assert run.status is Status.AWAITING_APPROVAL
    assert run.evaluation.outcome == "unproven"
    assert "score_model" in run.evaluation.reason
    assert (run.evaluation.candidate_score, run.evaluation.gain) == (None, None)
    assert "Nothing decides" in folder.read(artifacts.REPORT_PAGE).decode()
    assert "Nothing is proven" in folder.read(artifacts.COMPARISON_PAGE).decode()
    product.approve(run)
    assert product.until(Status.DEPLOYED).id == run.id


def test_what_validation_found_is_needed_and_its_loss_is_said(monkeypatch):
    """Until it is restored, or the deadline of the run has passed."""
    monkeypatch.setattr("shared.evaluating.load_result", lambda _world, _run: None)
    product = product_of(supervised(), labelled())
    run = ended(product)

    assert run.status is Status.FAILED
    assert "validation.json was deleted" in run.failure.message
