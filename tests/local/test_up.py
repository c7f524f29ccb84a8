"""What `make up` says to whoever starts the cloud."""

from argparse import Namespace
from types import SimpleNamespace

import pytest

from cli.console import output
from local import cli
from local.cloud import CloudInfo
from local.host.easyauth import ROLES


class Stopped(Exception):
    """Ctrl-C."""


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """What `up` prints until it is stopped, with the host or without."""
    identities = {name: {"token": f"token-of-{name}"} for name in ROLES}
    texts = ("storage", "project_endpoint", "arm_endpoint", "identity_endpoint", "ca_bundle")
    info = CloudInfo(pid=1, url="http://127.0.0.1:7071", identities=identities, **dict.fromkeys(texts, "x"))

    class Cloud:
        def __init__(self, *_, **__):
            pass

        def __enter__(self):
            return SimpleNamespace(info=info, state_dir=tmp_path, check=self.check)

        def __exit__(self, *_):
            pass

        def check(self):
            raise Stopped

    monkeypatch.setattr(cli, "Cloud", Cloud)

    def up(*, no_host):
        with pytest.raises(Stopped):
            cli._up(Namespace(state=tmp_path, no_host=no_host), output())
        return capsys.readouterr().out

    return up


def test_it_prints_the_address_of_the_page(said):
    assert "page         http://127.0.0.1:7071/api/ui\n" in said(no_host=False)


def test_where_the_core_tools_run_the_app_nobody_can_sign_in(said):
    assert "/api/ui" not in said(no_host=True)
