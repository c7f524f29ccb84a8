"""What Azure says before money is spent: what refuses, what holds back, what warns, and that silence does neither."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.core.offered import (
    TUNED_USAGE,
    Answers,
    Foreseen,
    OfferedModel,
    Usage,
    foresee,
    model_in,
    moment,
    usage_of,
)
from shared.core.pipeline.file import parse_pipeline

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FINE = OfferedModel(
    name="gpt-4.1",
    version="2025-04-14",
    format="OpenAI",
    lifecycle="GenerallyAvailable",
    capabilities={"fineTune": "true"},
)


def of(answers, extra="", model="gpt-4.1-2025-04-14"):
    return foresee(parse_pipeline(f"model: {model}\n{extra}", name="p").spec, answers, NOW)


def listed(**changes):
    values = {field: getattr(FINE, field) for field in FINE.__struct_fields__}
    return Answers(models=(OfferedModel(**(values | changes)),))


def test_silence_refuses_holds_and_warns_of_nothing():
    assert of(Answers(not_known=("Not known: a",))) == Foreseen(not_known=("Not known: a",))
    assert of(Answers()).sentences == ()


def test_a_model_that_is_offered_without_an_end_is_nothing_to_speak_of():
    assert of(listed()) == Foreseen()


@pytest.mark.parametrize(
    ("left", "retired", "warned"),
    [
        (91 * DAY, False, False),
        (90 * DAY, False, True),
        (DAY, False, True),
        (0 * DAY, True, False),
        (-DAY, True, False),
    ],
)
def test_the_end_of_training_is_said_90_days_ahead_and_refuses_afterwards(left, retired, warned):
    found = of(listed(training_ends_at=NOW + left))

    assert bool(found.retired) is retired
    assert bool(found.warnings) is warned
    for sentence in found.sentences:
        assert "gpt-4.1-2025-04-14" in sentence
        assert f"{NOW + left:%Y-%m-%d}" in sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inference_ends_at": NOW - DAY}, "Azure stopped serving gpt-4.1 as it is on 2026-11-27"),
        ({"inference_ends_at": NOW + 90 * DAY}, "Azure stops serving gpt-4.1 as it is on 2027-02-26"),
        ({"lifecycle": "Legacy"}, "Azure calls gpt-4.1 Legacy"),
        ({"lifecycle": "Deprecated"}, "Azure calls gpt-4.1 Deprecated"),
        ({"sku_ends_at": {"DeveloperTier": NOW}}, "DeveloperTier for gpt-4.1 until 2026-11-28"),
        ({"capabilities": {}}, "not list gpt-4.1 as a model that can be tuned"),
        ({"capabilities": {"fineTune": "false"}}, "not list gpt-4.1 as a model that can be tuned"),
        (
            {"capabilities": {"fineTune": "true", "globalFineTune": "false"}},
            "by training type GlobalStandard",
        ),
    ],
)
def test_what_else_a_list_says_against_a_model_is_a_warning(changes, words):
    """It has been wrong about open models."""
    found = of(listed(**changes))

    (warning,) = found.warnings
    assert words in warning
    assert (found.retired, found.full) == (None, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"inference_ends_at": NOW + 91 * DAY},
        {"lifecycle": "Preview"},
        {"lifecycle": ""},
        {"sku_ends_at": {"DeveloperTier": None, "Standard": NOW}},
        {"capabilities": {"fineTune": "True", "devTierFineTune": "false"}},
    ],
)
def test_what_does_not_matter_to_the_run_is_not_said(changes):
    assert of(listed(**changes)).sentences == ()


def test_that_a_model_is_not_listed_is_a_warning():
    (warning,) = of(listed(name="gpt-4.1-mini")).warnings
    assert "not list gpt-4.1-2025-04-14" in warning


def test_a_model_is_found_by_its_name_its_version_and_what_was_tuned_from_it():
    older = OfferedModel(name="gpt-4.1", version="2025-01-01", is_default=False)
    models = (older, FINE)

    assert model_in(models, "gpt-4.1-2025-04-14") is FINE
    assert model_in(models, "GPT-4.1-2025-04-14.ft-0a1b-support") is FINE
    assert model_in(models, "gpt-4.1-2025-01-01") is older
    assert model_in(models, "gpt-4.1") is FINE
    assert model_in((older,), "gpt-4.1") is older
    assert model_in(models, "gpt-4.1-mini-2025-04-14") is None
    assert model_in(None, "gpt-4.1") is None


@pytest.mark.parametrize(
    ("count", "full", "words"),
    [
        (79, False, None),
        (80, False, "80 jobs of 100: 20 more fit"),
        (94, False, "94 jobs of 100: 6 more fit"),
        (95, False, "95 jobs of 100: only 5 more fit"),
        (99, False, "only 1 more fit"),
        (100, True, "holds 100 jobs, and takes 100"),
        (101, True, "holds 101 jobs, and takes 100"),
    ],
)
def test_the_101st_job_holds_back_and_20_and_5_ahead_it_is_said(count, full, words):
    found = of(Answers(jobs=("succeeded",) * count))

    assert bool(found.full) is full
    assert bool(found.warnings) is (words is not None and not full)
    assert words is None or words in found.sentences[0]


def test_files_and_the_queue_have_their_limits_too():
    assert of(Answers(files=79)).sentences == ()
    assert "81 files of 100" in of(Answers(files=81)).warnings[0]
    assert "holds 100 files" in of(Answers(files=100)).full[0]
    waiting = ("queued",) * 10 + ("pending",) * 9
    assert of(Answers(jobs=(*waiting, "running", "succeeded"))).sentences == ()
    assert "20 jobs in its queue" in of(Answers(jobs=(*waiting, "validating_files"))).full[0]


def tuned(count, **more):
    names = {f"d{number}": f"gpt-4.1-2025-04-14.ft-{number}" for number in range(count)}
    return Answers(deployments=names | {"base": "gpt-4.1"}, **more)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (3, None),
        (4, "accounts of earlier years take 5"),
        (8, "accounts of earlier years take 5"),
        (9, "10 is the documented limit"),
        (10, "10 is the documented limit"),
    ],
)
def test_a_limit_of_deployments_that_azure_does_not_name_is_a_warning(count, words):
    found = of(tuned(count))

    assert found.full == ()
    assert [words in warning for warning in found.warnings] == ([True] if words else [])


@pytest.mark.parametrize(
    ("count", "limit", "full", "warns"),
    [
        (3, 5, False, False),
        (4, 5, False, True),
        (5, 5, True, False),
        (9, 10, False, True),
        (10, 10, True, False),
        (10, 30, False, False),
    ],
)
def test_a_full_account_holds_back_if_azure_names_its_limit(count, limit, full, warns):
    found = of(tuned(count, usages={TUNED_USAGE: Usage(used=count, limit=limit)}))

    assert (bool(found.full), bool(found.warnings)) == (full, warns)
    assert all(f"takes {limit}" in sentence for sentence in found.sentences)
    unlisted = of(Answers(usages={TUNED_USAGE: Usage(used=count, limit=limit)}))
    assert bool(unlisted.full) is full


QUOTA = "OpenAI.DeveloperTier.gpt4.1-finetune"
PRODUCTION = "OpenAI.GlobalStandard.gpt4.1-finetune"


def test_too_little_quota_for_the_candidate_holds_back_and_for_production_warns():
    def with_quota(name, used, limit):
        return of(Answers(region="swedencentral", usages={name: Usage(used=used, limit=limit)}))

    assert with_quota(QUOTA, 50, 100).sentences == ()
    (full,) = with_quota(QUOTA, 51, 100).full
    assert "tuned gpt-4.1 as DeveloperTier in swedencentral 49 is left, and the candidate takes 50" in full
    (warning,) = with_quota(PRODUCTION, 0, 0).warnings
    assert "0 is left, and production takes 50" in warning
    assert with_quota("OpenAI.DeveloperTier.gpt4.1-mini-finetune", 0, 0).sentences == ()
    assert with_quota("OpenAI.DeveloperTier.gpt4.1", 0, 0).sentences == ()


def test_where_no_quota_is_known_the_capacity_counts():
    assert of(Answers(region="r", capacities={"DeveloperTier": 50.0, "GlobalStandard": 50.0})).sentences == ()
    assert len(of(Answers(region="r", capacities={"DeveloperTier": 49.0})).full) == 1
    both = Answers(region="r", capacities={"DeveloperTier": 0.0}, usages={QUOTA: Usage(used=0, limit=100)})
    assert of(both).sentences == ()


@pytest.mark.parametrize(
    "name",
    [
        "OpenAI.GlobalStandard.gpt4.1-mini-finetune",
        "OpenAI.GlobalStandard.gpt-4.1-mini-finetune",
        "OpenAI.globalstandard.gpt4.1-mini-FineTune",
        "AIServices.GlobalStandard.gpt-4.1-mini-finetune",
    ],
)
def test_a_quota_is_found_however_its_name_is_spelled(name):
    usage = Usage(used=1, limit=2)
    known = {"AccountCount": Usage(used=0, limit=0), name: usage}

    for model in ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini-2025-04-14.ft-0a1b"):
        assert usage_of(known, model, "GlobalStandard", of_tuned=True) is usage
    assert usage_of(known, "gpt-4.1-mini", "GlobalStandard", of_tuned=False) is None
    assert usage_of(known, "gpt-4.1", "GlobalStandard", of_tuned=True) is None
    assert usage_of(known, "gpt-4.1-mini", "Standard", of_tuned=True) is None
    assert usage_of(None, "gpt-4.1-mini", "GlobalStandard", of_tuned=True) is None


BASELINE = "evaluation: {baselines: [{deployment: gpt-4.1}, {deployment: gpt-4.1, system_prompt: p.txt}]}\n"
BASE = {f"OpenAI.{sku}.gpt4.1": Usage(used=0, limit=0) for sku in ("Standard", "GlobalStandard")}


def test_a_baseline_that_cannot_exist_is_said_before_the_spend():
    (warning,) = of(Answers(region="r", deployments={}, usages=BASE), BASELINE).warnings
    assert "Baseline gpt-4.1 is not deployed, and the subscription has no quota for gpt-4.1 in r" in warning
    gone = Answers(models=listed(inference_ends_at=NOW).models, deployments={})
    assert "Azure serves gpt-4.1 no longer" in of(gone, BASELINE).warnings[-1]


@pytest.mark.parametrize(
    "answers",
    [
        Answers(deployments={"gpt-4.1": "gpt-4.1"}, usages=BASE),
        Answers(deployments={}, usages=BASE | {"OpenAI.GlobalStandard.gpt4.1": Usage(used=0, limit=1)}),
        Answers(deployments={}, usages={}),
        Answers(deployments={}),
        Answers(usages=BASE),
    ],
)
def test_a_baseline_that_is_there_or_could_be_made_is_nothing_to_speak_of(answers):
    assert of(answers, BASELINE).sentences == ()
    assert of(Answers(deployments={}, usages=BASE)).sentences == ()  # none is named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-04-14T00:00:00Z", datetime(2027, 4, 14, tzinfo=UTC)),
        (datetime(2027, 4, 14, tzinfo=UTC), datetime(2027, 4, 14, tzinfo=UTC)),
        ("2099-12-31T00:00:00Z", None),
        ("2027-04-14", None),
        ("soon", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_date_is_read_as_azure_writes_it(text, expected):
    assert moment(text) == expected
