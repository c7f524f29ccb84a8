"""While a site rolls over to a release with another row format, instances of both work side by side.

The newer one reads both formats.  The older one refuses rows of the newer and leaves alone what belongs to them; what it meets is
played here by this release, with rows of the schema after its own.
"""

import msgspec
import pytest

from shared.adapters import table_codec as codec
from shared.core.errors import Refused
from shared.core.people import Person
from shared.core.run import SCHEMA, Gate, GateDecision, Status
from shared.intake import Intake
from shared.people import People
from shared.version import VERSION
from tests.golden.world import RowStore
from tests.support.builders import NOW, SECOND, a_run
from tests.support.product import Product, dataset
from tests.twins.world import TwinWorld

ADA = Person(id="ada", name="Ada")
VOTE = GateDecision(person="ada", name="Ada", decision="approve", digest="sha256:d", comment="", at=NOW)
SPEND = Gate(name="spend", digest="sha256:s", reason="r", opened_at=NOW, approve_by=NOW, approvals_needed=1)
DEPLOYMENT = Gate(
    name="deployment",
    digest="sha256:d",
    reason="r",
    opened_at=NOW,
    approve_by=NOW + SECOND,
    approvals_needed=2,
    decisions=(VOTE,),
)


def schema_1(run):
    """The row of a run as 0.1.0 wrote it."""
    state = msgspec.to_builtins(run)
    gates = state.pop("gates")
    state |= {"schema": 1, "spend_gate": gates.get("spend"), "deployment_gate": gates.get("deployment")}
    del state["app_version"]
    for gate in gates.values():
        for vote in gate["decisions"]:
            del vote["app_version"]
    return codec.run_to_entity(run) | {"Schema": 1, "State0": msgspec.json.encode(state).decode()}


@pytest.mark.parametrize("gates", [(), (SPEND,), (DEPLOYMENT,), (SPEND, DEPLOYMENT)])
def test_a_row_with_a_field_for_each_gate_is_read_with_its_gates_by_name(gates):
    run = a_run(Status.AWAITING_APPROVAL, gates={gate.name: gate for gate in gates})

    assert codec.run_from_entity(schema_1(run)) == run
    assert (run.schema, codec.run_to_entity(run)["Schema"]) == (SCHEMA, SCHEMA)


def test_a_run_in_a_status_that_a_newer_release_added_is_refused_too():
    row = codec.run_to_entity(a_run(Status.STAGING))
    newer = row | {"Status": "warming", "State0": row["State0"].replace('"staging"', '"warming"')}

    with pytest.raises(Refused, match=r"newer release .*status warming"):
        codec.run_from_entity(newer)


def test_a_row_that_is_only_read_stays_as_it_is():
    """An older instance can still read it, as long as there is nothing to write."""
    world = TwinWorld(runs=RowStore())
    product = Product(world=world)
    run = a_run(Status.AWAITING_APPROVAL, gates={"deployment": DEPLOYMENT}, due_at=NOW + SECOND)
    world.clock.set(NOW)
    world.runs.rows[run.id] = (schema_1(run), 1)
    product.reconciler.advance(run.id)
    assert world.runs.rows[run.id] == (schema_1(run), 1)

    People(world).cancel(run.id, ADA)
    row, version = world.runs.rows[run.id]
    assert (row["Schema"], row["AppVersion"], version) == (SCHEMA, VERSION, 2)


def moved_by_a_newer_release(product, run_id):
    """Its row, as a newer release stored it."""
    run, version = product.world.runs.load(run_id)
    row = (msgspec.json.encode(run.evolve(schema=SCHEMA + 1)), int(version))
    product.world.runs._rows[run_id] = row
    return row


def take_back(product, run_id):
    """The newer release has it again, and is this one."""
    raw, version = product.world.runs._rows[run_id]
    row = raw.replace(f'"schema":{SCHEMA + 1}'.encode(), f'"schema":{SCHEMA}'.encode())
    product.world.runs._rows[run_id] = (row, version)


@pytest.fixture
def product():
    made = Product()
    made.world.datasets.put("boxes/training.jsonl", dataset())
    return made


@pytest.mark.parametrize("status", [Status.TRAINING, Status.AWAITING_APPROVAL, Status.DEPLOYED])
def test_an_older_instance_leaves_a_newer_row_and_what_belongs_to_it_alone(product, status):
    product.world.trainer.is_stepping = status is not Status.TRAINING
    if status is Status.DEPLOYED:
        product.approve(product.until(Status.AWAITING_APPROVAL))
    run, world = product.until(status), product.world
    row = moved_by_a_newer_release(product, run.id)
    holders, active = dict(world.claims._holders), dict(world.index._active)
    calls = (len(world.trainer.bodies), sorted(world.deployer.names), sorted(world.files._files))

    for _ in range(3):
        product.world.clock.advance(3600)
        for run_id in product.poller.tick():
            with pytest.raises(Refused, match="newer release"):
                product.reconciler.advance(run_id)
    Intake(world).accept(run.dataset)
    people = People(world)
    for wish in (
        lambda: people.cancel(run.id, ADA),
        lambda: people.retry(run.id, ADA),
        lambda: product.approve(run) if run.gates else people.cancel(run.id, ADA),
    ):
        with pytest.raises(Refused):
            wish()

    assert world.runs._rows[run.id] == row
    assert world.claims._holders == holders
    assert world.index._active == active
    assert calls == (len(world.trainer.bodies), sorted(world.deployer.names), sorted(world.files._files))


def test_the_same_work_waits_for_a_run_that_a_newer_release_moved_and_is_not_paid_for(product):
    product.world.trainer.is_stepping = False
    first = product.until(Status.TRAINING)
    moved_by_a_newer_release(product, first.id)
    second = Intake(product.world).accept(product.world.datasets.put("boxes/again.jsonl", dataset()))
    for _ in range(5):
        product.world.clock.advance(600)
        for run_id in product.poller.tick():
            if run_id == second:
                product.reconciler.advance(run_id)
    waiting = product.world.runs.load(second)[0]

    assert (waiting.status, waiting.trouble_code) == (Status.VALIDATING, "refused")
    assert len(product.world.trainer.bodies) == 1

    take_back(product, first.id)
    product.until(Status.DUPLICATE)
    assert len(product.world.trainer.bodies) == 1


def test_a_settled_run_of_a_newer_release_does_not_hide_the_datasets_whose_events_were_lost(product):
    product.world.datasets.remove("boxes/training.jsonl")
    run_id = Intake(product.world).accept(product.world.datasets.put("boxes/a.jsonl", b"{}"))
    moved_by_a_newer_release(product, run_id)
    product.world.index._active.clear()  # settled: nobody looks at it again
    product.world.datasets.put("boxes/b.jsonl", dataset())

    (found,) = product.poller.tick()
    assert product.world.runs.load(found)[0].dataset.name == "boxes/b.jsonl"


def test_a_run_says_which_version_moved_it_and_who_decided_with_which(product):
    run = product.until(Status.AWAITING_APPROVAL)
    product.approve(run)
    run = product.until(Status.DEPLOYED)

    assert run.app_version == VERSION
    assert [vote.app_version for vote in run.gates["deployment"].decisions] == [VERSION]
    history = product.world.runs.history(run.id)
    assert {event.app_version for event in history} == {VERSION}
    assert any(event.kind == "decision" for event in history)
