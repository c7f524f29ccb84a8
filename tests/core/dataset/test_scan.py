"""The one pass finds everything that the rules about texts find; fake secrets and invented people only."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset import scan
from shared.core.dataset.rules.texts import SECRETS, TEXT_RULES
from tests.core.dataset.rows import ANSWER, USER, chat, inspect, lines

BAD = {
    "DS080": ["<|im_start|>", "x<|endoftext|>y"],
    "DS081": [
        "-----BEGIN RSA PRIVATE KEY-----", "AKIAIOSFODNN7EXAMPLE", "sk-ant-api03-aaaaaaaaaaaaaaaaaaaa",
        "sk-proj-abcdefghijklmno7qrstUv", "ghp_" + "a1" * 18, "github_pat_" + "a" * 40, "xoxb-123456789012-abc",
        "AIza" + "Sy" * 17 + "A", "hf_" + "a" * 30,
        "sk_live_" + "a" * 16, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJl", "AccountKey=" + "a" * 40 + "==",
        "https://x.blob.core.windows.net/c?sv=1&sig=" + "a" * 30, "abc8Q~" + "a" * 32,
    ],
    "DS082": [
        "ada.lovelace@contoso.com", "+49 30 1234 5678", "(425) 882-8080", "425-882-8080", "219-09-9999", "4111 1111 1111 1111",
        "GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "+1 (212) 736-5000", "+4915112345678",
    ],
    "DS083": ["Show your reasoning.", "chain-of-thought", "step by step reasoning"],
    "DS084": ["The caf\ufffd", "cafÃ©", "itâ€™s"],
}  # fmt: skip
FINE = [
    "ada@example.com", "ada@mail.example", "version 1.2.3.4", "2026-11-23", "1234 5678", "4111 1111 1111 1112",
    "GB83 WEST 1234 5698 7654 32", "000-12-3456", "a < b | c > d", "sk-short", "the task-force", "AKIA",
    "10.0.0.1:8080", "1,234,567.89",
    "3.14159265358979", "São Paulo", "GET /a?sign=1", "tel 555-0100", "x@y", "£5", "naïve â la carte",
    "2**64 = 18446744073709551616", "0000 0000 0000 0000",
]  # fmt: skip
CASES = [(code, text) for code, texts in BAD.items() for text in texts]


def codes_of(text):
    return {rule.code for rule in TEXT_RULES for _ in rule(text, "")}


@pytest.mark.parametrize(("code", "text"), CASES)
def test_each_kind_is_found_by_its_rule(code, text):
    assert codes_of(f"see {text} there") == {code}


@pytest.mark.parametrize("text", FINE)
def test_what_only_looks_like_it_is_not(text):
    assert codes_of(f"see {text} there") == set()


def test_every_kind_of_secret_has_a_case():
    for kind in SECRETS.values():
        matching = [text for text in BAD["DS081"] if kind.pattern.search(text)]
        assert matching
        assert all(any(literal in text for literal in kind.literals) for text in matching)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(CASES), st.text(max_size=20), st.text(max_size=20))
def test_the_pass_misses_nothing_that_a_rule_finds(case, before, after):
    text = before + case[1] + after
    raw = text.encode(errors="replace")
    found = {rule.code for rule in scan.broken_rules(raw, has_phrases=True)}

    assert codes_of(raw.decode()) <= found


@settings(deadline=None, max_examples=400)
@given(st.text("0123456789 +-().@aZ<|_=~?&", max_size=60))
def test_the_pass_misses_no_number_however_it_is_written(text):
    raw = text.encode()
    found = {rule.code for rule in scan.broken_rules(raw, has_phrases=False)}

    assert codes_of(text) - {"DS083"} <= found


@pytest.mark.parametrize(("code", "text"), CASES)
def test_a_row_is_reported_with_path_and_without_what_is_private(code, text):
    method = "reinforcement" if code == "DS083" else "supervised"
    row = chat(
        ANSWER, {**USER, "content": f"see\n{text}\nthere"}, *([] if method == "reinforcement" else [ANSWER])
    )
    other = chat(USER) if method == "reinforcement" else chat(USER, ANSWER)
    _, log = inspect(lines(other, row), method)

    assert [(f.code, f.line, f.path) for f in log.findings] == [(code, 2, "messages[1].content")]
    if code in {"DS081", "DS082"}:
        assert text not in str(log.findings)


def test_a_secret_in_a_system_message_or_a_tool_call_is_found_in_each_row():
    secret = "AKIAIOSFODNN7EXAMPLE"
    function = {"name": "f", "arguments": f'{{"a": "{secret}"}}'}
    call = {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": function}]}
    tools = [{"type": "function", "function": {"name": "f"}}]
    system = {"role": "system", "content": f"Use {secret}"}
    _, log = inspect(
        lines(chat(system, USER, ANSWER), chat(system, USER, ANSWER), chat(USER, call, tools=tools))
    )

    assert [(f.line, f.path) for f in log.findings] == [
        (1, "messages[0].content"),
        (2, "messages[0].content"),
        (3, "messages[1].tool_calls[0].function.arguments"),
    ]
