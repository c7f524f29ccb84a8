"""The docs keep up with the code, or this fails."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.core import errors
from shared.core.dataset.rules import RULES
from shared.core.run import Status
from shared.settings import CONNECTIONS, HOST_SETTINGS, SETTINGS

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "local/foundry/README.md",
]


def page(name):
    return (ROOT / "docs" / name).read_text()


def error_codes():
    found = {
        c.code for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.FinetuneError)
    }
    return found - {"error"}


def failure_codes():
    """Every `code=` that the core ends a run with."""
    found = set()
    for path in (ROOT / "shared" / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"fail", "end"}
            ):
                found |= {
                    k.value.value
                    for k in node.keywords
                    if k.arg == "code" and isinstance(k.value, ast.Constant)
                }
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_invalid":
                found.add(node.args[2].value)
    return found


def routes():
    for path in (ROOT / "functions").glob("*.py"):
        for route, methods in re.findall(
            r'@bp\.route\(route="([^"]+)", methods=\["(\w+)"\]\)', path.read_text()
        ):
            yield f"{methods} /api/{route.replace('{*name}', '{name}')}"


@pytest.mark.parametrize("code", sorted(error_codes() | failure_codes()))
def test_every_error_code_has_its_heading(code):
    assert f"\n### {code}\n" in page("errors.md")


def test_no_heading_is_about_a_code_that_is_gone():
    assert set(re.findall(r"^### (\w+)$", page("errors.md"), re.MULTILINE)) == error_codes() | failure_codes()


@pytest.mark.parametrize("status", Status)
def test_every_status_is_explained(status):
    assert f"| `{status}` |" in page("statuses.md")


@pytest.mark.parametrize("name", [s.name for s in SETTINGS] + list(CONNECTIONS) + list(HOST_SETTINGS))
def test_every_setting_has_its_row(name):
    assert f"| `{name}` |" in page("settings.md")


@pytest.mark.parametrize("route", sorted(routes()))
def test_every_route_has_its_heading_and_its_line_in_the_readme(route):
    assert f"\n## {route}\n" in page("api.md")
    assert f"| `{route}` |" in (ROOT / "README.md").read_text()


def test_every_rule_has_its_row():
    assert all(f"| {code} |" in page("rules.md") for code in RULES)


def test_the_generated_parts_are_up_to_date():
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(path):
    text = path.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http", "#")):
            continue
        name, _, anchor = target.partition("#")
        found = path.parent / name
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in slugs, target


def test_the_commands_of_the_readme_are_in_the_makefile():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(
        re.findall(
            r"\bmake ([a-z]+)", (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
        )
    )

    assert named <= targets


def test_the_files_that_the_reliability_page_names_are_there():
    for name in re.findall(r"`(tests/[\w/*.]+)`", page("reliability.md")):
        assert list(ROOT.glob(name)), name
