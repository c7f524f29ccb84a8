"""The hooks, run by the shell as azd runs them, against a fake Azure CLI and a small server in the place of the app."""

import json
import subprocess
import sys
from typing import ClassVar

import pytest

from infra.hooks.names import Names
from infra.hooks.sign_in import APP_ROLES, _roles
from tests.hooks.fake_azure import HOOKS, ROOT, provisioned
from tests.infra.agreement import read_functions
from tests.infra.compiler import SUBSCRIPTION
from tests.infra.snapshots import load, only, resources

ALL = sorted(read_functions())


def deployed(azure):
    azure.answers("/functions?", answer=[ALL])
    azure.answers("listkeys", answer=[True])
    azure.answers("deployment group create", answer=["Succeeded"])


#: What azd passes to hooks in a new environment.
NEW = {"AZURE_ENV_NAME": "dev", "AZURE_LOCATION": "swedencentral", "AZURE_SUBSCRIPTION_ID": "s-1"}


def signed_in(azure):
    """An owner of an empty subscription."""
    azure.answers("account show", answer=[{"id": "s-1"}])
    azure.answers(
        "providers/Microsoft.Authorization/permissions", answer=[[{"actions": ["*"], "notActions": []}]]
    )
    azure.answers("group exists", answer=[False])


class TestShells:
    """The lines of azure.yaml."""

    @pytest.mark.parametrize("event", sorted(HOOKS))
    @pytest.mark.parametrize("shell", ["sh", "bash"])
    def test_a_shell_can_read_the_line(self, event, shell):
        line = HOOKS[event]["posix"]["run"]
        assert subprocess.run([shell, "-n", "-c", line], capture_output=True, check=False).returncode == 0

    @pytest.mark.parametrize("event", sorted(HOOKS))
    def test_powershell_runs_the_same_program_and_passes_its_failure_on(self, event):
        posix, windows = HOOKS[event]["posix"], HOOKS[event]["windows"]
        assert windows["shell"] == "pwsh"
        assert windows["run"] == posix["run"].replace("python3", "python") + "; exit $LASTEXITCODE"

    @pytest.mark.parametrize("event", sorted(HOOKS))
    def test_a_failing_hook_stops_azd(self, event):
        assert not any(system.get("continueOnError") for system in HOOKS[event].values())


class TestAfterDeploying:
    """What makes a deployed app an app that works."""

    def test_it_waits_for_triggers_functions_key_and_webhook_then_looks_from_outside(self, azure, app):
        azure.answers("syncfunctiontriggers", answer=["FAIL", None])
        azure.answers("/functions?", answer=[[], ALL[1:], ALL])
        azure.answers("listkeys", answer=["FAIL", False, True])
        azure.answers("deployment group create", answer=["FAIL", "Succeeded"])
        app.statuses["/api/runs/smoke/gates/deployment"] = [503, 502, 401]

        done = azure.run("postdeploy", **provisioned(app))

        assert done.returncode == 0, done.stdout + done.stderr
        asked = [" ".join(call) for call in azure.calls]
        counts = [
            sum(word in line for line in asked)
            for word in ("syncfunction", "/functions?", "listkeys", "group create")
        ]
        assert counts == [2, 3, 3, 2]
        assert asked.index(next(a for a in asked if "listkeys" in a)) < asked.index(
            next(a for a in asked if "group create" in a)
        )
        assert "an anonymous decision is refused (401)" in done.stdout
        assert "state tables (unauthorized): Wait." in done.stdout

    def test_the_key_never_leaves_azure(self, azure, app):
        deployed(azure)
        azure.run("postdeploy", **provisioned(app))

        listing = next(call for call in azure.calls if "listkeys" in " ".join(call))
        creation = next(call for call in azure.calls if "group" in call)
        assert listing[listing.index("--query") + 1].startswith("contains(keys(")
        assert not any("code=" in word or "key" in word.lower() for word in creation)
        assert {word.partition("=")[0] for word in creation if "=" in word} == {
            "functionAppName", "systemTopicName", "dataStorageName", "deadLetterContainerName", "hasDeadLetters",
        }  # fmt: skip

    @pytest.mark.thorough
    @pytest.mark.parametrize(
        ("environ", "wanted"),
        [
            ({}, "true"),
            ({"EXISTING_SYSTEM_TOPIC": ""}, "true"),
            ({"EXISTING_SYSTEM_TOPIC": "theirs", "EXISTING_SYSTEM_TOPIC_PRINCIPAL": ""}, "false"),
            ({"EXISTING_SYSTEM_TOPIC": "theirs", "EXISTING_SYSTEM_TOPIC_PRINCIPAL": "p"}, "true"),
        ],
    )
    def test_a_topic_without_an_identity_writes_no_dead_letters(self, azure, app, environ, wanted):
        deployed(azure)
        azure.run("postdeploy", **provisioned(app), **environ)

        assert f"hasDeadLetters={wanted}" in next(call for call in azure.calls if "group" in call)

    @pytest.mark.thorough
    @pytest.mark.parametrize(
        ("path", "answer"),
        [
            ("/api/runs/smoke/gates/deployment", 200),
            ("/api/runs/smoke/gates/deployment", 404),
            ("/api/runs/smoke/gates/deployment", 302),
            ("/api/runs", 200),
            ("/runtime/webhooks/blobs", 202),
            ("/runtime/webhooks/blobs", 302),
            ("/admin/host/status", 200),
        ],
    )
    def test_an_open_door_fails_the_deployment(self, azure, app, path, answer):
        deployed(azure)
        app.statuses[path] = [answer]

        done = azure.run("postdeploy", **provisioned(app))

        assert done.returncode == 1
        assert f"got {answer}" in done.stderr
        assert "Ready" not in done.stdout

    @pytest.mark.thorough
    @pytest.mark.parametrize(
        "leads_to",
        [
            "/.auth/login/aad?post_login_redirect_uri=%2Fapi%2Fui",
            "https://login.microsoftonline.com/t/oauth2/v2.0/authorize?x=y",
        ],
    )
    def test_who_is_led_to_the_sign_in_is_refused(self, azure, app, leads_to):
        deployed(azure)
        app.leads_to = {"client": leads_to, "browser": leads_to}
        app.forged = 302
        doors = ("/api/runs", "/api/ui", "/api/runs/smoke/gates/deployment", "/admin/host/status")
        app.statuses |= {door: [302] for door in doors}

        done = azure.run("postdeploy", **provisioned(app))

        assert done.returncode == 0, done.stderr
        assert "an anonymous decision is led to the sign-in (302)" in done.stdout
        assert "a browser at the page is led to the sign-in (302)" in done.stdout

    @pytest.mark.thorough
    @pytest.mark.parametrize(
        "leads_to",
        [
            "/", "", "/api/ui/runs", "/.auth/login/google", "/.auth/login/aad/callback", "//login.microsoftonline.com/",
            "http://login.microsoftonline.com/", "https://login.microsoftonline.com.evil.example/",
            "https://login.microsoftonline.com@evil.example/", "https://evil.example/?https://login.microsoftonline.com/",
            "https://evil.example/.auth/login/aad",
        ],
    )  # fmt: skip
    def test_who_is_led_elsewhere_is_not(self, azure, app, leads_to):
        deployed(azure)
        app.leads_to["browser"] = leads_to

        done = azure.run("postdeploy", **provisioned(app))

        assert done.returncode == 1
        assert "a browser at the page got 302" in done.stderr
        assert "or the sign-in" in done.stderr

    @pytest.mark.thorough
    @pytest.mark.parametrize(
        ("door", "who"), [("browser", "at the page"), ("forging_browser", "with a forged")]
    )
    def test_a_page_that_a_browser_sees_without_signing_in_fails_the_deployment(self, azure, app, door, who):
        deployed(azure)
        setattr(app, door, 200)

        done = azure.run("postdeploy", **provisioned(app))

        assert done.returncode == 1
        assert f"a browser {who}" in done.stderr

    def test_a_forged_principal_that_is_believed_fails_the_deployment(self, azure, app):
        deployed(azure)
        app.forged = 404

        done = azure.run("postdeploy", **provisioned(app))

        assert done.returncode == 1
        assert "forged principal got 404" in done.stderr

    def test_an_address_that_is_not_allowed_is_a_refusal_only_where_addresses_are_restricted(
        self, azure, app
    ):
        deployed(azure)
        app.statuses = {path: [403] for path in app.statuses}
        app.forged = app.browser = app.forging_browser = 403

        open_to_all = azure.run("postdeploy", **provisioned(app))
        restricted = azure.run("postdeploy", **provisioned(app), ALLOWED_ADDRESS_RANGES="192.0.2.0/24")

        assert (open_to_all.returncode, restricted.returncode) == (1, 0), restricted.stderr

    def test_missing_functions_are_named(self, azure, app):
        azure.answers("/functions?", answer=[[]])

        done = azure.run("postdeploy", **provisioned(app), HOOK_WAIT_SECONDS="0")

        assert done.returncode == 1
        assert "dataset_uploaded" in done.stderr
        assert "import error" in done.stderr

    def test_the_functions_that_are_expected_are_those_of_the_app(self, azure, app):
        azure.answers("/functions?", answer=[[]])
        said = azure.run("postdeploy", **provisioned(app), HOOK_WAIT_SECONDS="0").stderr
        assert all(name in said for name in ALL)

    def test_what_is_not_provisioned_is_named(self, azure):
        done = azure.run("postdeploy", AZURE_RESOURCE_GROUP="rg-x")

        assert done.returncode == 1
        assert "FUNCTION_APP_NAME is not set" in done.stderr


class TestSignIn:
    """The Entra application."""

    PROVISIONED: ClassVar = NEW | {
        "FUNCTION_APP_URL": "https://x", "AZURE_TENANT_ID": "t", "HOST_PRINCIPAL_ID": "p", "AUTH_CLIENT_ID": "c",
        "FOUNDRY_ACCOUNT_NAME": "a", "FOUNDRY_RESOURCE_GROUP": "g", "BUDGET_START": "2026-11-01T00:00:00Z",
    }  # fmt: skip

    def test_it_is_made_without_a_secret_and_remembered(self, azure):
        signed_in(azure)
        azure.answers("--method get", "uniqueName", answer=[{"id": "object-1", "appId": "client-1"}])

        done = azure.run("preprovision", **NEW)

        assert done.returncode == 0, done.stderr
        assert ["azd", "env", "set", "AUTH_CLIENT_ID", "client-1"] in azure.calls
        assert ["azd", "env", "set", "AUTH_OBJECT_ID", "object-1"] in azure.calls
        bodies = [json.loads(call[call.index("--body") + 1]) for call in azure.calls if "--body" in call]
        members = {role["value"]: role["allowedMemberTypes"] for role in bodies[0]["appRoles"]}
        assert members == {
            "FineTune.Reader": ["User", "Application"],
            "FineTune.Approver": ["User"],
            "FineTune.Operator": ["User"],
        }
        assert [claim["name"] for claim in bodies[0]["optionalClaims"]["accessToken"]] == ["idtyp"]
        assert bodies[1]["identifierUris"] == ["api://client-1"]
        assert bodies[-1] == {"appRoleAssignmentRequired": True}
        assert not any("assword" in json.dumps(call) or "addKey" in json.dumps(call) for call in azure.calls)

    def test_graph_may_need_a_while_to_know_what_was_made(self, azure):
        signed_in(azure)
        azure.answers("--method get", "uniqueName", answer=["FAIL", {"id": "object-1", "appId": "client-1"}])
        azure.answers("servicePrincipals(appId", answer=["FAIL", "FAIL", None])

        done = azure.run("preprovision", **NEW)

        assert done.returncode == 0, done.stderr
        assert sum("servicePrincipals" in " ".join(call) for call in azure.calls) == 3

    def test_the_second_time_asks_for_the_same(self, azure):
        signed_in(azure)
        azure.answers("--method get", "uniqueName", answer=[{"id": "object-1", "appId": "client-1"}])
        azure.run("preprovision", **NEW)
        first = azure.calls
        azure.run("preprovision", **NEW)

        assert azure.calls == first + first

    def test_a_given_application_is_not_touched(self, azure):
        signed_in(azure)

        done = azure.run("preprovision", **NEW, AUTH_CLIENT_ID="theirs")

        assert done.returncode == 0, done.stderr
        assert not any("graph.microsoft.com" in " ".join(call) for call in azure.calls)
        assert (
            "FineTune.Reader, FineTune.Approver, FineTune.Operator and the optional claim idtyp"
            in done.stdout
        )

    def test_a_pipeline_does_not_touch_what_the_hook_made(self, azure):
        signed_in(azure)
        azure.run("preprovision", **NEW, AUTH_CLIENT_ID="c", AUTH_OBJECT_ID="object-1", CI="true")

        assert not any("graph.microsoft.com" in " ".join(call) for call in azure.calls)

    def test_what_an_earlier_release_made_gets_the_roles_of_this_one(self, azure):
        """Roles that the owner added stay, and so does who holds a role whose kinds of members change."""
        both = ["User", "Application"]
        roles = {role["value"]: role | {"origin": "Application"} for role in _roles()}
        known = [
            roles[name] | {"allowedMemberTypes": both} for name in ("FineTune.Approver", "FineTune.Reader")
        ]
        added = {"id": "x", "value": "Mine", "isEnabled": True, "allowedMemberTypes": ["User"]}
        claims = {"accessToken": [{"name": "ipaddr"}], "idToken": []}
        signed_in(azure)
        azure.answers(
            "--method get", "object-1", answer=[{"appRoles": [*known, added], "optionalClaims": claims}]
        )
        done = azure.run("preprovision", **NEW, AUTH_CLIENT_ID="c", AUTH_OBJECT_ID="object-1")
        off, whole = (json.loads(c[c.index("--body") + 1]) for c in azure.calls if "--body" in c)

        assert done.returncode == 0, done.stderr
        assert {role["value"]: role["isEnabled"] for role in off["appRoles"]} == {
            "FineTune.Approver": False,
            "FineTune.Reader": True,
            "Mine": True,
        }
        assert {role["value"] for role in whole["appRoles"]} == {*APP_ROLES, "Mine"}
        assert all(role["isEnabled"] and "origin" not in role for role in whole["appRoles"])
        assert [claim["name"] for claim in whole["optionalClaims"]["accessToken"]] == ["ipaddr", "idtyp"]

    def test_the_second_time_nothing_is_switched_off(self, azure):
        signed_in(azure)
        azure.answers("--method get", "object-1", answer=[{"appRoles": _roles(), "optionalClaims": None}])
        azure.run("preprovision", **NEW, AUTH_CLIENT_ID="c", AUTH_OBJECT_ID="object-1")

        assert sum("--body" in call for call in azure.calls) == 1

    def test_another_subscription_is_noticed_before_anything_is_made(self, azure):
        azure.answers("account show", answer=[{"id": "s-2"}])

        done = azure.run("preprovision", AZURE_ENV_NAME="dev", AZURE_SUBSCRIPTION_ID="s-1")

        assert done.returncode == 1
        assert "az account set -s s-1" in done.stderr

    def test_the_provider_of_flex_subnets_is_registered_for_a_private_network(self, azure):
        signed_in(azure)
        azure.run("preprovision", **NEW, AUTH_CLIENT_ID="c", PRIVATE_NETWORK="true")

        assert ["az", "provider", "register", "--namespace", "Microsoft.App"] in [c[:5] for c in azure.calls]

    def test_the_application_trusts_the_identity_of_the_app(self, azure):
        environ = self.PROVISIONED
        done = azure.run("postprovision", **environ, AUTH_OBJECT_ID="object-1")

        assert done.returncode == 0, done.stderr
        bodies = [json.loads(call[call.index("--body") + 1]) for call in azure.calls if "--body" in call]
        assert bodies[0] == {
            "web": {
                "redirectUris": ["https://x/.auth/login/aad/callback"],
                "implicitGrantSettings": {"enableIdTokenIssuance": True},
            }
        }
        assert bodies[1]["subject"] == "p"
        assert bodies[1]["issuer"] == "https://login.microsoftonline.com/t/v2.0"

    def test_addresses_that_the_owner_added_stay(self, azure):
        """Those of a domain of their own, for one; ours is there once, however often the hook runs."""
        ours, theirs = "https://x/.auth/login/aad/callback", "https://ours.example/.auth/login/aad/callback"
        azure.answers("--method get", "$select=web", answer=[{"web": {"redirectUris": [ours, theirs]}}])
        done = azure.run("postprovision", **self.PROVISIONED, AUTH_OBJECT_ID="object-1")
        body = next(json.loads(c[c.index("--body") + 1]) for c in azure.calls if "--body" in c)

        assert done.returncode == 0, done.stderr
        assert body["web"]["redirectUris"] == [theirs, ours]

    def test_of_a_given_application_it_says_what_its_owner_has_to_add(self, azure):
        environ = self.PROVISIONED
        done = azure.run("postprovision", **environ)

        assert done.returncode == 0, done.stderr
        assert not any("graph.microsoft.com" in " ".join(call) for call in azure.calls)
        assert "subject p" in done.stdout
        assert "https://x/.auth/login/aad/callback" in done.stdout
        assert "ID tokens" in done.stdout

    def test_without_the_azure_cli_it_says_so(self, azure):
        (azure.home / "az").unlink()
        (azure.home / "sh").symlink_to("/bin/sh")
        done = azure.run("preprovision", PATH=str(azure.home))

        assert done.returncode == 1
        assert "az is missing" in done.stderr


class TestLooking:
    """For what-if: the questions alone."""

    def look(self, azure, **environ):
        azure.write()
        paths = {"PATH": f"{azure.home}:/usr/bin:/bin", "FAKE_HOME": str(azure.home)}
        command = [sys.executable, "-m", "infra.hooks", "look"]
        return subprocess.run(
            command, cwd=ROOT, env=paths | environ, capture_output=True, text=True, timeout=60, check=False
        )

    def test_it_prints_variables_and_changes_nothing(self, azure):
        signed_in(azure)
        done = self.look(azure, **NEW, MONTHLY_BUDGET="0", WATCH_DEPLOYMENTS="false")

        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [
            "BUDGET_START=", "EXISTING_SYSTEM_TOPIC=", "EXISTING_SYSTEM_TOPIC_PRINCIPAL=", "RESTORE_FOUNDRY=",
        ]  # fmt: skip
        assert "MONTHLY_BUDGET is 0" in done.stderr
        assert {call[1] for call in azure.calls} == {"group", "cognitiveservices"}
        assert not any(
            word in " ".join(call) for call in azure.calls for word in (" set ", "create", "register", "post")
        )

    @pytest.mark.parametrize("missing", sorted(NEW))
    def test_what_azd_asks_for_is_named(self, azure, missing):
        done = self.look(azure, **{name: value for name, value in NEW.items() if name != missing})

        assert done.returncode == 1
        assert f"azd env set {missing}" in done.stderr

    def test_a_subscription_that_has_never_seen_foundry_has_nothing_deleted(self, azure):
        signed_in(azure)
        script = (azure.home / "az").read_text()
        refusal = '#!/bin/sh\ncase "$*" in *list-deleted*) echo "(MissingSubscriptionRegistration) x" >&2; exit 1;; esac\n'
        (azure.home / "az").write_text(script.replace("#!/bin/sh\n", refusal))

        assert "RESTORE_FOUNDRY=\n" in self.look(azure, **NEW).stdout


class TestNames:
    """The hook knows names before anything is there."""

    @pytest.mark.parametrize("case", ["first", "longest_name"])
    def test_they_are_those_of_the_templates(self, case, monkeypatch):
        sent = load(case)
        group = only(sent, "Microsoft.Resources/resourceGroups")
        monkeypatch.setenv("AZURE_ENV_NAME", group["name"].removeprefix("rg-"))
        monkeypatch.setenv("AZURE_LOCATION", group["location"])
        monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION)
        names = Names.of_environment()

        assert group["name"] == names.resource_group
        made = {r["name"] for r in resources(sent)}
        assert {
            names.data_account,
            names.system_topic,
            names.budget,
            names.foundry_account,
            names.diagnostics,
        } <= made


class TestBeforeRemoving:
    """What azd down leaves, and what dies (B16)."""

    OURS: ClassVar = NEW
    THEIRS: ClassVar = NEW | {"EXISTING_FOUNDRY_ACCOUNT": "a", "EXISTING_FOUNDRY_RESOURCE_GROUP": "g"}
    TUNED: ClassVar = {"name": "gsm8k-ab37c1d2", "model": "gpt-4.1-mini.ft-0123", "purpose": None}
    BASE: ClassVar = {"name": "chat", "model": "gpt-4.1", "purpose": None}

    def test_deployments_in_an_account_that_is_not_ours_are_named_not_deleted(self, azure):
        azure.answers("deployment list", answer=[[self.TUNED, self.BASE]])
        azure.answers("version --output json", answer=[{"azd": {"version": "1.24.1"}}])

        done = azure.run("predown", **self.THEIRS)

        assert done.returncode == 0, done.stderr
        assert "Stays and costs: gsm8k-ab37c1d2" in done.stdout
        assert "deployment delete --name a --resource-group g --deployment-name gsm8k-ab37c1d2" in done.stdout
        assert "chat" not in done.stdout
        assert not any("delete" in call for call in azure.calls)

    @pytest.mark.parametrize("version", ["1.24.0", "1.9.10", "0.99.99", "nonsense"])
    @pytest.mark.parametrize(
        "theirs", [THEIRS, NEW | {"FOUNDRY_ACCOUNT_NAME": "a", "FOUNDRY_RESOURCE_GROUP": "g"}]
    )
    def test_an_azd_that_deletes_what_is_not_ours_is_refused(self, azure, version, theirs):
        azure.answers("deployment list", answer=[[]])
        azure.answers("version --output json", answer=[{"azd": {"version": version}}])

        done = azure.run("predown", **theirs)

        assert done.returncode == 1
        assert "would delete the resource group g" in done.stderr

    @pytest.mark.parametrize("confirmed", ["", "prod", "true"])
    def test_deployments_of_ours_die_only_if_that_is_meant(self, azure, confirmed):
        azure.answers("deployment list", answer=[[self.TUNED, self.BASE]])

        done = azure.run("predown", **self.OURS, CONFIRM_DOWN=confirmed)

        assert done.returncode == 1
        assert "azd env set CONFIRM_DOWN dev" in done.stderr
        assert "Dies: gsm8k-ab37c1d2" in done.stdout
        assert "Dies: chat" in done.stdout

    def test_a_confirmation_counts_once(self, azure):
        azure.answers("deployment list", answer=[[self.TUNED]])

        done = azure.run("predown", **self.OURS, CONFIRM_DOWN="dev")

        assert done.returncode == 0, done.stderr
        assert ["azd", "env", "set", "CONFIRM_DOWN", ""] in azure.calls

    def test_an_account_of_others_in_our_group_dies_too(self, azure):
        azure.answers("deployment list", answer=[[self.BASE]])
        azure.answers("version --output json", answer=[{"azd": {"version": "1.31.2"}}])

        done = azure.run("predown", **self.THEIRS | {"EXISTING_FOUNDRY_RESOURCE_GROUP": "RG-dev"})

        assert done.returncode == 1
        assert "Dies: chat" in done.stdout

    def test_where_nothing_is_deployed_nothing_is_asked(self, azure):
        azure.answers("deployment list", answer=[[]])

        assert azure.run("predown", **self.OURS).returncode == 0

    def test_an_account_that_is_gone_has_no_deployments(self, azure):
        (azure.home / "az").write_text(
            '#!/bin/sh\necho "(ResourceGroupNotFound) x could not be found" >&2; exit 1\n'
        )

        assert azure.run("predown", **self.OURS).returncode == 0

    def test_what_cannot_be_looked_at_is_not_removed(self, azure):
        (azure.home / "az").write_text('#!/bin/sh\necho "(AuthorizationFailed) x" >&2; exit 1\n')

        assert azure.run("predown", **self.OURS).returncode == 1


class TestExtensions:
    """B5: a command of an extension would ask, into output that nobody sees."""

    def test_the_cli_installs_them_without_asking(self, azure):
        (azure.home / "az").write_text('#!/bin/sh\necho "\\"$AZURE_EXTENSION_USE_DYNAMIC_INSTALL\\""; cat\n')
        command = "from infra.hooks.cloud import az; print(az('x'))"
        environ = {"PATH": f"{azure.home}:/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", command],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.stdout == "yes_without_prompt\n", done.stderr


class TestGrants:
    """Roles for people."""

    def grant(self, azure, *arguments):
        azure.write()
        environ = {"PATH": f"{azure.home}:/usr/bin:/bin", "FAKE_HOME": str(azure.home), "AUTH_CLIENT_ID": "c"}
        command = [sys.executable, "-m", "infra.hooks", "grant", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
        )

    def test_a_role_is_given_once(self, azure):
        azure.answers(
            "appRoles", answer=[{"id": "sp", "appRoles": [{"id": "r", "value": "FineTune.Approver"}]}]
        )
        azure.answers(
            "--method get",
            "appRoleAssignedTo",
            answer=[{"value": []}, {"value": [{"principalId": "me", "appRoleId": "r"}]}],
        )

        first, second = (
            self.grant(azure, "FineTune.Approver", "me"),
            self.grant(azure, "FineTune.Approver", "me"),
        )

        assert first.stdout == "me has FineTune.Approver now\n", first.stderr
        assert second.stdout == "me has FineTune.Approver already\n"
        assert sum("post" in call for call in azure.calls) == 1

    def test_a_role_that_is_none_is_refused(self, azure):
        assert "There is no role Owner" in self.grant(azure, "Owner", "me").stderr
