"""The commands `pipelines list|show|put|get|check`: pipeline files, here and in the container `pipelines`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from cli.app import asking, find
from cli.client import pages
from cli.console import CannotStart, Refused, output, show_note, styled, write_json, write_page
from cli.hints import likely_where, typed
from cli.moments import age
from cli.options import add_app, add_json, sentence
from cli.pipeline import PipelineFile, frozen_set, pipeline_name, read_pipeline
from cli.run_view import print_table, table
from cli.storage import get_blob, put_blobs
from shared.core import served
from shared.core.naming import PIPELINE_NAME, companion_role

#: Code of the check of a file that cannot be read.
_NOT_THERE: Final = "not_found"


def add_to(command: argparse.ArgumentParser) -> None:
    """Add the acts and their options."""
    acts = command.add_subparsers(required=True, metavar="ACT", title="acts")

    def act(name: str, about: str) -> argparse.ArgumentParser:
        return acts.add_parser(name, help=about, description=sentence(about))

    listing = act("list", "list the pipelines with their champions")
    listing.set_defaults(run=list_all)
    add_json(listing)
    add_app(listing)

    showing = act("show", "show which deployment clients of a pipeline should use")
    showing.set_defaults(run=show)
    showing.add_argument("name", metavar="NAME", help="of the pipeline")
    add_json(showing)
    add_app(showing)

    checking = act("check", "check pipeline files without any cloud")
    checking.set_defaults(run=check)
    checking.add_argument("files", nargs="+", type=Path, metavar="YAML", help="pipeline files")
    checking.add_argument(
        "--json", action="store_true", help="JSON, a check for each file, as of the app's health"
    )

    putting = act(
        "put", "check a pipeline file and store it with the files that it names; this may spend money later"
    )
    putting.set_defaults(run=put)
    putting.add_argument(
        "file", type=Path, metavar="YAML", help="its name without .yaml is that of the pipeline"
    )
    putting.add_argument("--name", metavar="NAME", help="of the pipeline, if it is another")
    putting.add_argument("--overwrite", action="store_true", help="replace what is there")
    putting.add_argument(
        "--json", action="store_true", help="JSON: the pipeline, and which files were written"
    )
    add_app(putting)

    getting = act("get", "fetch a pipeline file as it is stored")
    getting.set_defaults(run=get)
    getting.add_argument("name", metavar="NAME", help="of the pipeline")
    getting.add_argument(
        "--out", type=Path, metavar="FILE", help="where to write it (default: the standard output)"
    )
    add_app(getting)


def list_all(given: argparse.Namespace) -> int:
    """List the pipelines."""
    with asking(given) as (_, client):
        rows = [
            row for page in pages(lambda after: client.list_pipelines(after=after)) for row in page.pipelines
        ]
    if given.json:
        write_json(served.Pipelines(pipelines=tuple(rows), next=None))
        return 0
    made = table("pipeline", "since", "deployment in use", no_fold=frozenset({"since", "deployment in use"}))
    for row in rows:
        champion = row.champion
        since, name = (age(champion.since), champion.deployment) if champion else ("", "none yet")
        made.add_row(styled(row.name), since, styled(name))
    print_table(output(), made)
    return 0


def show(given: argparse.Namespace) -> int:
    """Show a pipeline's champion, and the one before.

    Raises:
        CannotStart: the name is none of a pipeline.
    """
    _insist_on_name(given.name)
    with asking(given) as (_, client):
        found = client.get_pipeline(given.name)
    if given.json:
        write_json(found)
        return 0
    console = output()
    for kind, champion in (("in use", found.champion), ("before", found.previous)):
        if champion is None:
            console.say(f"{kind:<8} none")
            continue
        console.say(
            f"{kind:<8} ",
            (champion.deployment, "bold"),
            f" since {age(champion.since)}, of run {champion.run_id}",
        )
        console.say(f"{'':<8} {champion.model}")
        console.say(
            f"{'':<8} {champion.route.name}: {champion.route.path}, token for {champion.route.audience}"
        )
    return 0


def _insist_on_name(name: str) -> None:
    if not PIPELINE_NAME.fullmatch(name):
        msg = f"{name!r} is not the name of a pipeline: lower-case letters, digits and hyphens, 40 at most"
        raise CannotStart(msg)


def check(given: argparse.Namespace) -> int:
    """Check pipeline files, each with what it names.

    Returns:
        1 if one of them cannot be used, 2 if one cannot be read.
    """
    checks = []
    for path in given.files:
        problems, notes, code = "", tuple[str, ...](), None
        try:
            found = read_pipeline(path)
            frozen_set(found)
            prompts_of(found)
            notes = found.parsed.render_notes(str(path))
        except CannotStart as error:
            problems, code = str(error), "invalid_pipeline"
        except OSError as error:
            problems, code = f"{path}: {error.strerror or error}", _NOT_THERE
        checks.append(served.Check(name=str(path), ok=not problems, code=code, remedy=problems or None))
        for note in notes:
            show_note(note)
        if not given.json:
            output().say_lines(problems or f"{path}: can be used")
            if not problems:
                output().say(f"store it with: {_putting(path)}")
    is_good = all(check.ok for check in checks)
    if given.json:
        write_json(served.Health(ok=is_good, checks=tuple(checks)))
    return 0 if is_good else 2 if any(check.code == _NOT_THERE for check in checks) else 1


def _putting(path: Path) -> str:
    """How a pipeline file is stored; a name that no pipeline may have is replaced by one that it may."""
    name = path.stem
    named = () if PIPELINE_NAME.fullmatch(name) else ("--name", pipeline_name(name))
    return typed("pipelines", "put", path, *named, at=likely_where())


def prompts_of(pipeline: PipelineFile) -> dict[str, Path]:
    """The prompts that it names, where they lie beside it.

    Raises:
        CannotStart: one is not there.
    """
    found = {}
    for baseline in pipeline.parsed.spec.evaluation.baselines:
        if baseline.system_prompt is not None:
            path = pipeline.path.parent / baseline.system_prompt
            if not path.is_file():
                msg = f"{path}: No such file or directory: {pipeline.path} names it as `system_prompt`"
                raise CannotStart(msg)
            found[baseline.system_prompt] = path
    return found


def put(given: argparse.Namespace) -> int:
    """Store a pipeline file, after what it names.

    Raises:
        CannotStart: it cannot be used.
        Refused: the role is missing, or a file is there already.
        OSError: a file cannot be read.
    """
    pipeline = read_pipeline(given.file)
    name = given.name or given.file.stem
    if not PIPELINE_NAME.fullmatch(name):
        msg = f"{name} is not the name of a pipeline: lower-case letters, digits and hyphens, 40 at most; give --name"
        raise CannotStart(msg)
    files: dict[str, Path] = prompts_of(pipeline)
    if frozen := frozen_set(pipeline):
        files[str(pipeline.parsed.spec.evaluation.set)] = frozen
    for note in pipeline.parsed.render_notes(str(given.file)):
        show_note(note)
    contents = {path: file.read_bytes() for path, file in files.items()}
    app = find(given)
    stored = put_blobs(
        app,
        "pipelines",
        contents | {f"{name}.yaml": pipeline.source.encode()},
        is_overwritten=given.overwrite,
    )
    if given.json:
        write_json({"pipeline": name, "stored": stored})
        return 0
    console = output()
    console.say(f"stored in pipelines/: {', '.join(stored) or 'nothing, it is there as it is here'}")
    dataset = _dataset_beside(given.file, frozen)
    label = "drop a dataset into it with" if dataset else "drop a dataset, in place of FILE.jsonl, with"
    console.say(f"{label}: {typed('drop', name, dataset or Path('FILE.jsonl'), at=app.at.words)}")
    return 0


def _dataset_beside(file: Path, frozen: Path | None) -> Path | None:
    """The first training file beside a pipeline file; None: none is there."""
    files = (one for one in sorted(file.parent.glob("*.jsonl")) if one.is_file() and one != frozen)
    return next((one for one in files if companion_role(one.name) is None), None)


def get(given: argparse.Namespace) -> int:
    """Fetch a pipeline file.

    Raises:
        CannotStart: the name is none of a pipeline, or it is no text.
        Refused: the role is missing, or it is not there.
    """
    _insist_on_name(given.name)
    app = find(given)
    raw = get_blob(app, "pipelines", f"{given.name}.yaml")
    if raw is None:
        msg = f"there is no pipeline {given.name}.  Which ones there are: {typed('pipelines', 'list', at=app.at.words)}"
        raise Refused(msg)
    if given.out is not None:
        given.out.write_bytes(raw)
        return 0
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        msg = f"pipelines/{given.name}.yaml is not UTF-8; fetch it with --out FILE"
        raise Refused(msg) from None
    if sys.stdout.isatty():
        output().say_lines(text)  # somebody else's words
    else:
        write_page(text)
    return 0
