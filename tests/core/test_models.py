"""Model families."""

import pytest

from shared.core.models import model_family, support_notes
from shared.core.spec import MethodType


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4.1", "gpt-4.1"),
        ("gpt-4.1-2025-04-14", "gpt-4.1"),
        ("GPT-4.1-mini-2025-04-14", "gpt-4.1-mini"),
        ("gpt-4.1-2025-04-14.ft-0a1b2c-suffix", "gpt-4.1"),
        ("gpt-4.1-nano", "gpt-4.1-nano"),
        ("gpt-4", None),
        ("gpt-4.15", None),
        ("gpt-4.1-huge", None),
        ("gpt-5.6", None),
        ("Ministral-3B-2411", "Ministral-3B"),
        ("", None),
    ],
)
def test_a_model_belongs_to_the_family_that_its_id_begins_with_before_a_date_or_a_tuning(model, family):
    assert model_family(model) == family


def test_what_the_documentation_says_against_a_combination_is_noted():
    assert support_notes("gpt-4.1", MethodType.DPO, "GlobalStandard") == ()
    assert "not for dpo" in support_notes("gpt-4o-mini", MethodType.DPO, "GlobalStandard")[0]
    assert "not for DeveloperTier" in support_notes("gpt-5", MethodType.REINFORCEMENT, "DeveloperTier")[0]
    assert "nothing is known" in support_notes("novel-1", MethodType.SUPERVISED, "Standard")[0]
