"""What is shown of a what-if, and what is known noise."""

import json
import os

import pytest

from infra import what_if
from infra.hooks.cloud import Stop
from infra.what_if import NOISE, changes, kind_of, main

GROUP = "/subscriptions/s/resourceGroups/rg-dev"
SITE = f"{GROUP}/providers/Microsoft.Web/sites/func-x"
KNOWN = json.loads(NOISE.read_text())


def change(kind, resource_id, *paths):
    delta = [{"path": path, "propertyChangeType": "Modify"} for path in paths]
    return {"changeType": kind, "resourceId": resource_id, "delta": delta}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (change("NoChange", SITE), []),
        (change("Ignore", f"{GROUP}/providers/Microsoft.Storage/storageAccounts/theirs"), []),
        (
            change("Modify", SITE, "properties.httpsOnly"),
            ["- Modify Microsoft.Web/sites `func-x`: `properties.httpsOnly`"],
        ),
        (change("Modify", SITE, "properties.siteConfig.appSettings"), []),
        (change("Delete", SITE), ["- Delete Microsoft.Web/sites `func-x`"]),
        (change("Create", f"{SITE}/config/authsettingsV2"), []),
        (change("Create", GROUP), ["- Create Microsoft.Resources/resourceGroups `rg-dev`"]),
        (
            change("Delete", f"{SITE}/providers/Microsoft.Authorization/roleAssignments/1"),
            ["- Delete Microsoft.Authorization/roleAssignments `1`"],
        ),
        (change("Unsupported", f"{SITE}/providers/Microsoft.Authorization/roleAssignments/[guid('a')]"), []),
    ],
)
def test_a_change_is_shown_unless_it_is_known(given, shown):
    assert list(changes({"changes": [given]}, KNOWN)) == shown


def test_the_type_is_that_of_the_last_provider():
    audit = f"{SITE}/providers/Microsoft.Insights/diagnosticSettings/audit"
    assert kind_of(audit) == "Microsoft.Insights/diagnosticSettings"


def test_drift_is_a_failure_only_where_it_is_asked_for(tmp_path, capsys):
    file = tmp_path / "what-if.json"
    file.write_text(json.dumps({"changes": [change("Delete", SITE)]}))
    assert (main([str(file)]), main([str(file), "--fail"])) == (0, 1)
    assert "Delete Microsoft.Web/sites" in capsys.readouterr().out
    file.write_text(json.dumps({"changes": []}))
    assert main([str(file), "--fail"]) == 0


class TestAsking:
    """The hook's questions come first: azd's own preview leaves them out, and shows what is not meant."""

    @pytest.fixture
    def asked(self, monkeypatch):
        """What the CLI was asked, and which answers of the hook it would have read in main.bicepparam."""
        seen = []
        monkeypatch.setenv("AZURE_LOCATION", "swedencentral")
        monkeypatch.setenv("BUDGET_START", "as it was stored")
        monkeypatch.setattr(what_if.questions, "look", lambda: {"BUDGET_START": "2026-11-01T00:00:00Z"})

        def az(*words):
            seen.append((words, os.environ["BUDGET_START"]))
            return {"changes": []}

        monkeypatch.setattr(what_if, "az", az)
        return seen

    def test_azure_is_asked_with_the_answers_of_the_hook_and_nothing_is_changed(self, asked, tmp_path):
        file = tmp_path / "what-if.json"
        assert main([str(file), "--ask"]) == 0

        ((words, budget_start),) = asked
        assert words[:3] == ("deployment", "sub", "what-if")
        assert {"ProviderNoRbac", "swedencentral", "--no-pretty-print"} <= set(words)
        assert words[-1].endswith("infra/main.bicepparam")
        assert budget_start == "2026-11-01T00:00:00Z"
        assert main([str(file), "--fail"]) == 0

    def test_what_would_be_refused_is_no_answer(self, asked, tmp_path, monkeypatch, capsys):
        def stop():
            raise Stop("a topic is in the way")

        monkeypatch.setattr(what_if.questions, "look", stop)
        assert main([str(tmp_path / "what-if.json"), "--ask"]) == 1
        assert "a topic is in the way" in capsys.readouterr().err
        assert asked == []
        assert not (tmp_path / "what-if.json").exists()


def test_every_noise_has_a_reason():
    assert all(len(entry["why"]) > 20 for entry in KNOWN)
