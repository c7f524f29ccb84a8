"""Port `RunStore`: conditional writes, state and history together, one winner."""

import msgspec
import pytest

from shared.core.errors import Conflict, NotFound, Refused
from shared.core.history import Event, events_between
from shared.core.run import SCHEMA, Status
from tests.contracts.races import race
from tests.support.builders import NOW


@pytest.fixture
def store(ports):
    return ports.runs


def note(sequence, detail=None):
    return Event(sequence=sequence, at=NOW, kind="note", before="a", after="b", detail=detail)


def inserted(store, run):
    run, events = events_between(None, run)
    store.insert(run, events)
    return store.load(run.id)


class TestRunStore:
    """Conditional writes, state and history together, one winner."""

    def test_a_run_comes_back_as_it_was_stored(self, store, fresh):
        run = fresh(Status.DEPLOYING, warnings=("naïve — 🙂",), orphans=("ftjob-9",))

        assert inserted(store, run)[0] == run.evolve(revision=1)

    def test_a_run_is_inserted_once(self, store, fresh):
        run, _ = inserted(store, fresh())

        with pytest.raises(Conflict):
            inserted(store, run.evolve(revision=0))

    def test_only_the_holder_of_the_version_replaces(self, store, fresh):
        run, version = inserted(store, fresh())
        later = store.replace(run.evolve(revision=2), version, [note(2)])

        assert later != version
        assert store.load(run.id) == (run.evolve(revision=2), later)
        with pytest.raises(Conflict):
            store.replace(run.evolve(revision=3), version, [])

    def test_a_run_that_was_never_stored_cannot_be_replaced(self, store, fresh):
        _, version = inserted(store, fresh())

        with pytest.raises(Conflict):
            store.replace(fresh(), version, [])

    def test_state_and_history_are_written_together_or_not_at_all(self, store, fresh):
        """The batch breaks on a history row that exists; its new state must not be there either."""
        run, version = inserted(store, fresh())

        with pytest.raises(Conflict):
            store.replace(run.evolve(failures=7), version, [note(1)])
        assert store.load(run.id) == (run, version)

    def test_the_history_comes_back_in_order(self, store, fresh):
        run, version = inserted(store, fresh())
        events = [note(number, f"n{number}") for number in range(2, 13)]
        store.replace(run.evolve(revision=12), version, events)

        assert store.history(run.id)[1:] == events
        assert store.history("nothing") == []

    def test_the_history_is_read_in_parts(self, store, fresh):
        run, version = inserted(store, fresh())
        kinds = dict(enumerate(["note", "decision", "job"] * 4, start=2))
        events = [
            msgspec.structs.replace(note(number), kind=kind, role="FineTune.Approver", comment="")
            for number, kind in kinds.items()
        ]
        store.replace(run.evolve(revision=13), version, events)

        assert store.history(run.id, after=1) == events
        assert store.history(run.id, after=1, limit=3) == events[:3]
        assert store.history(run.id, after=13, limit=3) == []
        assert [e.sequence for e in store.history(run.id, kinds=("decision",), after=3, limit=2)] == [6, 9]
        assert [e.sequence for e in store.history(run.id, kinds=("decision", "job"), limit=3)] == [3, 4, 6]
        assert store.history(run.id, kinds=("a' or Kind ne '",)) == []

    @pytest.mark.parametrize("name", ["nothing", "", "../x", "a' or PartitionKey ne '", "a/b#c?d"])
    def test_a_run_that_is_not_there_is_not_found_whatever_its_name(self, store, name):
        with pytest.raises(NotFound):
            store.load(name)

    def test_a_row_of_a_newer_release_is_left_alone(self, store, fresh):
        newer, events = events_between(None, fresh(schema=SCHEMA + 1))
        store.insert(newer, events)

        with pytest.raises(Refused, match="newer release"):
            store.load(newer.id)

    def test_of_many_inserts_of_one_run_exactly_one_wins(self, store, fresh):
        run, events = events_between(None, fresh())

        assert race(lambda _: store.insert(run, events)).count("won") == 1

    def test_of_many_replacements_of_one_version_exactly_one_wins(self, store, fresh):
        run, version = inserted(store, fresh())
        outcomes = race(lambda n: store.replace(run.evolve(failures=n, revision=2), version, [note(2)]))

        assert outcomes.count("won") == 1
        assert store.load(run.id)[0].failures == outcomes.index("won")
        assert len(store.history(run.id)) == 2

    def test_no_update_is_lost_when_everybody_reads_again(self, store, fresh):
        run, _ = inserted(store, fresh())

        def count_up(_):
            while True:
                present, version = store.load(run.id)
                try:
                    store.replace(present.evolve(failures=present.failures + 1), version, [])
                except Conflict:
                    continue
                return

        race(count_up, 8)
        assert store.load(run.id)[0].failures == 8
