"""Failures that tests order in advance, for all twins."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

from shared.core.errors import FinetuneError, Unavailable


class Faults:
    """Base of the twins: counts calls, fails when told to, is safe under threads.

    Attributes:
        calls: names of the methods that were called, in order, failed calls included.
    """

    #: What a lost answer looks like to the caller of a request that may be repeated.
    lost: type[FinetuneError] = Unavailable

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._lock = RLock()
        self._failures: defaultdict[str, deque[FinetuneError]] = defaultdict(deque)
        self._lost_answers: defaultdict[str, int] = defaultdict(int)

    def fail_next(self, method: str, error: FinetuneError, times: int = 1) -> None:
        """The next calls of a method raise `error`; nothing is applied."""
        assert hasattr(self, method), f"{type(self).__name__} has no method {method}"
        self._failures[method].extend([error] * times)

    def lose_answer_next(self, method: str, times: int = 1) -> None:
        """The next calls of a method are applied, but the caller does not learn it."""
        assert hasattr(self, method), f"{type(self).__name__} has no method {method}"
        self._lost_answers[method] += times

    @contextmanager
    def _call(self, method: str) -> Iterator[None]:
        """One call at a time: the ordered failure first, then the body, then the lost answer."""
        with self._lock:
            self.calls.append(method)
            if self._failures[method]:
                raise self._failures[method].popleft()
            yield
            if self._lost_answers[method]:
                self._lost_answers[method] -= 1
                msg = f"{method}: the answer was lost"
                raise self.lost(msg)
