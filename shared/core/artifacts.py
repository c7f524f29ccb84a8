"""The files that prove what happened in a run: names in the run's folder of the container `artifacts`, and content types.

Names are stored and served; none may change.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_JSON: Final = "application/json"
_JSONL: Final = "application/jsonl"
_SVG: Final = "image/svg+xml"
_MARKDOWN: Final = "text/markdown; charset=utf-8"


class Artifact(msgspec.Struct, frozen=True):
    """A file in a run's folder."""

    name: str
    content_type: str = _JSON


PINNED: Final = Artifact("pinned.json")
_PINNED_AGAIN: Final = "pinned/"

# Validation.  Its result is written last: where it is, the rest is there too.
REPORT: Final = Artifact("report.json")
REPORT_PAGE: Final = Artifact("report.md", _MARKDOWN)
VALIDATION_RESULT: Final = Artifact("validation.json")
_PREPARED: Final = "prepared/"
#: A list of whole numbers, one for each line of `prepared/evaluation.jsonl`: equal numbers are one group.
EVALUATION_GROUPS: Final = Artifact(f"{_PREPARED}evaluation.groups.json")
#: Identity of each line of `prepared/evaluation.jsonl`, 8 bytes a row, the lowest one first.
EVALUATION_KEYS: Final = Artifact(f"{_PREPARED}evaluation.keys", "application/octet-stream")
#: Places, from 0, of the lines of `prepared/evaluation.jsonl` that rows of `prepared/training.jsonl` equal, or nearly.
EVALUATION_TRAINED: Final = Artifact(f"{_PREPARED}evaluation.trained.json")
#: Places, from 0, of lines of `prepared/evaluation.jsonl` that a candidate has to pass, each with its line in the set.
EVALUATION_MUST_PASS: Final = Artifact(f"{_PREPARED}evaluation.must_pass.json")
#: Identity of each row that is trained on, in the same form: what a model knows.
TRAINING_KEYS: Final = Artifact(f"{_PREPARED}training.keys", "application/octet-stream")

# Training.  The job is written last, for the same reason.
TRAINING_EVENTS: Final = Artifact("training/events.json")
CHECKPOINTS: Final = Artifact("training/checkpoints.json")
JOB: Final = Artifact("training/job.json")

TRAINING: Final = "training/"

# Evaluation.  Its summary is written last.
PLAN: Final = Artifact("evaluation/plan.json")
COMPARISON: Final = Artifact("evaluation/comparison.json")
COMPARISON_PAGE: Final = Artifact("evaluation/comparison.md", _MARKDOWN)
#: The differences of each contest.
COMPARISON_PICTURE: Final = Artifact("evaluation/comparison.svg", _SVG)
COMPARISON_TABLE: Final = Artifact("evaluation/comparison.csv", "text/csv; charset=utf-8")
SCORES: Final = Artifact("evaluation/scores.jsonl", _JSONL)
RULE: Final = Artifact("evaluation/rule.json")
EVALUATION_SUMMARY: Final = Artifact("evaluation/summary.json")
EVALUATION: Final = "evaluation/"
ANSWERS: Final = "evaluation/answers/"
ANY_ANSWERS: Final = "evaluation/answers"
_SUPERSEDED: Final = "evaluation/superseded-"

# Deployment.
SMOKE_TEST: Final = Artifact("deployment/smoke.json")

#: gate -> what people read before they decide.
SHOWN_AT: Final = {
    "spend": (REPORT, REPORT_PAGE, VALIDATION_RESULT),
    "deployment": (
        *(COMPARISON, COMPARISON_PAGE, COMPARISON_TABLE, COMPARISON_PICTURE),
        *(SCORES, RULE, EVALUATION_SUMMARY),
    ),
}

_SERVED: Final = {
    "json": _JSON,
    "jsonl": _JSONL,
    "md": _MARKDOWN,
    "csv": "text/csv; charset=utf-8",
    "svg": _SVG,
}


#: Content types with which artifacts are served.
SERVED_TYPES: Final = (*dict.fromkeys(_SERVED.values()), "application/octet-stream")


def prepared(role: str) -> Artifact:
    """The rows that are sent to Foundry, or held out."""
    return Artifact(f"{_PREPARED}{role}.jsonl", _JSONL)


def frozen_set(sha256: str) -> Artifact:
    """The rows of `evaluation.set` as they were when the run was pinned, by their hash: what is pinned never changes."""
    return Artifact(f"{_PREPARED}set-{sha256}.jsonl", _JSONL)


def repairs(role: str) -> Artifact:
    """What was repaired, row by row."""
    return Artifact(f"repairs/{role}.jsonl", _JSONL)


def quarantine(role: str) -> Artifact:
    """Rows that were put aside."""
    return Artifact(f"quarantine/{role}.jsonl", _JSONL)


def quarantine_reasons(role: str) -> Artifact:
    """Why each of them was put aside."""
    return Artifact(f"quarantine/{role}.reasons.jsonl", _JSONL)


def training_results(number: int) -> Artifact:
    """A result file of the job, as Foundry wrote it."""
    return Artifact("training/results.csv" if number == 0 else f"training/results-{number}.csv", "text/csv")


def pinned_again(digest: str) -> Artifact:
    """What a run is judged by that is judged again; by its `sha256:...`, since what is pinned never changes."""
    return Artifact(f"{_PINNED_AGAIN}{digest.removeprefix('sha256:')}.json")


def answers_folder(number: int) -> str:
    """Where answers lie; those of an evaluation that asked anew, under another limit of tokens, have a folder of its number."""
    return f"{ANSWERS.rstrip('/')}-{number}/" if number else ANSWERS


def answers(target: str, chunk: int, number: int = 0) -> Artifact:
    """What a target answered to one chunk of the held-out examples."""
    return Artifact(f"{answers_folder(number)}{target}-{chunk:04d}.json")


def chunk_of(name: str) -> tuple[str, int]:
    """Target and chunk of a name that `answers` made."""
    target, _, number = name.rpartition("/")[2].removesuffix(".json").rpartition("-")
    return target, int(number)


def superseded(name: str, round_number: int) -> Artifact | None:
    """Where a file of an evaluation is kept when it is begun anew; None for answers, which serve again, and for copies."""
    if name.startswith((ANSWERS.rstrip("/"), _SUPERSEDED)):
        return None
    kept = f"{_SUPERSEDED}{round_number}/{name.removeprefix(EVALUATION)}"
    return Artifact(kept, served_type(name))


def is_served(name: str) -> bool:
    """Whether people may read it.  Copies of the dataset are not evidence but input, and as confidential as that."""
    return not name.startswith(_PREPARED)


#: What holds rows, and is shown without them to those who may not see rows.
_MADE_WITHOUT_ROWS: Final = frozenset({REPORT.name, REPORT_PAGE.name, COMPARISON.name, COMPARISON_PAGE.name})
#: What holds no rows, nor answers to them.  Every other name is taken to hold some.
_WITHOUT_ROWS: Final = frozenset(
    artifact.name
    for artifact in (
        *(
            PINNED,
            VALIDATION_RESULT,
            TRAINING_EVENTS,
            CHECKPOINTS,
            JOB,
            PLAN,
            COMPARISON_PICTURE,
            SCORES,
            RULE,
        ),
        *(EVALUATION_SUMMARY, SMOKE_TEST),
    )
)
#: The same, for names with numbers and digests.
_ALSO_WITHOUT_ROWS: Final = re.compile(rf"training/results(?:-[0-9]+)?\.csv|{_PINNED_AGAIN}[0-9a-f]+\.json")
_FIRST_NAME: Final = re.compile(rf"{_SUPERSEDED}[0-9]+/")


def first_name(name: str) -> str:
    """The name that a file had before its evaluation was begun anew."""
    return _FIRST_NAME.sub(EVALUATION, name, count=1) if name.startswith(_SUPERSEDED) else name


def holds_rows(name: str) -> bool:
    """Whether an artifact holds rows of the dataset, or what models answered to them."""
    plain = first_name(name)
    return plain not in _WITHOUT_ROWS and not _ALSO_WITHOUT_ROWS.fullmatch(plain)


def is_shown_without_rows(name: str) -> bool:
    """Whether an artifact that holds rows is shown without them to those who may not see rows; others are refused to them."""
    return first_name(name) in _MADE_WITHOUT_ROWS


def served_type(name: str) -> str:
    """The content type with which an artifact is served."""
    return _SERVED.get(name.rpartition(".")[2], "application/octet-stream")
