"""Runs a program as if only some distributions were installed, though all that tests need are.

It finds the standard library, one folder, and the distributions that are named with all that these require.
"""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def run(folder: Path, distributions: Iterable[str], *command: object) -> subprocess.CompletedProcess[str]:
    """Run a module of a folder in a process of its own, which leaves nothing compiled behind in the folder.

    Args:
        folder: where the program lies; also the working directory.
        distributions: names of what is there besides.
        command: the module, and its arguments.
    """
    names = ",".join(distributions)
    return subprocess.run(
        [sys.executable, "-B", "-P", __file__, str(folder), names, *map(str, command)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def closure(names: Iterable[str]) -> set[str]:
    """The distributions, and all that they require on this machine, by normalised name."""
    found: set[str] = set()
    waiting = [normalised(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found and (requires := _requires(name)) is not None:
            found.add(name)
            waiting += requires
    return found


def _requires(name: str) -> list[str] | None:
    """What a distribution requires, extras left out; None if it is not installed (it is meant for other machines)."""
    try:
        lines = distribution(name).requires or []
    except PackageNotFoundError:
        return None
    return [normalised(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in lines if "extra ==" not in line]


def normalised(name: str) -> str:
    """A name of a distribution as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def files_of(names: Iterable[str]) -> Iterator[Path]:
    """The files of distributions."""
    for name in names:
        for file in distribution(name).files or ():
            yield Path(str(file.locate()))


class _Finder:
    """Finds what Python finds, but for modules of other distributions."""

    find_distributions = staticmethod(PathFinder.find_distributions)  # libraries ask for their own version

    def __init__(self, folder: str, names: Iterable[str]) -> None:
        self._folder = folder
        self._files = {str(path) for path in files_of(names)}

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)  # type: ignore[arg-type]
        if spec is None or spec.origin is None or "site-packages" not in spec.origin:
            return spec
        if spec.origin.startswith(self._folder) or spec.origin in self._files:
            return spec
        return None


def _main() -> None:
    folder, names, module, *arguments = sys.argv[1:]
    sys.meta_path[sys.meta_path.index(PathFinder)] = _Finder(folder, closure(names.split(",")))
    sys.path.insert(0, folder)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
