"""Dependencies are exactly what was locked.

Known vulnerabilities are not looked for here: the databases are online.  The workflow CI does that (pip-audit).  What is checked:
every package has one version and hashes, comes from a registry only, fits what was asked for, and is the same in all locks.
"""

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = [f"requirements{name}.txt" for name in ("", "-dev", "-bench", "-oracle")]
ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==(?P<version>[\w.!+-]+)(?: ; (?P<marker>[^\\]+?))? ?\\?$"
)


def entries(text):
    """(name, version, hashes) of a lock; raises on any line of another form."""
    found = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if match := ENTRY.match(line):
            found.append((canonicalize_name(match["name"]), match["version"], []))
        elif match := re.match(r"^    --hash=sha256:([0-9a-f]{64})(?: \\)?$", line):
            found[-1][2].append(match[1])
        else:
            msg = f"not a pinned package: {line}"
            raise ValueError(msg)
    return found


def asked(name):
    """What a .in file asks for, with the files that it names."""
    for line in (ROOT / name).read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            yield from asked(text[3:])
        elif text:
            yield Requirement(text)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_with_hashes_and_comes_from_a_registry(lock):
    found = entries((ROOT / lock).read_text())

    assert len(found) > 5
    assert [name for name, _, hashes in found if not hashes] == []


@pytest.mark.parametrize(
    "line",
    [
        "x>=1",
        "x @ git+https://example.com/x",
        "-e .",
        "--index-url https://example.com",
        "https://example.com/x.whl",
        "x",
    ],
)
def test_other_lines_are_refused(line):
    with pytest.raises(ValueError, match="not a pinned package"):
        entries(line)


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_fits_what_was_asked_for(lock):
    pinned = {name: version for name, version, _ in entries((ROOT / lock).read_text())}
    wanted = list(asked(lock.replace(".txt", ".in")))

    assert wanted
    assert [
        str(r)
        for r in wanted
        if not r.specifier.contains(pinned.get(canonicalize_name(r.name), "0"), prereleases=True)
    ] == []


def test_development_has_the_versions_that_run_in_azure():
    product = {(name, version) for name, version, _ in entries((ROOT / "requirements.txt").read_text())}
    development = {
        (name, version) for name, version, _ in entries((ROOT / "requirements-dev.txt").read_text())
    }

    assert product <= development


def test_nothing_that_only_tests_need_goes_to_azure():
    product = {name for name, _, _ in entries((ROOT / "requirements.txt").read_text())}

    assert product.isdisjoint(
        {"pytest", "mypy", "ruff", "bandit", "zizmor", "uv", "azure-functions-runtime", "starlette"}
    )


def test_node_packages_have_hashes_and_no_address():
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {
        path: package for path, package in lock["packages"].items() if path and not package.get("link")
    }

    assert len(packages) > 10
    assert [
        path for path, package in packages.items() if not package.get("integrity", "").startswith("sha512-")
    ] == []
    assert [path for path, package in packages.items() if "resolved" in package] == []


@pytest.mark.parametrize("step", ["--require-hashes", "npm ci"])
def test_what_is_installed_is_checked_against_the_hashes(step):
    assert step in (ROOT / "Makefile").read_text()
