"""Validation of files on this machine: the same core as in the cloud, on a path instead of a blob."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from shared.core import naming
from shared.core.dataset.options import Depth, Options, Role
from shared.core.dataset.report import Report
from shared.core.dataset.sharing import StartProcesses
from shared.core.dataset.validate import Validation, prepared_rows, validate
from shared.core.pipeline_types import MethodType

_CHUNK_BYTES: Final = 256 * 1024
#: Other processes take most of a second to start, in which this one gets through as much as this.
_ALONE_BYTES: Final = 64_000_000

type Progress = Callable[[Path, int], None]
"""Called with a file and the bytes that were read of it since the last time."""


def workers_here() -> int:
    """How many processes are worth while: one for each core that this process may use."""
    return os.process_cpu_count() or 1


def validate_path(
    path: Path, options: Options, *, workers: int | None = None, progress: Progress | None = None
) -> Validation:
    """Validate a training file with the companions that lie beside it.

    Args:
        path: the training file; `validation.jsonl`, `NAME.validation.jsonl` and the like are found beside it.
        options: what is looked for.
        workers: processes; None for one a core.
        progress: told of the bytes that were read.

    Raises:
        OSError: if a file cannot be read.
    """
    count = workers or workers_here()
    files = files_of(path)
    sources = {role: (file.name, chunks_of(file, progress)) for role, file in files.items()}
    if count == 1 or sum(file.stat().st_size for file in files.values()) < _ALONE_BYTES:
        return validate(sources, options)
    with ExitStack() as stack:
        return validate(sources, options, processes=_starts(stack, count - 1), workers=count)


def _starts(stack: ExitStack, count: int) -> StartProcesses:
    def start(begin: Callable[..., None], arguments: tuple[Any, ...]) -> Executor:
        """Fresh processes: a fork of one that has threads can hang."""
        pool = ProcessPoolExecutor(
            count, get_context("spawn"), initializer=_begin, initargs=(begin, arguments)
        )
        return stack.enter_context(pool)

    return start


def _begin(begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """What a process does first; to be interrupted is the business of the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin(*arguments)


def validate_local(
    path: Path, *, method: str = "supervised", depth: str = "full", workers: int = 1
) -> Report:
    """Validate a file by the standard rules; what the benchmarks measure."""
    return validate_path(path, Options(method=MethodType(method), depth=Depth(depth)), workers=workers).report


def files_of(path: Path) -> dict[Role, Path]:
    """A training file and its companions, by role."""
    found = {Role.TRAINING: path}
    for role in naming.COMPANION_ROLES:
        beside = [path.with_name(name) for name in naming.companion_names(path.name, role)]
        existing = next((file for file in beside if file.is_file() and file != path), None)
        if existing is not None:
            found[Role(role)] = existing
    return found


def chunks_of(path: Path, progress: Progress | None = None) -> Iterator[bytes]:
    """The bytes of a file."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            if progress is not None:
                progress(path, len(chunk))
            yield chunk


def write_repaired(path: Path, out: Path, found: Validation, options: Options) -> int:
    """Write the rows of a training file that are used, repaired where they need to be; how many there are.

    Whatever happens meanwhile, `out` is either as it was or complete.

    Raises:
        OSError: if a file cannot be read or written.
    """
    training = found.files[Role.TRAINING]
    count = 0
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            for row in prepared_rows(chunks_of(path), training, options):
                if found.plan.role_of(row.index) is not None:
                    file.write(row.data + b"\n")
                    count += 1
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return count
