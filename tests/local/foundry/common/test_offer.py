"""`offer.json`: read anew when it changes, refused aloud when it is wrong."""

import json
from datetime import date, datetime

import pytest

from local.foundry.common.catalogue import MODELS
from local.foundry.common.offer import DOCUMENTED, NEVER, Offer, Preemption, Terms

GPT41 = MODELS["gpt-4.1"]


def at(day):
    return datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()


@pytest.fixture
def write(tmp_path):
    return lambda terms: (tmp_path / "offer.json").write_text(
        terms if isinstance(terms, str) else json.dumps(terms)
    )


def test_without_a_file_nothing_retires_and_lives_as_documented(tmp_path):
    offer = Offer(tmp_path)

    assert {offer.retires_on(model, "base") for model in MODELS.values()} == {NEVER}
    assert (offer.terms.developer_s, offer.terms.idle_s) == (86_400, 1_296_000)
    assert (offer.terms.quotas, offer.terms.preemption) == ({}, None)


def test_a_day_is_over_from_its_first_moment_in_utc(tmp_path, write):
    write({"retirements": {"gpt-4.1-2025-04-14": {"training": "2027-04-14"}}})
    offer, day = Offer(tmp_path), at("2027-04-14")

    assert not offer.is_over(GPT41, "training", day - 0.001)
    assert offer.is_over(GPT41, "training", day)
    assert not offer.is_over(GPT41, "base", day)
    assert not offer.is_over(MODELS["gpt-4.1-mini"], "training", day)


def test_the_file_is_read_anew_when_it_changes_or_goes(tmp_path, write):
    offer = Offer(tmp_path)
    write({"quotas": {"OpenAI.Standard.gpt-4o": 1}})
    first = offer.terms.quotas
    write({"quotas": {"OpenAI.Standard.gpt-4o": 20}, "preemption": {"at_step": 2, "for_s": 1}})
    second = offer.terms
    write("")  # while it is being written
    third = offer.terms
    (tmp_path / "offer.json").unlink()

    assert (first, second.quotas) == ({"OpenAI.Standard.gpt-4o": 1}, {"OpenAI.Standard.gpt-4o": 20})
    assert second.preemption == Preemption(at_step=2, for_s=1)
    assert third == second
    assert offer.terms == Terms()


def test_the_documented_schedule_names_models_and_what_is_tuned_lives_longest():
    for name, dates in DOCUMENTED.items():
        assert MODELS[name].name == name
        assert max(dates.values()) == dates.get("tuned", dates["base"])
    assert Terms.parse({"retirements": "documented"}).retirements["gpt-4.1"]["tuned"] == date(2027, 10, 14)


@pytest.mark.parametrize(
    "wrong",
    [
        "[",
        [],
        {"retirement": {}},
        {"retirements": "always"},
        {"retirements": {"gpt-9": {"base": "2026-10-14"}}},
        {"retirements": {"gpt-4.1": {"someday": "2026-10-14"}}},
        {"retirements": {"gpt-4.1": {"base": "soon"}}},
        {"quotas": {"OpenAI.Standard.gpt-4o": "many"}},
        {"quotas": ["OpenAI.Standard.gpt-4o"]},
        {"lifetimes_s": {"developer": None}},
        {"preemption": {"at_step": 1}},
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused_by_the_files_name(tmp_path, write, wrong):
    write(wrong)
    with pytest.raises(ValueError, match=r"offer\.json"):
        _ = Offer(tmp_path).terms
