"""The page before somebody does something with a run."""

from __future__ import annotations

import msgspec

from shared import evidence
from shared.core.people import Person
from shared.core.roles import Roles
from shared.core.spec import Approval
from shared.pinning import Pins
from shared.ports import World
from shared.views.act_words import consequences
from shared.views.errors import ProblemPage
from shared.views.offers import NAMES, SAYS, Asker, GateForm, Offer, objection, offered, sentence
from shared.views.statuses import Badge, badge


class ActPage(msgspec.Struct, frozen=True, kw_only=True):
    """The page before an act.

    Attributes:
        run_id: of the run.
        dataset: name of the blob.
        status: of the run.
        title: of the page.
        offer: the act; None: it cannot be taken.
        refused: why it cannot be taken; empty if it can.
        will: what will happen, in sentences.
        gate: the gate that it is about; None for what is no vote.
        comment: the words that were typed before.
        problem: why what was sent just now was not recorded.
        is_lost: whether a form that was sent here did not arrive, since its sender had to sign in again.
    """

    run_id: str
    dataset: str
    status: Badge
    title: str
    offer: Offer | None
    refused: str
    will: tuple[str, ...]
    gate: GateForm | None
    comment: str = ""
    problem: ProblemPage | None = None
    is_lost: bool = False


class ActViews:
    """Makes what people see before they act."""

    def __init__(self, world: World, roles: Roles) -> None:
        self._world = world
        self._roles = roles
        self._pins = Pins(world)

    def page(self, run_id: str, act: str, person: Person) -> ActPage:
        """The page of an act.

        Raises:
            NotFound: if there is no such run.
        """
        stored, _ = self._world.runs.load(run_id)
        run = evidence.counted(self._world, stored)
        rule = self._pins.approval(run) if run.is_finished else Approval()  # a gate has its own
        asker = Asker(person, self._roles, rule, self._world.clock.now())
        offers = offered(run, asker)
        known = [*(offers.gate.offers if offers.gate else ()), *offers.wishes]
        offer = next((offer for offer in known if offer.act == act), None)
        why = None if offer else objection(run, act, asker)
        return ActPage(
            run_id=run.id,
            dataset=run.dataset.name,
            status=badge(run.status),
            title=NAMES[act],
            offer=offer,
            refused=sentence(why) if why else "",
            will=consequences(run, act) if offer else (),
            gate=offers.gate if act in SAYS else None,
        )
