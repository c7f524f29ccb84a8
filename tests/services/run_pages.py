"""The page of a run as its tests ask for it, and the datasets that they drop."""

from shared.core.people import Person, Reader
from shared.core.portal import Portal
from shared.core.roles import Roles
from shared.views.run_page import RunPages
from tests.support.boxes import boxes
from tests.support.product import PIPELINE

ROLES = Roles()
PORTAL = Portal(
    subscription_id="856c80fd-f14e-436b-b434-fbc44a9103f7",
    resource_group="rg",
    account="account",
    endpoint="https://account.services.ai.azure.com/api/projects/project",
)
FILE = PIPELINE.replace("[{deployment: base}]", "[champion, {deployment: base}]")


def reader(role=ROLES.approver, person="oid"):
    return Reader(person=Person(id=person, name="Ada", roles=frozenset({role})), data_role=ROLES.data)


def page_of(world, run_id, who=None, **more):
    return RunPages(world, ROLES, PORTAL).page(run_id, who or reader(), **more)


def drop(product, count):
    product.world.datasets.put("boxes/training.jsonl", boxes(count, lambda number: number * 7919 % 1000))
