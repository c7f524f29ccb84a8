"""Whatever people say at the gates of a run, as often as they may, its row can be stored, and so the run can end."""

from datetime import timedelta

import msgspec
import pytest

from shared.adapters.table_codec import run_to_entity
from shared.core import endings, people
from shared.core.anew import begun_anew
from shared.core.decide import decide
from shared.core.errors import GateClosed, Malformed
from shared.core.holds import hold
from shared.core.observations import Evaluating
from shared.core.people import Person
from shared.core.run import Status
from tests.core.scenarios import at_spend_gate
from tests.support.builders import BETTER, NOW, a_policy, a_run

PERSONS = [Person(id=f"{n:032x}", name="\U0001f600" * 100, role="FineTune.Approver") for n in range(10)]
POLICY = a_policy("approval: {approvers: 10}\n")
#: What takes most room: each of these takes six characters in a row, two characters, four bytes, one character.
WORDS = ("\x01", '"', "\U0001f600", "a")
LONGEST = 4_000


def said(run, gate, person, what, comment):
    """The run with what somebody says, if it is taken."""
    given = {"digest": run.gates[gate].digest, "comment": comment, "now": NOW, "app_version": "0.3.0"}
    try:
        if what == "hold":
            return hold(run, gate, person, **given).run
        return people.vote(run, gate, person, decision=what, **given).run
    except (GateClosed, Malformed):
        return run


def talked_over(run, gate, char):
    for number in range(30):
        for person in PERSONS[:9]:
            run = said(run, gate, person, "hold", f"{number}{char * 990}")
            run = said(run, gate, person, "approve", char * 1000)
            run = said(run, gate, person, "withdraw", char * 1000)
    return run


@pytest.mark.parametrize("char", WORDS)
def test_all_that_people_may_say_fits_into_a_row_and_the_run_can_end(char):
    spend = talked_over(at_spend_gate(), "spend", char).gates["spend"]
    opened = decide(a_run(Status.EVALUATING), Evaluating(plan=None, summary=BETTER), NOW, POLICY).run
    run = talked_over(opened.evolve(gates=opened.gates | {"spend": spend}), "deployment", char)
    run = run.evolve(trouble=char * LONGEST)

    assert run_to_entity(run)
    assert run_to_entity(run.end(endings.GATE_EXPIRED, NOW + timedelta(days=7), char * LONGEST))


def test_who_says_nothing_can_vote_where_there_is_no_room_for_words():
    run = decide(a_run(Status.EVALUATING), Evaluating(plan=None, summary=BETTER), NOW, POLICY).run
    run = talked_over(run, "deployment", '"')
    given = {"digest": run.gates["deployment"].digest, "now": NOW, "app_version": "0.3.0"}

    with pytest.raises(Malformed, match="no room"):
        people.vote(run, "deployment", PERSONS[9], decision="reject", comment='"' * 1000, **given)
    assert people.vote(run, "deployment", PERSONS[9], decision="reject", comment="", **given).is_new


def test_what_is_told_of_many_rounds_is_bounded():
    run = decide(a_run(Status.EVALUATING), Evaluating(plan=None, summary=BETTER), NOW, POLICY).run
    for number in range(30):
        digest = f"sha256:{number:064}"
        gate = msgspec.structs.replace(run.gates["deployment"], digest=digest)
        back = begun_anew(run.evolve(gates={"deployment": gate}), "Because.", NOW)
        run = run.evolve(stale_digests=back.stale_digests).warned([f"There are {number} free places."] * 3)
    run = run.warned(f"There are {number} places." for number in range(100))

    assert list(run.stale_digests) == [f"sha256:{number:064}" for number in range(10, 30)]
    assert len(run.warnings) == 50


def test_20_questions_of_1000_ordinary_characters_fit():
    run = at_spend_gate()
    for number in range(20):
        run = said(run, "spend", PERSONS[number % 2], "hold", f"{number} " + "ä" * 990)

    assert len(run.gates["spend"].holds) == 20
    assert msgspec.json.encode(run)
