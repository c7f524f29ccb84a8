"""A dataset in files of this machine: found, read, checked as the cloud checks blobs, and written repaired."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from shared.core import naming
from shared.core.dataset.options import Options, Role
from shared.core.dataset.reading.line import decode_row
from shared.core.dataset.validate import ValidatedDataset, prepared_rows, validate
from shared.core.evaluation.items import EvaluationItem, item_from_row

_CHUNK_BYTES: Final = 256 * 1024

type OnRead = Callable[[Path, int], None]
"""Called with a file and the number of bytes that were read of it since the last call."""


def files_of(path: Path) -> dict[Role, Path]:
    """A training file and the companions beside it, by role.

    Companions are named as in the cloud: `validation.jsonl`, `NAME.validation.jsonl` and the like.
    """
    found = {Role.TRAINING: path}
    for role in naming.COMPANION_ROLES:
        beside = [path.with_name(name) for name in naming.companion_names(path.name, role)]
        existing = next((file for file in beside if file.is_file() and file != path), None)
        if existing is not None:
            found[Role(role)] = existing
    return found


def validate_files(
    files: Mapping[Role, Path], options: Options, on_read: OnRead | None = None
) -> ValidatedDataset:
    """Validate the files of a dataset.

    Raises:
        OSError: a file cannot be read.
    """
    return validate({role: (_name(file), chunks_of(file, on_read)) for role, file in files.items()}, options)


def _name(file: Path) -> str:
    """Its name, without bytes that are no text."""
    return file.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def chunks_of(path: Path, on_read: OnRead | None = None) -> Iterator[bytes]:
    """The bytes of a file.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            if on_read is not None:
                on_read(path, len(chunk))
            yield chunk


def held_out_items(
    files: Mapping[Role, Path], found: ValidatedDataset, options: Options
) -> Iterator[EvaluationItem]:
    """What models are asked, in its order: the second pass over the file in which it lies.

    Raises:
        OSError: the file cannot be read, or is not as it was when it was checked.
    """
    role = Role.EVALUATION if Role.EVALUATION in files else Role.TRAINING
    rows = prepared_rows(chunks_of(files[role]), found.files[role], options)
    try:
        for number, line in enumerate(held_out.line for held_out in found.held_out):
            row = next(row for row in rows if row.line == line)
            yield item_from_row(decode_row(row.data), options.method, number)
    except (StopIteration, LookupError, ValueError, TypeError, AttributeError) as error:
        msg = f"{files[role]} is not as it was when it was checked"
        raise OSError(msg) from error


def write_repaired(path: Path, out: Path, found: ValidatedDataset, options: Options) -> int:
    """Write the rows of a training file that are used, repaired where they need to be.

    Whatever happens meanwhile, `out` is either as it was or complete.

    Returns:
        The number of rows that were written.

    Raises:
        OSError: a file cannot be read or written, or is not as it was when it was checked.
    """
    training = found.files[Role.TRAINING]
    counts = Counter[bool]()
    part = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        with part.open("xb") as file, suppress(IndexError):  # more rows than there were
            for row in prepared_rows(chunks_of(path), training, options):
                is_used = found.plan.role_of(row.index) is not None
                counts[is_used] += 1
                if is_used:
                    file.write(row.data + b"\n")
            if counts.total() == training.rows:
                part.replace(out)
                return counts[True]
    finally:
        part.unlink(missing_ok=True)
    msg = f"{path} is not as it was when it was checked ({training.rows} rows); nothing was written"
    raise OSError(msg)
