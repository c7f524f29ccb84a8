"""Whatever the bytes: a report, no exception, no memory beyond the bound, the same for any chunking."""

import random
import resource
import time
from pathlib import Path

import pytest

from shared.core.dataset.options import Action, Options, Role, severities_of
from shared.core.dataset.report import to_markdown
from shared.core.dataset.validate import prepared_rows, validate
from shared.core.spec import MethodType
from tests.support.figures import record

pytestmark = pytest.mark.slow

CORPUS = sorted((Path(__file__).parents[2] / "corpus").rglob("*.jsonl"))
MINUTES = 10
GROWTH_MB_MAX = 50


def mutated(seeds: list[bytes], random_: random.Random) -> bytes:
    """Some lines of some files, with bytes changed, cut, doubled and spliced."""
    data = bytearray(b"\n".join(random_.choice(seeds)[:20_000] for _ in range(random_.randint(1, 3))))
    for _ in range(random_.randint(0, 8)):
        if not data:
            break
        at, length = random_.randrange(len(data)), random_.randint(1, 40)
        match random_.randrange(5):
            case 0:
                data[at] = random_.randrange(256)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                other = random_.choice(seeds)
                start = random_.randrange(len(other) + 1)
                data[at:at] = other[start : start + length]
            case _:
                data[at:at] = random_.choice(
                    [
                        b"\n",
                        b"\r\n",
                        b'"',
                        b"{",
                        b"}",
                        b"[",
                        b"]",
                        b",",
                        b":",
                        b"\\u",
                        b"null",
                        b"\xff",
                        b"\0",
                    ]
                )
    return bytes(data)


def check(random_: random.Random, seeds: list[bytes]) -> None:
    data = mutated(seeds, random_)
    options = Options(
        method=random_.choice(list(MethodType)),
        default_action=random_.choice(list(Action)),
        quarantine_max_share=random_.choice([0.05, 1.0]),
        templates=random_.choice([(), ("{{item.answer}}",)]),
        severities=random_.choice([{}, severities_of("strict", {}), severities_of("minimal", {})]),
    )
    companion = mutated(seeds, random_)
    found = validate({Role.TRAINING: ("t", [data]), Role.VALIDATION: ("v", [companion])}, options)
    to_markdown(found.report)
    if found.report.ok:  # only then is there a second pass
        rows = list(prepared_rows([data], found.files[Role.TRAINING], options))
        assert len(rows) == found.files[Role.TRAINING].rows
    cut = sorted(random_.randrange(len(data) + 1) for _ in range(5))
    chunks = [data[a:b] for a, b in zip([0, *cut], [*cut, len(data)], strict=True)]
    again = validate({Role.TRAINING: ("t", chunks), Role.VALIDATION: ("v", [companion])}, options)
    assert again.report == found.report
    assert again.files == found.files


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(200))
def test_mutated_files_are_validated(seed):
    check(random.Random(seed), [path.read_bytes() for path in CORPUS])


@pytest.mark.soak
def test_mutated_files_are_validated_for_ten_minutes():
    seeds = [path.read_bytes() for path in CORPUS]
    for number in range(200):  # loads the libraries
        check(random.Random(number), seeds)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, number = time.monotonic(), 0
    while time.monotonic() - started < MINUTES * 60:
        number += 1
        try:
            check(random.Random(number), seeds)
        except Exception as error:
            raise AssertionError(f"seed {number}") from error

    assert number > 1000
    growth_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    record("fuzz", seconds=round(time.monotonic() - started), files=number, growth_mb=round(growth_mb, 1))
    assert growth_mb < GROWTH_MB_MAX
