"""The command `compare`: is a candidate better?  From files of scores, or from the evidence of a run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from cli.console import CannotStart, show_note
from cli.options import add_format_json
from cli.pipeline import read_pipeline
from shared.core.spec import CONFIDENCE_RANGE, MARGIN_RANGE, PipelineSpec, PromoteRule

FORMATS: Final = ("text", "json")
_ABOUT: Final = (
    "Say whether a candidate is better than every baseline, by the statistics of the app: from files of scores, from files "
    "of answers to the rows of a dataset, or anew from the evidence of a run."
)
_LINES: Final = (
    'A line of scores: {"index": 0, "score": 0.8, "group": "g1"}, with a score from 0 to 1, or null with "outcome": "refused", '
    '"filtered", "truncated" or "failed".  Lines of one group are equal or nearly so, and count as one.  '
    'With --items a line of answers: {"index": 0, "text": "...", "refusal": null, "finish_reason": "stop"}, where index is the '
    "line of the row, from 0."
)


def add_to(comparing: argparse.ArgumentParser) -> None:
    """Add the options."""
    comparing.description, comparing.epilog = _ABOUT, _LINES
    comparing.set_defaults(run=run)
    comparing.add_argument(
        "--candidate", type=Path, metavar="FILE", help="scores or answers of the candidate, JSON Lines"
    )
    comparing.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        action="append",
        help="those of what it has to beat; once for each",
    )
    comparing.add_argument(
        "--items",
        type=Path,
        metavar="FILE",
        help="rows of a dataset as they are dropped; the other files are answers to these, which are graded first",
    )
    rules = comparing.add_mutually_exclusive_group()
    rules.add_argument(
        "--pipeline",
        type=Path,
        metavar="YAML",
        help="pipeline file whose promotion rule counts, and whose graders",
    )
    rules.add_argument(
        "--superior-by",
        type=_between(*MARGIN_RANGE),
        metavar="X",
        help="the gain to show, 0 to 1 (default: 0)",
    )
    rules.add_argument(
        "--not-worse-by",
        type=_between(*MARGIN_RANGE),
        metavar="X",
        help="instead: the loss to exclude, 0 to 1",
    )
    least, most = CONFIDENCE_RANGE
    comparing.add_argument(
        "--confidence",
        type=_between(least, most),
        metavar="C",
        help=f"of the bound, {least} to {most} (default: as the pipeline file says, else {PromoteRule().confidence})",
    )
    comparing.add_argument(
        "--evidence",
        type=Path,
        metavar="FOLDER",
        help="instead of files: a folder with scores.jsonl and rule.json of a run, also below evaluation/",
    )
    comparing.add_argument("--format", choices=FORMATS, default="text", help="of the result (default: text)")
    add_format_json(comparing)


def _between(low: float, high: float) -> Callable[[str], float]:
    """Reads a number in a range."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            msg = f"{text!r} is not a number"
            raise argparse.ArgumentTypeError(msg) from None
        if not low <= value <= high:  # nor is NaN
            msg = f"{text} is not between {low:g} and {high:g}"
            raise argparse.ArgumentTypeError(msg)
        return value

    return read


def run(given: argparse.Namespace) -> int:
    """Compare, and show what follows.

    Returns:
        0 if the candidate is better or as good, else 1; also 1 if the evidence of a run does not agree with its summary.

    Raises:
        CannotStart: the options contradict each other, or a file cannot be used.
        OSError: a file cannot be read.
    """
    _check(given)
    # Other commands do without the statistics: all of a program is imported whichever of its commands is called.
    if given.evidence is not None:
        from cli.evidence import check_evidence  # noqa: PLC0415

        return check_evidence(given.evidence, given.format)
    spec = _spec(given.pipeline)
    rule = _rule(given, spec)
    if given.items is not None:
        from cli.items import compare_answers  # noqa: PLC0415

        return compare_answers(given.items, [given.candidate, *given.baseline], spec, rule, given.format)
    from cli.scores import compare_files  # noqa: PLC0415

    return compare_files(given.candidate, given.baseline, rule, given.format)


def _check(given: argparse.Namespace) -> None:
    """Either files or the evidence of a run, which has its own rule."""
    files = [name for name in ("candidate", "baseline") if getattr(given, name) is not None]
    if given.evidence is None:
        if len(files) < 2:
            msg = "give --candidate FILE and --baseline FILE, or --evidence FOLDER"
            if given.items is not None:
                msg = "--items has the rows; give --candidate FILE and --baseline FILE too, with the answers"
            raise CannotStart(msg)
        return
    rules = ("items", "pipeline", "superior_by", "not_worse_by", "confidence")
    others = files + [name for name in rules if getattr(given, name) is not None]
    if others:
        option = others[0].replace("_", "-")
        msg = (
            f"--evidence and --{option} exclude each other: the evidence of a run has its scores and its rule"
        )
        raise CannotStart(msg)


def _spec(path: Path | None) -> PipelineSpec | None:
    if path is None:
        return None
    parsed = read_pipeline(path).parsed
    for note in parsed.render_notes(str(path)):
        show_note(note)
    return parsed.spec


def _rule(given: argparse.Namespace, spec: PipelineSpec | None) -> PromoteRule:
    rule = PromoteRule(superior_by=given.superior_by, not_worse_by=given.not_worse_by)
    if spec is not None:
        rule = spec.evaluation.promote
    if given.confidence is not None:
        rule = msgspec.structs.replace(rule, confidence=given.confidence)
    return rule
