"""Names of evidence: stored and served, so none may change from release to release."""

import pytest

from shared.core import artifacts
from shared.core.artifacts import Artifact

NAMES = {
    "pinned.json": "application/json",
    "report.json": "application/json",
    "report.md": "text/markdown; charset=utf-8",
    "validation.json": "application/json",
    "prepared/evaluation.groups.json": "application/json",
    "prepared/evaluation.keys": "application/octet-stream",
    "prepared/evaluation.trained.json": "application/json",
    "prepared/evaluation.must_pass.json": "application/json",
    "prepared/training.keys": "application/octet-stream",
    "training/events.json": "application/json",
    "training/checkpoints.json": "application/json",
    "training/job.json": "application/json",
    "evaluation/plan.json": "application/json",
    "evaluation/comparison.json": "application/json",
    "evaluation/comparison.md": "text/markdown; charset=utf-8",
    "evaluation/comparison.csv": "text/csv; charset=utf-8",
    "evaluation/comparison.svg": "image/svg+xml",
    "evaluation/scores.jsonl": "application/jsonl",
    "evaluation/rule.json": "application/json",
    "evaluation/summary.json": "application/json",
    "deployment/smoke.json": "application/json",
}


def test_names_and_content_types_are_as_they_always_were():
    found = [value for value in vars(artifacts).values() if isinstance(value, Artifact)]

    assert {artifact.name: artifact.content_type for artifact in found} == NAMES
    assert len(found) == len(NAMES)


@pytest.mark.parametrize(
    ("make", "given", "name", "content_type"),
    [
        (artifacts.prepared, ("training",), "prepared/training.jsonl", "application/jsonl"),
        (artifacts.repairs, ("training",), "repairs/training.jsonl", "application/jsonl"),
        (artifacts.quarantine, ("validation",), "quarantine/validation.jsonl", "application/jsonl"),
        (
            artifacts.quarantine_reasons,
            ("validation",),
            "quarantine/validation.reasons.jsonl",
            "application/jsonl",
        ),
        (artifacts.training_results, (0,), "training/results.csv", "text/csv"),
        (artifacts.training_results, (2,), "training/results-2.csv", "text/csv"),
        (artifacts.answers, ("baseline-1", 7), "evaluation/answers/baseline-1-0007.json", "application/json"),
        (
            artifacts.answers,
            ("candidate", 0, 2),
            "evaluation/answers-2/candidate-0000.json",
            "application/json",
        ),
        (artifacts.pinned_again, ("sha256:ab",), "pinned/ab.json", "application/json"),
    ],
)
def test_what_there_is_several_of_is_numbered(make, given, name, content_type):
    assert make(*given) == Artifact(name, content_type)


def test_answers_are_found_again_by_their_names():
    assert artifacts.chunk_of(artifacts.answers("baseline-1", 12).name) == ("baseline-1", 12)
    assert artifacts.chunk_of(artifacts.answers("baseline-1", 12, 3).name) == ("baseline-1", 12)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("report.json", "application/json"),
        ("report.md", "text/markdown; charset=utf-8"),
        ("training/results.csv", "text/csv; charset=utf-8"),
        ("evaluation/comparison.svg", "image/svg+xml"),
        ("repairs/training.jsonl", "application/jsonl"),
        ("training/model.bin", "application/octet-stream"),
    ],
)
def test_what_is_served_has_the_type_of_its_suffix(name, content_type):
    assert artifacts.served_type(name) == content_type


def test_copies_of_the_dataset_are_not_served():
    assert not artifacts.is_served(artifacts.prepared("training").name)
    assert not artifacts.is_served(artifacts.EVALUATION_GROUPS.name)
    assert not artifacts.is_served(artifacts.TRAINING_KEYS.name)
    assert artifacts.is_served("report.json")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("evaluation/scores.jsonl", Artifact("evaluation/superseded-2/scores.jsonl", "application/jsonl")),
        (
            "evaluation/comparison.md",
            Artifact("evaluation/superseded-2/comparison.md", "text/markdown; charset=utf-8"),
        ),
        ("evaluation/answers/candidate-0000.json", None),
        ("evaluation/answers-3/candidate-0000.json", None),
        ("evaluation/superseded-1/summary.json", None),
    ],
)
def test_an_evaluation_that_is_begun_anew_keeps_its_evidence_and_not_its_answers(name, kept):
    assert artifacts.superseded(name, 2) == kept


@pytest.mark.parametrize(
    ("name", "holds", "made"),
    [
        ("pinned.json", False, False),
        ("pinned/0a1b2c.json", False, False),
        ("validation.json", False, False),
        ("report.json", True, True),
        ("report.md", True, True),
        ("training/results.csv", False, False),
        ("training/results-12.csv", False, False),
        ("training/results-12.csv.jsonl", True, False),
        ("evaluation/plan.json", False, False),
        ("evaluation/scores.jsonl", False, False),
        ("evaluation/comparison.svg", False, False),
        ("evaluation/comparison.md", True, True),
        ("evaluation/comparison.json", True, True),
        ("evaluation/comparison.csv", True, False),
        ("evaluation/superseded-12/comparison.md", True, True),
        ("evaluation/superseded-12/comparison.csv", True, False),
        ("evaluation/superseded-12/scores.jsonl", False, False),
        ("evaluation/superseded-1/superseded-2/scores.jsonl", True, False),
        ("evaluation/answers/candidate-0000.json", True, False),
        ("evaluation/answers-1/candidate-0000.json", True, False),
        ("repairs/training.jsonl", True, False),
        ("quarantine/training.reasons.jsonl", True, False),
        ("deployment/smoke.json", False, False),
        ("of-a-later-release.json", True, False),
    ],
)
def test_what_holds_rows_is_known_by_name_and_unknown_names_do(name, holds, made):
    assert (artifacts.holds_rows(name), artifacts.is_shown_without_rows(name)) == (holds, made)
