"""docs/validators.md is made of what the peers were measured to say, and says when that is stale."""

import pytest

from bench.sayings import PEERS
from bench.validators import NOT_RUN, fingerprint, judged
from bench.validators_page import results
from shared.core.dataset.rules import RULES

RESULTS = results()
SILENT = {"said": []}


def test_corpus_and_rules_are_those_that_the_peers_were_given():
    hint = "run `make bench WHAT=validators`, then `.venv/bin/python docs/generate.py`"
    assert fingerprint() == RESULTS["fingerprint"], f"docs/validators.md is stale: {hint}"


def test_every_rule_was_tried_or_has_a_reason_why_not():
    assert RESULTS["rules"].keys() | NOT_RUN.keys() == RULES.keys()
    assert not RESULTS["rules"].keys() & NOT_RUN.keys()
    for tried in RESULTS["rules"].values():
        assert tried.keys() - {"datasets"} == PEERS.keys()
        assert all(sum(tried[peer]["counts"].values()) == tried["datasets"] for peer in PEERS)


@pytest.mark.parametrize(
    ("answer", "twin", "what"),
    [
        ({"said": ["bad role"]}, SILENT, ("found", "bad role")),
        (SILENT, SILENT, ("silent", "")),
        ({"raised": "KeyError"}, SILENT, ("stops", "KeyError")),
        ({"said": ["bad role"]}, {"raised": "KeyError"}, ("n/a", "")),
        ({"said": ["short", "short"]}, {"said": ["short", "short"]}, ("n/a", "")),
        ({"said": ["line 3: short"]}, {"said": ["line 2: short"]}, ("n/a", "")),
        ({"said": ["short", "bad role"]}, {"said": ["short"]}, ("found", "bad role")),
        ({"said": ["short", "short"]}, {"said": ["short"]}, ("n/a", "")),
        ({"raised": "KeyError"}, {"said": ["short"]}, ("stops", "KeyError")),
    ],
)
def test_a_peer_gets_credit_for_what_it_says_of_bad_rows_only(answer, twin, what):
    assert judged(answer, twin) == what
