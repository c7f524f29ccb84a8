"""One local cloud for all end-to-end tests."""

import pytest

from tests.e2e.driver import driven


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    with driven(tmp_path_factory.mktemp("cloud")) as made:
        yield made
