"""Several datasets are checked at the same time in one process, as the host runs several functions at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.core.dataset.options import Options, Role
from shared.core.dataset.rows.prefilter import Prefilter
from shared.core.dataset.validate import validate
from tests.core.dataset.rows import ANSWER, USER, chat, lines
from tests.core.dataset.text_cases import BAD, NEEDLES

WORKERS = 4


def at_once(work):
    """What `work` returns in each of several threads, which begin together."""
    begin = threading.Barrier(WORKERS)

    def one(_):
        begin.wait()
        return work()

    with ThreadPoolExecutor(WORKERS) as threads:
        return list(threads.map(one, range(WORKERS)))


def test_texts_are_searched_in_several_threads():
    text = b"nothing to see here " * 20_000 + BAD["DS081"][0].encode()
    alone = Prefilter(NEEDLES).candidates(text)

    def often():
        prefilter = Prefilter(NEEDLES)
        return {prefilter.candidates(text) for _ in range(10)}

    assert alone
    assert at_once(often) == [{alone}] * WORKERS


@pytest.mark.slow
@pytest.mark.no_cover
def test_datasets_are_checked_in_several_threads_with_the_same_report():
    rows = [
        chat({**USER, "content": f"question {number} {BAD['DS081'][0] if number % 50 == 0 else ''}"}, ANSWER)
        for number in range(1500)
    ]
    data = lines(*rows)

    def report():
        return validate({Role.TRAINING: ("a.jsonl", iter([data]))}, Options()).report

    alone = report()
    assert at_once(report) == [alone] * WORKERS
