"""Every documented limit at its edge: at the limit passes, one over fails."""

import base64
import json

import pytest

from shared.core.dataset.limits import IMAGE_EXAMPLES_MAX, JOB_TOKENS_MAX, LINE_BYTES_MAX, Limits
from shared.core.dataset.rules import sets
from shared.core.dataset.rules.images import IMAGE_BYTES_MAX, IMAGES_MAX
from shared.core.dataset.rules.messages import MESSAGES_MAX
from shared.core.dataset.rules.tools import TOOLS_MAX
from shared.core.spec import DatasetSpec, EvaluationSplit, Split
from tests.core.dataset.rows import ANSWER, USER, chat, inspect, lines, many, validated

PNG = b"\x89PNG\r\n\x1a\n"
NO_SPLIT = DatasetSpec(validation=Split(share=0), evaluation=EvaluationSplit(share=0))


def image_row(*urls):
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return chat({"role": "user", "content": parts}, ANSWER)


def data_url(size):
    return "data:image/png;base64," + base64.b64encode(PNG + bytes(size - len(PNG))).decode()


def tools(count):
    return [{"type": "function", "function": {"name": f"f{i}"}} for i in range(count)]


def line_of(size):
    row = json.dumps(chat(USER, ANSWER)).encode()
    return row[:-1] + b" " * (size - len(row)) + b"}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "data_of", "limit"),
    [
        ("DS002", line_of, LINE_BYTES_MAX),
        ("DS039", lambda n: lines(image_row(*["https://example.org/a.png"] * n)), IMAGES_MAX),
        ("DS040", lambda n: lines(chat({**USER, "name": "a" * n}, ANSWER)), 64),
        ("DS047", lambda n: lines(chat(*[USER] * (n - 1), ANSWER)), MESSAGES_MAX),
        ("DS051", lambda n: lines(chat(USER, ANSWER, tools=tools(n))), TOOLS_MAX),
        ("DS065", lambda n: lines(image_row(data_url(n))), IMAGE_BYTES_MAX),
    ],
)
def test_a_row_at_the_limit_passes_and_one_over_fails(code, data_of, limit):
    assert code not in inspect(data_of(limit))[1].totals
    assert code in inspect(data_of(limit + 1))[1].totals


def test_the_limits_are_those_of_the_documentation():
    assert (MESSAGES_MAX, TOOLS_MAX, IMAGES_MAX) == (2048, 128, 64)
    assert (IMAGE_EXAMPLES_MAX, IMAGE_BYTES_MAX) == (50_000, 10 * 1024 * 1024)
    limits = Limits()
    assert (limits.file_bytes_max, limits.job_tokens_max) == (512 * 1024 * 1024, 2_000_000_000)
    assert limits.example_tokens_max == 65_536


def test_a_file_at_the_size_limits_passes_and_one_byte_more_does_not():
    """With limits as small as the file, since 512 MB take long."""
    data = many(20)

    assert inspect(data, limits=Limits(file_bytes_max=len(data), upload_bytes_warn=len(data)))[1].totals == {}
    assert inspect(data, limits=Limits(file_bytes_max=len(data) - 1))[1].totals == {"DS004": 1}
    assert inspect(data, limits=Limits(upload_bytes_warn=len(data) - 1))[1].totals == {"DS005": 1}


def test_two_billion_tokens_pass_and_more_fail():
    assert not list(sets.job_too_large(1_000_000_000, 2, JOB_TOKENS_MAX))
    assert list(sets.job_too_large(1_000_000_001, 2, JOB_TOKENS_MAX))


def test_an_example_at_the_token_limit_passes_and_one_token_more_fails():
    data = lines(chat(USER, ANSWER))
    tokens = inspect(data)[0].used_tokens

    assert inspect(data, limits=Limits(example_tokens_max=tokens))[1].totals == {}
    assert inspect(data, limits=Limits(example_tokens_max=tokens - 1))[1].totals == {"DS070": 1}


def test_a_job_at_the_token_limit_passes_and_one_token_more_fails():
    data = many(20)
    tokens = validated(data, dataset=NO_SPLIT, epochs=2).report.tokens * 2

    assert validated(data, dataset=NO_SPLIT, epochs=2, limits=Limits(job_tokens_max=tokens)).report.ok
    over = validated(data, dataset=NO_SPLIT, epochs=2, limits=Limits(job_tokens_max=tokens - 1)).report
    assert over.totals == {"DS071": 1}


def test_ten_examples_pass_and_nine_fail():
    assert validated(many(10), dataset=NO_SPLIT).report.ok
    assert validated(many(9), dataset=NO_SPLIT).report.totals == {"DS006": 1}


def test_rows_with_errors_are_not_called_missing_too():
    assert validated(many(9) + b"{\n", dataset=NO_SPLIT).report.totals == {"DS011": 1}
    assert validated(many(8) + b"{\n", dataset=NO_SPLIT).report.totals == {"DS006": 1, "DS011": 1}


def test_so_many_examples_with_images_pass_and_one_more_fails():
    data = lines(*(image_row(f"https://example.org/{i}.png") for i in range(11)))

    assert "DS068" not in inspect(data, limits=Limits(image_examples_max=11))[1].totals
    assert "DS068" in inspect(data, limits=Limits(image_examples_max=10))[1].totals


def test_64_levels_pass_and_65_fail():
    def row(levels):
        return (
            b'{"messages": [{"role": "user", "content": "a"}], "a": '
            + b"[" * (levels - 1)
            + b"]" * (levels - 1)
            + b"}"
        )

    assert "DS015" not in inspect(row(64), "reinforcement")[1].totals
    assert "DS015" in inspect(row(65), "reinforcement")[1].totals
