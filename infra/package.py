"""Builds the app into a zip on this machine, with its packages, for when the platform's own build fails or takes too long.

    python -m infra.package app.zip

On Flex Consumption a remote build may take 60 seconds.  Sent with `--build-remote false` (docs/azure.md), the zip is taken as is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
#: What the app is; the same as `.funcignore` lets through.
SENT: Final = ("function_app.py", "functions", "shared", "host.json", "requirements.txt")
#: Where the worker looks for packages that were built elsewhere.
PACKAGES: Final = ".python_packages/lib/site-packages"
#: The platform's Python and C library, whatever this machine has.  pip takes each level for itself alone, so all are named.
_PIP: Final = (
    *("install", "--disable-pip-version-check", "--require-hashes", "--only-binary=:all:"),
    *("--python-version", "3.13", "--implementation", "cp"),
    *("--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_17_x86_64"),
    *("--platform", "manylinux2014_x86_64"),
)


def build(target: Path, install: Callable[[Path], None] | None = None) -> None:
    """Write the app and its packages into a zip; a file that is there is replaced only once the new one is whole.

    Args:
        target: the zip.
        install: puts the packages into a folder; by default pip does.

    Raises:
        subprocess.CalledProcessError: pip failed, and has said why.
    """
    part = target.with_name(f"{target.name}.part")
    with tempfile.TemporaryDirectory() as folder:
        packages = Path(folder)
        (install or _install)(packages)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as made:
            for name in SENT:
                for path in _files(ROOT / name):
                    made.write(path, str(path.relative_to(ROOT)))
            for path in _files(packages):
                made.write(path, f"{PACKAGES}/{path.relative_to(packages)}")
    part.replace(target)


def _files(path: Path) -> Iterator[Path]:
    found = [path] if path.is_file() else sorted(path.rglob("*"))
    return (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def _install(folder: Path) -> None:
    requirements = str(ROOT / "requirements.txt")
    command = [sys.executable, "-m", "pip", *_PIP, "--target", str(folder), "--requirement", requirements]
    subprocess.run(command, check=True)


def main(arguments: list[str]) -> int:
    """Build; the exit code."""
    if len(arguments) != 1 or not arguments[0].endswith(".zip"):
        print("usage: python -m infra.package FILE.zip", file=sys.stderr)
        return 2
    target = Path(arguments[0])
    try:
        build(target)
    except subprocess.CalledProcessError:
        print("pip could not install the packages (see above); nothing was written", file=sys.stderr)
        return 1
    print(f"{target}: {target.stat().st_size // 2**20} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
