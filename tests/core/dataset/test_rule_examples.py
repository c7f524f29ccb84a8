"""Every rule is documented, and its examples do what they say."""

import pytest

from shared.core.dataset.rules import RULES
from tests.core.dataset.examples import read, run


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_bad_examples_break_the_rule_and_the_good_ones_do_not(code):
    examples = read(RULES[code].examples)

    assert {example.is_bad for example in examples} == {True, False}, f"{code} needs examples, Bad: and Good:"
    for example in examples:
        found = run(example).report.totals
        hint = "its Good example breaks it" if not example.is_bad else "nothing asks it about its Bad example"
        assert (code in found) == example.is_bad, f"{code}: {hint} (`on=...`, or its call by name): {example}"


@pytest.mark.parametrize("code", sorted(RULES))
def test_every_rule_says_what_it_demands_why_and_what_to_do(code):
    rule = RULES[code]

    assert rule.title[0].isupper() or rule.title[0] == "`"
    assert rule.remedy.endswith((".", "`."))
    assert rule.check.__doc__
    assert not rule.title.endswith(".")


def test_the_rules_have_codes_of_their_own():
    assert len(RULES) >= 80
    assert all(code == rule.code for code, rule in RULES.items())
