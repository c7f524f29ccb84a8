"""What is measured: each case with its function, its environment, its cores and its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import ours, peers

ROOT: Final = Path(__file__).parents[1]
#: The interpreter of the peers' own environment.
PEERS: Final = ROOT / ".venv-bench" / "bin" / "python"
#: Size of the file of cases that are slow, in MB.
SMALL_MB: Final = 20


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table.

    Exactly one of `check` and `prepare` is given.
    """

    title: str
    check: Callable[[Path], int] | None = None
    #: Does what is not measured and returns what is.
    prepare: Callable[[Path], Callable[[], int]] | None = None
    cores: int = 1
    #: Runs in the peers' environment instead of ours.
    is_foreign: bool = False
    is_small: bool = False


CASES: Final[dict[str, Case]] = {
    "cookbook": Case("OpenAI cookbook, streamed", peers.cookbook),
    "structure": Case("ours: structure", ours.structure),
    "gate": Case("ours: gate", ours.gate),
    "full": Case("ours: full", ours.full),
    "together": Case("together files check", peers.together, is_foreign=True),
    "parallelogram": Case("parallelogram check, guessed tokens", peers.parallelogram, is_foreign=True),
    "parallelogram_exact": Case(
        "parallelogram check, exact tokens", peers.parallelogram_exact, is_foreign=True
    ),
    "tokens": Case("ours: token counts", prepare=ours.tokens, is_small=True),
    "tiktoken": Case("tiktoken", prepare=ours.tiktoken, is_small=True),
}
