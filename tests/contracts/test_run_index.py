"""Port `RunIndex`: rows that follow from runs, whoever writes them last."""

import itertools

import pytest
from azure.data.tables import TableServiceClient

from shared.adapters.tables import TableRunIndex
from shared.core import naming
from shared.core.run import Status
from shared.ports import PoisonMessage
from tests.contracts.races import race
from tests.core.scenarios import at_deployment_gate
from tests.support.builders import NOW, SECOND


@pytest.fixture
def index(ports):
    return ports.index


def active_row(index, run):
    return next((row for row in index.active() if row.run_id == run.id), None)


class TestRunIndex:
    """Rows that follow from runs, whoever writes them last."""

    def test_a_run_is_active_from_its_announcement_until_it_is_settled(self, index, fresh):
        run = fresh()
        index.announce(run.id, run.pipeline, run.dataset, NOW)
        index.announce(run.id, run.pipeline, run.dataset, NOW + SECOND)  # the first one counts

        row = active_row(index, run)
        assert (row.status, row.due_at, row.dataset, row.pipeline) == (None, NOW, run.dataset, run.pipeline)
        index.project(
            run.evolve(revision=1, job_id="j", training_file_id="f", retired_files=("f0",)), is_settled=False
        )
        row = active_row(index, run)
        assert (row.status, row.job_id, row.training_files) == (Status.RECEIVED, "j", {"f", "f0"})
        assert row.status_since == run.status_since
        index.project(run.evolve(revision=2), is_settled=True)
        assert active_row(index, run) is None
        index.project(run.evolve(revision=2), is_settled=True)  # again is harmless

    def test_what_keeps_a_run_and_what_is_asked_stand_in_its_row(self, index, fresh):
        gated = at_deployment_gate()
        run = gated.evolve(id=fresh().id, trouble="quota_exhausted: " + "x" * 9999, failures=3)
        index.project(run, is_settled=False)

        row = active_row(index, run)
        assert (row.trouble[:17], len(row.trouble), row.failures) == ("quota_exhausted: ", 400, 3)
        assert (row.gate.name, row.gate.approve_by) == ("deployment", run.gate.approve_by)
        assert (row.gate.approvals, row.gate.approvals_needed, row.gate.voted) == (0, 2, ())
        assert not row.gate.needs_answer
        (listed,) = [one for one in index.newest(run.pipeline, 100, None)[0] if one.run_id == run.id]
        seen = run.evaluation
        assert (listed.quality.exam, listed.quality.gain) == (run.summary.files["evaluation"], seen.gain)

    def test_the_first_tick_of_each_release_is_kept_and_the_last_of_all(self, index):
        for version, at in (
            ("1", NOW),
            ("1", NOW + SECOND),
            ("2", NOW + 2 * SECOND),
            ("2", NOW + 3 * SECOND),
        ):
            index.ticked(version, at)

        ticks = index.ticks()
        assert ticks.last_at == NOW + 3 * SECOND
        assert ticks.releases[-2:] == (("1", NOW), ("2", NOW + 2 * SECOND))
        for number in range(30):
            index.ticked(f"3.{number}", NOW)
        assert len(index.ticks().releases) == 20
        assert index.ticks().last_at == NOW + 3 * SECOND

    def test_ticks_of_many_processes_at_once_fail_none_of_them(self, index):
        assert set(race(lambda n: index.ticked("9", NOW + n * SECOND))) == {"won"}
        assert index.ticks().releases[-1][0] == "9"

    def test_the_newest_poison_messages_are_kept_one_about_each_run(self, index):
        def about(number, seconds):
            run_id = f"{number:020x}" if number else None
            index.poisoned(PoisonMessage(at=NOW + seconds * SECOND, queue="q", run_id=run_id))

        for seconds, number in enumerate((1, 2, None, 1)):
            about(number, 1000 + seconds)
        newest = index.poison()[:3]
        assert [one.run_id for one in newest] == [f"{1:020x}", None, f"{2:020x}"]
        assert newest[0].at == NOW + 1003 * SECOND
        for number in range(3, 30):
            about(number, 2000 + number)
        assert [one.run_id for one in index.poison()] == [f"{number:020x}" for number in range(29, 9, -1)]

    @pytest.mark.thorough
    def test_poison_messages_of_many_processes_at_once_fail_none_of_them(self, index):
        late = NOW + 5000 * SECOND
        tell = lambda n: index.poisoned(PoisonMessage(at=late, queue=f"race {n}", run_id=None))  # noqa: E731
        assert set(race(tell)) == {"won"}
        assert any(one.queue.startswith("race") for one in index.poison())

    def test_what_was_announced_lately_stays_until_its_writer_must_have_written(self, index, fresh):
        run = fresh(revision=4)
        index.announce(run.id, run.pipeline, run.dataset, NOW)
        index.project(run, is_settled=True, announced_since=NOW - SECOND)
        assert active_row(index, run).status is None
        index.project(run, is_settled=True, announced_since=NOW)
        assert active_row(index, run) is None

        index.project(run, is_settled=False)  # a state is no announcement
        index.project(run, is_settled=True, announced_since=NOW - SECOND)
        assert active_row(index, run) is None

    def test_an_announcement_does_not_undo_what_was_projected(self, index, fresh):
        run = fresh(revision=3, job_id="j")
        index.project(run, is_settled=False)
        index.announce(run.id, run.pipeline, run.dataset, NOW)

        assert active_row(index, run).job_id == "j"

    def test_an_older_state_never_overwrites_a_newer_projection(self, index, fresh):
        run = fresh()
        index.project(run.evolve(revision=5, job_status="new", job_id="new"), is_settled=False)
        index.project(run.evolve(revision=4, job_status="old", job_id="old"), is_settled=False)

        listed = next(row for row in index.newest(run.pipeline, 100, None)[0] if row.run_id == run.id)
        assert listed.job_status == "new"
        assert active_row(index, run).job_id == "new"

    def test_of_many_projections_the_newest_state_stays(self, index, fresh):
        run = fresh(pipeline="raced-index")
        race(
            lambda n: index.project(run.evolve(revision=n + 1, job_status=f"s{n + 1}"), is_settled=False), 16
        )

        assert index.newest("raced-index", 1, None)[0][0].job_status == "s16"

    def test_active_runs_come_soonest_due_first(self, index, fresh):
        late, soon = fresh(due_at=NOW + SECOND), fresh(due_at=NOW - SECOND)
        for run in (late, soon):
            index.project(run, is_settled=False)
        order = [row.run_id for row in index.active()]

        assert order.index(soon.id) < order.index(late.id)

    @pytest.mark.parametrize("size", [1, 2, 4, 5, 100])
    def test_listings_page_from_new_to_old_and_keep_pipelines_apart(self, index, fresh, size):
        pipeline = f"paged-{size}"
        runs = [fresh(pipeline=pipeline, created_at=NOW + number * SECOND) for number in range(4)]
        for run in (*runs, fresh(pipeline=f"{pipeline}0")):
            index.project(run, is_settled=True)
        pages, cursor = [], None
        while True:
            page, cursor = index.newest(pipeline, size, cursor)
            pages.append([row.run_id for row in page])
            if cursor is None:
                break

        assert list(itertools.chain.from_iterable(pages)) == [run.id for run in reversed(runs)]
        assert len(pages) == -(-4 // size), "a cursor promises that there is more"
        assert {row.run_id for row in index.newest(None, 100, None)[0]} >= {run.id for run in runs}

    def test_a_pipeline_without_runs_has_an_empty_listing(self, index):
        assert index.newest("no-such", 10, None) == ([], None)

    def test_names_that_are_no_pipeline_names_can_be_listed_too(self, index, fresh):
        run = fresh(pipeline="what/ever#?'")
        index.project(run, is_settled=True)

        assert [row.run_id for row in index.newest("what/ever#?'", 10, None)[0]] == [run.id]

    def test_runs_of_the_same_moment_are_all_listed(self, index, fresh):
        same_moment = [fresh(pipeline="same"), fresh(pipeline="same")]
        for run in same_moment:
            index.project(run, is_settled=True)

        assert len(index.newest("same", 10, None)[0]) == 2
        assert naming.newest_first(NOW, "a") != naming.newest_first(NOW, "b")

    @pytest.mark.azurite
    def test_rows_in_a_status_of_a_newer_release_stop_neither_the_poller_nor_the_listing(
        self, azurite, fresh
    ):
        """After a roll-back there may be rows that this release does not know; they wait for the newer one."""
        with TableServiceClient.from_connection_string(azurite, retry_total=0) as service:
            index, run, other = TableRunIndex(service), fresh(pipeline="newer"), fresh(pipeline="newer")
            for one in (run, other):
                index.project(one, is_settled=False)
            table = service.get_table_client("index")
            key = naming.newest_first(run.created_at, run.id)
            for partition, row in (("active", run.id), (naming.index_partition("newer"), key)):
                table.update_entity({"PartitionKey": partition, "RowKey": row, "Status": "meditating"})

            assert run.id not in [row.run_id for row in index.active()]
            assert [row.run_id for row in index.newest("newer", 10, None)[0]] == [other.id]
