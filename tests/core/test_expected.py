"""Patterns of smoke tests: the texts that Python's `re` finds them in, by an engine that never goes back."""

import random
import re
import warnings

import pytest

from shared.core import expected
from shared.core.expected import NotTaken, check, fits

ATOMS = (
    *("a", "b", "é", "ß", "1", "٣", "_", " ", "\u00a0", "\n", r"\.", r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", "."),
    *("[ab]", "[^ab]", r"[\w-]", r"[^\W\d]", r"[^\W\d_]", r"[^\S\n]", "[a-é]", "^", r"\A", r"\Z", "-", "{", "]"),
    *(r"\n", r"\x41", r"\u00e9", r"[\d\s]", r"[\W1]", "[]a]", "&&", "[a&&b]", "~", "(?i:k)", r"(?a:\w)"),
)  # fmt: skip
CHARS = "abABéÉßkK\u212a\u017fs1٣_ \u00a0\n.-{]&~²ⅷ\u0301\x1c\x85\u200d漢\u2028"


def pattern(chance: random.Random, depth: int) -> str:
    """A random pattern, of what both engines have."""
    kind = chance.random()
    if not depth or kind < 0.5:
        return chance.choice(ATOMS)
    if kind < 0.7:
        return pattern(chance, depth - 1) + pattern(chance, depth - 1)
    if kind < 0.8:
        return f"(?:{pattern(chance, depth - 1)}|{pattern(chance, depth - 1)})"
    if kind < 0.9:
        return f"({pattern(chance, depth - 1)})"
    return f"(?:{pattern(chance, depth - 1)}){chance.choice(['*', '+', '?', '{2}', '{1,3}', '*?', '+?', '{,2}'])}"


@pytest.mark.slow
def test_a_pattern_is_found_where_python_finds_it():
    chance, compared = random.Random(19), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(1500):
            text = chance.choice(["", "(?i)", "(?m)", "(?s)", "(?im)", "(?a)"]) + pattern(chance, 3)
            text += chance.choice(["", "$"])
            try:
                known = re.compile(text)
                check(f"/{text}/")
            except (re.error, NotTaken):
                continue
            for _ in range(6):
                answer = "".join(chance.choice(CHARS) for _ in range(chance.randrange(8)))
                assert fits(answer, f"/{text}/") == bool(known.search(answer)), (text, answer)
                compared += 1

    assert compared > 5000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(?=a)b", "look-ahead and look-behind cannot be run"),
        (r"(a)\1", "references back to a group cannot be run"),
        ("a{99999999999}", "not a regular expression: the repetition number is too large"),
        ("(", "not a regular expression"),
        ("(?:(?:a{0,500}){0,500}){0,500}", "it becomes too large"),
        ("(" * 60 + ")" * 60, "more than 50 groups"),
        ("a" * 501, "at most 500"),
        ("a*+", "possessive repetition"),
        ("a$b", r"\$ before the end"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_reason(text, reason):
    with pytest.raises(NotTaken, match=reason):
        check(f"/{text}/")


def test_what_is_no_pattern_is_a_text_in_any_case():
    assert fits("Say HELLO there", "hello")
    assert not fits("Good-bye", "hello")
    assert fits("a//b", "//")  # too short to be a pattern
    check("(")


@pytest.mark.parametrize("text", ["^(.|.)*ZZZ$", "^(a+)+$", r"(\w+\s?)*!$"])
def test_a_pattern_that_goes_back_for_ever_elsewhere_is_answered(text):
    assert not fits("ab c" * (expected.ANSWER_CHARS_MAX // 4) + "\n", f"/{text}/")
