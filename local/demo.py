"""`make demo`: one dataset, from a dropped file to a deployed model, before your eyes."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from rich.panel import Panel
from rich.rule import Rule

from cli.app import App, local_app
from cli.client import Client
from cli.console import Terminal
from cli.drop import drop, files_of
from cli.following import follow
from cli.run_view import show_end, show_evaluation, show_report
from local.azurite import ROOT
from local.cloud import Cloud, CloudError, CloudInfo
from local.inference import ask
from shared.core.served import Run

_DATASET: Final = ROOT / "samples" / "datasets" / "pubmed-summarization"
_PIPELINE: Final = "pubmed-summarization"
_STATE: Final = ROOT / ".local" / "demo"
_TIMEOUT_S: Final = 85.0


def run_demo(console: Terminal) -> int:
    """Run the demo in a fresh state directory; 0 if the model was deployed."""
    if CloudInfo.load(_STATE):
        msg = f"a local cloud is running on {_STATE}; stop it first"
        raise CloudError(msg)
    shutil.rmtree(_STATE, ignore_errors=True)
    started = time.monotonic()
    with ExitStack() as stack:
        with console.status("starting storage, the Foundry stand-in and the Functions host"):
            cloud = stack.enter_context(Cloud(_STATE))
        app = local_app(_STATE)
        client = app.client()
        console.print(f"The local cloud is up after {time.monotonic() - started:.1f} s: {cloud.info.url}")
        run = _walk(console, app, client, cloud)
        if run.status != "deployed":
            show_end(console, run)
            console.print(f"Logs: {_STATE.relative_to(ROOT)}/host.log, foundry.log, azurite.log")
            return 1
        _use(console, client, cloud.info, run)
        _say_where(console, run, _export(client, run), time.monotonic() - started)
    return 0


def _walk(console: Terminal, app: App, client: Client, cloud: Cloud) -> Run:
    """Drop the dataset, follow the run, approve, and follow it to its end; the run."""
    (run_id,) = drop(app, _PIPELINE, files_of([_DATASET]))
    console.print(f"Dropped {_DATASET.relative_to(ROOT)} into datasets/{_PIPELINE}/")
    console.say("Run ", (run_id, "bold"))
    console.print()
    run = follow(console, client, run_id, check=cloud.check, timeout_s=_TIMEOUT_S, look_s=app.look_s)
    console.print()
    show_report(console, run)
    return _approve(console, app, client, run, cloud) if run.gate else run


def _approve(console: Terminal, app: App, client: Client, run: Run, cloud: Cloud) -> Run:
    show_evaluation(console, run)
    gate = run.gate
    assert gate
    path = f"/api/runs/{run.id}/gates/{gate.name}"
    console.print()
    console.say(
        "Nobody deploys by accident: the run waits for a person. Approving as ",
        ("approver@local.example", "bold"),
        ":",
    )
    console.say((f"POST {path}", "dim"))
    console.say((f'{{"decision": "approve", "digest": "{gate.digest}"}}', "dim"))
    answer = client.decide_gate(
        run.id, gate.name, decision="approve", digest=gate.digest, comment="better on the held-out examples"
    )
    console.say((f"200 {msgspec.json.encode(answer).decode()}", "dim"))
    console.print()
    return follow(
        console, client, run.id, check=cloud.check, timeout_s=_TIMEOUT_S, look_s=app.look_s, known=run
    )


def _use(console: Terminal, client: Client, info: CloudInfo, run: Run) -> None:
    """Ask the deployed model one question that it was not trained on."""
    champion = client.get_pipeline(_PIPELINE).champion
    assert champion
    comparison = msgspec.json.decode(client.get_artifact(run.id, "evaluation/comparison.json"))
    text = str(comparison["rows"][0]["prompt"])
    system = "You are a medical research summarization assistant."
    said = ask(info, champion.deployment, system, text)
    question = text if len(text) < 600 else text[:600] + " …"
    console.print(Rule(style="dim"))
    console.say("One question to the champion, deployment ", (champion.deployment, "bold"), ":")
    console.print(Panel(question, title="question", title_align="left", border_style="dim"))
    console.print(Panel(said, title="answer", title_align="left", border_style="green"))


def _export(client: Client, run: Run) -> Path:
    """Write the run and its artifacts to files; their folder."""
    folder = _STATE / "evidence"
    for name in run.artifacts:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client.get_artifact(run.id, name))
    (folder / "run.json").write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=2))
    return folder


def _say_where(console: Terminal, run: Run, evidence: Path, seconds: float) -> None:
    shown = evidence.relative_to(ROOT)
    places = {
        f"{shown}/report.md": "what validation found",
        f"{shown}/training/results.csv": "losses, step by step",
        f"{shown}/evaluation/comparison.md": "who won which example",
        f"{shown}/run.json": "the run with its whole history",
        "make up STATE=.local/demo": f"start this cloud again; its page shows run {run.id}",
        "make up": "start an empty one; `make drop PIPELINE=... FILE=...` a file of your own, then open its page",
    }
    console.print()
    console.say(("Deployed", "bold green"), f" in {seconds:.0f} s. Where to look next:")
    width = max(map(len, places))
    for place, what in places.items():  # no table: it would fold paths on a narrow terminal
        console.say((f"{place:{width}}", "bold"), "  ", (what, "dim"))
