"""Azurite, as the local cloud and the tests start it."""

import pytest
import requests


@pytest.mark.azurite
@pytest.mark.parametrize("service", ["Blob", "Queue", "Table"])
def test_a_connection_is_kept_longer_than_any_pause_between_two_calls(azurite, service):
    """By default for five seconds: a pool that hands it out just then gets a reset instead of an answer."""
    endpoint = next(part for part in azurite.split(";") if part.startswith(f"{service}Endpoint="))
    answer = requests.get(endpoint.partition("=")[2], timeout=10)

    assert answer.headers["Keep-Alive"] == "timeout=300"
