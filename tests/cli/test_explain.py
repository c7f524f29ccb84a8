"""`explain`: every rule, in words."""

import json
import re

import pytest

from shared.core.dataset.rules import RULES


@pytest.mark.parametrize("code", sorted(RULES))
def test_every_rule_is_explained(run, code):
    status, out, _ = run("explain", code.lower())

    assert status == 0
    assert out.startswith(f"{code} {RULES[code].title}")
    assert "What to do: " in out
    assert "Bad" in out


def test_all_rules_are_listed(run):
    code, out, _ = run("explain")

    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == sorted(RULES)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("DS35", "; did you mean DS035"),
        ("DS999", "; did you mean DS0"),
        ("buget_exceeded", "; did you mean budget_exceeded?"),
        ("nothing", ".  All rules"),
    ],
)
def test_a_wrong_code_is_corrected(run, code, hint):
    status, out, err = run("explain", code)

    assert (status, out) == (2, "")
    assert err.startswith(f"error: there is no rule, error or status {code.upper()}{hint}")
    assert err.endswith("  All rules: foundry-finetune explain\n")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("refused", ("(error): ", "(answer of a model that counts as missing): ")),
        ("budget_exceeded", ("(end of a run): ", "What to do: Raise the budget")),
        ("not-promoted", ("(status of a run): ",)),
        ("Stale_Digest", ("(error): ", "What to do: ")),
    ],
)
def test_words_of_the_app_that_are_not_rules_are_explained_too(run, word, says):
    code, out, err = run("explain", word)

    assert (code, err) == (0, "")
    assert all(text in out for text in says)
    assert not re.search(r"\bGET\b|/api/", out)
    assert json.loads(run("explain", word, "--json")[1])


def test_programs_get_a_rule_or_all_of_them(run):
    code, out, _ = run("explain", "ds035", "--json")
    rule = json.loads(out)

    assert (code, rule["code"], rule["severity"]) == (0, "DS035", RULES["DS035"].severity)
    assert rule["remedy"] == RULES["DS035"].remedy
    every = json.loads(run("explain", "--json")[1])
    assert [one["code"] for one in every] == sorted(RULES)
    assert rule in every
