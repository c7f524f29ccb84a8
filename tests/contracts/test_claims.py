"""Port `Claims`: who holds a claim may spend, so there is one holder."""

import pytest

from shared.core.errors import Conflict
from tests.contracts.races import race


@pytest.fixture
def claims(ports):
    return ports.claims


class TestClaims:
    """Who holds a claim may spend, so there is one holder."""

    def test_a_claim_has_one_holder(self, claims):
        assert claims.holder("p", "f1") is None
        claims.take("p", "f1", "a", None)
        claims.take("p", "f1", "a", None)  # mine already
        with pytest.raises(Conflict, match="run a holds"):
            claims.take("p", "f1", "b", None)
        assert (claims.holder("p", "f1"), claims.holder("q", "f1")) == ("a", None)

    def test_a_claim_is_taken_over_from_the_holder_that_was_seen_only(self, claims):
        claims.take("p", "f3", "a", None)
        claims.take("p", "f3", "b", "a")

        assert claims.holder("p", "f3") == "b"
        with pytest.raises(Conflict):
            claims.take("p", "f3", "c", "a")
        assert claims.holder("p", "f3") == "b"

    def test_of_many_that_take_a_claim_exactly_one_wins(self, claims):
        first = race(lambda n: claims.take("p", "f2", f"run{n}", None))
        holder = claims.holder("p", "f2")

        assert first.count("won") == 1
        assert holder == f"run{first.index('won')}"
        second = race(lambda n: claims.take("p", "f2", f"new{n}", holder))
        assert second.count("won") == 1
        assert claims.holder("p", "f2") == f"new{second.index('won')}"
