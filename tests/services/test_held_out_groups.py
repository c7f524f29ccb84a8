"""Which held-out examples belong together is stored when a dataset is prepared, and read when answers are compared."""

import json

import pytest

from shared.core import artifacts
from shared.core.errors import ArtifactGone
from shared.core.run import Status
from shared.evaluating import item_groups
from shared.run_folder import RunFolder
from tests.support.product import PIPELINE, Product, dataset
from tests.twins.world import TwinWorld

REPEATED = b"".join(line * 2 for line in dataset(5).splitlines(keepends=True))
BAD = b'{"messages": [{"role": "user", "content": "No answer"}]}\n'


def prepared(pipeline="", evaluation=None, training=None):
    """The lines and the groups that a run holds out, and the run's folder."""
    product = Product()
    product.world.pipeline_files.put("boxes.yaml", PIPELINE + pipeline)
    if evaluation is not None:
        product.world.datasets.put("boxes/evaluation.jsonl", evaluation)
    product.world.datasets.put("boxes/training.jsonl", training or dataset(60))
    run = product.until(Status.AWAITING_APPROVAL, Status.INVALID)
    folder = RunFolder(product.world.artifacts, run.id)
    lines = folder.read(artifacts.prepared("evaluation"))
    groups = folder.read(artifacts.EVALUATION_GROUPS)
    return lines and lines.splitlines(), groups and json.loads(groups), run


@pytest.fixture
def folder():
    return RunFolder(TwinWorld().artifacts, "r")


@pytest.mark.parametrize(
    ("pipeline", "groups"),
    [("", [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]), ("dataset: {evaluation: {max_examples: 5}}\n", [0, 0, 1, 1, 2])],
)
def test_each_line_of_an_evaluation_file_that_is_kept_has_its_group(pipeline, groups):
    lines, found, _ = prepared(pipeline, evaluation=REPEATED)

    assert lines == REPEATED.splitlines()[: len(groups)]
    assert found == groups


def test_rows_that_are_put_aside_shift_no_group():
    quarantine = "dataset: {on_issue: quarantine, quarantine_max_share: 0.5}\n"
    lines, found, _ = prepared(quarantine, evaluation=BAD + REPEATED + BAD)

    assert lines == REPEATED.splitlines()
    assert found == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_each_line_that_the_split_holds_out_has_its_group():
    pairs = b"".join(line * 2 for line in dataset(60).splitlines(keepends=True))
    lines, found, _ = prepared(training=pairs)

    assert len(lines) == 12
    assert found == [list(dict.fromkeys(lines)).index(line) for line in lines]
    assert max(found) == 5


def test_where_nothing_is_held_out_there_are_no_groups():
    assert prepared("dataset: {evaluation: {split: 0}}\n")[:2] == (None, None)


def test_a_dataset_with_errors_has_no_groups():
    lines, found, run = prepared(training=dataset(60) + BAD)

    assert (run.status, lines, found) == (Status.INVALID, None, None)


def test_the_groups_are_no_file_that_is_sent():
    assert set(prepared()[2].summary.files) == {"training", "validation", "evaluation"}


def test_stored_groups_are_read(folder):
    folder.write(artifacts.EVALUATION_GROUPS, b"[0,0,1]\n")

    assert item_groups(folder, 3) == [0, 0, 1]


def test_each_example_of_a_run_of_an_older_release_stands_alone(folder):
    assert item_groups(folder, 3) == [0, 1, 2]
    assert item_groups(folder, 0) == []


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (b"[0,0]", "has 2 numbers for 3 held-out examples"),
        (b"[0,0,1,1]", "has 4 numbers for 3 held-out examples"),
        (b"[0,0,", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b'["a","b","c"]', "cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_groups_that_are_not_those_of_the_examples_are_not_guessed(folder, stored, words):
    folder.write(artifacts.EVALUATION_GROUPS, stored)

    with pytest.raises(ArtifactGone, match=words) as caught:
        item_groups(folder, 3)

    assert "prepared/evaluation.groups.json" in caught.value.message
