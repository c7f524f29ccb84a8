"""Port `Clock`: time."""

from datetime import UTC


class TestClock:
    """Aware, in UTC, and never going back."""

    def test_now_is_aware_and_not_before_the_last_now(self, ports):
        first, second = ports.clock.now(), ports.clock.now()

        assert first.tzinfo is UTC
        assert first <= second
