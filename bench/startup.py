"""Measures how long the worker takes to import the app: `python -m bench.startup`, or `make bench WHAT=startup`.

The peer is an app with the same triggers, bindings and routes whose functions do nothing.  Both are imported by processes of
their own, by turns; times are CPU seconds of the import alone, and the ratio is of the medians.  The services are imported by the
first call that needs them: what that takes stands below.  A cold start has the worker and the host, too.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).parents[1]
_TURNS: Final = 15
_HEAD: Final = """\
from typing import List
import azure.functions as func
from azurefunctions.extensions.bindings import blob
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
"""
#: Type of a trigger -> its decorator, and the annotation of what it gives.
_TRIGGERS: Final = {
    "blobTrigger": ("blob_trigger", "blob.BlobClient"),
    "queueTrigger": ("queue_trigger", "func.QueueMessage"),
    "timerTrigger": ("timer_trigger", "func.TimerRequest"),
    "httpTrigger": ("route", "func.HttpRequest"),
}
_OUTPUTS: Final = {"queue": "queue_output"}
_IMPORT: Final = "import time; at = time.process_time(); import {name}; print(time.process_time() - at)"


def peer_source() -> str:
    """An app with the same functions, which do nothing."""
    import function_app  # noqa: PLC0415  what is measured is not imported with the benchmark

    parts = [_HEAD]
    for function in function_app.app.get_functions():
        trigger = function.get_trigger().get_dict_repr()
        decorator, kind = _TRIGGERS[str(trigger["type"])]
        parts.append(f'@app.function_name("{function.get_function_name()}")')
        parts.append(f"@app.{decorator}({_arguments(trigger)})")
        given = [f"{trigger['name']}: {kind}"]
        for binding in function.get_bindings():
            known = binding.get_dict_repr()
            if known["type"] in _OUTPUTS and known["direction"] == 1:
                parts.append(f"@app.{_OUTPUTS[known['type']]}({_arguments(known)})")
                given.append(f"{known['name']}: func.Out[List[str]]")
        answer = "func.HttpResponse" if decorator == "route" else "None"
        parts.append(f"def {function.get_function_name()}({', '.join(given)}) -> {answer}: ...")
    return "\n".join(parts) + "\n"


def _arguments(known: dict[str, object]) -> str:
    named = {
        "name": "arg_name",
        "queueName": "queue_name",
        "runOnStartup": "run_on_startup",
        "useMonitor": "use_monitor",
    }
    left_out = {"type", "direction", "dataType", "authLevel"} | (
        {"name"} if known["type"] == "httpTrigger" else set()
    )
    plain = {name: getattr(value, "value", value) for name, value in known.items() if name not in left_out}
    if "methods" in plain:
        plain["methods"] = [getattr(method, "value", method) for method in plain["methods"]]  # type: ignore[attr-defined]
    return ", ".join(
        f"{named.get(name, name)}={value!r}" for name, value in plain.items() if value is not None
    )


def measure(folder: Path, name: str) -> float:
    """CPU seconds of an import in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT.format(name=name)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


#: The modules that the first call imports in addition.
_SERVICES: Final = (
    "function_app, shared.health, shared.poller, shared.people, shared.views.run_page, shared.views.home"
)


def main() -> None:
    """Print the times and their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "peer_app.py").write_text(peer_source())
        for place, module in ((ROOT, _SERVICES), (folder, "peer_app")):
            measure(place, module)  # compiled, and in the cache of the disk
        places = ((ROOT, "function_app"), (ROOT, _SERVICES), (folder, "peer_app"))
        turns = [[measure(place, module) for place, module in places] for _ in range(_TURNS)]
    ours, called, peers = (statistics.median(times) for times in zip(*turns, strict=True))
    table = Table("importing", "CPU seconds, median", "ratio")
    table.add_row("an app with the same triggers", f"{peers:.2f}", "1.00")
    table.add_row("this app", f"{ours:.2f}", f"{ours / peers:.2f}")
    table.add_row("and what the first call imports", f"{called:.2f}", f"{called / peers:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
