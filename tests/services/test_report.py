"""The report of a run: four artifacts that say the same, and the numbers that the run itself keeps."""

import csv
import io
import json

import msgspec
import pytest

from shared.core import artifacts
from shared.core.evaluation.answers import Answer
from shared.core.evaluation.scorecard import Comparison
from shared.core.run import Status
from shared.run_folder import RunFolder
from shared.views.runs import RunViews
from tests.support.product import Product, dataset


@pytest.fixture(scope="module")
def measured():
    """A product and its run, whose base model knows nothing, is asked with long prompts and takes its time."""
    product = Product()

    def answer(deployment, messages):
        text = product.recite(deployment, messages)
        is_base = deployment == "base"
        return Answer(
            index=0,
            text=text,
            finish_reason="stop",
            prompt_tokens=900 if is_base else 60,
            completion_tokens=len(text),
            cached_tokens=0,
            latency_ms=700 if is_base else 200,
        )

    product.world.inference.answers = answer
    product.world.datasets.put("boxes/training.jsonl", dataset(120))
    run = product.until(Status.AWAITING_APPROVAL, Status.NOT_PROMOTED, Status.FAILED)
    assert run.evaluation is not None, run.failure
    return product, run


def read(measured, artifact):
    product, run = measured
    return RunFolder(product.world.artifacts, run.id).read(artifact).decode()


def test_the_run_keeps_the_table_and_the_answer_shows_it(measured):
    product, run = measured
    lines = {line.name: line for line in run.evaluation.measures}
    shown = json.loads(msgspec.json.encode(RunViews(product.world).detail(run.id)))["evaluation"]["measures"]

    assert (lines["prompt_tokens"].baseline.value, lines["prompt_tokens"].candidate.value) == (900, 60)
    assert lines["latency_ms_p50"].candidate.value == 200
    assert lines["reasoning_tokens"].unknown
    assert lines["accuracy"].difference.value == run.evaluation.gain
    assert lines["accuracy"].difference.low == run.evaluation.lower_bound
    assert [line["name"] for line in shown] == list(lines)
    assert shown == json.loads(read(measured, artifacts.EVALUATION_SUMMARY))["measures"]


def test_all_forms_have_the_same_numbers(measured):
    _, run = measured
    data = msgspec.json.decode(read(measured, artifacts.COMPARISON), type=Comparison)
    (part,), page = data.measured, read(measured, artifacts.COMPARISON_PAGE)
    picture, table = read(measured, artifacts.COMPARISON_PICTURE), read(measured, artifacts.COMPARISON_TABLE)
    lines = list(csv.DictReader(io.StringIO(table)))
    scores = [json.loads(line) for line in read(measured, artifacts.SCORES).splitlines()]

    assert part.measures == run.evaluation.measures
    accuracy = part.measures[0]
    for side in (accuracy.baseline, accuracy.candidate):
        assert f"{side.value:.3f} ({side.low:.3f} to {side.high:.3f})" in page
    assert "-840.0 (-840.0 to -840.0)" in page
    gain = accuracy.difference
    assert f"gain {gain.value:+.3f}, {gain.low:+.3f} to {gain.high:+.3f}" in picture
    assert picture.count("<circle") == data.groups == len(part.gains) == run.evaluation.groups
    assert len(lines) == len(scores) == 2 * data.examples
    by_key = {(int(line["example"]), line["target"]): line for line in lines}
    for score in scores:
        line = by_key[score["index"], score["side"]]
        assert float(line[data.metric]) == pytest.approx(score["score"], abs=1e-6)
        assert (line["outcome"], line["group"]) == (score["outcome"], score["group"])
        assert line["slices"] == "; ".join(score.get("slices", ()))
        assert (score["latency_ms"], score["cached_tokens"]) == (
            700 if score["side"] != "candidate" else 200,
            0,
        )


def test_the_picture_is_served_as_one(measured):
    product, run = measured
    content, kind, _ = RunViews(product.world).artifact(run.id, "evaluation/comparison.svg")

    assert kind == "image/svg+xml"
    assert content.startswith(b"<svg ")
    assert "evaluation/comparison.svg" in RunViews(product.world).detail(run.id).artifacts
