"""Settings: all problems at once, the lists in step with host, example and docs."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared import wiring
from shared.core.errors import ConfigurationError
from shared.settings import CONNECTIONS, HOST_SETTINGS, SETTINGS, Settings
from tests.support.settings import GOOD

ROOT = Path(__file__).parents[2]


def test_good_settings_are_taken_with_their_defaults():
    settings = Settings.from_environment(GOOD)

    assert settings.arm_endpoint == "https://management.azure.com"
    assert settings.credential == "managed_identity"
    assert settings.policy.listing_lag_s == 600
    assert settings.has_trusted_principals is False


def test_all_problems_are_reported_at_once_with_examples():
    bad = GOOD | {
        "FOUNDRY_PROJECT_ENDPOINT": "http://x",
        "AZURE_CREDENTIAL": "key",
        "CLOCK_SKEW_SECONDS": "soon",
        "RUNS_IN_FLIGHT_MAX": "0",
        "STATE": "",
    }
    del bad["AZURE_SUBSCRIPTION_ID"]

    with pytest.raises(ConfigurationError) as raised:
        Settings.from_environment(bad)

    for words in (
        "FOUNDRY_PROJECT_ENDPOINT: 'http://x' is not an https address; for example FOUNDRY_PROJECT_ENDPOINT=https://",
        "AZURE_SUBSCRIPTION_ID: is not set",
        "AZURE_CREDENTIAL: 'key' is not one of managed_identity, developer",
        "CLOCK_SKEW_SECONDS: 'soon' is not a number of seconds",
        "RUNS_IN_FLIGHT_MAX: '0' is not a number of at least 1",
        "STATE: set it to a connection string, or set STATE__blobServiceUri",
    ):
        assert words in raised.value.message


@pytest.mark.parametrize("given", ["1.5", "-3", "x", "1234567890", "٣"])
def test_a_number_of_runs_is_a_number(given):
    with pytest.raises(ConfigurationError, match="RUNS_IN_FLIGHT_MAX"):
        Settings.from_environment(GOOD | {"RUNS_IN_FLIGHT_MAX": given})


def test_how_many_runs_may_be_in_flight():
    assert Settings.from_environment(GOOD).policy.in_flight_max == 20
    assert Settings.from_environment(GOOD | {"RUNS_IN_FLIGHT_MAX": "3"}).policy.in_flight_max == 3


def test_deployments_may_have_an_identity_of_their_own():
    assert Settings.from_environment(GOOD).deployer_client_id is None
    assert Settings.from_environment(GOOD | {"DEPLOYER_CLIENT_ID": "d"}).deployer_client_id == "d"


def test_identity_based_connections_need_every_address():
    parts = {
        f"{name}__{part}": f"https://a.{part}.example"
        for name, all_parts in CONNECTIONS.items()
        for part in all_parts
    }
    settings = Settings.from_environment({k: v for k, v in GOOD.items() if k not in CONNECTIONS} | parts)

    assert settings.state.connection_string is None
    assert settings.state.table_uri == "https://a.tableServiceUri.example"
    assert settings.datasets.blob_uri == "https://a.blobServiceUri.example"


@pytest.mark.parametrize(
    ("value", "trusted"), [("True", True), ("true", True), ("False", False), ("", False)]
)
def test_principals_are_trusted_while_the_platform_authenticates(value, trusted):
    assert Settings.from_environment(GOOD | {"WEBSITE_AUTH_ENABLED": value}).has_trusted_principals is trusted


@pytest.mark.parametrize("mark", ["WEBSITE_INSTANCE_ID", "CONTAINER_NAME", "WEBSITE_SITE_NAME"])
def test_trusting_anybody_is_refused_in_azure(mark):
    local = GOOD | {"TRUST_LOCAL_PRINCIPAL": "true"}

    assert Settings.from_environment(local).has_trusted_principals
    with pytest.raises(ConfigurationError, match="must not be true in Azure"):
        Settings.from_environment(local | {mark: "1"})


def test_roles_have_the_names_of_the_settings_and_one_of_them_sees_rows():
    roles = Settings.from_environment(GOOD).roles
    assert (roles.reader, roles.approver, roles.operator) == (
        "FineTune.Reader",
        "FineTune.Approver",
        "FineTune.Operator",
    )
    assert roles.data == "FineTune.Approver"
    named = GOOD | {"APPROVER_ROLE": "A", "READER_ROLE": "R", "OPERATOR_ROLE": "O"}
    assert Settings.from_environment(named).roles.data == "A"
    assert Settings.from_environment(named | {"DATA_ROLE": "O"}).roles.data == "O"
    with pytest.raises(ConfigurationError, match="DATA_ROLE: 'Nobody' is not one of the app roles R, A, O"):
        Settings.from_environment(named | {"DATA_ROLE": "Nobody"})


def test_the_tenants_are_those_that_the_platform_lets_in():
    assert Settings.from_environment(GOOD).tenants == frozenset()
    two = Settings.from_environment(GOOD | {"WEBSITE_AUTH_AAD_ALLOWED_TENANTS": " AB-1 ,c, "})
    assert two.tenants == {"ab1", "c"}


@pytest.mark.parametrize(
    ("given", "read"),
    [("", ""), ("https://App.example.com/", "https://app.example.com"), ("https://a:8443", "https://a:8443")],
)
def test_the_origin_of_the_app_is_read_as_browsers_write_it(given, read):
    assert Settings.from_environment(GOOD | {"APP_ORIGIN": given}).app_origin == read


@pytest.mark.parametrize("given", ["http://a", "https://a/path", "a", "https://", "https://[", "https://x@a"])
def test_any_other_origin_is_a_problem(given):
    with pytest.raises(ConfigurationError, match="APP_ORIGIN"):
        Settings.from_environment(GOOD | {"APP_ORIGIN": given})


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "many"])
def test_requests_a_minute_are_a_number(given):
    assert Settings.from_environment(GOOD).requests_per_minute == 120
    with pytest.raises(ConfigurationError, match="REQUESTS_PER_MINUTE"):
        Settings.from_environment(GOOD | {"REQUESTS_PER_MINUTE": given})


def test_a_connection_string_is_not_shown_when_settings_are_printed():
    settings = Settings.from_environment(GOOD | {"STATE": "AccountKey=secret"})

    assert "secret" not in repr(settings)


def example():
    return json.loads((ROOT / "local.settings.json.example").read_text())["Values"]


def test_the_example_has_every_setting_and_no_other():
    platform = {"WEBSITE_AUTH_ENABLED"}  # set by App Service, never by us
    assert set(example()) == {s.name for s in SETTINGS} | set(CONNECTIONS) | set(HOST_SETTINGS) - platform


def test_the_example_is_usable_as_it_is():
    assert Settings.from_environment(example()).credential == "developer"


def test_every_setting_that_a_trigger_names_is_known():
    sources = "".join(path.read_text() for path in (ROOT / "functions").glob("*.py"))
    named = set(re.findall(r'connection="(\w+)"', sources)) | set(re.findall(r"%(\w+)%", sources))

    assert named <= set(CONNECTIONS) | set(HOST_SETTINGS)


def test_the_lease_outlives_an_invocation():
    """Else a second worker would begin an effect that the first is still allowed to work on."""
    hours, minutes, seconds = map(
        int, json.loads((ROOT / "host.json").read_text())["functionTimeout"].split(":")
    )

    assert Settings.from_environment(GOOD).policy.effect_lease_s > hours * 3600 + minutes * 60 + seconds


def test_host_json_has_the_values_that_the_design_relies_on():
    host = json.loads((ROOT / "host.json").read_text())
    queues, blobs = host["extensions"]["queues"], host["extensions"]["blobs"]

    assert host["version"] == "2.0"
    assert re.fullmatch(r"\[4\.\*, 5\.0\.0\)", host["extensionBundle"]["version"])
    assert (queues["maxDequeueCount"], blobs["poisonBlobThreshold"]) == (5, 5)
    assert all(type(queues[key]) is int for key in ("batchSize", "newBatchThreshold", "maxDequeueCount"))
    assert queues["messageEncoding"] == "base64"
    assert host["extensions"]["http"]["routePrefix"] == "api"


def test_calls_that_come_at_once_get_the_same_services(monkeypatch):
    """Two of them would count the requests of a person apart, and let two exports run at once."""
    made = []

    class Slow:
        def __init__(self, world, settings):
            time.sleep(0.05)
            made.append((world, settings))

    monkeypatch.setattr(wiring, "Services", Slow)
    monkeypatch.setattr(wiring.Settings, "from_environment", lambda: None)
    wiring._services.cache_clear()
    try:
        with ThreadPoolExecutor(4) as pool:
            found = set(pool.map(lambda _: wiring.services(), range(4)))
    finally:
        wiring._services.cache_clear()

    assert len(found) == len(made) == 1
