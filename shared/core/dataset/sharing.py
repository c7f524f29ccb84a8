"""The work on a large file, shared with other processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any, Final

from shared.core.dataset.examine import Examined, Examiner
from shared.core.dataset.options import Depth, Options
from shared.core.dataset.reader import Block
from shared.core.dataset.sketch import Sketcher

#: Blocks that a process may have before it has examined them, so that it need not wait for this one.
_AHEAD: Final = 4
#: Loads what any row needs.
_WARM_UP: Final = b'{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."}]}'

type StartProcesses = Callable[[Callable[..., None], tuple[Any, ...]], Executor]
"""Starts processes that first call a function with arguments, and then whatever is submitted."""

_here: list[tuple[Examiner, Sketcher]] = []


class Sharing:
    """Other processes that examine blocks, once they are ready; what they find does not depend on which of them does.

    Args:
        start: starts the processes; who gives it also ends them.
        count: how many processes.
        options: what is looked for.
    """

    def __init__(self, start: StartProcesses, count: int, options: Options) -> None:
        self._is_full = options.depth is Depth.FULL
        self._starting: list[Future[bool]] = []
        self._executor: Executor | None = start(begin, (options,))
        try:
            self._starting = [self._executor.submit(is_ready) for _ in range(count)]
        except BrokenExecutor:
            self._executor = None

    def submit(self, block: Block, templates: bytes | None, outstanding: int) -> Future[Examined] | None:
        """Give a block to another process, if one is ready and has too little to do.

        Args:
            block: the lines.
            templates: what the sketcher of this process has learned; only then others can do as it does.
            outstanding: how many blocks they have already.
        """
        if self._executor is None or (templates is None and self._is_full):
            return None
        if outstanding >= _AHEAD * sum(process.done() for process in self._starting):
            return None
        try:
            return self._executor.submit(examine_here, block, templates)
        except BrokenExecutor:
            self._executor = None
            return None


def begin(options: Options) -> None:
    """What a process does first: loads all libraries, which takes most of a second."""
    Examiner(Options(depth=options.depth), Sketcher(), samples=False).examine(Block(1, 1, _WARM_UP, ()))
    sketcher = Sketcher()
    _here[:] = [(Examiner(options, sketcher, samples=False), sketcher)]


def is_ready() -> bool:
    """What a process can answer only when it has begun."""
    return bool(_here)


def examine_here(block: Block, templates: bytes | None) -> Examined:
    """Examine a block in a process that has begun."""
    examiner, sketcher = _here[0]
    if templates is not None:
        sketcher.templates = templates
    return examiner.examine(block)
