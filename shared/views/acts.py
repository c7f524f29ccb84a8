"""The page before somebody does something with a run."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from shared import evidence
from shared.core import artifacts
from shared.core.errors import FinetuneError
from shared.core.evaluation.outlook import Outlook
from shared.core.people import Person
from shared.core.roles import Roles
from shared.core.run import Run
from shared.core.spec import Approval
from shared.pinning import Pins
from shared.ports import World
from shared.views.act_words import Around, consequences
from shared.views.before import before_approving
from shared.views.errors import ProblemPage
from shared.views.offers import NAMES, SAYS, Asker, GateForm, Offer, objection, offered, sentence
from shared.views.run_ask import gain_of
from shared.views.run_reading import Reading
from shared.views.runs import decode_found
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
        around = self._around(run, act)
        before = (
            (*gain_of(run, around.spec), *before_approving(run, self._outlook(run))) if act in SAYS else ()
        )
        asker = Asker(person, self._roles, rule, self._world.clock.now(), before)
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
            will=consequences(run, act, around) if offer else (),
            gate=offers.gate if act in SAYS else None,
        )

    def _around(self, run: Run, act: str) -> Around:
        """What is known beside the run, as far as the words about an act need it; what cannot be read is not known."""
        pinned = Reading(self._world, self._pins).pinned(run)
        spec, champion, file = pinned.spec if pinned else None, None, None
        with suppress(FinetuneError):
            if act == "approve":
                champion = self._world.pipelines.champion(run.pipeline)
            if act == "rejudge":
                file = self._world.pipeline_files.read(run.pipeline)
        is_same = None if file is None or pinned is None else file == pinned.source
        return Around(spec=spec, champion=champion, is_same_file=is_same)

    def _outlook(self, run: Run) -> Outlook | None:
        if artifacts.REPORT.name not in run.known_files:
            return None
        found = Reading(self._world, self._pins).decoded(run, artifacts.REPORT, decode_found)
        return found.outlook if found else None
