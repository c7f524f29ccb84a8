"""Port `Pipelines`: the champion, the one before it, the ledgers of committed money and of looks."""

import msgspec
import pytest

from shared.core.errors import Conflict
from shared.core.evaluation.looks import ComingLook, Look
from shared.core.observations import Champion
from tests.contracts.races import race
from tests.support.builders import NOW, SECOND

LOOKERS = 12  # each that is overtaken reads five rows again


@pytest.fixture
def pipelines(ports):
    return ports.pipelines


def a_champion(number):
    return Champion(deployment=f"d{number}", model="m", run_id=f"r{number}", since=NOW)


def look(pipelines, pipeline, digest, exam="exam", run_id="r", at=NOW):
    seen = pipelines.look(pipeline, digest=digest, exam=exam, run_id=run_id, at=at)
    return seen.set, seen.pipeline


class TestPipelines:
    """The champion, the one before it, the ledgers of committed money and of looks."""

    def test_a_new_champion_makes_the_old_one_previous(self, pipelines):
        assert (pipelines.champion("q"), pipelines.previous("q")) == (None, None)
        pipelines.promote("q", a_champion(1), None)
        assert (pipelines.champion("q"), pipelines.previous("q")) == (a_champion(1), None)
        pipelines.promote("q", a_champion(2), "r1")
        assert (pipelines.champion("q"), pipelines.previous("q")) == (a_champion(2), a_champion(1))

    def test_the_champions_of_all_pipelines_are_listed(self, pipelines):
        pipelines.promote("listed-1", a_champion(1), None)
        pipelines.promote("listed-2", a_champion(1), None)
        pipelines.promote("listed-2", a_champion(2), "r1")
        pipelines.commit("listed-3", "2026-11", "r", NOW, 1.0)

        found = {name: one for name, one in pipelines.champions().items() if name.startswith("listed")}
        assert found == {"listed-1": a_champion(1), "listed-2": a_champion(2)}

    def test_the_route_of_a_champion_is_kept_with_it(self, pipelines):
        served = msgspec.structs.replace(a_champion(1), route="account")
        pipelines.promote("routed", served, None)
        pipelines.promote("routed", a_champion(2), "r1")

        assert (pipelines.champion("routed"), pipelines.previous("routed")) == (a_champion(2), served)

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

    @pytest.mark.thorough
    def test_the_ledger_forgets_no_run_when_many_commit(self, pipelines):
        outcomes = race(lambda number: pipelines.commit("many", "2026-11", f"r{number:02d}", NOW, 1.0))

        assert set(outcomes) == {"won"}
        assert len(pipelines.committed("many", "2026-11")) == len(outcomes)

    @pytest.mark.thorough
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

    def test_looks_are_numbered_from_one_in_each_pipeline(self, pipelines):
        first = pipelines.look("looks", digest="a", exam="exam", run_id="r", at=NOW)

        assert first == Look(set=1, pipeline=1)
        assert [look(pipelines, "looks", digest) for digest in ("b", "c")] == [(2, 2), (3, 3)]
        assert look(pipelines, "looks-of-another", "a") == (1, 1)

    def test_a_look_that_was_counted_keeps_its_numbers_whoever_asks_and_when(self, pipelines):
        for digest in ("a", "b", "c"):
            look(pipelines, "kept", digest)

        assert look(pipelines, "kept", "a", run_id="another", at=NOW + SECOND) == (1, 1)
        assert look(pipelines, "kept", "b", exam="another") == (2, 2)
        assert look(pipelines, "kept", "d") == (4, 4)

    def test_the_coming_look_is_the_one_that_is_counted_next(self, pipelines):
        seen = []
        for number in range(3):
            seen.append(pipelines.coming_look("coming"))
            assert look(pipelines, "coming", f"d{number}", run_id=f"r{number}")[1] == seen[-1].number
        pipelines.promote("coming", a_champion(1), None)

        assert seen == [
            ComingLook(number=1),
            ComingLook(number=2, last_run="r0"),
            ComingLook(number=3, last_run="r1"),
        ]
        assert pipelines.coming_look("coming") == ComingLook(number=1, last_run="r2")
        assert look(pipelines, "coming", "e")[1] == 1

    def test_another_evaluation_set_begins_anew_and_the_pipelines_number_goes_on(self, pipelines):
        seen = [
            look(pipelines, "sets", f"{exam}{number}", exam)
            for number in range(2)
            for exam in ("x", "y", "z")
        ]

        assert seen == [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (2, 6)]

    def test_a_promotion_begins_the_pipelines_numbers_anew_and_changes_none_that_is_there(self, pipelines):
        before = {digest: look(pipelines, "anew", digest) for digest in ("a", "b")}
        pipelines.promote("anew", a_champion(1), None)
        first = {digest: look(pipelines, "anew", digest) for digest in ("c", "d")}
        pipelines.promote("anew", msgspec.structs.replace(a_champion(2), since=NOW + SECOND), "r1")
        second = {digest: look(pipelines, "anew", digest) for digest in ("e", "f")}

        assert before == {"a": (1, 1), "b": (2, 2)}
        assert first == {"c": (3, 1), "d": (4, 2)}
        assert second == {"e": (5, 1), "f": (6, 2)}
        assert {digest: look(pipelines, "anew", digest) for digest in "abcdef"} == before | first | second

    def test_the_same_champion_again_does_not_begin_the_numbers_anew(self, pipelines):
        pipelines.promote("promoted", a_champion(1), None)
        look(pipelines, "promoted", "a")
        pipelines.promote("promoted", msgspec.structs.replace(a_champion(1), since=NOW + SECOND), None)

        assert look(pipelines, "promoted", "b") == (2, 2)

    def test_looks_of_many_at_once_get_different_numbers_and_none_is_lost(self, pipelines):
        seen = {}

        def work(number):
            seen[number] = look(pipelines, "crowd", f"d{number}", f"exam{number % 2}", f"r{number}")

        outcomes = race(work, LOOKERS)

        assert set(outcomes) == {"won"}
        assert sorted(number for _, number in seen.values()) == list(range(1, len(outcomes) + 1))
        for exam in range(2):
            mine = sorted((number, of_set) for n, (of_set, number) in seen.items() if n % 2 == exam)
            assert [of_set for _, of_set in mine] == list(range(1, len(mine) + 1))
        assert {n: look(pipelines, "crowd", f"d{n}") for n in seen} == seen

    def test_one_look_that_many_workers_count_is_one(self, pipelines):
        look(pipelines, "same", "before")
        seen = []

        assert set(race(lambda _: seen.append(look(pipelines, "same", "d")), LOOKERS)) == {"won"}
        assert set(seen) == {(2, 2)}
        assert look(pipelines, "same", "after") == (3, 3)

    def test_a_crowd_that_looks_while_a_champion_is_promoted_counts_each_look_once(self, pipelines):
        """Whatever came first: the numbers go up by one, and begin anew once."""
        seen = {}

        def work(number):
            if number == 0:
                pipelines.promote("meanwhile", a_champion(1), None)
            else:
                seen[number] = look(pipelines, "meanwhile", f"d{number}")

        count = len(race(work, LOOKERS)) - 1
        by_set = [number for _, number in sorted(seen.values())]
        anew = by_set.index(1, 1) if 1 in by_set[1:] else count

        assert sorted(of_set for of_set, _ in seen.values()) == list(range(1, count + 1))
        assert by_set == [*range(1, anew + 1), *range(1, count - anew + 1)]

    def test_looks_and_money_are_ledgers_of_their_own(self, pipelines):
        """Nor does an older release, which knows of no looks, take one for money or for a champion."""
        look(pipelines, "both", "a")
        pipelines.commit("both", "2026-11", "r", NOW, 1.5)
        pipelines.promote("both", a_champion(1), None)
        look(pipelines, "both", "b")

        assert pipelines.committed("both", "2026-11") == [("r", NOW, 1.5)]
        assert (pipelines.champion("both"), pipelines.previous("both")) == (a_champion(1), None)
