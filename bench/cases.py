"""What is measured: each case with its function and its environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import peers

ROOT: Final = Path(__file__).parents[1]
#: The interpreter of the peers' own environment.
PEERS: Final = ROOT / ".venv-bench" / "bin" / "python"
_CHUNK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table: checks a file in this process and returns how many findings it has."""

    title: str
    check: Callable[[Path], int]
    #: Runs in the peers' environment instead of ours.
    is_foreign: bool = False


def ours(path: Path) -> int:
    """The product: every rule on every row, exact tokens, near duplicates, the split, the report."""
    from shared.core.dataset.options import Options, Role  # noqa: PLC0415  the peers' environment has none of it
    from shared.core.dataset.validate import validate  # noqa: PLC0415

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    return sum(validate({Role.TRAINING: (path.name, chunks())}, Options()).report.totals.values())


CASES: Final[dict[str, Case]] = {
    "ours": Case("ours: everything", ours),
    "cookbook": Case("OpenAI cookbook's checks, streamed", peers.cookbook),
    "together": Case("`together files check`", peers.together, is_foreign=True),
    "parallelogram": Case(
        "`parallelogram check`: tokens guessed from lengths", peers.parallelogram, is_foreign=True
    ),
    "parallelogram_exact": Case(
        "`parallelogram check --tokenizer gpt-4o`: exact tokens, as ours",
        peers.parallelogram_exact,
        is_foreign=True,
    ),
}
