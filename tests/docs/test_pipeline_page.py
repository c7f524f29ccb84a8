"""The page about pipeline files says what the parser does: its defaults, its words, its examples."""

import re
from pathlib import Path

import pytest

from shared.core.evaluation.graders import OPERATIONS
from shared.core.evaluation.similarity import METRICS
from shared.core.models import TRAINING_TYPES
from shared.core.pipeline.deploying import SKUS
from shared.core.pipeline.file import parse_pipeline
from shared.core.pipeline.job import _ALLOWED
from shared.core.pipeline.reference import keys_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pipeline-file.md").read_text()
DEFAULTS = {key.path: key.default[1:-1] for key in keys_of() if re.fullmatch(r"`[^`]+`", key.default)}
EXAMPLES = [
    (name, text)
    for name in ("README.md", "docs/pipeline-file.md")
    for text in re.findall(r"^```yaml\n(.+?)^```", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize("key", sorted(DEFAULTS))
def test_writing_a_default_down_changes_nothing(key: str) -> None:
    path = key.split(".")
    written = "model: gpt-4.1\n"
    for depth, part in enumerate(path):
        written += "  " * depth + part + ":" + (f" {DEFAULTS[key]}" if depth == len(path) - 1 else "\n")
    if key == "method.type":
        written += f"\n  {DEFAULTS[key]}: {{hyperparameters: {{n_epochs: auto}}}}"

    assert parse_pipeline(written, name="x").spec == parse_pipeline("model: gpt-4.1\n", name="x").spec


def test_the_defaults_that_the_page_states_are_many() -> None:
    assert len(DEFAULTS) >= 20


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_examples_are_pipeline_files(name: str, text: str) -> None:
    del name
    assert not parse_pipeline(text, name="x").notes


def test_both_pages_have_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == {"README.md", "docs/pipeline-file.md"}


@pytest.mark.parametrize(
    "word",
    sorted({name for names in _ALLOWED.values() for name in names} | {*TRAINING_TYPES, *SKUS, *OPERATIONS}),
)
def test_the_words_that_a_file_may_use_are_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_the_metrics_are_on_the_page() -> None:
    listed = re.search(r"`text_similarity` \((.+?)\)", PAGE)
    assert listed
    text = listed[1].replace("`rouge_1`..`rouge_5`", ", ".join(f"`rouge_{n}`" for n in range(1, 6)))
    assert set(re.findall(r"`(\w+)`", text)) == set(METRICS)
