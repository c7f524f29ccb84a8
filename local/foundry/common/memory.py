"""Returns unused memory to the system: by itself, glibc keeps what several threads once used."""

from __future__ import annotations

import ctypes
import platform
from typing import Final

#: Parameters of mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_SMALL: Final = 2 * 1024 * 1024


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def keep_small() -> None:
    """Have few arenas, and return large blocks as soon as they are freed.  To be called before any thread starts."""
    if (libc := _glibc()) is not None:
        libc.mallopt(_ARENA_MAX, 2)
        libc.mallopt(_MMAP_THRESHOLD, _SMALL)
        libc.mallopt(_TRIM_THRESHOLD, _SMALL)


def give_back() -> None:
    """Return what is free now.  To be called after a large piece of work."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)
