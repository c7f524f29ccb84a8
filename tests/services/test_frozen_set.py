"""`evaluation.set`: every candidate of a pipeline meets the same exam, and no training row comes from it."""

import json
from zlib import crc32

import pytest

from shared.core import artifacts
from shared.core.run import Status
from shared.views.runs import RunViews
from tests.support.product import PIPELINE, dataset
from tests.support.rounds import EXACT, Rounds, rows

pytestmark = pytest.mark.slow

FROZEN = PIPELINE.replace("base}]}", f"base}}], graders: [{EXACT}], set: sets/boxes.jsonl}}")
LOOSE = FROZEN + "dataset: {validation: {split: 0}, quarantine_max_share: 0.5}\n"
EXAM = rows(*range(500, 560))


class Frozen(Rounds):
    """A pipeline with a set of its owner."""

    def __init__(self, pipeline=LOOSE, exam=EXAM):
        super().__init__(pipeline)
        self.keep(exam)

    def keep(self, exam):
        self.world.pipeline_files.put("sets/boxes.jsonl", exam.decode())

    def once_pinned(self, act):
        """Do something to the folder of a run just after it was pinned."""
        replace = self.world.runs.replace

        def hooked(run, version, events):
            stored = replace(run, version, events)
            if run.spec_digest:
                self.world.runs.replace = replace
                act(self.folder(run))
            return stored

        self.world.runs.replace = hooked

    def read(self, run, artifact):
        return self.folder(run).read(artifact)

    def report(self, run):
        return json.loads(self.read(run, artifacts.REPORT))


def test_the_set_is_what_models_are_asked_and_nothing_is_split_off_for_it():
    frozen = Frozen()
    run = frozen.round(dataset(100))

    assert run.evaluation.outcome == "better"
    assert run.summary.evaluation_examples == 60
    assert run.summary.examples == 100
    assert frozen.read(run, artifacts.prepared("evaluation")) == EXAM


def test_it_counts_before_a_companion_which_is_noted_and_not_used():
    frozen = Frozen()
    run = frozen.round(dataset(100), dataset(100))
    (note,) = frozen.report(run)["pipeline_notes"]

    assert frozen.read(run, artifacts.prepared("evaluation")) == EXAM
    assert (
        note
        == "pipelines/boxes.yaml: evaluation.set: sets/boxes.jsonl counts, so boxes/evaluation.jsonl is not used"
    )
    assert run.evaluation.outcome == "better"


def test_training_rows_of_the_set_are_put_aside_listed_and_counted():
    frozen = Frozen()
    run = frozen.round(rows(*range(100), 501, 503))
    reasons = [
        json.loads(line) for line in frozen.read(run, artifacts.quarantine_reasons("training")).splitlines()
    ]
    report = frozen.report(run)

    assert frozen.read(run, artifacts.prepared("training")) == dataset(100)
    assert frozen.read(run, artifacts.quarantine("training")) == rows(501, 503)
    assert [(reason["line"], reason["findings"][0]["code"]) for reason in reasons] == [
        (101, "DS094"),
        (102, "DS094"),
    ]
    assert "line 4 of sets/boxes.jsonl" in reasons[1]["findings"][0]["message"]
    assert (report["files"]["training"]["quarantined_rows"], report["totals"]["DS094"]) == (2, 2)
    assert not {"DS008", "DS086", "DS087"} & report["totals"].keys()
    assert run.summary.examples == 100
    assert frozen.left_out(run)["candidate"] == set()


def test_rows_that_ask_the_same_are_put_aside_too():
    row = json.loads(rows(501))
    row["messages"][-1]["content"] = "Nobody knows."
    other = json.dumps(row).encode() + b"\n"
    frozen = Frozen()
    run = frozen.round(dataset(100) + other)

    assert frozen.read(run, artifacts.quarantine("training")) == other


@pytest.mark.parametrize(("count", "status"), [(5, Status.AWAITING_APPROVAL), (6, Status.INVALID)])
def test_more_than_the_quarantine_share_refuses_the_dataset(count, status):
    run = Frozen(FROZEN).round(rows(*range(100 - count), *range(500, 500 + count)))

    assert run.status is status
    if status is Status.INVALID:
        assert "DS092" in run.failure.message
        assert "6 of 100 rows are in quarantine" in run.failure.message


class TestThePin:
    def test_what_is_stored_later_changes_nothing(self):
        frozen = Frozen()
        frozen.once_pinned(lambda _: frozen.keep(EXAM[:500]))
        run = frozen.round(dataset(100))

        assert frozen.read(run, artifacts.prepared("evaluation")) == EXAM

    def test_rows_that_were_changed_in_the_folder_are_not_measured_on(self):
        def change(folder):
            pin = json.loads(folder.read(artifacts.PINNED))["evaluation_set"]
            kept = artifacts.frozen_set(pin["sha256"])
            assert (pin["path"], folder.read(kept)) == ("sets/boxes.jsonl", EXAM)
            assert not artifacts.is_served(kept.name)
            folder.write(kept, EXAM[:-300])

        frozen = Frozen()
        frozen.once_pinned(change)
        run = frozen.round(dataset(100))

        assert (run.status, run.failure.can_retry) == (Status.FAILED, True)
        assert "was deleted or changed; restore it" in run.failure.message

    @pytest.mark.parametrize(
        ("exam", "pipeline", "words"),
        [
            (None, LOOSE, "evaluation.set: there is no file sets/boxes.jsonl in the container `pipelines`"),
            (
                EXAM,
                LOOSE.replace(" set:", " must_pass: [60, 61], set:"),
                "sets/boxes.jsonl has no row at line 61",
            ),
            (
                b"\n" + EXAM,
                LOOSE.replace(" set:", " must_pass: [1], set:"),
                "sets/boxes.jsonl has no row at line 1",
            ),
        ],
    )
    def test_what_is_not_there_is_said_before_anything_begins(self, exam, pipeline, words):
        frozen = Frozen(pipeline, exam or b"")
        if exam is None:
            del frozen.world.pipeline_files._texts["sets/boxes.jsonl"]
        run = frozen.round(dataset(100))

        assert run.status is Status.INVALID
        assert words in run.failure.message


class TestIdentity:
    def test_the_same_data_with_the_same_set_is_known_work(self):
        frozen = Frozen()
        first = frozen.deployed(dataset(100))
        again = frozen.round(dataset(100), None, Status.DUPLICATE, Status.AWAITING_APPROVAL)

        assert again.status is Status.DUPLICATE
        assert again.summary.fingerprint == first.summary.fingerprint

    def test_another_set_or_none_is_other_work(self):
        def fingerprint(pipeline, exam=EXAM):
            return Frozen(pipeline, exam).round(dataset(100)).summary.fingerprint

        found = [
            fingerprint(LOOSE),
            fingerprint(LOOSE, EXAM[:6000]),
            fingerprint(LOOSE.replace(", set: sets/boxes.jsonl", "")),
        ]
        assert len(set(found)) == 3
        assert fingerprint(LOOSE) == found[0]

    def test_looks_at_the_same_set_are_counted_whatever_is_dropped(self):
        frozen = Frozen()
        answers = frozen.world.inference.answers

        def forgetful(deployment, messages):
            """Each model forgets other answers: equal answers would be the same look."""
            number = messages[-1]["content"].removesuffix("?").rpartition(" ")[2]
            is_gone = (
                deployment != "base"
                and number.isdigit()
                and crc32(f"{deployment} {number}".encode()) % 5 == 0
            )
            return "I forgot." if is_gone else answers(deployment, messages)

        frozen.world.inference.answers = forgetful
        looks = [frozen.round(dataset(count)).evaluation.look.set for count in (100, 110, 120)]

        assert looks == [1, 2, 3]


def test_the_must_pass_rows_are_asked_whatever_max_examples_says():
    pipeline = LOOSE.replace(" set:", " must_pass: [2, 60], set:").replace(
        "0.5}", "0.5, evaluation: {max_examples: 10}}"
    )
    frozen = Frozen(pipeline)
    run = frozen.round(dataset(100))

    assert frozen.read(run, artifacts.prepared("evaluation")) == rows(*range(500, 509), 559)


def test_a_run_shows_its_set():
    frozen = Frozen()
    run = frozen.round(dataset(100), dataset(10))

    assert any("evaluation.set" in note for note in RunViews(frozen.world).detail(run.id).pipeline_notes)
