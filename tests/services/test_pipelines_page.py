"""The page of pipelines: what goes there is what goes on the first page; files are stored, and replaced."""

import pytest

from shared.core.status import FINISHED, GATES, Status
from shared.views.pipeline_page import PipelineViews, Storage
from tests.support.builders import a_run
from tests.twins.world import TwinWorld


def world_with(*statuses):
    world = TwinWorld()
    world.pipeline_files.put("summaries.yaml", "model: gpt-4.1-2025-04-14\n")
    for number, status in enumerate(statuses):
        run = a_run(status).evolve(id=f"{number:020x}")
        world.runs.insert(run, [])
        world.index.project(run, is_settled=False)
    return world


@pytest.mark.parametrize("status", Status)
def test_what_has_ended_and_is_cleared_up_after_does_not_go(status):
    [row] = PipelineViews(world_with(status), Storage(datasets=None, pipelines=None)).listing().rows
    is_waiting = status in GATES.values()

    assert row.waiting == is_waiting
    assert row.going == (status not in FINISHED and not is_waiting)


@pytest.mark.parametrize("account", [None, "an-account"])
def test_a_file_is_replaced_by_whoever_says_so_and_stored_where_there_is_none(account):
    views = PipelineViews(world_with(Status.TRAINING), Storage(datasets=account, pipelines=account))
    listing, page = views.listing(), views.page("summaries")

    assert "--overwrite" not in listing.drop
    assert listing.replace.endswith("--overwrite")
    assert page.put.endswith("--overwrite")
    assert "summaries.yaml" in page.put
