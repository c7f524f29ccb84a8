"""One local cloud for all end-to-end tests; it ends with them, since its app ticks each second even when nobody asks."""

import pytest

from tests.e2e.driver import driven, roomy
from tests.support.browsing import chromium, signed_in_at

__all__ = ["chromium", "signed_in_at"]


@pytest.fixture(scope="package")
def driver(tmp_path_factory):
    state_dir = tmp_path_factory.mktemp("cloud")
    roomy(state_dir)
    with driven(state_dir) as made:
        yield made
