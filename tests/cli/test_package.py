"""`pip install .` and `uv tool install .`: what the wheel holds, and that it runs with what it says it requires."""

import ast
import http.server
import json
import re
import subprocess
import sys
import threading
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from shared.version import VERSION
from tests.core.dataset.rows import ANSWER, CALLING, RESULT, TOOL, USER, chat, lines, many
from tests.support.confined import normalised, run

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = {Requirement(line) for line in PROJECT["dependencies"]}
REQUIRED = {normalised(requirement.name) for requirement in REQUIREMENTS}
#: Loaded by commands that work with storage, and by no other.
OF_STORAGE = {"azure-storage-blob"}
#: Distributions of modules that are called otherwise.
CALLED = {"azure": "azure-storage-blob"}

#: Runs a command, then says which of the distributions that are named first it has loaded.
WATCHED = """
import atexit, runpy, sys
from importlib.metadata import distribution
names = sys.argv.pop(1).split(",")
def tell():
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    files = lambda name: {str(file.locate()) for file in distribution(name).files}
    print("loaded:", *(name for name in names if files(name) & loaded), file=sys.stderr)
atexit.register(tell)
runpy.run_module("cli", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from this checkout, without network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with what the wheel installs."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def files_in(*folders):
    """Files that git keeps, or would keep."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.split() if (ROOT / name).exists()}


def imported(path):
    """Top-level names that a module imports, now or later."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


@pytest.mark.slow
def test_it_holds_the_command_line_and_the_core(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert names == files_in("cli", "shared/core", "shared/__init__.py", "shared/version.py")


def test_its_metadata_say_name_version_program_and_requirements(wheel):
    with zipfile.ZipFile(wheel) as archive:
        folder = f"foundry_finetune-{VERSION}.dist-info"
        metadata = Parser().parsestr(archive.read(f"{folder}/METADATA").decode())
        programs = archive.read(f"{folder}/entry_points.txt").decode().split("\n")

    assert (metadata["Name"], metadata["Version"]) == ("foundry-finetune", VERSION)
    assert metadata["Requires-Python"] == ">=3.13"
    assert {Requirement(line) for line in metadata.get_all("Requires-Dist")} == REQUIREMENTS
    assert "foundry-finetune = cli.main:main" in programs


@pytest.mark.parametrize("requirement", sorted(REQUIREMENTS, key=str), ids=str)
def test_a_requirement_has_the_bounds_that_development_has(requirement):
    """Whatever machine it is for: what there is no wheel for on some is left out there."""
    wanted = [
        Requirement(text)
        for name in ("requirements.in", "requirements-dev.in")
        for text in re.findall(r"^[\w.-]+[<>=][^ #\n]*", (ROOT / name).read_text(), re.MULTILINE)
    ]

    everywhere = Requirement(str(requirement))
    everywhere.marker = None
    assert everywhere in wanted


@pytest.mark.slow
def test_it_runs_with_what_it_requires_and_needs_all_of_it(installed, tmp_path):
    """Rows that touch every room of the rules, with a tool and an address, and a pipeline file that has every key."""
    file, pipeline = tmp_path / "training.jsonl", ROOT / "samples/pipelines/pubmed-summarization.yaml"
    secret = {"role": "user", "content": "mail a.b@example.com, AKIA" + "Q" * 16}
    file.write_bytes(
        many(40)
        + lines(chat(secret, ANSWER), chat(USER, CALLING, RESULT, ANSWER, tools=[TOOL]))
        + lines(chat(USER, {**ANSWER, "content": " 4 "}))
    )
    file.with_name("validation.jsonl").write_bytes(many(5))
    (installed / "watched.py").write_text(WATCHED)
    done = run(
        installed,
        REQUIRED,
        "watched",
        ",".join(sorted(REQUIRED)),
        *("validate", file, "--pipeline", pipeline, "--repair", tmp_path / "out.jsonl"),
    )
    said, _, loaded = done.stderr.partition("loaded: ")

    assert "Traceback" not in said, said
    assert "rows of training.jsonl" in done.stdout
    assert set(loaded.split()) == REQUIRED - OF_STORAGE


class Empty(http.server.BaseHTTPRequestHandler):
    """A storage account that holds nothing."""

    def do_GET(self):
        self.send_response(404)
        self.send_header("x-ms-error-code", "BlobNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.slow
def test_it_works_with_storage_with_what_it_requires(installed, tmp_path):
    (installed / "watched.py").write_text(WATCHED)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        end = f"http://127.0.0.1:{server.server_address[1]}/dev"
        storage = f"DefaultEndpointsProtocol=http;AccountName=dev;AccountKey=a2V5;BlobEndpoint={end};"
        info = {"url": end, "pid": 1, "storage": storage, "identities": {"approver": {"token": "t"}}}
        (tmp_path / "cloud.json").write_text(json.dumps(info))
        command = ("pipelines", "get", "support", "--state", tmp_path)
        done = run(installed, REQUIRED, "watched", ",".join(sorted(OF_STORAGE)), *command)
        server.shutdown()

    assert done.returncode == 1
    assert "there is no pipeline support." in done.stderr
    assert set(done.stderr.partition("loaded: ")[2].split()) == OF_STORAGE


@pytest.mark.parametrize(
    ("command", "ours", "heavy"),
    [
        ((), {"cli", "cli.main", "cli.hints", "cli.options"}, {"msgspec", "rich"}),
        (
            ("validate",),
            {
                "cli",
                "cli.main",
                "cli.console",
                "cli.files",
                "cli.hints",
                "cli.options",
                "cli.pipeline",
                "cli.report",
            }
            | {"cli.remedies", "cli.repairing", "cli.validate"},
            {"azure", "urllib.request", "http.client", "ssl", "numpy", "subprocess"},
        ),
        (
            ("runs",),
            {"cli", "cli.main", "cli.app", "cli.azure", "cli.client", "cli.console", "cli.listing"}
            | {"cli.options", "cli.run_view", "cli.sending", "cli.hints", "cli.remedies", "cli.moments"}
            | {"cli.gate_view", "cli.money", "cli.next_steps", "cli.following"},
            {"azure", "numpy", "ruamel.yaml", "jsonschema_rs", "shared.core.dataset.rules", "toktok_rs"},
        ),
    ],
    ids=["help", "validate", "runs"],
)
def test_a_command_loads_what_it_needs(command, ours, heavy):
    """The others wait until they are called: who checks a dataset has no client, who lists runs no rules."""
    code = f"""
import sys
before = set(sys.modules)
from cli.main import parser
parser("x", filled={command!r})
print(*set(sys.modules) - before)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())

    assert {name for name in loaded if name.split(".")[0] == "cli"} == ours
    assert loaded & heavy == set()


@pytest.mark.slow
def test_it_explains_with_what_it_requires(installed):
    done = run(installed, REQUIRED, "cli", "explain", "DS035")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("scores", [(1, 0), (0.9, 0.4)], ids=["counts", "shares"])
def test_it_compares_with_what_it_requires(installed, tmp_path, scores):
    """With shares of all sizes, which the sign-flip test takes to numpy."""
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for file, score in zip(files, scores, strict=True):
        rows = [{"index": n, "score": score * (1 - n % 3 / 10) if score < 1 else 1} for n in range(40)]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run(installed, REQUIRED, "cli", "compare", "--candidate", files[0], "--baseline", files[1])

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("better: score: ")


def test_what_the_program_does_not_require_is_not_found(installed):
    done = run(installed, REQUIRED - {"rich"}, "cli", "explain", "DS035")

    assert done.returncode == 1
    assert "No module named 'rich'" in done.stderr


def test_the_command_line_imports_what_is_required_and_nothing_else(installed):
    names = {name for path in (installed / "cli").rglob("*.py") for name in imported(path)}
    others = names - sys.stdlib_module_names - {"cli", "shared"}

    assert {CALLED.get(name, name) for name in others} <= REQUIRED
