"""Runs of earlier releases have a page, whatever their stores hold of them."""

import json
from html.parser import HTMLParser

import pytest

from shared.core.people import Person, Reader
from shared.core.portal import Portal
from shared.core.roles import Roles
from shared.pages.render import Frame, render
from shared.views.run_page import RunPages
from shared.views.run_reading import CALLS_MAX
from tests.golden.record import FOLDER
from tests.golden.world import Pool, thaw

FILES = sorted(FOLDER.glob("*/runs/*.json"))
SCENES = [pytest.param(path, id=f"{path.parent.parent.name}-{path.stem}") for path in FILES]
ROLES = Roles()
PORTAL = Portal(subscription_id="", resource_group="", account="", endpoint="")


def readers():
    for role in (ROLES.reader, ROLES.operator, ROLES.approver):
        person = Person(id="oid", name="Ada", roles=frozenset({role}))
        yield Reader(person=person, data_role=ROLES.data)


@pytest.mark.parametrize("path", SCENES)
def test_every_recorded_run_is_shown_to_every_role(path):
    golden = json.loads(path.read_text())
    pool, moments = Pool(golden["texts"]), list(golden["moments"].values())
    for number, moment in enumerate(moments):
        world = thaw(moment, pool)
        stores = (
            world.runs,
            world.artifacts,
            world.pipelines,
            world.pipeline_files,
            world.index,
            world.claims,
        )
        assert world.runs.rows
        for run_id in world.runs.rows:
            everybody = list(readers())
            for reader in everybody if moment is moments[-1] else everybody[number % 3 :][:1]:
                before = sum(len(store.calls) for store in stores)
                page = RunPages(world, ROLES, PORTAL).page(run_id, reader)
                assert sum(len(store.calls) for store in stores) - before <= CALLS_MAX
            text = render("run", page, Frame(version="0.3.0", is_saved=True))
            assert run_id in text
            HTMLParser().feed(text)
