"""The samples are what the generator makes, and do what their README says."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.core.dataset.options import Options, Role
from shared.core.dataset.validate import validate
from shared.core.models import model_family
from shared.core.pipeline.file import parse_pipeline
from shared.core.spec import DatasetSpec

SAMPLES = Path(__file__).parents[2] / "samples"


def totals_of(name: str, dataset: DatasetSpec, model: str | None = None) -> dict[str, int]:
    data = (SAMPLES / "datasets" / name).read_bytes()
    return validate({Role.TRAINING: (name, [data])}, Options(dataset=dataset, model=model)).report.totals


PIPELINES = sorted((SAMPLES / "pipelines").glob("*.yaml"))
#: Pipelines whose model has a vocabulary that nothing here counts: the one note that they get.
APPROXIMATE = {"orders"}


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_sample_pipelines_are_read_without_a_note_but_that_a_count_is_not_exact(path):
    notes = parse_pipeline(path.read_text(), name=path.stem).notes

    assert [note.message.partition(":")[0] for note in notes] == (
        ["token counts are approximate"] if path.stem in APPROXIMATE else []
    )


def test_there_is_a_sample_for_each_kind_of_model_that_has_a_future():
    """Those of OpenAI's that most people tune, and the open ones that Azure serves longer."""
    models = {parse_pipeline(path.read_text(), name=path.stem).spec.model for path in PIPELINES}

    assert {model_family(model) for model in models} == {
        "gpt-4.1",
        "gpt-4.1-mini",
        "Qwen3-32B",
        "gpt-oss-20b",
    }


@pytest.mark.parametrize("name", ["orders", "help-desk"])
def test_the_samples_for_open_models_have_no_errors_and_fit_their_pipelines(name):
    """Rows that are made from a template are alike, which DS106 says of the datasets."""
    spec = parse_pipeline((SAMPLES / "pipelines" / f"{name}.yaml").read_text(), name=name).spec
    path = SAMPLES / "datasets" / name / "training.jsonl"

    assert totals_of(f"{name}/training.jsonl", spec.dataset, spec.model) == {"DS106": 1}
    assert path.stat().st_size < 100_000


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
