"""The samples are what the generator makes, and do what their README says."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.core.dataset.options import Options, Role
from shared.core.dataset.validate import validate
from shared.core.pipeline.file import parse_pipeline
from shared.core.spec import DatasetSpec

SAMPLES = Path(__file__).parents[2] / "samples"


def totals_of(name: str, dataset: DatasetSpec) -> dict[str, int]:
    data = (SAMPLES / "datasets" / name).read_bytes()
    return validate({Role.TRAINING: (name, [data])}, Options(dataset=dataset)).report.totals


@pytest.mark.parametrize("path", sorted((SAMPLES / "pipelines").glob("*.yaml")), ids=lambda path: path.stem)
def test_sample_pipelines_are_read_without_a_note(path):
    assert parse_pipeline(path.read_text(), name=path.stem).notes == ()


def test_the_committed_datasets_are_what_the_generator_makes():
    done = subprocess.run(
        [sys.executable, SAMPLES / "generate.py", "--check"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_summarization_sample_passes_without_a_finding_and_fits_its_pipeline():
    spec = parse_pipeline((SAMPLES / "pipelines" / "pubmed-summarization.yaml").read_text(), name="p").spec

    assert totals_of("pubmed-summarization/training.jsonl", spec.dataset) == {}
    assert (SAMPLES / "datasets/pubmed-summarization/training.jsonl").stat().st_size < 1_000_000


def test_the_broken_samples_are_broken_in_one_way_each():
    assert totals_of("broken/broken-line.jsonl", DatasetSpec()) == {"DS011": 1}
    assert totals_of("broken/nine-examples.jsonl", DatasetSpec()) == {"DS006": 1}
