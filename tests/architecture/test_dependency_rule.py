"""Who may import whom, and what the core must not touch."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.support.sources import nodes_of

ROOT = Path(__file__).parents[2]

SERVICES = {
    "shared.evaluating",
    "shared.evaluation_plan",
    "shared.evidence",
    "shared.grading",
    "shared.health",
    "shared.intake",
    "shared.foresight",
    "shared.known_rows",
    "shared.ledger",
    "shared.looking_ahead",
    "shared.lost_datasets",
    "shared.observer",
    "shared.old_patterns",
    "shared.people",
    "shared.performer",
    "shared.pinning",
    "shared.poller",
    "shared.validate_dataset",
    "shared.reconciler",
    "shared.rejudging",
    "shared.repeated",
    "shared.request_rate",
    "shared.run_folder",
    "shared.run_writer",
    "shared.telemetry.names",
    "shared.telemetry.records",
    "shared.telemetry.runs",
    "shared.telemetry.signals",
    "shared.telemetry.world",
    "shared.views.act_words",
    "shared.views.acts",
    "shared.views.asked",
    "shared.views.before",
    "shared.views.decisions",
    "shared.views.decisions_page",
    "shared.views.errors",
    "shared.views.home",
    "shared.views.listed",
    "shared.views.lists",
    "shared.views.moments",
    "shared.views.notices",
    "shared.views.offers",
    "shared.views.pipeline_page",
    "shared.views.parts",
    "shared.views.rows",
    "shared.views.fitting",
    "shared.views.run_about",
    "shared.views.run_ask",
    "shared.views.run_decided",
    "shared.views.run_evaluation",
    "shared.views.run_items",
    "shared.views.run_lists",
    "shared.views.run_page",
    "shared.views.run_reading",
    "shared.views.run_shown",
    "shared.views.run_since",
    "shared.views.runs",
    "shared.views.statuses",
    "shared.views.today",
    "shared.views.wrong",
    "shared.tick_budget",
}
#: Templates, and what fills them.
PAGES = {"shared.pages", "shared.pages.charts", "shared.pages.render", "shared.pages.shapes"}
#: Of these what the views make charts of: geometry, without a template.
DRAWN = ("shared.pages.charts", "shared.pages.shapes")
IMPURE = {
    "os",
    "sys",
    "time",
    "random",
    "uuid",
    "logging",
    "socket",
    "pathlib",
    "tempfile",
    "subprocess",
    "threading",
    "secrets",
}


def modules(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports_of(path):
    """Absolute names of the modules that a file imports."""
    return tuple(_imports_of(path))


def _imports_of(path):
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            for alias in node.names:
                is_module = (ROOT / Path(*module.split("."), alias.name)).with_suffix(".py").exists()
                yield f"{module}.{alias.name}" if is_module else module


def ours(name):
    return name.split(".")[0] in {"cli", "functions", "shared", "local", "function_app", "tests"}


@pytest.mark.parametrize("path", modules("shared/core"), ids=name_of)
def test_the_core_imports_nothing_of_ours_but_core(path):
    assert [n for n in imports_of(path) if ours(n) and not n.startswith("shared.core")] == []


def test_in_the_core_only_the_decision_knows_the_steps():
    """`steps` are on top of everything else that decides: an import that runs back up hides where a rule is made."""
    importers = {
        name_of(path)
        for path in modules("shared/core")
        if path.parent.name != "steps" and any(n.startswith("shared.core.steps") for n in imports_of(path))
    }
    assert importers == {"shared.core.decide"}


@pytest.mark.parametrize("path", modules("shared/core"), ids=name_of)
def test_the_core_touches_no_clock_randomness_environment_files_or_log(path):
    found = {n.split(".")[0] for n in imports_of(path)}
    assert found & IMPURE == set()
    assert not any(n.split(".")[0] in {"azure", "openai"} for n in imports_of(path))
    calls = {
        f"{node.func.value.id}.{node.func.attr}"
        for node in nodes_of(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    }
    assert not calls & {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


def test_the_pipeline_file_is_read_through_its_door():
    """`file` reads it, `remarks` are what it says about it, `reference` has its keys; the rest is nobody else's business."""
    doors = {f"shared.core.pipeline.{door}" for door in ("file", "remarks", "reference")}
    for path in (path for folder in ("shared", "functions", "cli") for path in modules(folder)):
        inside = {n for n in imports_of(path) if n.startswith("shared.core.pipeline")}
        assert "core/pipeline/" in path.as_posix() or inside <= doors, path


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("spec", set()),
        ("tokenizers", set()),
        ("models", {"shared.core.spec", "shared.core.tokenizers"}),
    ],
    ids=["spec", "tokenizers", "models"],
)
def test_what_a_pipeline_file_says_knows_nothing_of_how_it_is_read(name, allowed):
    assert {n for n in imports_of(ROOT / f"shared/core/{name}.py") if ours(n)} == allowed


@pytest.mark.parametrize("path", modules("shared/adapters"), ids=name_of)
def test_adapters_import_only_ports_and_core(path):
    allowed = ("shared.ports", "shared.core", "shared.adapters")
    assert [n for n in imports_of(path) if ours(n) and not n.startswith(allowed)] == []


def test_only_wiring_imports_adapters():
    importers = {
        name_of(path)
        for folder in ("shared", "functions")
        for path in modules(folder)
        if "adapters" not in path.parts and any(n.startswith("shared.adapters") for n in imports_of(path))
    }
    assert importers == {"shared.wiring"}


@pytest.mark.parametrize("path", [p for p in modules("shared") if name_of(p) in SERVICES], ids=name_of)
def test_services_know_ports_and_core_but_no_sdk(path):
    assert not [n for n in imports_of(path) if n.split(".")[0] in {"azure", "openai", "azurefunctions"}]


def test_every_module_of_shared_has_its_room():
    rooms = {
        "shared",
        "shared.__main__",
        "shared.ports",
        "shared.settings",
        "shared.version",
        "shared.telemetry",
        "shared.wiring",
        "shared.views",
        *PAGES,
    } | SERVICES
    strays = {name_of(p) for p in modules("shared") if not {"core", "adapters"} & set(p.parts)} - rooms
    assert strays == set()


@pytest.mark.parametrize("folder", ["shared", "functions"])
def test_the_product_imports_neither_the_local_cloud_nor_the_command_line_nor_the_triggers(folder):
    for path in modules(folder):
        names = [n for n in imports_of(path) if n.split(".")[0] in {"cli", "local", "tests", "function_app"}]
        assert names == [], path
        if folder == "shared":
            assert not [n for n in imports_of(path) if n.startswith("functions")], path


@pytest.mark.slow
def test_the_local_cloud_imports_nothing_of_the_product_but_its_command_line():
    """What it stands in for has to be written twice, or a mistake of the product would be right here too."""
    for path in modules("local"):
        found = {n for n in imports_of(path) if n.split(".")[0] in {"cli", "shared", "functions"}}
        if path.parent == ROOT / "local":  # what people call; it asks the app as anybody does
            found = {n for n in found if not n.startswith("cli.")} - {"shared.core.served"}
        assert found == set(), path


@pytest.mark.parametrize("path", modules("cli"), ids=name_of)
def test_the_command_line_imports_the_core_and_the_version_only(path):
    allowed = ("cli", "shared.core", "shared.version")
    assert [n for n in imports_of(path) if ours(n) and not n.startswith(allowed)] == []


@pytest.mark.parametrize("path", modules("shared/pages"), ids=name_of)
def test_pages_know_neither_the_world_nor_the_services(path):
    """They show what `shared.views` made, with charts in it; only the triggers ask for a page."""
    allowed = ("shared.core", "shared.pages")
    assert [n for n in imports_of(path) if ours(n) and not n.startswith(allowed)] == []
    importers = {
        name_of(p)
        for folder in ("shared", "functions")
        for p in modules(folder)
        if any(n.startswith("shared.pages") and not n.startswith(DRAWN) for n in imports_of(p))
        and "pages" not in p.parts
    }
    assert all(name.startswith("functions.") for name in importers)


def test_pages_escape_everything():
    """What is not escaped was written by us, in a template: nothing is ever marked as harmless on its way there."""
    for path in sorted((ROOT / "shared/pages").rglob("*")):
        if path.suffix in {".py", ".html", ".css"}:
            text = path.read_text()
            found = re.findall(
                r"\bsafe\b|Markup\b|autoescape\s+false|autoescape=False|unsafe-", text, re.IGNORECASE
            )
            assert found == [], path


def test_the_name_of_earlier_releases_imports_nothing():
    assert {n for n in imports_of(ROOT / "shared/__main__.py") if n not in sys.stdlib_module_names} == set()


def reads_the_environment(path):
    """`os.environ`, `os.getenv` and their like, however they are imported."""
    readers = {"environ", "environb", "getenv", "getenvb"}
    for node in nodes_of(path):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os" and node.attr in readers:
            return True
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {a.name for a in node.names} & readers
        ):
            return True
    return False


def test_only_settings_reads_the_environment():
    readers = {
        name_of(path)
        for folder in ("shared", "functions")
        for path in modules(folder)
        if reads_the_environment(path)
    }
    assert readers == {"shared.settings"}


@pytest.mark.parametrize(
    "line", ["import os\nos.environ['A']", "from os import getenv", "import os\nf(os.getenv)"]
)
def test_reading_the_environment_is_noticed_however_it_is_written(tmp_path, line):
    (tmp_path / "reader.py").write_text(line)

    assert reads_the_environment(tmp_path / "reader.py")


@pytest.mark.slow
def test_importing_the_app_loads_no_heavy_sdk():
    """A cold start pays for every import; Foundry's and ARM's SDKs load on first use.

    azure.identity and azure.storage.blob come with the blob binding of the worker; nothing of ours asks for them.
    """
    code = "import sys, function_app; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = done.stdout.split()
    assert "shared.wiring" in loaded
    heavy = (
        "openai",
        "azure.ai",
        "azure.mgmt",
        "azure.data",
        "ruamel",
        "toktok",
        "rapidfuzz",
        "numpy",
        "jinja2",
        "opentelemetry.sdk",
        "opentelemetry.exporter",
        "azure.monitor",
    )
    assert [name for name in loaded if name.startswith(heavy)] == []


@pytest.mark.slow
def test_no_file_names_a_package_registry():
    hosts = ("pypi" + ".org", "npmjs" + ".org", "pythonhosted" + ".org", "npmjs" + ".com", "debian" + ".org")
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    found = [
        name for name in tracked if name and any(h in (ROOT / name).read_text(errors="ignore") for h in hosts)
    ]
    assert found == []


def decodes_a_type_at_run_time(node):
    """`msgspec.json.decode(raw, type=...)` or `msgspec.convert(...)`: both make the decoder when they are called."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    name = ast.unparse(node.func)
    return name == "msgspec.convert" or (
        name == "msgspec.json.decode" and any(keyword.arg == "type" for keyword in node.keywords)
    )


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["shared", "functions"])
def test_decoders_are_made_while_modules_are_imported(folder):
    """Else two threads that are the first to decode a type crash the process (msgspec 0.22.0)."""
    for path in modules(folder):
        assert not [node.lineno for node in nodes_of(path) if decodes_a_type_at_run_time(node)], path
        for function in (n for n in nodes_of(path) if isinstance(n, ast.FunctionDef)):
            made = [
                n for n in ast.walk(function) if isinstance(n, ast.Call) and "Decoder" in ast.unparse(n.func)
            ]
            assert not made, f"{path}:{function.lineno}"


@pytest.mark.slow
def test_threads_that_are_the_first_to_read_a_pin_do_not_crash():
    """With a decoder that is made at the first use, 85 of 150 of these processes died of SIGSEGV."""
    code = """
import gc, sys, threading
from shared.pinning import _decode
import msgspec
sys.setswitchinterval(1e-6)
gc.set_threshold(50)
start = threading.Barrier(6)
def read():
    start.wait()
    for _ in range(20):
        try:
            _decode(b'{"spec": {}}')
        except msgspec.ValidationError:
            pass
threads = [threading.Thread(target=read) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=True)
