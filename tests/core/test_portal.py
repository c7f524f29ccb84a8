"""Addresses in Foundry's portal."""

import msgspec
import pytest

from shared.core.portal import Portal

HERE = Portal(
    subscription_id="856c80fd-f14e-436b-b434-fbc44a9103f7",
    resource_group="rg tests",
    account="account",
    endpoint="https://account.services.ai.azure.com/api/projects/project",
)


def test_a_job_has_the_address_that_azd_prints():
    assert HERE.job("ftjob-1") == (
        "https://ai.azure.com/nextgen/r/hWyA_fFOQ2u0NPvESpED9w,rg%20tests,,account,project/build/fine-tune/ftjob-1/details"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"subscription_id": "local"},
        {"endpoint": "http://127.0.0.1:8081/api/projects/project"},
        {"endpoint": "https://account.services.ai.azure.com"},
        {"endpoint": "https://evil.example/api/projects/project"},
    ],
)
def test_what_is_not_in_azure_has_none(changes):
    assert msgspec.structs.replace(HERE, **changes).job("ftjob-1") == ""


def test_an_id_is_no_path():
    assert HERE.job("../x?y#z").endswith("/build/fine-tune/..%2Fx%3Fy%23z/details")
