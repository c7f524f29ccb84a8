"""What the peers say of files, in their own words: `python -m bench.sayings PEER JOBS OUT`.

Works in the peers' environment too, so nothing but the standard library is imported here.  JOBS is a JSON list of
`{"id": ..., "files": {"training": PATH, ...}}`; OUT gets a JSON line for each, and is gone on with if it has some already.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from bench import peers

#: A peer that takes longer for a file, or more memory, is stopped.
TIMEOUT_S: Final = 60
_MEMORY_BYTES: Final = 8 * 1024**3
#: So many sayings about a file are kept.
_KEPT_MAX: Final = 50
#: Severities that object to nothing.
_REMARKS: Final = frozenset({"info", "note"})

type Files = Mapping[str, Path]
type Sayings = Iterator[str]


def _cookbook(files: Files) -> Sayings:
    found: list[str] = []
    with files["training"].open(encoding="utf-8") as file:
        for line in file:
            peers.cookbook_row(json.loads(line), found.append)
    yield from found


def _together(files: Files) -> Sayings:
    from together.lib.utils.files import check_file  # noqa: PLC0415  in the peers' environment alone

    report = check_file(files["training"])
    if not report["is_check_passed"]:
        yield str(report["message"])


def _parallelogram(files: Files) -> Sayings:
    from parallelogram.cli import app  # noqa: PLC0415

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        app(["check", str(files["training"]), "--json"], standalone_mode=False)
    yield from _objections(json.loads(printed.getvalue())["issues"])


def _finelint(files: Files) -> Sayings:
    from finelint.cli import main  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        splits = [word for role, path in files.items() for word in ("--split", f"{role}={path}")]
        what = ["compare", *splits] if len(files) > 1 else ["inspect", str(files["training"])]
        refused = io.StringIO()
        with contextlib.redirect_stderr(refused), contextlib.suppress(SystemExit):
            main([*what, "--report", "report.json"])
        if Path("report.json").exists():
            yield from _objections(json.loads(Path("report.json").read_text(encoding="utf-8"))["findings"])
        else:
            yield refused.getvalue().strip().splitlines()[-1].removeprefix("finelint: error: ")


def _objections(issues: list[dict[str, Any]]) -> Sayings:
    return (issue["message"] for issue in issues if issue["severity"] not in _REMARKS)


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool that checks files."""

    title: str
    """How pages call it."""
    say: Callable[[Files], Sayings]
    """What it objects to in the files of a dataset."""
    package: str | None
    """Whose version is asked; None for what is written here in our own words."""
    about: str
    """What is run."""

    @property
    def version(self) -> str:
        """The installed version."""
        return "" if self.package is None else version(self.package)


PEERS: Final = {
    "cookbook": Peer(
        "Cookbook",
        _cookbook,
        None,
        "The loop of format checks in `examples/Chat_finetuning_data_prep.ipynb` of openai/openai-cookbook at b774cbf, in our "
        "own words (`bench/peers.py`). It counts by name and names no lines.",
    ),
    "together": Peer(
        "together",
        _together,
        "together",
        "`check_file`, which `together files check` calls; it stops at its first finding.",
    ),
    "parallelogram": Peer(
        "parallelogram",
        _parallelogram,
        "parallelogram",
        "`parallelogram check FILE --json`; what it calls `info` is left out.",
    ),
    "finelint": Peer(
        "FineLint",
        _finelint,
        "finelint",
        "`finelint inspect FILE`, or `finelint compare` with the companions where there are some.",
    ),
}


class _TooLong(BaseException):
    """Not caught by a peer that catches every error."""


def _stop(*_: object) -> None:
    raise _TooLong


def heard(peer: Peer, files: Files) -> dict[str, Any]:
    """What a peer says of a dataset, and the error of Python that it ends with."""
    said: list[str] = []
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(TIMEOUT_S)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            said += peer.say(files)
    except _TooLong:
        return {"raised": f"not done after {TIMEOUT_S} s"}
    except SystemExit as error:
        return {"said": said} if not error.code else {"raised": f"exit {error.code}"}
    except Exception as error:  # noqa: BLE001  whatever it is: that it stops is what is measured
        return {"raised": type(error).__name__}
    finally:
        signal.alarm(0)
    return {"said": said[:_KEPT_MAX], "count": len(said)}


def main() -> None:
    """All jobs that are not done yet, one after the other."""
    peer, jobs, out = PEERS[sys.argv[1]], json.loads(Path(sys.argv[2]).read_text("utf-8")), Path(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    os.environ["NO_COLOR"] = "1"
    done = out.read_text("utf-8").count("\n") if out.exists() else 0
    with out.open("a", encoding="utf-8") as file:
        for job in jobs[done:]:
            answer = heard(peer, {role: Path(path) for role, path in job["files"].items()})
            file.write(json.dumps({"id": job["id"], **answer}) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
