"""What the first page calls wrong: nothing that is well, and everything that the app can know of."""

import re
import threading
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from shared.core.errors import Unauthorized, Unavailable
from shared.core.naming import person_key
from shared.core.observations import Champion
from shared.core.people import Person
from shared.core.portal import Portal
from shared.core.roles import Roles
from shared.core.run import GateDecision, Status
from shared.core.status import ALERTS_S, GATES
from shared.ports import ActiveRun, PoisonMessage, Ticks
from shared.version import VERSION
from shared.views import wrong
from shared.views.home import HomeView, Setup
from shared.views.moments import away, duration, when
from shared.views.wrong import Account
from tests.core.scenarios import at_deployment_gate
from tests.support.builders import NOW, SECOND, a_run
from tests.support.product import Product
from tests.twins.world import TwinWorld

RUNBOOK = Path(__file__).parents[2] / "shared/pages/templates/runbook.html"
PORTAL = Portal(
    subscription_id="12345678-1234-1234-1234-123456789012",
    resource_group="rg",
    account="acc",
    endpoint="https://acc.services.ai.azure.com/api/projects/p",
)
ACCOUNT = Account(group="rg", name="acc", portal=PORTAL)
CHAMPION = Champion(deployment="d", model="m", run_id="f" * 20, since=NOW - timedelta(days=3))
ADA = Person(id="ada", name="Ada", roles=frozenset({"FineTune.Approver"}))


def row(status, **changes):
    return ActiveRun.of(a_run(status, **({"due_at": NOW, "status_since": NOW} | changes)))


def of(*rows):
    return list(wrong.of_active(rows, ACCOUNT, NOW))


@pytest.mark.parametrize("status", Status)
def test_a_run_that_moves_is_not_wrong(status):
    assert of(row(status)) == []
    assert of(row(status, due_at=NOW + timedelta(days=3))) == []


@pytest.mark.parametrize(("status", "alert_s"), ALERTS_S.items())
def test_a_run_that_is_longer_in_a_status_than_its_alert_allows_is_stuck(status, alert_s):
    since = NOW - timedelta(seconds=alert_s)
    [found] = of(row(status, status_since=since))

    assert (found.rank, found.tone, found.since.iso) == (2, "bad", when(since, NOW).iso)
    assert "it fails in" in found.title
    assert of(row(status, status_since=since + SECOND)) == []
    [ended] = of(row(status, status_since=NOW - timedelta(days=100)))
    assert "its time was over" in ended.title


def test_a_run_in_trouble_says_its_cause_and_quota_its_command():
    [found] = of(row(Status.STAGING, trouble="unauthorized: needs a role", failures=3))
    assert (found.cause, found.rank, found.kind, found.act) == (
        "unauthorized: needs a role",
        4,
        "run",
        "cancel",
    )
    assert "tried 3 times" in found.title
    assert found.job.endswith("/fine-tune/ftjob-1/details")
    assert found.command == "azd provision --no-state"
    [quota] = of(row(Status.STAGING, trouble="quota_exhausted: none left"))
    assert (quota.rank, quota.kind) == (3, "quota")
    assert quota.command == "az cognitiveservices account deployment list -g rg -n acc -o table"
    [gone] = of(row(Status.DEPLOYING, trouble="artifact_gone: x"))
    assert (gone.runbook, gone.act) == ("/api/ui/runbook#restore-an-artifact-or-a-pipeline-file", "")


def test_who_waits_for_the_account_in_line_is_not_in_trouble():
    assert of(row(Status.STAGING, trouble="busy: another write")) == []


@pytest.mark.parametrize("code", ["deployment_not_ready", "throttled", "unavailable"])
def test_what_every_run_meets_now_and_then_is_wrong_if_it_lasts(code):
    since = NOW - timedelta(minutes=10)
    assert of(row(Status.VERIFYING, trouble=f"{code}: x", status_since=since + SECOND)) == []
    assert [one.cause for one in of(row(Status.VERIFYING, trouble=f"{code}: x", status_since=since))] == [
        f"{code}: x"
    ]


def test_a_step_that_nobody_took_is_overdue():
    [found] = of(row(Status.UPLOADING, due_at=NOW - timedelta(minutes=10)))
    assert (found.rank, found.cause) == (4, "The timer or the queue is behind.")
    assert of(row(Status.UPLOADING, due_at=NOW - timedelta(minutes=9))) == []
    assert of(row(Status.DEPLOYED, due_at=NOW - timedelta(days=9))) == []


def test_an_announced_upload_that_is_not_a_run_is_shown_after_ten_minutes():
    announced = msgspec.structs.replace(row(Status.RECEIVED), status=None)
    assert of(announced) == []
    [found] = of(msgspec.structs.replace(announced, due_at=NOW - timedelta(minutes=10)))
    assert (found.kind, found.runbook) == ("upload", "/api/ui/runbook#after-a-crash")


def test_a_row_of_an_older_release_without_a_time_is_not_stuck():
    assert of(msgspec.structs.replace(row(Status.TRAINING), status_since=None)) == []


@pytest.mark.parametrize(
    ("ago", "is_silent"), [(timedelta(minutes=5) - SECOND, False), (timedelta(minutes=5), True)]
)
def test_a_timer_that_did_not_tick_for_five_minutes_is_silent(ago, is_silent):
    found = list(wrong.of_poller(Ticks(last_at=NOW - ago, releases=()), NOW))
    assert bool(found) == is_silent
    assert all("5 min" in one.title and one.command for one in found)


def test_a_timer_that_never_ticked_is_silent():
    [found] = wrong.of_poller(None, NOW)
    assert found.since is None


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ({}, "is missing"),
        ({"d": "Failed"}, "is Failed"),
        ({"d": "Disabled"}, "is Disabled"),
        ({"d": "Deleting"}, "is Deleting"),
    ],
)
def test_a_champion_that_is_not_there_is_the_worst(states, words):
    [found] = wrong.of_champions({"p": CHAMPION}, states, ACCOUNT, NOW)
    assert (found.rank, found.since) == (0, None)
    assert words in found.title


@pytest.mark.parametrize("state", ["Succeeded", "Creating", "Accepted", "Updating"])
def test_a_champion_that_is_there_or_about_to_be_is_not_wrong(state):
    assert list(wrong.of_champions({"p": CHAMPION}, {"d": state}, ACCOUNT, NOW)) == []


def poison(run_id, ago=SECOND):
    return PoisonMessage(at=NOW - ago, queue="runs-to-advance", run_id=run_id)


def test_a_poison_message_is_shown_until_its_run_goes_on_and_for_a_day_at_most():
    stays = row(Status.UPLOADING, status_since=NOW - 2 * SECOND)
    went_on = msgspec.structs.replace(stays, run_id="1" * 20, status_since=NOW)
    announced = msgspec.structs.replace(stays, run_id="2" * 20, status=None, status_since=None)
    rows = [stays, went_on, announced]

    def shown(*messages):
        return [(one.run_id, one.kind) for one in wrong.of_poison(messages, rows, NOW)]

    assert shown(poison(stays.run_id)) == [(stays.run_id, "message")]
    assert shown(poison(announced.run_id)) == [(announced.run_id, "message")]
    assert shown(poison(went_on.run_id), poison("3" * 20)) == []  # it went on; it is at its end
    assert shown(poison(None), poison(None, timedelta(days=1))) == [("", "message")]


def test_every_runbook_entry_is_a_heading():
    headings = set(re.findall(r'<h\d id="([^"]+)"', RUNBOOK.read_text()))
    rows = [
        row(status, trouble=f"{code}: x")
        for status in Status
        for code in ("a", "artifact_gone", "unauthorized")
    ]
    rows += [row(Status.UPLOADING, due_at=NOW - timedelta(days=1))]
    found = [
        *of(*rows),
        *wrong.of_poller(None, NOW),
        *wrong.of_poison([poison(None)], [], NOW),
        *wrong.of_champions({"p": CHAMPION}, {}, ACCOUNT, NOW),
    ]
    assert {one.runbook.partition("#")[2] for one in found} <= headings


class TestHome:
    """The page as a whole."""

    @pytest.fixture
    def world(self):
        world = TwinWorld()
        world.clock.set(NOW)
        world.index.ticked(VERSION, NOW - SECOND)
        return world

    def page(self, world, person=ADA):
        setup = Setup(account=ACCOUNT, project="p", roles=Roles(), in_flight_max=3, requests_per_minute=9)
        return HomeView(world, setup).page(person)

    def test_where_all_is_well_nothing_is_wrong_and_resource_manager_is_not_asked(self, world):
        page = self.page(world)
        assert (page.wrong, page.waiting, page.other_version) == ((), (), "")
        assert page.first_tick.iso == page.last_tick.iso
        assert world.account.calls == []

    def test_champions_are_looked_up_once_a_minute(self, world):
        world.pipelines.promote("p", CHAMPION, None)
        setup = Setup(account=ACCOUNT, project="p", roles=Roles(), in_flight_max=3, requests_per_minute=9)
        view = HomeView(world, setup)
        assert [one.kind for one in view.page(ADA).wrong] == ["champion"]
        world.deployer.add("d", "m")
        assert [one.kind for one in view.page(ADA).wrong] == ["champion"]
        world.clock.advance(60)
        assert view.page(ADA).wrong == ()
        assert world.account.calls == ["states", "states"]

    def test_whoever_comes_while_the_first_one_asks_waits_for_nobody(self, world, monkeypatch):
        world.pipelines.promote("p", CHAMPION, None)
        setup = Setup(account=ACCOUNT, project="p", roles=Roles(), in_flight_max=3, requests_per_minute=9)
        view, begun, go_on = HomeView(world, setup), threading.Event(), threading.Event()
        asked = []

        def slow():
            asked.append(1)
            begun.set()
            assert go_on.wait(10)
            return {"d": "Succeeded"}

        monkeypatch.setattr(world.account, "states", slow)
        first = threading.Thread(target=view.page, args=(ADA,))
        first.start()
        assert begun.wait(10)
        second = view.page(
            ADA
        )  # with a thread less for each that waited, a few pages would stop the instance
        assert "asking it just now" in second.not_known[0]
        go_on.set()
        first.join()
        assert "just now" not in view.page(ADA).not_known[0]
        assert len(asked) == 1

    def test_what_could_not_be_asked_is_said_and_fails_nothing(self, world):
        world.pipelines.promote("p", CHAMPION, None)
        world.account.fail_next("states", Unauthorized("needs a role"))
        page = self.page(world)
        assert page.wrong == ()
        assert "unauthorized: needs a role" in page.not_known[0]

    def test_another_version_that_ticked_last_is_named(self, world):
        world.index.ticked("9.9", NOW)
        page = self.page(world)
        assert (page.other_version, page.first_tick) == ("9.9", None)

    def test_failed_runs_are_shown_for_a_week_with_their_cause(self, world):
        for number in range(12):
            failed = a_run(Status.FAILED, id=f"{number:020x}", status_since=NOW - timedelta(days=number))
            world.runs.insert(failed, [])
            world.index.project(failed, is_settled=True)
        page = self.page(world)
        assert len(page.wrong) == 7
        assert world.runs.calls.count("load") == 3

    @pytest.mark.parametrize(
        ("person", "is_yours", "why"),
        [
            (ADA, True, ""),
            (msgspec.structs.replace(ADA, id="uploader-oid"), False, "not yours"),
            (msgspec.structs.replace(ADA, id="bob"), False, "You approved"),
            (msgspec.structs.replace(ADA, roles=frozenset({"FineTune.Reader"})), False, "FineTune.Approver"),
        ],
    )
    def test_what_waits_says_whose_it_is(self, world, person, is_yours, why):
        run = at_deployment_gate()
        gate = run.gates["deployment"]
        vote = GateDecision(
            person="BOB", name="Bob", decision="approve", digest=gate.digest, comment="", at=NOW
        )
        run = run.evolve(gates={"deployment": msgspec.structs.replace(gate, decisions=(vote,))})
        assert ActiveRun.of(run).gate.voted == (person_key("bob"),)
        world.index.project(run, is_settled=False)
        page = self.page(world, person)
        [waiting] = page.waiting
        assert (waiting.is_yours, page.yours) == (is_yours, int(is_yours))
        assert why in waiting.why_not
        assert waiting.approvals == "1 of 2"

    def test_a_gate_that_an_older_release_listed_is_shown_without_its_time(self, world):
        run = at_deployment_gate()
        world.index.project(run, is_settled=False)
        revision, stored = world.index._active[run.id]
        world.index._active[run.id] = (revision, msgspec.structs.replace(stored, gate=None))
        [waiting] = self.page(world).waiting
        assert (waiting.approve_by, waiting.approvals) == (None, "")
        assert stored.status in GATES.values()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 min"),
        (5399, "90 min"),
        (5400, "2 h"),
        (86400, "24 h"),
        (1.5 * 86400, "2 days"),
        (9 * 86400, "9 days"),
    ],
)
def test_spans_are_said_in_one_unit(seconds, words):
    assert duration(seconds) == words


def test_times_say_how_far_they_are():
    assert away(NOW + timedelta(hours=5), NOW) == "in 5 h"
    assert away(NOW - timedelta(hours=5), NOW) == "5 h ago"
    assert away(NOW, NOW) == "now"
    assert when(NOW, NOW).text == "23 Nov 2026, 10:00 UTC"


def test_a_tick_is_remembered_and_a_store_that_does_not_remember_it_fails_no_tick():
    app = Product()
    app.poller.tick()
    assert app.world.index.ticks().releases == ((VERSION, app.world.clock.now()),)
    app.world.clock.advance(60)
    app.world.index.fail_next("ticked", Unavailable("away"))
    app.poller.tick()
    app.world.index.fail_next("ticked", KeyError("LastAt"))  # somebody wrote the row by hand
    app.poller.tick()
    assert app.world.index.ticks().last_at == app.world.clock.now() - timedelta(seconds=60)
