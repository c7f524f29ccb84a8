"""The one pass over all texts misses nothing that a rule about texts finds."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset.rows import prefilter
from shared.core.dataset.rows.prefilter import Prefilter
from tests.core.dataset.rows import chat, lines, validated
from tests.core.dataset.text_cases import CASES, NEEDLES, TEXT_RULES, codes_of

PREFILTER = Prefilter(NEEDLES)


def candidates(text: bytes) -> set[str]:
    return {rule.code for rule in PREFILTER.candidates(text)}


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.sampled_from(CASES), st.text(max_size=20), st.text(max_size=20))
def test_it_misses_nothing_that_a_rule_finds_in_a_text_or_in_its_json(case, before, after):
    text = (before + case[1] + after).encode(errors="replace").decode()

    assert codes_of(text) <= candidates(text.encode())
    assert codes_of(text) <= candidates(msgspec.json.encode([text]))
    assert codes_of(text) <= candidates(msgspec.json.encode(json.dumps({"a": text}, ensure_ascii=False)))


@settings(deadline=None, max_examples=300)
@given(st.text("0123456789 +-().@aZ<|_=~?&", max_size=60))
def test_it_misses_no_number_however_it_is_written(text):
    assert codes_of(text) <= candidates(msgspec.json.encode(text))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from([text for _, text in CASES] + ["fine", ""]), min_size=1, max_size=8))
def test_what_is_found_is_found_in_its_row(texts):
    rows = [text.encode() + bytes(8) for text in texts]
    ends = [sum(map(len, rows[: at + 1])) for at in range(len(rows))]
    found = PREFILTER.candidates_by_row(b"".join(rows), ends)

    for at, text in enumerate(texts):
        assert codes_of(text) <= {rule.code for rule in found.get(at, ())}
        if text in {"fine", ""}:
            assert at not in found


def test_no_needle_has_what_json_writes_in_another_way():
    needles = [needle for rule in TEXT_RULES for needle in rule.needles]

    assert needles
    assert [needle for needle in needles if b'"' in needle or rb"\\" in needle or min(needle) < 0x20] == []


def test_without_hyperscan_every_rule_is_asked_and_the_findings_are_the_same(monkeypatch):
    data = lines(
        *(
            chat({"role": "user", "content": text}, {"role": "assistant", "content": "ok"})
            for _, text in CASES
        )
    )
    known = validated(data).report.findings
    monkeypatch.setattr(prefilter, "hyperscan", None)

    assert Prefilter(NEEDLES).candidates(b"") == set(TEXT_RULES)
    assert validated(data).report.findings == known
    assert known
