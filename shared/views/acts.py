"""The page before somebody does something with a run."""

from __future__ import annotations

import msgspec

from shared import evidence
from shared.core.people import Person
from shared.core.roles import Roles
from shared.core.run import Run
from shared.core.spec import Approval
from shared.pinning import Pins
from shared.ports import World
from shared.views.act_words import consequences
from shared.views.errors import ProblemPage
from shared.views.offers import NAMES, SAYS, Asker, GateForm, Offer, Offers, objection, offered, sentence
from shared.views.statuses import Badge, badge


class ActPage(msgspec.Struct, frozen=True, kw_only=True):
    """The page before an act.

    Attributes:
        run_id: of the run.
        pipeline: its name.
        dataset: name of the blob.
        status: of the run.
        title: of the page.
        offer: the act; None: it cannot be taken.
        refused: why it cannot be taken; empty if it can.
        will: what will happen, in sentences.
        gate: the gate that it is about; None for what is no vote.
        needs_words: whether it takes a reason.
        comment: the words that were typed before.
        problem: why what was sent just now was not recorded.
        is_lost: whether a form that was sent here did not arrive, since its sender had to sign in again.
    """

    run_id: str
    pipeline: str
    dataset: str
    status: Badge
    title: str
    offer: Offer | None
    refused: str
    will: tuple[str, ...]
    gate: GateForm | None
    needs_words: bool
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
        run, offers = self._load(run_id, person)
        known = [*(offers.gate.offers if offers.gate else ()), *offers.wishes]
        offer = next((offer for offer in known if offer.act == act), None)
        refused = "" if offer else self._refusal(run, act, person)
        is_said = act in SAYS
        return ActPage(
            run_id=run.id,
            pipeline=run.pipeline,
            dataset=run.dataset.name,
            status=badge(run.status),
            title=NAMES[act],
            offer=offer,
            refused=refused,
            will=consequences(run, act) if offer else (),
            gate=offers.gate if is_said else None,
            needs_words=act == "hold" or (act == "approve" and bool(offers.gate and offers.gate.needs_words)),
        )

    def offers(self, run: Run, person: Person) -> Offers:
        """What somebody may do with a run, which has only the votes that count."""
        return offered(run, self._asker(run, person))

    def _load(self, run_id: str, person: Person) -> tuple[Run, Offers]:
        stored, _ = self._world.runs.load(run_id)
        run = evidence.counted(self._world, stored)
        return run, self.offers(run, person)

    def _asker(self, run: Run, person: Person) -> Asker:
        rule = self._pins.approval(run) if run.is_finished else Approval()  # a gate has its own
        return Asker(person, self._roles, rule, self._world.clock.now())

    def _refusal(self, run: Run, act: str, person: Person) -> str:
        why = objection(run, act, self._asker(run, person))
        return sentence(why) if why else ""
