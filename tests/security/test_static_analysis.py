"""bandit over what we wrote, zizmor over the workflows; both run offline, both are shown to see a planted mistake."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))

#: Tests of bandit that say nothing about this code: assertions state laws that only a bug can break; programs are started with
#: a list of arguments, never through a shell (ruff's S602, S604, S605 see to that).
SKIPPED = "B101,B404,B603"
#: What bandit sees and is right here: the app's own address; the word "Bearer"; chance from a seed, which must repeat; SQL put
#: together from names of columns, with every value a parameter.
ACCEPTED = {
    ("infra/hooks/outside.py", "B310"),
    ("infra/probe.py", "B310"),
    ("local/foundry/bench.py", "B310"),
    ("local/foundry/bench.py", "B311"),
    ("local/foundry/control/faults.py", "B311"),
    ("local/foundry/identity.py", "B105"),
    ("local/foundry/common/store.py", "B608"),
}


def bandit(*paths):
    command = [BIN / "bandit", "-q", "-r", *paths, "-f", "json", "-s", SKIPPED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    report = json.loads(done.stdout)
    assert report["errors"] == []
    return {(r["filename"].removeprefix("./"), r["test_id"]) for r in report["results"]}, report["metrics"][
        "_totals"
    ]["loc"]


def zizmor(path):
    command = [BIN / "zizmor", "--offline", "--no-config", "--persona", "pedantic", "--format", "json", path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    return sorted({finding["ident"] for finding in json.loads(done.stdout)})


@pytest.mark.thorough
class TestBandit:
    """Insecure Python."""

    def test_the_product_the_local_cloud_and_the_hooks_are_clean(self):
        found, lines = bandit(
            "function_app.py", "functions", "shared", "cli", "local", "infra", "docs/generate.py"
        )

        assert sorted(found - ACCEPTED) == []
        assert lines > 5000

    def test_a_planted_mistake_is_found(self, tmp_path):
        (tmp_path / "x.py").write_text("import pickle, yaml\npickle.loads(b'')\nyaml.load('')\neval('1')\n")

        found, _ = bandit(tmp_path)

        assert {test for _, test in found} >= {"B301", "B307", "B506"}


class TestZizmor:
    """Insecure workflows."""

    def test_the_workflows_are_clean_to_a_pedant(self):
        assert zizmor(".github") == []

    def test_planted_mistakes_are_found(self, tmp_path):
        text = (ROOT / ".github/workflows/ci.yml").read_text()
        text = re.sub(r"checkout@\w{40}", "checkout@v5", text).replace(
            "permissions: {}", "permissions: write-all"
        )
        text = text.replace(
            'run: BICEP="$HOME/.azure/bin/bicep" bash .ci/run',
            "run: echo ${{ github.event.pull_request.title }}",
        )
        (tmp_path / ".github/workflows").mkdir(parents=True)
        (tmp_path / ".github/workflows/ci.yml").write_text(text)

        assert {"excessive-permissions", "template-injection", "unpinned-uses"} <= set(zizmor(tmp_path))


class TestWorkflows:
    """What zizmor does not insist on."""

    @pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
    def test_actions_are_pinned_by_commit_with_their_version_beside(self, path):
        text = path.read_text()
        pinned = re.findall(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", text, re.MULTILINE)
        assert len(pinned) == text.count("uses:") - text.count("uses: ./.github/workflows/ci.yml")

    @pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
    def test_there_are_no_secrets(self, path):
        assert "secrets." not in path.read_text()

    @pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
    def test_each_job_has_its_own_least_permissions_and_an_end(self, path):
        workflow = YAML(typ="safe").load(path.read_text())
        assert workflow["permissions"] == {}
        for job in workflow["jobs"].values():
            allowed = {"contents": "read", "id-token": "write"}
            if path.name == "drift.yml":
                allowed["issues"] = "write"
            assert job["permissions"].items() <= allowed.items()
            assert "uses" in job or job["timeout-minutes"] <= 60

    def test_only_deploying_may_sign_in_to_azure(self):
        assert "id-token" not in (ROOT / ".github/workflows/ci.yml").read_text()

    def test_ci_runs_what_everybody_runs_with_the_compiler_of_the_snapshots(self):
        text = (ROOT / ".github/workflows/ci.yml").read_text()
        assert 'run: BICEP="$HOME/.azure/bin/bicep" bash .ci/run' in text
        install = 'az bicep install --version "v$(jq -r .bicep infra/snapshots/made-by.json)"'
        for path in WORKFLOWS:
            assert path.read_text().count(install) >= 1

    @pytest.mark.parametrize("name", ["deploy.yml", "drift.yml"])
    def test_a_deployment_gets_every_parameter_that_people_set(self, name):
        parameters = (ROOT / "infra/main.bicepparam").read_text()
        by_people = (
            parameters.partition("// Set by the pre-provision hook")[0]
            + parameters.partition("// Set by people")[2]
        )
        workflow = YAML(typ="safe").load((ROOT / ".github/workflows" / name).read_text())
        wanted = set(re.findall(r"readEnvironmentVariable\('(\w+)'", by_people)) | {
            "AUTH_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID",
        }  # fmt: skip
        assert set(workflow["env"]) == wanted
        assert all(value == f"${{{{ vars.{key} }}}}" for key, value in workflow["env"].items())

    def test_who_looks_cannot_deploy(self):
        """Deploy waits for CI; what-if is asked by an identity of its own; versions are pinned."""
        workflow = YAML(typ="safe").load((ROOT / ".github/workflows/deploy.yml").read_text())
        jobs = workflow["jobs"]
        assert "ci" in jobs["what-if"]["needs"]
        assert "ci" in jobs["deploy"]["needs"]
        ids = {
            name: {
                s["with"]["client-id"] for s in job["steps"] if s.get("uses", "").startswith("azure/login")
            }
            for name, job in jobs.items()
            if "steps" in job
        }
        assert ids == {
            "what-if": {"${{ vars.AZURE_PREVIEW_CLIENT_ID }}"},
            "deploy": {"${{ vars.AZURE_CLIENT_ID }}"},
        }
        assert jobs["what-if"]["environment"] != jobs["deploy"]["environment"]
        asked = " ".join(s.get("run", "") for s in jobs["what-if"]["steps"])
        assert not re.search(r"azd |az deployment sub create|hooks p", asked)
        assert "infra.what_if what-if.json --ask" in asked
        azd = next(s["with"]["version"] for s in jobs["deploy"]["steps"] if "setup-azd" in s.get("uses", ""))
        assert tuple(map(int, azd.split("."))) >= (1, 24, 1)
