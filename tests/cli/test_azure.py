"""The programs of Azure on this machine, as little scripts: missing, slow, failing, and talking nonsense."""

import base64
import json
import stat

import pytest

import cli.azure
from cli.azure import Failed, Tokens, az, azd_values, claims_of
from cli.console import CannotStart


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Makes programs that are the only ones on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")

    def make(name, script):
        file = folder / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    return make


def test_a_token_is_asked_for_once_and_anew_before_it_ends(programs, tmp_path, monkeypatch):
    calls = tmp_path / "calls"
    programs("az", f'echo "$@" >> {calls}; echo \'{{"accessToken": "t", "expires_on": 2000}}\'')
    tokens = Tokens()
    monkeypatch.setattr(cli.azure.time, "time", lambda: 1000.0)
    assert [tokens.of("api://a"), tokens.of("api://a"), tokens.of("api://b")] == ["t"] * 3
    assert calls.read_text().count("account get-access-token --resource api://a") == 1
    monkeypatch.setattr(cli.azure.time, "time", lambda: 1701.0)
    tokens.of("api://a")
    assert calls.read_text().count("--resource api://a ") == 2
    given = tokens.get_token("https://storage.azure.com/.default", claims=None)
    assert (given.token, given.expires_on) == ("t", 2000)
    assert "--resource https://storage.azure.com " in calls.read_text()


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'ERROR: Please run az login to setup account.' >&2; exit 1", "run `az login`"),
        ("echo 'AADSTS65001: consent' >&2; exit 1", "run `az login`"),
        ("exit 3", "did not say why"),
        ("echo '<html>'", "did not answer in JSON"),
        ("echo '[]'", "otherwise than expected"),
        ("echo '{}'", "otherwise than expected"),
        ("true", "otherwise than expected"),
        ('echo \'{"accessToken": "t", "expires_on": "soon"}\'', "otherwise than expected"),
    ],
)
def test_without_a_token_it_is_said_why(programs, script, says):
    programs("az", script)
    with pytest.raises(CannotStart, match="no token for api://a") as raised:
        Tokens().of("api://a")
    assert says in str(raised.value)


def test_a_program_that_is_missing_is_said_with_where_it_comes_from(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failed, match="install-azure-cli"):
        az("version")
    with pytest.raises(CannotStart, match="install-azure-cli"):
        Tokens().of("api://a")


def test_a_program_that_hangs_is_ended(programs, monkeypatch):
    programs("az", "exec sleep 60")
    monkeypatch.setattr(cli.azure, "_TIMEOUT_S", 0.2)
    with pytest.raises(Failed, match="did not end within"):
        az("version")


def test_a_program_that_cannot_be_run_is_said(programs, tmp_path):
    programs("az", "")
    (tmp_path / "bin" / "az").write_bytes(b"\x7fELF\x00\x00")
    with pytest.raises(Failed, match="cannot be run"):
        az("version")


def test_nothing_is_asked_of_the_keyboard(programs):
    programs("az", 'cat > /dev/null; echo "\\"$AZURE_EXTENSION_USE_DYNAMIC_INSTALL\\""')
    assert az("version") == "yes_without_prompt"


def test_variables_of_azd_are_those_of_the_project(programs, tmp_path):
    project = tmp_path / "project" / "deep"
    project.mkdir(parents=True)
    programs("azd", "echo 'FUNCTION_APP_URL=\"https://app\"'; echo 'EMPTY=\"\"'; echo 'no variable'")
    assert azd_values(project) == {}
    (project.parent / "azure.yaml").write_text("name: x")
    assert azd_values(project) == {"FUNCTION_APP_URL": "https://app", "EMPTY": ""}
    programs("azd", "exit 1")
    assert azd_values(project) == {}
    (tmp_path / "bin" / "azd").unlink()
    assert azd_values(project) == {}


def test_claims_are_read_from_a_token_and_from_nothing_else():
    part = base64.urlsafe_b64encode(json.dumps({"oid": "o"}).encode()).decode().rstrip("=")
    assert claims_of(f"a.{part}.c") == {"oid": "o"}
    for token in ("", "a.b", "a.!.c", "a.W10.c", "a.eA.c", "a..c"):
        assert claims_of(token) == {}
