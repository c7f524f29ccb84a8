"""The first pass: the same result for any chunking, exact tokens, identity of content, bounded memory."""

import gc
import hashlib
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset.limits import Limits
from shared.core.dataset.options import Action, Options, Role
from shared.core.dataset.rulebook import Severity
from shared.core.dataset.summary import RowState
from shared.core.dataset.validate import prepared_rows
from tests.core.dataset.rows import ANSWER, CALLING, TOOL, USER, chat, inspect, lines, many, validated

DATA = Path(__file__).parents[4] / "shared" / "data"
NAUGHTY = DATA / "naughty-strings.json"


@pytest.mark.parametrize(
    ("file", "method", "rows"),
    [
        ("sft-gsm8k/training.jsonl", "supervised", 449),
        ("sft-gsm8k/validation.jsonl", "supervised", 50),
        ("sft-tools/training.jsonl", "supervised", 86),
        ("sft-tools/validation.jsonl", "supervised", 10),
        ("sft-vision-chartqa/training.jsonl", "supervised", 100),
        ("dpo-orca/training.jsonl", "dpo", 284),
        ("rft-countdown/training.jsonl", "reinforcement", 100),
        ("rft-countdown/validation.jsonl", "reinforcement", 50),
    ],
)
@pytest.mark.skipif(not DATA.is_dir(), reason="the public datasets are not beside the repository (../shared)")
def test_public_datasets_pass_without_errors(file, method, rows):
    summary, log = inspect((DATA / file).read_bytes(), method)

    assert (summary.rows, summary.used_rows) == (rows, rows)
    assert log.count(Severity.ERROR) == 0
    assert log.totals.keys() <= {"DS048", "DS072", "DS084"}
    assert all(tokens > 0 for tokens in summary.tokens)


def test_a_summary_counts_what_is_in_the_file():
    data = b"\xef\xbb\xbf" + lines(chat(USER, ANSWER), chat(USER, CALLING, tools=[TOOL])) + b"\n"
    summary, log = inspect(data)

    assert (summary.rows, summary.used_rows, summary.tool_rows, summary.images) == (2, 2, 1, 0)
    assert dict(summary.roles) == {"assistant": 2, "user": 2}
    assert summary.sha256 == hashlib.sha256(data).hexdigest()
    assert summary.size_bytes == len(data)
    assert [(finding.code, finding.line) for finding in log.findings] == [("DS003", 3)]


def test_content_has_the_same_key_however_it_is_written_and_another_in_another_order():
    first = lines(chat(USER, ANSWER), chat(USER, ANSWER | {"content": "é"}))
    same = json.dumps(chat(USER, ANSWER), indent=None, separators=(",", ":")).encode() + b"\r\n\r\n" + json.dumps(
        {"messages": [USER, {"content": "é", "role": "assistant"}]}, ensure_ascii=False
    ).encode()  # fmt: skip
    other = b"\n".join(reversed(first.splitlines()))

    keys = [inspect(data)[0].content_key for data in (first, same, other)]

    assert keys[0] == keys[1] != keys[2]


def test_row_keys_follow_the_content():
    keys = inspect(lines(chat(USER, ANSWER), chat(USER, ANSWER), chat(USER, ANSWER, USER, ANSWER)))[0].keys

    assert keys[0] == keys[1] != keys[2]


def test_an_example_that_is_too_long_is_found_at_its_line():
    long = chat(USER, ANSWER | {"content": "word" + " word" * 299})

    _, log = inspect(lines(chat(USER, ANSWER), long), limits=Limits(example_tokens_max=200))

    assert [(finding.code, finding.line) for finding in log.findings] == [("DS070", 2)]


def test_rows_that_are_too_many_are_not_looked_at_and_cost_no_row_in_quarantine():
    bad = chat(USER, {**ANSWER, "content": ""})
    data = many(3) + lines(bad, *[{"no": "row"}] * 5)
    limits = Limits(rows_max=4)
    whole = validated(data, limits=limits, default_action=Action.QUARANTINE, quarantine_max_share=1)

    assert whole.report.totals == {"DS006": 1, "DS096": 1}
    assert whole.files[Role.TRAINING].rows == 4
    options = Options(default_action=Action.QUARANTINE, limits=limits)
    prepared = list(prepared_rows([data], whole.files[Role.TRAINING], options))
    assert [row.state for row in prepared] == [RowState.GOOD] * 3 + [RowState.QUARANTINED]
    assert validated(many(4), limits=Limits(rows_max=4)).report.totals == {"DS006": 1}


def test_findings_are_counted_up_to_a_bound_and_rows_beyond_it_are_never_good():
    """Rows with errors beyond the bound stand for themselves: none of them is trained on."""
    bad = chat(USER, {**ANSWER, "content": ""})
    limits = Limits(counted_max=3)
    few = validated(many(20) + lines(*[bad] * 3), limits=limits)
    more = validated(many(20) + lines(*[bad] * 5), limits=limits)
    aside = validated(
        many(20) + lines(*[bad] * 5), limits=limits, default_action=Action.QUARANTINE, quarantine_max_share=1
    )

    assert few.report.totals == {"DS035": 3}
    assert more.report.totals == {"DS035": 3, "DS097": 1}
    assert more.files[Role.TRAINING].states.count(RowState.BAD) == 5
    assert not aside.report.ok
    assert len(aside.files[Role.TRAINING].quarantine) == 3
    assert aside.files[Role.TRAINING].used_rows == 20


def test_a_rule_that_is_broken_everywhere_in_a_row_is_asked_until_it_is_enough():
    row = chat({"role": "user", "content": [{"type": "x"}] * 3000}, ANSWER)
    found = inspect(lines(row, row))[1].totals

    assert found == {"DS037": 2000}
    assert inspect(lines(chat(USER, ANSWER, x=[0] * 250_001)))[1].totals == {"DS098": 1}


def test_empty_files_and_exact_duplicates_and_sizes_are_found():
    assert inspect(b"")[1].totals == {"DS001": 1}
    assert inspect(b"\n \n")[1].totals == {"DS001": 1, "DS003": 2}
    assert validated(lines(*[chat(USER, ANSWER)] * 30)).report.totals == {"DS007": 29, "DS105": 1}
    assert inspect(many(3), limits=Limits(file_bytes_max=10))[1].totals == {"DS004": 1}
    assert inspect(many(3), limits=Limits(upload_bytes_warn=10))[1].totals == {"DS005": 1}
    assert inspect(many(3), limits=Limits(line_bytes_max=10))[1].totals == {"DS002": 3}


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.skipif(
    not NAUGHTY.is_file(), reason="the list of naughty strings is not beside the repository (../shared)"
)
def test_naughty_strings_pass_through_every_text_field():
    for text in json.loads(NAUGHTY.read_bytes()):
        row = chat(
            {"role": "user", "content": text, "name": text},
            {"role": text, "content": text},
            ANSWER | {"content": text},
        )
        for data in (lines(row), json.dumps(row, ensure_ascii=False).encode()):
            _, log = inspect(data)
            assert all(finding.excerpt is None or finding.excerpt.isprintable() for finding in log.findings)


@pytest.mark.parametrize(
    "line", [b'{"a":', b'{"a": NaN}', b"\xff", b'{"a": "\\ud800"}', b"[" * 2000, b'{"a": 1, "a": 2}']
)
@pytest.mark.slow
def test_lines_that_cannot_be_read_leave_nothing_behind(line):
    data = many(20) + b"\n".join(line + b" " * number for number in range(5))
    validated(data)
    gc.collect()
    gc.disable()
    try:
        validated(data)
        assert gc.collect() == 0  # no frame that an error still knows, with its block and rows
    finally:
        gc.enable()


@pytest.mark.thorough
@pytest.mark.no_cover
@pytest.mark.slow
def test_memory_grows_by_bytes_a_row_not_by_rows():
    block = many(500)
    inspect(block)  # loads the tokenizer

    tracemalloc.start()
    summary, _ = inspect(block for _ in range(16))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert summary.rows == 8_000
    assert peak < 16_000_000


_KEYS = [
    "messages",
    "role",
    "content",
    "tools",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "type",
    "text",
    "weight",
    "input",
    "preferred_output",
    "non_preferred_output",
    "image_url",
    "url",
    "tool_call_id",
]
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["user", "assistant", "text"]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            below,
            max_size=4,
        )
    ),
    max_leaves=15,
)
_LINE = (
    _JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20) | st.just(many(1).strip())
)


@pytest.mark.slow
@pytest.mark.no_cover
@settings(deadline=None)
@given(
    st.lists(_LINE, max_size=6),
    st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
    st.lists(st.integers(1, 40), max_size=30),
    st.sampled_from(["supervised", "dpo", "reinforcement"]),
)
def test_any_file_is_inspected_with_the_same_result_for_any_chunking(rows, end, sizes, method):
    data = end.join(rows)
    chunks, start = [], 0
    for size in sizes:
        chunks.append(data[start : start + size])
        start += size
    chunks.append(data[start:])

    whole, whole_log = inspect(data, method)
    cut, cut_log = inspect(chunks, method)
    single, single_log = inspect((data[i : i + 1] for i in range(len(data))), method)

    assert whole == cut == single
    assert whole_log.findings == cut_log.findings == single_log.findings
    assert whole_log.totals == cut_log.totals == single_log.totals
