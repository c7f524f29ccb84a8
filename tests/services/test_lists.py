"""Lists page by page: nothing is left out, nothing comes twice, and no page asks storage more than ten times."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.core.errors import NotFound
from shared.core.history import Event, events_between
from shared.core.people import Person, cancel, rejudge, retry, vote
from shared.core.run import SCHEMA, Failure, Judging, Status
from shared.core.spec import Approval
from shared.views.asked import Period
from shared.views.decisions_page import DecisionViews
from shared.views.lists import CALLS_MAX, ListViews
from tests.core.scenarios import at_deployment_gate, at_spend_gate
from tests.support.builders import NOW, a_run
from tests.twins.world import TwinWorld

MINUTE = timedelta(minutes=1)
DIGEST = "sha256:" + "1" * 64
PORTS = ("runs", "index", "pipelines", "pipeline_files")


class Counting:
    """A port that counts how often it is asked."""

    def __init__(self, port, calls):
        self._port, self._calls = port, calls

    def __getattr__(self, name):
        self._calls.append(name)
        return getattr(self._port, name)


class CountingWorld:
    """Twins of which the calls of one page are counted."""

    def __init__(self):
        self.twins, self.calls = TwinWorld(), []

    def __getattr__(self, name):
        port = getattr(self.twins, name)
        return Counting(port, self.calls) if name in PORTS else port


@pytest.fixture
def world():
    return CountingWorld()


def all_of(world, ask, limit=100, **given):
    """Every row, page by page; and how many each page had."""
    found, after, sizes = [], None, []
    while True:
        world.calls.clear()
        page = ask(limit=limit, after=after, **given)
        assert len(world.calls) <= CALLS_MAX, world.calls
        rows = getattr(page, page.__struct_fields__[-2])
        assert len(rows) <= limit
        found += rows
        sizes.append(len(rows))
        if page.next is None:
            return found, sizes
        after = page.next


def put(world, run):
    events = events_between(None, run)
    world.twins.runs.insert(*events)
    world.twins.index.project(events[0], is_settled=False)
    return events[0]


def said(world, run, *choices, at=NOW, gate="deployment", role="FineTune.Approver"):
    """Decisions of different persons, a minute apart."""
    for number, decision in enumerate(choices):
        stored, version = world.twins.runs.load(run.id)
        now = at + number * MINUTE
        person = Person(id=f"oid-{number}", name=f"P {number} on it", role=role)
        ruling = vote(
            stored,
            gate,
            person,
            decision=decision,
            digest=stored.gates[gate].digest,
            comment=f"{decision}: {number}",
            now=now,
            app_version="0.3.0",
        )
        after, events = events_between(stored, ruling.run.evolve(updated_at=now, app_version="0.3.0"))
        world.twins.runs.replace(after, version, events)
        world.twins.index.project(after, is_settled=False)


def named(number, run, **changes):
    return run.evolve(id=f"{number:020x}", **changes)


def test_pipelines_come_by_name_with_their_champions(world):
    for number in range(21):
        world.twins.pipeline_files.put(f"p{number:02d}.yaml", "")
    found, sizes = all_of(world, ListViews(world).pipelines)

    assert [row.name for row in found] == [f"p{number:02d}" for number in range(21)]
    assert sizes == [9, 9, 3]
    assert all_of(world, ListViews(world).pipelines, limit=5)[1] == [5, 5, 5, 5, 1]


def test_what_waits_longest_comes_first_and_what_waits_for_machines_not_at_all(world):
    for number, make in enumerate([at_spend_gate, at_deployment_gate] * 5):
        put(world, msgspec.structs.replace(named(number, make()), status_since=NOW - number * MINUTE))
    put(world, named(99, a_run(Status.TRAINING)))
    found, sizes = all_of(world, ListViews(world).waiting)

    assert [row.id for row in found] == [f"{number:020x}" for number in reversed(range(10))]
    assert {row.gate.name for row in found} == {"spend", "deployment"}
    assert sizes == [8, 2], "a run about which nobody said anything takes one call"


def test_who_has_voted_is_said_and_votes_without_a_line_do_not_count(world):
    run = put(world, named(1, at_deployment_gate()))
    said(world, run, "approve")
    (row,) = ListViews(world).waiting(10, None).waiting

    assert (row.gate.approvals, row.gate.approvals_needed) == (1, 2)
    assert [(v.name, v.role) for v in row.gate.decisions] == [("P 0 on it", "FineTune.Approver")]
    assert row.links["gate"] == f"/api/runs/{run.id}/gates/deployment"
    stored, version = world.twins.runs.load(run.id)
    forged = msgspec.structs.replace(stored.gates["deployment"].decisions[0], person="oid-9", name="Eve")
    gate = msgspec.structs.replace(stored.gates["deployment"], decisions=(forged,))
    world.twins.runs.replace(stored.evolve(gates={"deployment": gate}), version, [])
    (row,) = ListViews(world).waiting(10, None).waiting
    assert (row.gate.approvals, row.gate.decisions) == (0, ())


def test_what_went_on_meanwhile_or_is_of_a_newer_release_waits_for_nobody_here(world):
    run = put(world, named(1, at_deployment_gate()))
    newer = put(world, named(2, at_deployment_gate()))
    for stored, changed in (
        (run, run.move(Status.REJECTED, NOW)),
        (newer, newer.evolve(schema=SCHEMA + 1)),
    ):
        world.twins.runs.replace(changed, world.twins.runs.load(stored.id)[1], [])

    assert all_of(world, ListViews(world).waiting) == ([], [0])


def test_a_history_comes_in_parts_of_all_kinds_or_of_one(world):
    run = put(world, named(1, a_run(Status.TRAINING)))
    events = [
        Event(sequence=number, at=NOW, kind="job" if number % 3 else "note", detail=str(number))
        for number in range(2, 122)
    ]
    world.twins.runs.replace(run.evolve(revision=121), world.twins.runs.load(run.id)[1], events)

    def ask(limit, after, kinds=()):
        return ListViews(world).history(run.id, kinds, limit, int(after or 0))

    found, sizes = all_of(world, ask, limit=50)
    assert [row.sequence for row in found] == list(range(1, 122))
    assert sizes == [50, 50, 21]
    notes, _ = all_of(world, ask, limit=7, kinds=("note",))
    assert [row.sequence for row in notes] == list(range(3, 122, 3))
    with pytest.raises(NotFound):
        ListViews(world).history("f" * 20, (), 50, None)
    assert ask(50, 121).history == ()


def decisions(world, since=None, until=None, limit=100):
    views = ListViews(world)
    found, sizes = all_of(
        world, lambda limit, after: views.decisions(Period(since, until), limit, after), limit
    )
    return [(int(row.run, 16), row.decision) for row in found], sizes, found


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_every_decision_comes_once_newest_run_first(world, limit):
    for number in range(12):
        run = put(
            world,
            msgspec.structs.replace(named(number, at_deployment_gate()), created_at=NOW + number * MINUTE),
        )
        if number % 2:
            said(world, run, "approve", "reject")
    wanted = [(number, what) for number in (11, 9, 7, 5, 3, 1) for what in ("approve", "reject")]
    found, sizes, _ = decisions(world, limit=limit)

    assert found == wanted
    assert max(sizes) <= limit
    assert limit == 1 or len(sizes) < len(wanted) + 6


def test_a_decision_says_who_in_which_role_on_what_and_why(world):
    run = put(world, named(1, at_deployment_gate()))
    said(world, run, "approve")
    ((row,), _) = all_of(world, lambda limit, after: ListViews(world).decisions(Period(), limit, after))

    assert msgspec.to_builtins(row) == {
        "at": "2026-11-23T10:00:00.000Z",
        "run": run.id,
        "pipeline": "summaries",
        "dataset": "summaries/a/training.jsonl",
        "gate": "deployment",
        "decision": "approve",
        "digest": run.gates["deployment"].digest,
        "evaluation": run.evaluation.digest,
        "person": "oid-0",
        "name": "P 0 on it",
        "role": "FineTune.Approver",
        "comment": "approve: 0",
        "app_version": "0.3.0",
        "pipeline_file": run.spec_digest,
    }


def asked(world, run, change, at):
    """A wish of Ada, stored as the app stores it."""
    stored, version = world.twins.runs.load(run.id)
    after, events = events_between(stored, change(stored).evolve(updated_at=at, app_version="0.3.0"))
    world.twins.runs.replace(after, version, events)
    world.twins.index.project(after, is_settled=after.is_finished)
    return after


ADA = Person(id="oid-ada", name="Ada: asked by Eve", role="FineTune.Operator")
FAILURE = Failure(step=Status.TRAINING, code="x", message="m", remedy="r", can_retry=True)


def wished(world):
    """A run that was cancelled, failed, was tried again and judged again."""
    run = put(world, named(1, a_run(Status.TRAINING)))
    asked(world, run, lambda stored: cancel(stored, ADA, NOW, "too dear"), NOW)
    asked(world, run, lambda stored: stored.move(Status.FAILED, NOW, failure=FAILURE), NOW)
    asked(world, run, lambda stored: retry(stored, ADA, Approval(), NOW + MINUTE, "once more"), NOW + MINUTE)
    judging = Judging(
        pin=DIGEST, changed=("evaluation.graders",), person=ADA.id, name=ADA.name, at=NOW + 2 * MINUTE,
        comment="another grader", role=ADA.role,
    )  # fmt: skip
    ended = msgspec.structs.replace(named(1, at_deployment_gate()), status=Status.NOT_PROMOTED)
    stored, version = world.twins.runs.load(run.id)
    world.twins.runs.replace(msgspec.structs.replace(ended, revision=stored.revision), version, [])
    at = NOW + 2 * MINUTE
    asked(world, run, lambda stored: rejudge(stored, judging, at, is_answered=True), at)
    return run


def test_a_cancel_a_retry_and_another_judgement_are_decisions_with_their_reasons(world):
    wished(world)
    _, _, rows = decisions(world)

    assert [(row.decision, row.comment) for row in rows] == [
        ("cancel", "too dear"),
        ("retry", "once more"),
        ("rejudge", "another grader"),
    ]
    for row in rows:
        assert (row.person, row.name, row.role) == (ADA.id, ADA.name, ADA.role)
        assert (row.gate, row.digest, row.evaluation) == (None, None, None)
    assert [row.decision for row in decisions(world, NOW + MINUTE)[2]] == ["retry", "rejudge"]


def test_those_that_older_releases_recorded_have_no_reason_and_are_there_all_the_same(world):
    run = wished(world)
    lines = world.twins.runs._events[run.id]
    for number, line in lines.items():
        lines[number] = msgspec.structs.replace(line, person="", role="", comment=None)
    _, _, rows = decisions(world)

    assert [(row.decision, row.name, row.comment) for row in rows] == [
        ("cancel", ADA.name, None),
        ("retry", ADA.name, None),
        ("rejudge", ADA.name, None),
    ]
    assert rows[-1].person == ADA.id, "the run knows who asked last"


def test_the_name_of_a_file_decides_nothing(world):
    run = named(1, a_run(Status.RECEIVED))
    name = "to be tried again, asked by Eve"
    put(world, run.evolve(dataset=msgspec.structs.replace(run.dataset, name=name)))

    assert decisions(world)[0] == []


def test_the_evaluation_that_was_decided_on_is_said_as_long_as_it_is_the_runs(world):
    run = put(world, named(1, at_deployment_gate()))
    said(world, run, "approve")
    stored, version = world.twins.runs.load(run.id)
    digest = stored.gates["deployment"].digest
    world.twins.runs.replace(stored.evolve(stale_digests={digest: "Judged again."}), version, [])

    assert [row.evaluation for row in decisions(world)[2]] == [None]


def test_of_runs_about_which_nobody_decided_nearly_a_page_of_calls_is_looked_through(world):
    for number in range(16):
        put(
            world,
            msgspec.structs.replace(named(number, a_run(Status.TRAINING)), created_at=NOW + number * MINUTE),
        )
    run = put(world, msgspec.structs.replace(named(99, at_deployment_gate()), created_at=NOW - MINUTE))
    said(world, run, "approve")
    found, sizes, _ = decisions(world)

    assert found == [(99, "approve")]
    assert len(sizes) <= 3, "8 runs or more a page"


def test_what_older_releases_did_not_write_into_the_line_is_taken_from_the_run_or_not_known(world):
    run = put(world, named(1, at_deployment_gate()))
    said(world, run, "approve", role="")
    lines = world.twins.runs._events[run.id]
    for number, line in lines.items():
        lines[number] = msgspec.structs.replace(line, person="", role="", comment=None)
    (_, _, (row,)) = decisions(world)

    assert (row.person, row.role, row.comment) == ("oid-0", None, "approve: 0")


def test_only_those_of_the_period_come_and_runs_outside_of_it_are_not_asked(world):
    ended = msgspec.structs.replace(named(1, at_deployment_gate()), created_at=NOW - 300 * MINUTE)
    run = put(world, ended)
    said(world, run, "approve", "reject")
    stored, version = world.twins.runs.load(run.id)
    after, events = events_between(stored, stored.move(Status.REJECTED, NOW + 2 * MINUTE))
    world.twins.runs.replace(after, version, events)
    world.twins.index.project(after, is_settled=True)

    assert decisions(world, NOW, NOW + MINUTE)[0] == [(1, "approve")]
    assert decisions(world, NOW + MINUTE)[0] == [(1, "reject")]
    assert decisions(world, until=NOW)[0] == []
    assert decisions(world, NOW + 3 * MINUTE)[0] == []
    assert world.calls == ["newest"]
    assert decisions(world, until=NOW - 300 * MINUTE)[0] == []
    assert world.calls == ["newest"]


def test_a_run_of_a_newer_release_keeps_its_decisions(world):
    run = put(world, named(1, at_deployment_gate()))
    said(world, run, "approve")
    stored, version = world.twins.runs.load(run.id)
    world.twins.runs.replace(stored.evolve(schema=SCHEMA + 1), version, [])
    (_, _, (row,)) = decisions(world)

    assert (row.pipeline, row.comment, row.pipeline_file) == (None, "approve: 0", None)


def page_of(world, period=Period(), after=None):  # noqa: B008  a value
    views = DecisionViews(world, ListViews(world))
    return views.page(period, ("", ""), after)


def test_the_page_looks_further_before_it_says_that_nobody_decided(world):
    for number in range(36):
        put(
            world,
            msgspec.structs.replace(named(number, a_run(Status.TRAINING)), created_at=NOW + number * MINUTE),
        )
    run = put(world, msgspec.structs.replace(named(99, at_deployment_gate()), created_at=NOW - MINUTE))
    said(world, run, "approve")

    shown = page_of(world)

    assert [line.row.run for line in shown.rows] == [run.id]
    assert shown.next == ""


def test_the_page_looks_no_further_than_it_may_and_then_goes_on(world):
    for number in range(60):
        put(
            world,
            msgspec.structs.replace(named(number, a_run(Status.TRAINING)), created_at=NOW + number * MINUTE),
        )
    shown = page_of(world)

    assert (shown.rows, bool(shown.next)) == ((), True)
    assert len(world.calls) <= 5 * CALLS_MAX


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (None, None, "All that was decided, from the beginning until now."),
        (NOW, None, "From 23 Nov 2026 10:00:00 UTC until now."),
        (None, datetime(2026, 12, 1, tzinfo=UTC), "From the beginning to before 1 Dec 2026."),
        (
            datetime(2026, 11, 1, tzinfo=UTC),
            datetime(2026, 12, 1, tzinfo=UTC),
            "From 1 Nov 2026 to before 1 Dec 2026.",
        ),
    ],
)
def test_the_page_names_its_period_in_words(world, since, until, words):
    assert page_of(world, Period(since, until)).period == words


def test_the_page_says_wishes_as_people_do(world):
    wished(world)
    assert [line.said for line in page_of(world).rows] == [
        "asked to cancel",
        "asked to retry",
        "asked to judge again",
    ]
