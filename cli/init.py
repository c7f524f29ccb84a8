"""The command `init`: a pipeline file that fits a dataset, with every key explained."""

from __future__ import annotations

import argparse
import itertools
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from cli.console import CannotStart, Refused, counted, output, show_note, write_json, write_page
from cli.draft import Chosen, model_for, split_for, text_of
from cli.files import files_of, held_out_items
from cli.hints import likely_where, typed
from cli.pipeline import pipeline_name
from cli.validate import check_with_bar, training_files
from shared.core.dataset.format import CHAT_KEYS, method_of
from shared.core.dataset.options import Action, Options, Role
from shared.core.dataset.repair import REPAIRABLE
from shared.core.dataset.validate import ValidatedDataset
from shared.core.evaluation.detect import detect
from shared.core.models import BEGIN_WITH, model_family, support_notes
from shared.core.naming import PIPELINE_NAME
from shared.core.pipeline.file import PipelineFileError, parse_pipeline
from shared.core.spec import MethodType

#: So many lines are looked at for a row from which the method can be told.
_LINES_MAX: Final = 50
_LOOKED_AT_MAX: Final = 1000
#: Where models are tuned, unless the file says otherwise.
_TRAINED: Final = "GlobalStandard"
#: Fields that a template can name.
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Fields of a reinforcement row that hold what is right, as people call them.
_ANSWERS: Final = (
    "reference",
    "reference_answer",
    "answer",
    "target",
    "solution",
    "label",
    "expected",
    "ground_truth",
)


def add_to(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    command.set_defaults(run=run)
    command.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="training file, JSON Lines, or a folder with one; companions beside it are found",
    )
    command.add_argument(
        "--out", type=Path, metavar="YAML", help="where to write it (default: the standard output)"
    )
    command.add_argument("--force", action="store_true", help="write over a file that is there")
    command.add_argument("--model", metavar="ID", help="base model (default: one that fits the data)")
    command.add_argument(
        "--method",
        choices=[m.value for m in MethodType],
        help="how it is tuned (default: as the rows are made for)",
    )
    command.add_argument(
        "--grader",
        type=Path,
        metavar="JSON",
        help="reinforcement: the grader (default: grader.json beside FILE)",
    )
    command.add_argument(
        "--response-format",
        type=Path,
        metavar="JSON",
        help="reinforcement: form of the answers (default: response_format.json or response_schema.json beside FILE)",
    )
    command.add_argument(
        "--json", action="store_true", help="JSON: the file, its text, and what is worth saying"
    )


def run(given: argparse.Namespace) -> int:
    """Look at the dataset, choose, and write the file.

    Returns:
        0; 1 if the dataset cannot be trained on, whatever the pipeline file says.

    Raises:
        CannotStart: an option cannot be used.
        Refused: the dataset has errors, or no model fits.
        OSError: a file cannot be read or written.
    """
    if given.out is not None and given.out.exists() and not given.force:
        msg = f"{given.out} is there; give --force to write over it"
        raise CannotStart(msg)
    if given.out is not None and not PIPELINE_NAME.fullmatch(given.out.stem):
        msg = (
            f"{given.out.stem} is not the name of a pipeline: lower-case letters, digits and hyphens, 40 at most; "
            f"give --out {shlex.quote(str(given.out.with_name(pipeline_name(given.out.stem) + '.yaml')))}"
        )
        raise CannotStart(msg)
    given.file = _training_file(given.file)
    name = given.out.stem if given.out else given.file.resolve().parent.name
    row = first_row(given.file)
    method = MethodType(given.method) if given.method else method_of(row) or MethodType.SUPERVISED
    files = files_of(given.file)
    chosen, remarks = choose(given, files, method, row)
    text = text_of(chosen, method, remarks)
    try:
        parsed = parse_pipeline(text, name=name if PIPELINE_NAME.fullmatch(name) else "draft")
    except PipelineFileError as error:
        msg = f"no file can be written with these options:\n{error.render('the file')}"
        raise CannotStart(msg) from None
    notes = [note.removeprefix("note:") for note in parsed.render_notes("note")]
    if given.out is not None:
        given.out.write_text(text, "utf-8")
    if given.json:
        out = None if given.out is None else str(given.out)
        write_json({"file": out, "text": text, "remarks": remarks, "notes": notes})
        return 0
    for note in notes:
        show_note(note)
    if given.out is None:
        write_page(text)
        return 0
    console, at = output(), likely_where()
    for remark in remarks:
        console.say(remark)
    console.say(f"written: {given.out}")
    console.say(f"check it with: {typed('validate', given.file, '--pipeline', given.out)}")
    console.say(f"store it with: {typed('pipelines', 'put', given.out, at=at)}")
    console.say(f"then drop the dataset with: {typed('drop', name, given.file, at=at)}")
    return 0


def _training_file(path: Path) -> Path:
    """The training file that is meant; of a folder, the one that it has.

    Raises:
        CannotStart: the folder has none, or several.
        OSError: the folder cannot be read.
    """
    if not path.is_dir():
        return path
    first, *others = training_files(path, None)
    if others:
        names = ", ".join(file.name for file in (first, *others[:3]))
        msg = f"{path} has {len(others) + 1} training files ({names}); name the one that the pipeline is for"
        raise CannotStart(msg)
    return first


def first_row(file: Path) -> dict[str, Any]:
    """The first line that is a JSON object; an empty one if there is none near the beginning.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open("rb") as lines:
        for line in itertools.islice(lines, _LINES_MAX):
            try:
                row = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                continue
            if isinstance(row, dict):
                return row
    return {}


def choose(
    given: argparse.Namespace, files: Mapping[Role, Path], method: MethodType, row: dict[str, Any]
) -> tuple[dict[str, Chosen], tuple[str, ...]]:
    """The values to write, and what to say about the dataset.

    Raises:
        CannotStart: a grader or response format cannot be used.
        Refused: the dataset has errors, or no model fits.
    """
    options, repairs = Options(method=method), {}
    found = check_with_bar(files, options)
    if not found.report.ok:
        repaired = check_with_bar(files, replace(options, actions=dict.fromkeys(REPAIRABLE, Action.REPAIR)))
        if not repaired.report.ok:
            more = typed("validate", given.file)
            msg = f"{given.file} has {counted(found.report.errors, 'error')}; this names them, and what to do: {more}"
            raise Refused(msg)
        codes = {change.code for changes in repaired.report.changes.values() for change in changes}
        repairs = dict.fromkeys(sorted(codes), "repair")
        found = repaired
    training = found.files[Role.TRAINING]
    longest, has_images = max(training.tokens, default=0), training.images > 0
    model = given.model or model_for(method, has_images=has_images, longest=longest)
    if model is None:
        msg = f"no model is known that is tuned by {method.value}, {'takes images, ' if has_images else ''}and {longest:,} tokens"
        raise Refused(msg)
    chosen = {
        "model": Chosen(model, _why_model(given, model, method, has_images=has_images)),
        "method.type": Chosen(method.value, f"The rows are made for {method.value}."),
        f"method.{method.value}.hyperparameters": Chosen({"n_epochs": "auto"}),
        "extra_body.trainingType": Chosen(_TRAINED),
        "budget.per_run_usd": Chosen(50),
        "budget.per_month_usd": Chosen(500),
        "budget.approve_above_usd": Chosen(20),
        "evaluation.baselines": Chosen(
            ["champion", {"deployment": model_family(model) or model}],
            "The second one is the model as it is: a deployment of this name has to be there, or it is skipped and said.",
        ),
        "evaluation.promote.confidence": Chosen(0.95),
        "approval.mode": Chosen("manual"),
        "approval.approvers": Chosen(1),
        "dataset.on_issue": Chosen(
            {"default": "reject", **repairs}, "Without these repairs the rows have errors."
        )
        if repairs
        else Chosen("reject"),
    }
    if method is MethodType.REINFORCEMENT:
        chosen |= _of_reinforcement(given, row)
    chosen |= _splits(files, found, options)
    chosen |= _graders(files, found, options, chosen)
    return chosen, _remarks(given.file, found)


def _why_model(given: argparse.Namespace, model: str, method: MethodType, *, has_images: bool) -> str:
    if given.model:
        return "As --model says."
    what = f"{method.value} tuning{' with images' if has_images else ''}"
    others = [other for other in BEGIN_WITH if other != model and not support_notes(other, method, _TRAINED)]
    also = f"; so do {', '.join(others)}" if others and not has_images else ""
    known = f"  {BEGIN_WITH[model]}  The app asks Azure again before anything is paid."
    return f"It takes {what} and examples as long as these{also}.{known}"


def _of_reinforcement(given: argparse.Namespace, row: dict[str, Any]) -> Iterator[tuple[str, Chosen]]:
    """Grader and form of the answers: as given, as they lie beside the file, or a guess from the fields."""
    grader = _json_file(given.grader, given.file, "grader.json")
    if grader is not None:
        yield "method.reinforcement.grader", Chosen(grader, "As it lies beside the dataset, or was given.")
    else:
        fields = [
            name
            for name, value in row.items()
            if name not in CHAT_KEYS and _FIELD.fullmatch(name) and isinstance(value, str | int | float)
        ]
        known = next((name for name in _ANSWERS if name in fields), fields[0] if fields else "reference")
        guess = {
            "type": "string_check",
            "name": "exact",
            "input": "{{sample.output_text}}",
            "reference": f"{{{{item.{known}}}}}",
            "operation": "eq",
        }
        yield (
            "method.reinforcement.grader",
            Chosen(guess, f"A guess: the answer has to equal the field `{known}`.  Write your own."),
        )
    form = _json_file(given.response_format, given.file, "response_format.json", "response_schema.json")
    if form is not None:
        yield (
            "method.reinforcement.response_format",
            Chosen(form, "As it lies beside the dataset, or was given."),
        )


def _json_file(given: Path | None, beside: Path, *names: str) -> dict[str, Any] | None:
    path = given or next((p for name in names if (p := beside.with_name(name)).is_file()), None)
    if path is None:
        return None
    try:
        found = msgspec.json.decode(path.read_bytes())
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        msg = f"{path} is not JSON: {error}"
        raise CannotStart(msg) from None
    if not isinstance(found, dict):
        msg = f"{path} is not a JSON object"
        raise CannotStart(msg)
    return found


def _splits(
    files: Mapping[Role, Path], found: ValidatedDataset, options: Options
) -> Iterator[tuple[str, Chosen]]:
    rows = found.files[Role.TRAINING].used_rows
    if Role.VALIDATION not in files:
        yield (
            "dataset.validation.split",
            Chosen(options.dataset.validation.share, "No validation file lies beside the rows."),
        )
    if Role.EVALUATION not in files:
        share = split_for(rows)
        why = f"No evaluation file lies beside the rows; of {rows:,} this holds out about {round(rows * share):,}."
        yield "dataset.evaluation.split", Chosen(share, why)
    yield "dataset.evaluation.max_examples", Chosen(options.dataset.evaluation.max_examples)


def _graders(
    files: Mapping[Role, Path], found: ValidatedDataset, options: Options, chosen: Mapping[str, Chosen]
) -> Iterator[tuple[str, Chosen]]:
    """By the held-out rows, as the app finds them; none where nothing is held out, or nothing can decide."""
    if not found.held_out:
        return
    items = list(itertools.islice(held_out_items(files, found, options), _LOOKED_AT_MAX))
    grader = chosen.get("method.reinforcement.grader")
    detected = detect(items, options.method, grader.value if grader else None)
    if detected.graders:
        yield "evaluation.graders", Chosen([dict(one) for one in detected.graders], detected.reason)


def _remarks(file: Path, found: ValidatedDataset) -> tuple[str, ...]:
    report, rows = found.report, found.files[Role.TRAINING].used_rows
    name = re.sub(r"[^\x20-\x7e]", "?", file.name)
    counts = f"{counted(report.errors, 'error')}, {counted(report.warnings, 'warning')}"
    return (f"For {name}: {counted(rows, 'row')}, {report.tokens:,} tokens per epoch; {counts}.",)
