"""The docs keep up with the code, or this fails."""

import ast
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import COMMANDS
from local.cli import _parser
from shared.core import endings, errors
from shared.core.dataset.rules import RULES
from shared.core.endings import ENDINGS
from shared.core.status import Status
from shared.settings import AZURE_SETTINGS, CONNECTIONS, HOST_SETTINGS, SETTINGS
from shared.telemetry import names
from shared.views.offers import ACTS
from tests.cli.help_texts import texts

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "local/foundry/README.md",
    ROOT / "samples/README.md",
    ROOT / "infra/README.md",
]
#: Errors that answer an HTTP request; all others only ever happen to runs.
HTTP = {
    errors.ConfigurationError,
    errors.NotFound,
    errors.Malformed,
    errors.Unauthenticated,
    errors.Forbidden,
    errors.GateClosed,
    errors.StaleDigest,
    errors.Expired,
    errors.KeyReused,
    errors.StillRunning,
}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def sections(text: str, level: str) -> dict[str, str]:
    """What is below each heading of a level, until the next heading."""
    parts = re.split(rf"^{level} (.+)$", text, flags=re.MULTILINE)
    below = (re.split(r"^#", body, maxsplit=1, flags=re.MULTILINE)[0] for body in parts[2::2])
    return dict(zip(parts[1::2], below, strict=True))


ERRORS = sections(page("errors.md"), "###")


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def error_codes() -> set[str]:
    found = {
        c.code for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.FinetuneError)
    }
    return found - {"error"}


def endings_used() -> set[str]:
    """Names of the endings that the core ends runs with."""
    used = set()
    for path in sources("shared/core"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "endings":
                used.add(node.attr)
    return used


CODES = error_codes() | set(ENDINGS)


def routes() -> Iterator[str]:
    for path in sources("functions"):
        text = path.read_text()
        found = re.findall(r'@bp\.route\(route="([^"]+)", methods=\["(\w+)"\]\)', text)
        assert len(found) == text.count("@bp.route("), f"{path.name} has a route that is written otherwise"
        for route, method in found:
            if route.split("/")[0] == "ui":
                continue  # pages are for people: docs/pages.md
            yield f"{method} /api/{route.replace('{*name}', '{name}')}"


ROUTES = sorted(routes())


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_error_code_has_its_heading(code: str) -> None:
    assert len(ERRORS[code].split()) >= 5


def test_no_heading_is_about_a_code_that_is_gone() -> None:
    assert set(ERRORS) == CODES


@pytest.mark.slow
def test_every_ending_is_used_and_known_by_its_own_code() -> None:
    names = {name: value for name, value in vars(endings).items() if isinstance(value, endings.Ending)}

    assert endings_used() - {"ENDINGS"} == set(names)
    assert {name: ending.code.upper() for name, ending in names.items()} == {name: name for name in names}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=lambda ending: ending.code)
def test_the_heading_of_an_ending_says_as_what_the_run_ends(ending: endings.Ending) -> None:
    assert f"`{ending.status}`" in ERRORS[ending.code]


@pytest.mark.parametrize("error", sorted(HTTP, key=str))
def test_the_heading_of_an_http_error_says_its_status_code(error: type[errors.FinetuneError]) -> None:
    assert ERRORS[error.code].strip().startswith(f"{error.http_status}. ")


@pytest.mark.parametrize("status", Status)
def test_every_status_is_explained(status: Status) -> None:
    assert f"| `{status}` |" in page("statuses.md")


@pytest.mark.parametrize(
    "name", [s.name for s in SETTINGS] + list(CONNECTIONS) + list(HOST_SETTINGS) + list(AZURE_SETTINGS)
)
def test_every_setting_has_its_row(name: str) -> None:
    assert f"| `{name}` |" in page("settings.md")


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_has_its_heading_its_curl_and_its_line_in_the_readme(route: str) -> None:
    below = sections(page("api.md"), "##").get(route)
    assert below, f"docs/api.md has no heading `## {route}`"
    assert "curl " in below
    assert re.search(r"\b20[02]\b", below)
    assert f"| `{route}` |" in (ROOT / "README.md").read_text()


def test_no_heading_is_about_a_route_that_is_gone() -> None:
    assert [h for h in sections(page("api.md"), "##") if re.match("(GET|POST) ", h)] == sorted(
        ROUTES, key=page("api.md").index
    )


def test_every_page_and_every_act_has_its_row() -> None:
    text = page("pages.md")
    found = {
        route
        for path in sources("functions")
        for route in re.findall(r'@bp\.route\(route="(ui[^"]*)"', path.read_text())
    }
    assert found == set(re.findall(r"^\| `/api/(ui[^`]*)` \|", text, re.MULTILINE))
    assert set(ACTS) == set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def test_every_rule_has_its_heading() -> None:
    assert all(f"\n## {code}\n" in page("rules.md") for code in RULES)


def test_the_page_of_validators_names_each_rule_as_the_rule_does() -> None:
    """What follows in brackets is how the rule was tried."""
    demands = re.findall(r"^\| (DS\d{3}) \| (.+?)(?: \([^)]*\))? \|", page("validators.md"), re.MULTILINE)

    assert len(demands) > 50
    assert [(code, demand) for code, demand in demands if RULES[code].title.rstrip(".") != demand] == []


@pytest.mark.parametrize("entry", [*names.SPANS, *names.METRICS, *names.EVENTS], ids=lambda entry: entry.name)
def test_everything_that_is_emitted_has_its_heading(
    entry: names.Span | names.Metric | names.LogEvent,
) -> None:
    assert entry.about in sections(page("telemetry.md"), "###")[entry.name]


def test_no_heading_is_about_something_that_is_not_emitted() -> None:
    assert list(sections(page("telemetry.md"), "###")) == [
        entry.name for entry in (*names.SPANS, *names.METRICS, *names.EVENTS)
    ]


def test_attributes_and_keys_of_what_is_emitted_are_explained() -> None:
    used = {a.key for entry in (*names.SPANS, *names.METRICS) for a in entry.attributes}
    keys = {key for event in names.EVENTS for key in event.keys}

    assert used == {attribute.key for attribute in names.ATTRIBUTES}
    assert keys | {"event"} == set(names.LOG_KEYS)
    assert all(f"| `{key}` |" in page("telemetry.md") for key in used | set(names.LOG_KEYS))


@pytest.mark.slow
def test_the_generated_parts_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        found = path.parent / name if name else path
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


def test_every_page_can_be_reached_from_the_table_of_contents() -> None:
    linked = set(re.findall(r"\]\(([^)#\s]+)", page("README.md")))
    linked |= {f"adr/{path.name}" for path in (ROOT / "docs" / "adr").glob("*.md")}

    assert {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")} - {
        "README.md"
    } <= linked


def test_the_pages_that_the_code_names_are_there() -> None:
    named = {
        name
        for path in [ROOT / "function_app.py", *sources("functions", "shared", "cli", "local")]
        for name in re.findall(r"\bdocs/[\w/-]+\.md", path.read_text())
    }

    assert "docs/errors.md" in named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.slow
def test_the_files_that_pages_and_code_name_are_there() -> None:
    """Paths in back-quotes; in code a bare `name.py` too.  `*` and words in capitals, as in `NAME.py`, stand for any name."""
    code = list(sources("functions", "shared", "cli"))
    named = [
        (path, name)
        for path in [*PAGES[:-3], *code]
        for name in re.findall(
            r"`((?:tests|shared|functions|cli|local|samples|infra|bench)/[\w/*.-]+)`", path.read_text()
        )
    ]
    named += [(path, f"**/{name}") for path in code for name in re.findall(r"`(\w+\.py)`", path.read_text())]

    assert len(named) > 50
    assert [
        f"{path.name}: {name}" for path, name in named if not any(ROOT.glob(re.sub("[A-Z]{2,}", "*", name)))
    ] == []


def test_the_modules_that_pages_and_code_name_are_there() -> None:
    """`shared.core.errors` in back-quotes, perhaps with a name that the module has."""
    named = {
        name
        for path in [*PAGES, *sources("functions", "shared", "cli", "bench", "tests")]
        for name in re.findall(r"`((?:shared|functions|cli)(?:\.\w+)+)`", path.read_text())
    }

    assert "shared.core.errors" in named
    for name in named:
        pkgutil.resolve_name(name)


def test_the_commands_that_the_pages_name_are_there() -> None:
    text = "\n".join(path.read_text() for path in PAGES)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    help_text = _parser().format_help()

    assert {"demo", "test"} <= set(re.findall(r"\bmake ([a-z]+)", (ROOT / "README.md").read_text()))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)) <= targets
    commands = set(re.findall(r"python -m local ([a-z]+)", text))
    assert commands
    assert all(re.search(rf"\b{command}\b", help_text) for command in commands)


def test_commands_and_options_of_the_command_line_are_those_of_its_page() -> None:
    text = page("command-line.md")
    help_text = "\n".join(texts().values())
    option = r"--[a-z][a-z-]*"
    named = set(re.findall(option, text))

    assert set(re.findall(r"^foundry-finetune ([a-z]+)", text, re.MULTILINE)) == set(COMMANDS)
    assert named == set(re.findall(option, help_text)) - {"--version"}
