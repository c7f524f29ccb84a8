"""What validation leaves in storage: report, prepared files, repairs, quarantine; the dropped file stays as it is."""

import json

import pytest

from shared.core.pipeline.file import PipelineFileError
from shared.core.run import Status
from shared.version import VERSION
from shared.views.runs import RunViews
from tests.support.product import PIPELINE, Product, dataset

MIXED = """\
dataset:
  on_issue: {default: quarantine, DS003: repair, DS007: repair, DS048: repair}
"""
BAD = b"".join(
    [
        b'{"messages": [{"role": "user", "content": "Spaces?"}, {"role": "assistant", "content": " Yes "}]}\n',
        b"\n",
        b'{"messages": [{"role": "user", "content": "Spaces?"}, {"role": "assistant", "content": "Yes"}]}\n',
        b'{"messages": [{"role": "user", "content": "No answer"}]}\n',
    ]
)


def prepared(pipeline: str, data: bytes):
    product = Product()
    product.world.pipeline_files.put("boxes.yaml", PIPELINE + pipeline)
    product.world.datasets.put("boxes/training.jsonl", data)
    run = product.until(Status.AWAITING_APPROVAL, Status.INVALID)
    artifacts = product.world.artifacts
    return run, lambda name: artifacts.read(f"runs/{run.id}/{name}"), product


def test_rows_are_repaired_left_out_and_put_aside():
    data = dataset(60) + BAD
    run, read, product = prepared(MIXED, data)

    assert run.status is Status.AWAITING_APPROVAL
    rows = [
        line
        for role in ("training", "validation", "evaluation")
        for line in read(f"prepared/{role}.jsonl").splitlines()
    ]
    assert len(rows) == 61
    assert set(dataset(60).splitlines()) < set(rows)
    assert b'{"messages":[{"role":"user","content":"Spaces?"},{"role":"assistant","content":"Yes"}]}' in rows
    assert read("quarantine/training.jsonl") == BAD.splitlines(keepends=True)[3]
    reasons = json.loads(read("quarantine/training.reasons.jsonl"))
    assert (reasons["line"], [f["code"] for f in reasons["findings"]]) == (64, ["DS043"])
    repairs = [json.loads(line) for line in read("repairs/training.jsonl").splitlines()]
    assert {(repair["line"], repair["code"]) for repair in repairs} == {
        (61, "DS048"),
        (62, "DS003"),
        (63, "DS007"),
    }
    assert b"".join(product.world.datasets.chunks("boxes/training.jsonl", run.dataset.etag)) == data
    assert run.summary.errors == 0


def test_the_report_says_which_version_of_the_app_made_it():
    _, read, _ = prepared("", dataset(60))

    assert json.loads(read("report.json"))["app_version"] == VERSION
    assert f"Checked by version {VERSION} of the app." in read("report.md").decode()


@pytest.mark.parametrize(
    ("pipeline", "notes"),
    [("", []), ("training_file: mine.jsonl\n", ["pipelines/boxes.yaml:6:16: training_file: ignored: "])],
)
def test_what_is_unusual_about_the_pipeline_file_stands_in_report_and_answer(pipeline, notes):
    run, read, product = prepared(pipeline, dataset(60))
    said = RunViews(product.world).detail(run.id).pipeline_notes

    assert [note[: len(begin)] for note, begin in zip(said, notes, strict=True)] == notes
    assert json.loads(read("report.json"))["pipeline_notes"] == list(said)
    assert all(note in read("report.md").decode().replace("\\", "") for note in said)


def test_that_min_gain_is_stricter_now_stands_in_report_and_answer():
    product = Product()
    asked = PIPELINE.replace("{deployment: base}]", "{deployment: base}], promote: {min_gain: 0.1}")
    product.world.pipeline_files.put("boxes.yaml", asked)
    product.world.datasets.put("boxes/training.jsonl", dataset(60))
    run = product.until(Status.AWAITING_APPROVAL)
    (note,) = RunViews(product.world).detail(run.id).pipeline_notes

    assert note.startswith(
        "pipelines/boxes.yaml:4:67: evaluation.promote.min_gain: now means `superior_by`: "
    )
    page = product.world.artifacts.read(f"runs/{run.id}/report.md").decode()
    assert note in page.replace("\\", "")


def test_a_pinned_file_that_is_not_taken_any_more_still_counts(monkeypatch):
    def refuse(_text, *, name):
        raise PipelineFileError((), name=name)

    monkeypatch.setattr("shared.validate_dataset.parse_pipeline", refuse)
    run, read, _ = prepared("training_file: mine.jsonl\n", dataset(60))

    assert run.status is Status.AWAITING_APPROVAL
    assert json.loads(read("report.json"))["pipeline_notes"] == []


@pytest.mark.parametrize("pipeline", ["", "dataset: {on_issue: repair}\n"])
def test_without_quarantine_the_run_ends_invalid_and_nothing_is_prepared(pipeline):
    run, read, product = prepared(pipeline, dataset(60) + BAD)

    assert run.status is Status.INVALID
    assert "DS043" in run.failure.message
    assert read("prepared/training.jsonl") is None
    assert read("report.json") is not None
    assert product.world.trainer.bodies == []


def test_the_same_rows_repaired_by_hand_are_the_same_work():
    product = Product()
    product.world.pipeline_files.put("boxes.yaml", PIPELINE + MIXED)
    product.world.datasets.put("boxes/a.jsonl", dataset(60) + BAD)
    product.until(Status.DEPLOYED, Status.AWAITING_APPROVAL)
    fixed = b'{"messages":[{"role":"user","content":"Spaces?"},{"role":"assistant","content":"Yes"}]}\n'
    product.world.datasets.put("boxes/b.jsonl", dataset(60) + fixed)

    run = product.until(Status.DUPLICATE)

    assert run is not None
    assert run.duplicate_of
