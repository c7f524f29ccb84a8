"""What is shown of a what-if, and what is known noise."""

import json

import pytest

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


def test_every_noise_has_a_reason():
    assert all(len(entry["why"]) > 20 for entry in KNOWN)
