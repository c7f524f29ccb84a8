"""Text of anybody is escaped in one place for each output, and nothing is printed around it."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = sorted(
    path for room in ("shared", "functions", "cli", "local") for path in (ROOT / room).rglob("*.py")
)
#: The one place of each thing that prints or escapes.
PLACES = {
    "Console": set(),  # `Terminal` is one
    "sys.stdout.write": {"cli/console.py"},
    "sys.stderr.write": {"shared/__main__.py"},  # a sentence of ours
    "rich.markup": set(),
    "Text.from_markup": set(),
    "html.escape": {  # a picture is XML; the local sign-in's page is Microsoft's in Azure; a view counts what escaping adds
        "shared/core/evaluation/plot.py",
        "shared/views/fitting.py",
        "local/host/signing_in.py",
    },
    "unicode_escape": {"shared/core/shown.py"},
    "isprintable": {"shared/core/shown.py", "local/host/signing_in.py"},  # there: what is no address
    "csv.writer": {"shared/core/evaluation/render.py", "shared/core/csv_text.py"},
    "print": {  # JSON for another program, in ASCII; numbers of a measurement
        "local/cli.py",
        "local/host/__main__.py",
        "local/foundry/__main__.py",
        "local/foundry/bench.py",
    },
}


@cache
def used_in(path):
    """Which of `PLACES` a module uses, however it imports them."""
    return frozenset(_used(ast.parse(path.read_text())))


def _used(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            yield from {name} & {
                "Console",
                "print",
                "sys.stdout.write",
                "sys.stderr.write",
                "Text.from_markup",
                "csv.writer",
            }
            if name.endswith(".isprintable"):
                yield "isprintable"
        elif isinstance(node, ast.ImportFrom) and node.module == "rich.markup":
            yield "rich.markup"
        elif isinstance(node, ast.ImportFrom) and node.module == "html":
            yield "html.escape"
        elif isinstance(node, ast.Constant) and node.value == "unicode_escape":
            yield "unicode_escape"


@pytest.mark.slow
@pytest.mark.parametrize("what", PLACES)
def test_there_is_one_place_for_it(what):
    found = {path.relative_to(ROOT).as_posix() for path in PRODUCT if what in used_in(path)}

    assert found == PLACES[what]


def test_the_last_part_of_a_csv_row_that_is_text_goes_through_its_escape():
    source = (ROOT / "shared/core/evaluation/render.py").read_text()

    assert source.count("writerow(") == source.count("map(csv_cell") == 2


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("from rich.markup import escape", "rich.markup"),
        ("from rich.console import Console\nConsole().print(1)", "Console"),
        ("import sys\nsys.stdout.write('x')", "sys.stdout.write"),
        ("print('x')", "print"),
        ("'x'.isprintable()", "isprintable"),
    ],
)
def test_whoever_prints_around_it_is_noticed(tmp_path, line, what):
    (tmp_path / "other.py").write_text(line)

    assert what in used_in(tmp_path / "other.py")
