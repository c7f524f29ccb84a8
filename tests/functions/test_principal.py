"""Who is asking: persons of this tenant, signed in with Entra; what is not shown to be one is none."""

import base64
import json
import os
import subprocess
import sys

import azure.functions as func
import pytest

from functions.principal import person
from shared.core.errors import Forbidden, Unauthenticated
from shared.core.roles import Right, insist
from shared.settings import Settings
from tests.support.principals import principal
from tests.support.settings import GOOD

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
ON = Settings.from_environment(GOOD | {"WEBSITE_AUTH_ENABLED": "True"})
OFF = Settings.from_environment(GOOD)
OURS = Settings.from_environment(
    GOOD | {"WEBSITE_AUTH_ENABLED": "true", "WEBSITE_AUTH_AAD_ALLOWED_TENANTS": TENANT.upper()}
)
LONG_OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
LONG_TID = "http://schemas.microsoft.com/identity/claims/tenantid"
LONG_SCP = "http://schemas.microsoft.com/identity/claims/scope"
OID, NAME = (LONG_OID, "oid-1"), ("name", "Ada")
APPROVER, READER = ("roles", "FineTune.Approver"), ("roles", "FineTune.Reader")


def asked(headers, settings=ON):
    return person(func.HttpRequest("GET", "https://app/api/x", headers=headers, body=b""), settings)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (principal(OID, NAME, APPROVER), ("oid-1", "Ada", {"FineTune.Approver"})),
        (principal(("oid", "oid-2"), ("preferred_username", "ada@x")), ("oid-2", "ada@x", set())),
        (principal(OID, (LONG_SCP, "user_impersonation")), ("oid-1", "oid-1", set())),
        (principal(OID, NAME, ("http://r", "A"), role_typ="http://r"), ("oid-1", "Ada", {"A"})),
        (principal(OID, NAME, ("roles", "A"), ("roles", "B")), ("oid-1", "Ada", {"A", "B"})),
        (principal(OID, ("oid", "OID-1"), NAME), ("OID-1", "Ada", set())),
        (principal(OID, ("idtyp", "user")), ("oid-1", "oid-1", set())),
        (principal(OID, ("name", "A\x1bB" + "x" * 500)), ("oid-1", "A\\x1bB" + "x" * 93 + "…", set())),
    ],
)
def test_a_principal_of_the_platform_is_a_person(headers, expected):
    someone = asked(headers)

    assert (someone.id, someone.name, set(someone.roles)) == expected
    assert not someone.is_application


def raw(value):
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(value).decode()}


@pytest.mark.parametrize(
    ("headers", "settings"),
    [
        ({}, ON),
        (principal(OID, NAME), OFF),
        ({"X-MS-CLIENT-PRINCIPAL": "!!!"}, ON),
        ({"X-MS-CLIENT-PRINCIPAL": "\u00e4\u20ac"}, ON),
        (raw(b"[]"), ON),
        (raw(b'{"claims": 5}'), ON),
        (raw(b'{"auth_typ": "aad", "claims": [{"typ": "oid", "val": null}]}'), ON),
        (raw(b'{"auth_typ": "aad", "claims": [], "x": ' + b"[" * 20_000), ON),
        (raw(b"[" * 20_000), ON),
        (raw(b"\xff"), ON),
        (principal(NAME), ON),
        (principal(("oid", ""), NAME), ON),
        (principal(("oid", "x" * 101), NAME), ON),
        (principal(("oid", "x\ny"), NAME), ON),
        (principal(OID, ("oid", "oid-2"), NAME), ON),
        (principal(OID, (LONG_OID, "oid-2"), NAME), ON),
        ({"X-MS-CLIENT-PRINCIPAL": "A" * 70_000}, ON),
        ({"X-MS-CLIENT-PRINCIPAL-ID": "oid-1"}, ON),
        (principal(OID, NAME, auth_typ="google"), ON),
        (principal(OID, NAME, auth_typ="AAD "), ON),
        (principal(OID, NAME, auth_typ=""), ON),
        (principal(OID, NAME), OURS),
        (principal(OID, NAME, ("tid", "11111111-86f1-41af-91ab-2d7cd011db47")), OURS),
        (principal(OID, NAME, ("tid", TENANT), (LONG_TID, "another")), OURS),
    ],
)
def test_everything_else_is_nobody(headers, settings):
    with pytest.raises(Unauthenticated):
        asked(headers, settings)


@pytest.mark.parametrize("typ", ["tid", LONG_TID])
def test_people_of_this_tenant_are_let_in(typ):
    assert asked(principal(OID, NAME, (typ, TENANT)), OURS).id == "oid-1"


@pytest.mark.parametrize(
    "claims",
    [
        (OID,),
        (OID, ("idtyp", "app")),
        (OID, ("idtyp", "APP"), NAME),
        (OID, ("idtyp", "user"), ("idtyp", "app"), NAME),
        (OID, ("idtyp", "device"), NAME),
        (OID, ("azp", "a-client")),
        (OID, ("scp", ""), ("name", "")),
    ],
)
def test_who_is_not_shown_to_be_a_person_may_read_with_the_role_and_never_acts(claims):
    someone = asked(principal(*claims, APPROVER, READER, ("roles", "FineTune.Operator")))

    assert (someone.is_application, someone.roles) == (True, {"FineTune.Reader"})
    insist(someone, Right.READ, ON.roles)
    for right in (Right.VOTE, Right.OPERATE):
        with pytest.raises(Forbidden, match="only persons"):
            insist(someone, right, ON.roles)
    with pytest.raises(Forbidden, match=r"FineTune\.Reader"):
        insist(asked(principal(*claims, APPROVER)), Right.READ, ON.roles)


@pytest.mark.slow
def test_the_id_does_not_depend_on_the_seed_of_hashes():
    """Two claims for it that differ are refused, and one is read wherever it stands."""
    code = "from functions import principal; print(principal._OBJECT_ID, principal._NAMES)"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": ".", "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1


def test_the_header_is_what_app_service_writes():
    decoded = json.loads(base64.b64decode(principal(OID)["X-MS-CLIENT-PRINCIPAL"]))
    assert decoded.keys() == {"auth_typ", "claims", "name_typ", "role_typ"}
