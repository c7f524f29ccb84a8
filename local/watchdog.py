"""Ends a child process when its parent ends, however that happens."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import threading
import time


def die_with_parent() -> None:
    """End this process when its parent is gone.  On Linux the kernel does it, elsewhere a thread that looks twice per second."""
    parent = os.getppid()
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="watchdog", daemon=True).start()
