"""The identities of the local cloud: one for each thing that people may do."""

import json

from local.host.easyauth import load_identities
from shared.core.roles import Roles


def test_there_are_a_reader_two_approvers_and_an_operator(tmp_path):
    made = load_identities(tmp_path / "identities.json")
    roles = {name: identity["roles"] for name, identity in made.items()}

    assert roles == {
        "approver": [Roles().approver],
        "approver-2": [Roles().approver],
        "operator": [Roles().operator],
        "reader": [Roles().reader],
    }
    assert len({identity["oid"] for identity in made.values()}) == 4
    assert len({identity["tenant"] for identity in made.values()}) == 1
    assert load_identities(tmp_path / "identities.json") == made


def test_identities_of_an_older_checkout_stay_and_get_what_they_lack(tmp_path):
    path = tmp_path / "identities.json"
    old = {
        name: {"token": f"t-{name}", "oid": name, "name": name, "tenant": "t", "roles": roles}
        for name, roles in (("approver", ["FineTune.Approver"]), ("reader", []), ("third", ["Mine"]))
    }
    path.write_text(json.dumps(old))
    loaded = load_identities(path)

    assert (loaded["approver"], loaded["third"]) == (old["approver"], old["third"])
    assert loaded["reader"] == old["reader"] | {"roles": ["FineTune.Reader"]}
    assert {"operator", "approver-2"} <= loaded.keys()
    assert loaded["operator"]["tenant"] == "t"
