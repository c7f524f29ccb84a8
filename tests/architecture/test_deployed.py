"""What is packed and sent to Azure: the app, and nothing that it does not run.

`.funcignore` is read by git, whose patterns it has; only such patterns are used as other readers take in the same way.
"""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import files as files_of
from pathlib import Path, PurePath

import pytest

from infra import package
from tests.support.confined import closure, run

ROOT = Path(__file__).parents[2]
SENT = set(package.SENT)


def git(*command, **options):
    done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False, **options)
    assert done.returncode in {0, 1}, done.stderr  # 1: nothing is ignored
    return done.stdout.splitlines()


def kept(*folders):
    """Files that git keeps, or would keep."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard", *folders)
    return {name for name in names if (ROOT / name).exists()}


def left_out(paths, tmp_path):
    """Those of the paths that `.funcignore` keeps from being sent, whether or not there are such files."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    command = ["-C", tmp_path, "-c", f"core.excludesFile={ROOT / '.funcignore'}", "check-ignore", "--stdin"]
    return set(git(*command, input="\n".join(paths)))


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A folder with what is sent of this checkout, but for what git leaves out."""
    folder, names = tmp_path_factory.mktemp("packed"), kept()
    for name in names - left_out(names, tmp_path_factory.mktemp("patterns")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def locked():
    """Distributions that Azure installs, as far as they are meant for this machine."""
    names = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==", (ROOT / "requirements.txt").read_text(), re.MULTILINE
    )
    found = closure(names)
    assert len(found) > 20
    return found


def modules(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*.py"))


def imports_of(path):
    """What a file imports, now or later: each as the names of modules of which one must be there."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ({alias.name} for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ({node.module, f"{node.module}.{alias.name}"} for alias in node.names)


def named(files):
    """Names of the modules in files with relative paths; a folder without `__init__.py` is no module."""
    return {
        ".".join([*file.parent.parts, file.name.split(".")[0]]).removesuffix(".__init__") for file in files
    }


def test_the_app_is_sent_and_nothing_else(packed):
    assert {path.name for path in packed.iterdir()} == SENT
    assert {path.suffix for path in packed.rglob("*") if path.is_file()} == {
        ".py",
        ".json",
        ".txt",
        ".html",
        ".css",
    }


def test_nothing_of_the_app_is_left_behind(packed):
    assert {str(path.relative_to(packed)) for path in packed.rglob("*") if path.is_file()} == kept(*SENT)


def test_what_git_does_not_keep_is_not_sent_either(tmp_path):
    """Somebody deploys from a folder in which tests, benchmarks and mutants have run."""
    patterns = [line for line in (ROOT / ".gitignore").read_text().splitlines() if line]
    paths = [pattern.replace("*", "x").rstrip("/") + "/x" for pattern in patterns]

    assert sorted(set(paths) - left_out(paths, tmp_path)) == []


def test_patterns_are_such_as_every_reader_takes_in_the_same_way():
    patterns = [line for line in (ROOT / ".funcignore").read_text().splitlines() if line[0] != "#"]

    assert [p for p in patterns if not re.fullmatch(r"[\w.-]*\*?[\w.-]*/?", p)] == []


@pytest.mark.slow
def test_every_import_is_of_the_app_or_of_what_azure_installs(packed, locked):
    known = named(modules(packed)) | named(PurePath(file) for name in locked for file in files_of(name))
    missing = {
        (str(module), *names)
        for module in modules(packed)
        for names in imports_of(packed / module)
        if not names & known and not {name.split(".")[0] for name in names} <= sys.stdlib_module_names
    }

    assert len(known) > 1000
    assert missing == set()


@pytest.mark.thorough
def test_every_module_of_the_app_loads_with_what_azure_installs(packed, locked):
    names = ", ".join(sorted(named(modules(packed))))
    (packed / "everything.py").write_text(f"import {names}\nprint('loaded')\n")
    done = run(packed, locked, "everything")
    (packed / "everything.py").unlink()

    assert (done.stdout, done.returncode) == ("loaded\n", 0), done.stderr


@pytest.mark.slow
def test_what_azure_does_not_install_is_not_found(packed, locked):
    (packed / "everything.py").write_text("import rich\n")
    done = run(packed, locked, "everything")
    (packed / "everything.py").unlink()

    assert "No module named 'rich'" in done.stderr


def test_a_zip_that_is_built_here_has_the_app_and_its_packages(packed, tmp_path):
    def install(folder):
        (folder / "numpy" / "__pycache__").mkdir(parents=True)
        (folder / "numpy" / "__init__.py").write_text("")
        (folder / "numpy" / "__pycache__" / "x.pyc").write_text("")

    package.build(tmp_path / "app.zip", install)
    with zipfile.ZipFile(tmp_path / "app.zip") as made:
        names = set(made.namelist())

    app = {str(path.relative_to(packed)) for path in packed.rglob("*") if path.is_file()}
    assert names == app | {".python_packages/lib/site-packages/numpy/__init__.py"}


@pytest.mark.slow
def test_a_build_that_fails_leaves_the_zip_of_before(tmp_path, monkeypatch, capsys):
    target = tmp_path / "app.zip"
    target.write_bytes(b"before")
    monkeypatch.setattr(package, "_PIP", ("no-such-command",))

    assert package.main([str(target)]) == 1
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["app.zip"]
    assert "nothing was written" in capsys.readouterr().err
    assert package.main([]) == package.main(["app.tar"]) == 2


def test_packages_are_those_that_are_locked_as_wheels_for_the_platform():
    """Whatever is not locked is refused; what is there as source only would be built for this machine."""
    assert {"--require-hashes", "--only-binary=:all:", "3.13", "manylinux_2_28_x86_64"} <= set(package._PIP)
