"""Azure and the app, as the hooks and the probe see them."""

import threading

import pytest

from tests.hooks.fake_azure import App, Azure


@pytest.fixture
def app():
    server = App()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def azure(tmp_path):
    return Azure(tmp_path)
