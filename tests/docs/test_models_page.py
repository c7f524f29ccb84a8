"""docs/models.md recommends what the app takes, and the stand-in retires models on the days that the page names."""

import re
from datetime import date
from pathlib import Path

import pytest

from local.foundry.common.offer import DOCUMENTED
from shared.core.models import FAMILIES, model_family
from shared.core.pipeline.file import PipelineFileError, parse_pipeline
from shared.core.retirements import RETIREMENTS, SOURCE

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
CHOOSING = PAGE.partition("## What to choose")[2].partition("\n## ")[0]
CHOSEN = sorted({name for name in re.findall(r"`([\w.-]+)`", CHOOSING) if model_family(name)})


def notes_of(model):
    method = "reinforcement" if model.startswith(("o4", "gpt-5")) else "supervised"
    grader = """
    grader: {type: string_check, name: g, operation: eq, input: "{{sample.output_text}}", reference: "{{item.x}}"}"""
    text = f"model: {model}\nmethod:\n  type: {method}\n  {method}:\n    hyperparameters: {{n_epochs: 3}}"
    return parse_pipeline(text + (grader if method == "reinforcement" else "") + "\n", name="p").notes


@pytest.mark.parametrize("model", CHOSEN)
def test_what_is_recommended_is_taken_and_documented(model):
    assert [note.message for note in notes_of(model) if "token counts" not in note.message] == []


def test_several_kinds_of_models_are_recommended():
    assert {model_family(model) for model in CHOSEN} >= {
        "gpt-4.1",
        "gpt-4.1-mini",
        "Qwen3-32B",
        "gpt-oss-20b",
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_that_the_page_calls_deployable_nowhere_is_refused_and_no_other(name):
    (row,) = re.findall(rf"^\| {re.escape(name)} \| [SDR].*$", PAGE, re.MULTILINE)

    if "**nowhere**" in row:
        with pytest.raises(PipelineFileError, match="no serverless deployment"):
            parse_pipeline(f"model: {name}\n", name="p")
        assert name not in CHOOSING
    else:
        assert FAMILIES[name].deployment_skus


def test_dates_are_days_and_what_is_tuned_is_served_longest():
    assert RETIREMENTS.keys() <= FAMILIES.keys()
    assert all(part in PAGE for part in SOURCE.split(", as of "))
    for known in RETIREMENTS.values():
        days = [date.fromisoformat(day) for day in (known.base, known.training, known.tuned) if day]
        assert not known.tuned or max(days) == date.fromisoformat(known.tuned)
        assert days or known.note


def test_the_stand_in_retires_models_on_the_same_days():
    ours = {
        name: {phase: day for phase in ("base", "training", "tuned") if (day := getattr(known, phase))}
        for name, known in RETIREMENTS.items()
    }
    theirs = {
        name: {phase: day.isoformat() for phase, day in days.items()} for name, days in DOCUMENTED.items()
    }
    assert {name: days for name, days in ours.items() if days} == theirs
