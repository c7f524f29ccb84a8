"""Small files with faults that people reported in public, as they lie beside the repository: each has what its source says.

`tests/corpus` has the same kinds in rows of our own; here the files themselves are read, where they are.
"""

from pathlib import Path

import pytest

from shared.core.dataset.options import Action, Options, Role
from shared.core.dataset.repair import REPAIRABLE
from shared.core.dataset.validate import prepared_rows, validate
from shared.core.spec import MethodType

DATA = Path(__file__).parents[4] / "shared" / "data"
CASES = DATA / "cases"
REPAIRED = dict.fromkeys(REPAIRABLE, Action.REPAIR)

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases lie beside the repository (../shared)")


def validated(name, method="supervised", **options):
    given = Options(method=MethodType(method), **options)
    sources = {Role.TRAINING: (Path(name).name, [(CASES / f"{name}.jsonl").read_bytes()])}
    return validate(sources, given).report


def codes(report, *severities):
    return {f.code for f in report.findings if f.severity in (severities or ("error", "warning"))}


@pytest.mark.parametrize(
    ("name", "method", "options", "errors", "warnings"),
    [
        ("A6-fim-token", "supervised", {}, {"DS102"}, set()),
        ("A3-call-then-answer", "supervised", {}, {"DS057"}, {"DS093"}),
        ("A4c-nullable-schema-only", "supervised", {}, set(), {"DS100"}),
        ("A4b-null-content-only", "supervised", {}, set(), {"DS093"}),
        ("B16-images-gpt-4_1-mini", "supervised", {"model": "gpt-4.1-mini-2025-04-14"}, {"DS103"}, {"DS105"}),
        ("B16-images-gpt-4_1-mini", "supervised", {"model": "gpt-9"}, set(), {"DS104", "DS105"}),
        ("B16-images-gpt-4_1-mini", "supervised", {"model": "gpt-4.1-2025-04-14"}, set(), {"DS105"}),
        ("A1-tool-content-list", "supervised", {}, set(), {"DS101"}),
        ("L1-hf-null-struct", "supervised", {}, set(), set()),
        ("K9-rft-bad-rows-cascade", "reinforcement", {"templates": ("{{item.target}}",)}, {"DS023"}, set()),
        ("K6b-sft-same-prompt", "supervised", {}, set(), {"DS105"}),
        ("E2g-dpo-tools-outside", "dpo", {}, set(), {"DS031"}),
        ("E1-tools-empty-docs", "supervised", {}, set(), {"DS099"}),
        ("A7-row-weight", "supervised", {}, set(), {"DS031"}),
        ("E4-eval-query-response", "supervised", {}, {"DS023"}, set()),
        ("F2c-weight-float", "supervised", {}, {"DS041"}, set()),
        ("F5c", "supervised", {}, {"DS021"}, set()),
        ("K3-azd-sft-10+10/training", "supervised", {}, set(), {"DS105"}),
    ],
)
def test_a_case_has_what_its_source_says(name, method, options, errors, warnings):
    report = validated(name, method, **options)

    assert codes(report, "error") == errors
    assert codes(report, "warning") == warnings


@pytest.mark.parametrize(
    ("name", "method", "left"),
    [
        ("A4b-null-content-only", "supervised", set()),
        ("A1-tool-content-list", "supervised", set()),
        ("L1-hf-null-struct", "supervised", set()),
        ("E2g-dpo-tools-outside", "dpo", set()),
        ("E1-tools-empty-docs", "supervised", {"DS055"}),
        ("A7-row-weight", "supervised", set()),
        ("F2c-weight-float", "supervised", set()),
    ],
)
def test_a_case_that_can_be_repaired_is_repaired(name, method, left):
    options = Options(method=MethodType(method), actions=REPAIRED)
    data = (CASES / f"{name}.jsonl").read_bytes()
    found = validate({Role.TRAINING: (name, [data])}, options)
    lines = b"\n".join(row.data for row in prepared_rows([data], found.files[Role.TRAINING], options))

    assert found.report.ok
    assert codes(found.report) == left
    assert b"null" not in lines


def test_ten_rows_with_ten_to_validate_on_are_trained_on_and_nothing_can_be_compared():
    folder = CASES / "K3-azd-sft-10+10"
    names = {Role.TRAINING: "training", Role.VALIDATION: "validation"}
    sources = {
        role: (f"{name}.jsonl", [(folder / f"{name}.jsonl").read_bytes()]) for role, name in names.items()
    }
    report = validate(sources, Options()).report

    assert report.ok
    assert (report.examples, report.validation_examples, report.evaluation_examples) == (10, 10, 0)
    assert codes(report) == {"DS105"}


@pytest.mark.parametrize(
    "file", sorted(DATA.glob("*-*/*.jsonl")), ids=lambda file: f"{file.parent.name}-{file.stem}"
)
def test_public_sets_that_are_known_to_train_have_no_error(file):
    kinds = {"sft": "supervised", "dpo": "dpo", "rft": "reinforcement"}
    method = MethodType(kinds[file.parent.name.partition("-")[0]])
    sources = {Role.TRAINING: (file.name, [file.read_bytes()])}
    model = "gpt-4.1-2025-04-14" if method is not MethodType.REINFORCEMENT else "o4-mini-2025-04-16"
    report = validate(sources, Options(method=method, model=model)).report

    assert [f.render() for f in report.findings if f.severity == "error"] == []
