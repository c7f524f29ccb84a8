"""Port `Pipelines`: the champion, the one before it, the ledger of committed money."""

import msgspec
import pytest

from shared.core.observations import Champion
from tests.contracts.races import race
from tests.core.builders import NOW, SECOND


@pytest.fixture
def pipelines(ports):
    return ports.pipelines


def a_champion(number):
    return Champion(deployment=f"d{number}", model="m", run_id=f"r{number}", since=NOW)


class TestPipelines:
    """The champion, the one before it, the ledger of committed money."""

    def test_a_new_champion_makes_the_old_one_previous(self, pipelines):
        assert (pipelines.champion("q"), pipelines.previous("q")) == (None, None)
        pipelines.promote("q", a_champion(1))
        assert (pipelines.champion("q"), pipelines.previous("q")) == (a_champion(1), None)
        pipelines.promote("q", a_champion(2))
        assert (pipelines.champion("q"), pipelines.previous("q")) == (a_champion(2), a_champion(1))

    def test_the_same_champion_again_changes_nothing(self, pipelines):
        pipelines.promote("again", a_champion(1))
        pipelines.promote("again", a_champion(2))
        pipelines.promote("again", msgspec.structs.replace(a_champion(2), since=NOW + SECOND))

        assert (pipelines.champion("again"), pipelines.previous("again")) == (a_champion(2), a_champion(1))

    def test_of_many_promotions_none_is_lost_in_silence(self, pipelines):
        """Whoever loses is told; champion and previous are among the winners."""
        outcomes = race(lambda number: pipelines.promote("raced", a_champion(number)))
        winners = {a_champion(number) for number, outcome in enumerate(outcomes) if outcome == "won"}

        assert pipelines.champion("raced") in winners
        assert pipelines.previous("raced") in winners | {None}
        assert (pipelines.previous("raced") is None) == (len(winners) == 1)

    def test_many_that_promote_the_same_never_make_it_its_own_predecessor(self, pipelines):
        pipelines.promote("one", a_champion(1))
        race(lambda _: pipelines.promote("one", a_champion(2)))

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
