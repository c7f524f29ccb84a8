"""Python graders: the client's source, run in a process of its own that may do little.

The process has an empty environment and directory, limits for memory, time and file size, and an audit hook that refuses the
network, other processes and writing.  This stops mistakes, as the hosted sandbox would.  It does not stop an attacker; but here
the client is the person who started the server.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Any, Final

#: Documented limits: 256 KB of source, 2 GB of memory, 2 minutes.
SOURCE_BYTES_MAX: Final = 256_000
_TIME_S: Final = 120
_LIMITS: Final = {"RLIMIT_AS": 2 * 1024**3, "RLIMIT_CPU": _TIME_S, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}
_DETAIL_MAX: Final = 2000

#: Reads `{"source", "limits", "calls": [[sample, item], ...]}`, answers `[{"reward"} or {"error"}, ...]`.
_RUNNER: Final = """
import json, resource, sys, traceback
work = json.load(sys.stdin)
for name, most in work["limits"].items():
    resource.setrlimit(getattr(resource, name), (most, most))
out = sys.stdout
sys.dont_write_bytecode = True
sys.stdout = sys.stderr
namespace = {"__name__": "grader"}
failed = None
REFUSED = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.kill", "os.remove",
           "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.chmod", "shutil.")
def refuse(event, args):
    if event.startswith(REFUSED):
        raise PermissionError(event + " is not allowed in a grader")
    if event == "open" and len(args) > 1 and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        raise PermissionError("a grader may not write files")
try:
    code = compile(work["source"], "grader.py", "exec")
    sys.addaudithook(refuse)
    exec(code, namespace)
    grade = namespace["grade"]
except BaseException:
    failed = traceback.format_exc()
answers = []
for sample, item in work["calls"]:
    if failed is None:
        try:
            answers.append({"reward": float(grade(sample, item))})
        except BaseException:
            answers.append({"error": traceback.format_exc()})
    else:
        answers.append({"error": failed})
out.write(json.dumps(answers))
out.flush()
"""


@dataclass(frozen=True, slots=True)
class Graded:
    """The reward of one call, or the error that it met."""

    reward: float | None
    error: str | None = None


def source_problem(source: object) -> str | None:
    """Why a source cannot be run, found without running it; None if it can."""
    if not isinstance(source, str) or not source.strip():
        return "The source of a python grader must be text."
    if len(source.encode()) > SOURCE_BYTES_MAX:
        return f"The source of a python grader may have {SOURCE_BYTES_MAX} bytes."
    try:
        compile(source, "grader.py", "exec")
    except (SyntaxError, ValueError) as error:
        return f"The source of the python grader does not compile: {error}"
    return None if "def grade" in source else "The source of a python grader must define grade(sample, item)."


def run(source: str, calls: list[tuple[dict[str, Any], dict[str, Any]]]) -> list[Graded]:
    """Grade calls of (sample, item) in one process, in their order."""
    if not calls:
        return []
    with tempfile.TemporaryDirectory(prefix="grader-") as empty:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", _RUNNER],
                input=json.dumps({"source": source, "limits": _LIMITS, "calls": calls}),
                capture_output=True,
                text=True,
                cwd=empty,
                env={"PATH": "", "OPENBLAS_NUM_THREADS": "1"},
                timeout=_TIME_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return [Graded(None, f"The grader took longer than {_TIME_S} seconds.")] * len(calls)
    try:
        answers = json.loads(done.stdout)
    except ValueError:
        why = f"The grader's process ended with {done.returncode}: {done.stderr[-_DETAIL_MAX:]}"
        return [Graded(None, why)] * len(calls)
    return [Graded(answer.get("reward"), answer.get("error")) for answer in answers]
