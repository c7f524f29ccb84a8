"""The command `drop`: files into a pipeline, and the runs that they start until these end or ask."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cli.app import App, asking
from cli.client import ApiError, Client, NewerRelease
from cli.console import CannotStart, Refused, errors, output, write_json
from cli.following import GOOD, follow
from cli.hints import typed
from cli.money import asked_gain
from cli.next_steps import say_next
from cli.options import add_app, add_json
from cli.run_view import show_end, show_evaluation, show_report
from cli.sending import Unreachable
from cli.storage import drop_files
from shared.core.naming import PIPELINE_NAME, companion_role, is_safe
from shared.core.shown import visible


def add_to(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    command.set_defaults(run=run)
    command.add_argument("pipeline", metavar="PIPELINE", help="name of the pipeline")
    command.add_argument(
        "files", nargs="+", type=Path, metavar="PATH", help=".jsonl files, or folders of them"
    )
    command.add_argument("--no-wait", action="store_true", help="do not follow the runs")
    add_json(command)
    add_app(command)


def files_of(paths: list[Path]) -> list[Path]:
    """All files of some paths; a folder stands for its .jsonl files.  Companions come first, since they should arrive first.

    Raises:
        CannotStart: a path is not there, a folder has none, a name is not one of a dataset, or two files have one.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(file for file in path.glob("*.jsonl") if file.is_file()) if path.is_dir() else [path]
        if not inside or not inside[0].is_file():
            msg = f"{path} has no .jsonl file" if path.is_dir() else f"there is no file {path}"
            raise CannotStart(msg)
        found += inside
    names = [file.name for file in found]
    for name in names:
        if not name.endswith(".jsonl") or not is_safe(name):
            msg = f"{name} is not the name of a dataset: it ends with .jsonl, without control characters"
            raise CannotStart(msg)
        if names.count(name) > 1:
            msg = f"two of the files are called {name}; they would lie in one folder"
            raise CannotStart(msg)
    return sorted(found, key=lambda file: (companion_role(file.name) is None, file.name))


def run(given: argparse.Namespace) -> int:
    """Upload, then follow each run.

    Returns:
        1 if a run ended otherwise than deployed, as a duplicate or at a gate.

    Raises:
        CannotStart: the name of the pipeline or a file cannot be used.
    """
    if not PIPELINE_NAME.fullmatch(given.pipeline):
        msg = f"{given.pipeline} is not the name of a pipeline: lower-case letters, digits and hyphens, 40 at most"
        raise CannotStart(msg)
    files = files_of(given.files)
    console = errors() if given.json else output()
    ended = []
    with asking(given) as (app, client):
        _insist_on_pipeline(app, client, given.pipeline)
        started = drop(app, given.pipeline, files)
        console.say(
            f"dropped into datasets/{given.pipeline}/; runs: {', '.join(started) or 'none (companion files only)'}"
        )
        for run_id in started if given.no_wait else ():
            console.say(f"follow it with: {typed('watch', run_id, at=app.at.words)}")
        for run_id in () if given.no_wait else started:
            run = follow(console, client, run_id, look_s=app.look_s, at=app.at)
            ended.append(run)
            if not given.json:
                show_report(console, run)
                show_evaluation(console, run)
                show_end(console, run, app.at, asked=asked_gain(client, run))
            say_next(console, run, app.at, decide=getattr(given, "hint", None))
    if given.json:
        write_json(ended if not given.no_wait else [{"id": run_id} for run_id in started])
    return 0 if all(run.status in GOOD for run in ended) else 1


def _insist_on_pipeline(app: App, client: Client, name: str) -> None:
    """A dataset of a pipeline without a file would lie there, and its run would fail.

    Whoever may not ask the app, or cannot now, may drop all the same.

    Raises:
        Refused: the app says that there is no such pipeline.
    """
    try:
        client.get_pipeline(name)
    except ApiError as error:
        if error.status == 404 and error.problem is not None:
            known = typed("pipelines", "list", at=app.at.words)
            store = typed("pipelines", "put", Path(f"{name}.yaml"), at=app.at.words)
            msg = f"there is no pipeline {name}; nothing was dropped.  Which ones there are: `{known}`; one more: `{store}`"
            raise Refused(msg) from None
    except (Unreachable, NewerRelease):
        return


def drop(app: App, pipeline: str, files: list[Path]) -> list[str]:
    """Upload into a folder of this moment, with a bar for each file if somebody looks at the standard error."""
    folder = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=errors(), transient=True, disable=not sys.stderr.isatty()) as bar:
        tasks = {file: bar.add_task(visible(file.name), total=file.stat().st_size) for file in files}
        return drop_files(
            app, pipeline, folder, files, lambda file, sent: bar.update(tasks[file], completed=sent)
        )
