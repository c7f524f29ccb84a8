"""A corpus of bad files, and of good ones that look bad, each with the exact findings that it must have.

Beside `tests/corpus/METHOD/NAME.jsonl`, as it would be dropped, lies `NAME.findings`: a line a finding, `CODE SEVERITY LINE PATH`
in the order of the report with `-` for no line or no path, or `# nothing`; and `# totals CODE=N ...` for rules that were broken
more often than findings are kept.  Its first line may be `# model NAME`, for the model of a pipeline file.  Reinforcement files
are checked for a grader that reads `{{item.answer}}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.core.dataset.findings import FINDINGS_PER_RULE_MAX, FindingLog
from shared.core.dataset.rules import RULES
from tests.core.dataset.rows import inspect

CORPUS = Path(__file__).parents[2] / "corpus"
FILES = sorted(CORPUS.glob("*/*.jsonl"))
FILES_MIN = 150
TEMPLATES = {"reinforcement": ("{{item.answer}}",)}

#: Rules that no file of the corpus can break, and why.
NOT_IN_CORPUS = {
    "DS002": "a line of more than 16 MiB",
    "DS004": "a file of more than 512 MB",
    "DS005": "a file of more than 150 MB",
    "DS006": "counted after the split, which is not run here",
    "DS007": "about several rows, compared after all files are read",
    "DS008": "about two files",
    "DS009": "about two files",
    "DS064": "counted after the split, which is not run here",
    "DS065": "an image of more than 10 MB",
    "DS068": "more than 50,000 examples with images",
    "DS071": "2 billion tokens",
    "DS085": "about several rows, compared after all files are read",
    "DS086": "about two files",
    "DS087": "about two files",
    "DS088": "about several rows, compared after all files are read",
    "DS089": "about several rows, compared after all files are read",
    "DS090": "about several rows, compared after all files are read",
    "DS091": "about several rows, compared after all files are read",
    "DS094": "about two files",
    "DS096": "more than 2,000,000 rows",
    "DS097": "100,000 findings of a rule",
    "DS098": "a line of more than 250,000 values",
    "DS106": "about several rows, compared after all files are read",
    "DS105": "counted after the split, which is not run here",
    "DS092": "only where the pipeline puts rows into quarantine",
}


def _rendered(log: FindingLog) -> list[str]:
    """The findings as a `.findings` file has them."""
    found = [f"{f.code} {f.severity} {f.line or '-'} {f.path or '-'}" for f in log.findings]
    floods = [f"{code}={count}" for code, count in log.totals.items() if count > FINDINGS_PER_RULE_MAX]
    return (found + ([f"# totals {' '.join(floods)}"] if floods else [])) or ["# nothing"]


def _model(file: Path) -> str | None:
    """The model of the pipeline file; None for none."""
    first = file.with_suffix(".findings").read_text("utf-8").partition("\n")[0]
    return first.removeprefix(_MODEL) if first.startswith(_MODEL) else None


_MODEL = "# model "


def _expected(file: Path) -> list[str]:
    lines = file.with_suffix(".findings").read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith(_MODEL)]


def _inspect(file: Path, *, by_byte: bool = False) -> FindingLog:
    data = file.read_bytes()
    method = file.parent.name
    chunks = (data[i : i + 1] for i in range(len(data))) if by_byte else data
    _, log = inspect(chunks, method, templates=TEMPLATES.get(method, ()), model=_model(file))
    return log


def _codes() -> Iterator[str]:
    """The codes of all findings of the corpus."""
    for file in FILES:
        yield from (line.split(" ", 1)[0] for line in _expected(file) if not line.startswith("#"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_bad_file_has_exactly_the_findings_that_it_should(file):
    whole = _inspect(file)
    by_byte = _inspect(file, by_byte=True)

    assert _rendered(whole) == _expected(file)
    assert (by_byte.findings, by_byte.totals) == (whole.findings, whole.totals)


def test_the_corpus_is_large_and_every_file_has_its_findings():
    assert len(FILES) >= FILES_MIN
    assert {file.with_suffix(".findings") for file in FILES} == set(CORPUS.glob("*/*.findings"))
    assert [file.name for file in FILES if not _expected(file)] == []


def test_the_corpus_breaks_every_rule_that_one_file_can_break():
    missing = RULES.keys() - set(_codes()) - NOT_IN_CORPUS.keys()
    assert not missing, f"add a file that breaks {sorted(missing)} to tests/corpus, with its .findings"
    assert not NOT_IN_CORPUS.keys() & set(_codes())
