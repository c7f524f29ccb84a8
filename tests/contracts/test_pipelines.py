"""Port `Pipelines`: the champion, the one before it, the ledger of committed money."""

import msgspec
import pytest

from shared.core.errors import Conflict
from shared.core.observations import Champion
from tests.contracts.races import race
from tests.support.builders import NOW, SECOND


@pytest.fixture
def pipelines(ports):
    return ports.pipelines


def a_champion(number):
    return Champion(deployment=f"d{number}", model="m", run_id=f"r{number}", since=NOW)


class TestPipelines:
    """The champion, the one before it, the ledger of committed money."""

    def test_a_new_champion_makes_the_old_one_previous(self, pipelines):
        assert (pipelines.champion("q"), pipelines.previous("q")) == (None, None)
        pipelines.promote("q", a_champion(1), None)
        assert (pipelines.champion("q"), pipelines.previous("q")) == (a_champion(1), None)
        pipelines.promote("q", a_champion(2), "r1")
        assert (pipelines.champion("q"), pipelines.previous("q")) == (a_champion(2), a_champion(1))

    def test_the_same_champion_again_changes_nothing(self, pipelines):
        pipelines.promote("again", a_champion(1), None)
        pipelines.promote("again", a_champion(2), "r1")
        pipelines.promote("again", msgspec.structs.replace(a_champion(2), since=NOW + SECOND), "r1")

        assert (pipelines.champion("again"), pipelines.previous("again")) == (a_champion(2), a_champion(1))

    def test_a_promotion_over_one_that_was_not_seen_is_refused(self, pipelines):
        pipelines.promote("seen", a_champion(1), None)
        for replacing in (None, "r0"):
            with pytest.raises(Conflict):
                pipelines.promote("seen", a_champion(2), replacing)
        with pytest.raises(Conflict):
            pipelines.promote("never", a_champion(2), "r1")

        assert (pipelines.champion("seen"), pipelines.champion("never")) == (a_champion(1), None)

    def test_of_many_promotions_over_the_same_one_one_wins(self, pipelines):
        pipelines.promote("raced", a_champion(99), None)
        outcomes = race(lambda number: pipelines.promote("raced", a_champion(number), "r99"))
        (winner,) = [number for number, outcome in enumerate(outcomes) if outcome == "won"]

        assert (pipelines.champion("raced"), pipelines.previous("raced")) == (
            a_champion(winner),
            a_champion(99),
        )

    def test_many_that_promote_the_same_never_make_it_its_own_predecessor(self, pipelines):
        pipelines.promote("one", a_champion(1), None)
        race(lambda _: pipelines.promote("one", a_champion(2), "r1"))

        assert (pipelines.champion("one"), pipelines.previous("one")) == (a_champion(2), a_champion(1))

    def test_the_ledger_keeps_one_line_a_run_and_a_month(self, pipelines):
        pipelines.commit("l", "2026-11", "a", NOW, 1.5)
        pipelines.commit("l", "2026-11", "a", NOW, 1.5)
        pipelines.commit("l", "2026-11", "b", NOW + SECOND, 2.5)
        pipelines.commit("l", "2026-12", "c", NOW, 9.0)
        pipelines.commit("other", "2026-11", "d", NOW, 9.0)
        pipelines.commit("l", "2026-11", "b", NOW + SECOND, 0.0)

        assert sorted(pipelines.committed("l", "2026-11")) == [("a", NOW, 1.5), ("b", NOW + SECOND, 0.0)]
        assert pipelines.committed("l", "2026-10") == []

    def test_the_ledger_forgets_no_run_when_many_commit(self, pipelines):
        outcomes = race(lambda number: pipelines.commit("many", "2026-11", f"r{number:02d}", NOW, 1.0))

        assert set(outcomes) == {"won"}
        assert len(pipelines.committed("many", "2026-11")) == len(outcomes)

    def test_whoever_sees_his_line_sees_all_before_it_and_no_other_ever_comes_before(self, pipelines):
        seen = {}

        def commit(number):
            pipelines.commit("order", "2026-11", f"r{number:02d}", NOW - number * SECOND, 1.0)
            lines = [run_id for run_id, _, _ in pipelines.committed("order", "2026-11")]
            seen[f"r{number:02d}"] = lines[: lines.index(f"r{number:02d}")]

        assert set(race(commit)) == {"won"}
        final = [run_id for run_id, _, _ in pipelines.committed("order", "2026-11")]

        assert seen == {run_id: final[:place] for place, run_id in enumerate(final)}

    def test_a_run_that_many_workers_commit_has_one_line(self, pipelines):
        pipelines.commit("twice", "2026-11", "other", NOW, 1.0)
        outcomes = race(lambda _: pipelines.commit("twice", "2026-11", "r", NOW, 2.0))

        assert set(outcomes) == {"won"}
        assert pipelines.committed("twice", "2026-11") == [("other", NOW, 1.0), ("r", NOW, 2.0)]

    def test_a_new_commitment_of_a_run_comes_after_those_made_meanwhile(self, pipelines):
        for run_id, at, usd in (("a", NOW, 5.0), ("b", NOW, 6.0), ("a", NOW, 0.0), ("a", NOW + SECOND, 7.0)):
            pipelines.commit("again", "2026-11", run_id, at, usd)
        expected = [("a", NOW, 0.0), ("b", NOW, 6.0), ("a", NOW + SECOND, 7.0)]

        assert pipelines.committed("again", "2026-11") == expected
        for stood_still_since in (NOW, NOW - SECOND):
            pipelines.commit("again", "2026-11", "a", stood_still_since, 5.0)
        assert pipelines.committed("again", "2026-11") == expected
