"""Many threads that do the same at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

from shared.core.errors import Conflict

THREADS = 32


def race(work, count=THREADS):
    """Outcomes (`won`, `lost`) of the same work in many threads that start together."""
    barrier = threading.Barrier(count)

    def one(number):
        barrier.wait()
        try:
            work(number)
        except Conflict:
            return "lost"
        return "won"

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
