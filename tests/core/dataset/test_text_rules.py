"""What rules about texts find; fake secrets and invented people only."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.dataset.rules import texts
from shared.core.dataset.rules.texts import SECRETS
from tests.core.dataset.rows import ANSWER, USER, chat, inspect, lines
from tests.core.dataset.text_cases import BAD, CASES, FINE, codes_of


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


@pytest.mark.parametrize("piece", [1, 7, 64, 1000])
def test_a_text_is_found_in_pieces_as_it_is_found_whole(monkeypatch, piece):
    """Wherever the pieces end: other threads wait for one of them at most."""
    parts = [text for _, text in CASES] + FINE
    talks = [f"see {text} there, " * times for text in parts for times in (1, 30)] + [" | ".join(parts)]

    def found():
        return [
            [
                (one.message, one.excerpt)
                for check in (texts.secret, texts.personal_data)
                for one in check(talk, "")
            ]
            for talk in talks
        ]

    whole = found()
    monkeypatch.setattr(texts, "_PIECE", piece)
    monkeypatch.setattr(texts, "_SHORT", 0)
    assert found() == whole
    assert sum(map(len, whole)) > 20


#: An address as one expression tells it, which is slow on long names.
WHOLE = re.compile(r"\b[\w.+-]{1,64}@(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,5}[A-Za-z]{2,24}\b(?!:[\w/~])")
PARTS = [
    "ada",
    "a",
    "ß",
    "@",
    "foo.example",
    "contoso.com",
    "-",
    ".",
    "+",
    "_",
    ":",
    "/",
    " ",
    "x" * 64,
    "y" * 65,
]


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_an_address_that_is_looked_for_from_its_sign_is_the_one_of_a_whole_expression(text):
    expected = [match.start() for match in WHOLE.finditer(text) if not match[0].endswith(".example")]
    found = [one.excerpt for one in texts.personal_data(text, "") if "mail" in one.message]

    assert found == [f"{text[max(0, begin - 30) : begin]}[an e-mail address]" for begin in expected[:1]]


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
