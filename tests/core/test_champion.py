"""Whether what a run was measured against is the champion in use: by its summary, or else by its plan."""

import msgspec
import pytest

from shared.core import champion as champions
from shared.core.observations import Champion, EvaluationPlan
from shared.core.run import Status
from tests.support.builders import BETTER, NOW, a_policy, a_run

OTHER = "run-other"
IN_USE = Champion(deployment="summaries-other", run_id=OTHER, model="gpt-4.1.ft-other", since=NOW)
MEASURING = a_policy("evaluation: {baselines: [{deployment: base}, champion]}\n").spec
NOT_MEASURING = a_policy("evaluation: {baselines: [{deployment: base}]}\n").spec
PLAN = EvaluationPlan(
    targets={"candidate": "c", "baseline-1": "base", "baseline-2": IN_USE.deployment},
    labels={"candidate": "candidate", "baseline-1": "base", "baseline-2": "champion"},
    prompts={},
    models={"candidate": "m", "baseline-1": "gpt-4.1", "baseline-2": IN_USE.model},
    items=10,
    chunk_size=8,
)
WITHOUT = EvaluationPlan(
    targets={"candidate": "c", "baseline-1": "base"},
    labels={"candidate": "candidate", "baseline-1": "base"},
    prompts={},
    models={"candidate": "m", "baseline-1": "gpt-4.1"},
    items=10,
    chunk_size=8,
)
BEFORE = "after this run was measured against another champion, or none."


def with_(plan, **changes):
    return msgspec.structs.replace(plan, **changes)


def measured(champion=msgspec.UNSET):
    """A run whose summary records this champion, or (unset) none, as before 0.3.0."""
    return a_run(Status.AWAITING_APPROVAL, evaluation=with_(BETTER, champion=champion))


def test_a_pipeline_measures_the_champion_or_not():
    assert champions.is_measured(MEASURING)
    assert not champions.is_measured(NOT_MEASURING)


@pytest.mark.parametrize(("recorded", "is_recorded"), [(msgspec.UNSET, False), (None, True), (OTHER, True)])
def test_a_summary_records_the_champion_or_not(recorded, is_recorded):
    assert champions.is_recorded(measured(recorded)) is is_recorded


def test_a_run_that_was_not_evaluated_records_none_and_is_about_none():
    run = a_run(Status.AWAITING_APPROVAL, evaluation=None)

    assert not champions.is_recorded(run)
    assert champions.replacement(run, IN_USE, None, MEASURING) is None


@pytest.mark.parametrize(
    ("recorded", "in_use", "why"),
    [
        (OTHER, IN_USE, None),
        (None, None, None),
        (
            None,
            IN_USE,
            f"Run {OTHER} became the champion after this run was measured when there was no champion.",
        ),
        (
            "run-first",
            IN_USE,
            f"Run {OTHER} became the champion after this run was measured against the model of run run-first.",
        ),
        (
            OTHER,
            None,
            f"The champion was taken away after this run was measured against the model of run {OTHER}.",
        ),
    ],
)
def test_the_summary_says_it_where_it_records_the_champion(recorded, in_use, why):
    """Whatever plan and pipeline say."""
    for plan, spec in ((None, None), (PLAN, MEASURING), (WITHOUT, NOT_MEASURING)):
        assert champions.replacement(measured(recorded), in_use, plan, spec) == why


@pytest.mark.parametrize("recorded", [msgspec.UNSET, None, "run-first"])
def test_a_run_that_is_the_champion_itself_was_not_replaced(recorded):
    run = measured(recorded)

    assert champions.replacement(run, with_(IN_USE, run_id=run.id), WITHOUT, MEASURING) is None


@pytest.mark.parametrize("spec", [None, NOT_MEASURING])
def test_without_a_record_it_counts_where_the_champion_is_not_measured(spec):
    assert champions.replacement(measured(), IN_USE, WITHOUT, spec) is None
    assert champions.replacement(measured(), IN_USE, None, spec) is None


SKIPPED = f"champion: deployment {IN_USE.deployment} is gone"


@pytest.mark.parametrize(
    ("plan", "in_use", "is_replaced"),
    [
        (None, None, False),
        (None, IN_USE, True),
        (WITHOUT, None, False),
        (PLAN, None, True),
        (PLAN, IN_USE, False),
        (WITHOUT, IN_USE, True),
        (PLAN, with_(IN_USE, deployment="summaries-third"), True),
        (PLAN, with_(IN_USE, model="another"), True),
        (with_(WITHOUT, skipped=(SKIPPED,)), IN_USE, False),
        (with_(WITHOUT, skipped=("base: gone", SKIPPED)), IN_USE, False),
        (with_(WITHOUT, skipped=("champion: deployment summaries-first is gone",)), IN_USE, True),
        (with_(WITHOUT, skipped=(f"champion: deployment {IN_USE.deployment}-2 is gone",)), IN_USE, True),
        (with_(WITHOUT, skipped=("champion: there is none yet",)), IN_USE, True),
        (with_(PLAN, prompts={"baseline-2": "Be brief."}), IN_USE, True),
        (with_(PLAN, prompts={"baseline-1": "Be brief."}), IN_USE, False),
    ],
    ids=[
        "no plan, no champion", "no plan", "none then, none now", "taken away", "the same", "none then", "another deployment",
        "another model", "said to be gone", "said after another", "another is gone", "a longer name is gone", "none yet",
        "measured with another prompt", "the base with another prompt",
    ],
)  # fmt: skip
def test_the_plan_says_it_where_the_summary_does_not(plan, in_use, is_replaced):
    present = f"Run {OTHER} became the champion" if in_use else "The champion was taken away"
    why = f"{present} {BEFORE}" if is_replaced else None

    assert champions.replacement(measured(), in_use, plan, MEASURING) == why
