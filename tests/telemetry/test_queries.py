"""Every query of alerts, workbook, docs and probe, parsed by Microsoft's own language service with the documented tables."""

import ast
import json
import re
import subprocess

import pytest

from tests.telemetry.queries import QUERIES, ROOT

HERE = ROOT / "tests/telemetry"
SCHEMA = json.loads((HERE / "tables.json").read_text())
TABLES = SCHEMA["tables"]


def of_docs():
    """Blocks that are marked as queries, and texts in backticks that begin with a table."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = page.read_text()
        inline = [found for found in re.findall(r"`(\w+ \| [^`]+)`", text) if found.split()[0] in TABLES]
        for number, query in enumerate(re.findall(r"```k\w+\n(.*?)```", text, re.DOTALL) + inline):
            yield f"docs {page.stem} {number}", query


def of_the_probe():
    for node in ast.walk(ast.parse((ROOT / "infra/probe.py").read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "_logs":
            yield f"probe line {node.lineno}", ast.literal_eval(node.args[0])


ALL = {**QUERIES, **dict(of_docs()), **dict(of_the_probe())}
#: A wrong column, table, type, word and function, and a query that ends too soon.
PLANTED = {
    "column": QUERIES["alert run-stuck"].replace("Sum / 3600", "Summ / 3600"),
    "table": QUERIES["alert server-errors"].replace("AppRequests", "AppRequest"),
    "type": QUERIES["workbook volume"].replace("sum(Quantity)", "sum(DataType)"),
    "operator": QUERIES["workbook ends"].replace("| summarize", "| sumarize"),
    "function": QUERIES["workbook spend"].replace("tostring(", "tostr("),
    "end": QUERIES["alert run-stuck"].rstrip().removesuffix(")"),
    "of others": QUERIES["alert foreign-deployment"].replace("Caller !in~", "CallerId !in~"),
}


@pytest.fixture(scope="module")
def said():
    """Query -> what the language service complains of."""
    asked = {"tables": TABLES, "queries": ALL | {f"planted {name}": text for name, text in PLANTED.items()}}
    done = subprocess.run(
        ["node", HERE / "kql.cjs"],
        input=json.dumps(asked),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.thorough
class TestQueries:
    def test_all_are_understood(self, said):
        assert {name: words for name, words in said.items() if words and name in ALL} == {}

    @pytest.mark.parametrize("planted", PLANTED)
    def test_a_planted_mistake_is_found(self, said, planted):
        assert PLANTED[planted] not in ALL.values()
        assert said[f"planted {planted}"] != []


def test_each_place_has_queries():
    assert {name.split()[0] for name in ALL} == {"alert", "workbook", "docs", "probe"}
    assert set(SCHEMA["sources"]) == set(TABLES)
