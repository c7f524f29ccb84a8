"""Child processes with logs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

_READY_S: Final = 40.0
_GRACE_S: Final = 8.0
_TAIL_LINES: Final = 25


class ChildError(Exception):
    """A child process ended or did not get ready; the message has the end of its log."""


@dataclass(slots=True)
class Child:
    """A running child."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def tail(self) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        return ""

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end; kill it if it does not."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()


def start(
    name: str, command: list[str], log: Path, *, cwd: Path, environ: dict[str, str] | None = None
) -> Child:
    """Start a child whose output goes to its log.  Its process group is its own, so that Ctrl-C reaches only the parent."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    return Child(name, process, log)


def start_and_wait(
    name: str, command: list[str], log: Path, *, cwd: Path, environ: dict[str, str] | None = None
) -> tuple[Child, dict[str, Any]]:
    """Start a child and wait for its first line of output, which is JSON.

    Returns:
        The child, and the object of that line.

    Raises:
        ChildError: if the child ends first, or takes too long.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=out,
            start_new_session=True,
        )
    child = Child(name, process, log)
    assert process.stdout
    line: list[bytes] = []
    reader = threading.Thread(target=_read, args=(process.stdout, line, log), daemon=True)
    reader.start()
    stop_at = time.monotonic() + _READY_S
    while not line:
        if not child.is_alive and not reader.is_alive() and not line:
            msg = f"{name} ended with code {process.returncode}:\n{child.tail()}"
            raise ChildError(msg)
        if time.monotonic() > stop_at:
            child.kill()
            msg = f"{name} was not ready within {_READY_S:.0f} seconds:\n{child.tail()}"
            raise ChildError(msg)
        time.sleep(0.02)
    ready: dict[str, Any] = json.loads(line[0])
    return child, ready


def _read(out: IO[bytes], line: list[bytes], log: Path) -> None:
    """Read the first line for the parent, and copy the rest to the log."""
    with out, log.open("ab") as rest:
        first = out.readline()
        if first.strip():
            line.append(first)
        for more in out:
            rest.write(more)
            rest.flush()
