"""A run that ends says how, why, and what the reader can do."""

import pytest

from shared.core import endings
from shared.core.status import FINISHED, Status
from tests.support.builders import NOW, a_run


def test_an_end_keeps_the_step_the_words_and_the_remedy():
    ended = a_run(Status.TRAINING, failures=3).end(endings.JOB_FAILED, NOW, "bad rows")

    assert (ended.status, ended.status_since, ended.failures) == (Status.FAILED, NOW, 0)
    assert (ended.failure.step, ended.failure.code, ended.failure.message) == (
        "training",
        "job_failed",
        "bad rows",
    )
    assert ended.failure.remedy == endings.JOB_FAILED.remedy
    assert ended.failure.can_retry


def test_what_a_remedy_leaves_open_is_filled_in_and_never_forgotten():
    run = a_run(Status.STAGING)
    ended = run.end(endings.DEPLOYMENT_NAME_TAKEN, NOW, "it {serves} another", model="gpt-4.1.ft-{1}")

    assert ended.failure.message == "it {serves} another"
    assert ended.failure.remedy.endswith("(this run's model: gpt-4.1.ft-{1}).")
    with pytest.raises(KeyError):
        run.end(endings.DEPLOYMENT_NAME_TAKEN, NOW, "taken")


def test_all_endings_are_in_the_table_and_lead_to_ends():
    made = [value for value in vars(endings).values() if isinstance(value, endings.Ending)]

    assert list(endings.ENDINGS.values()) == made
    assert {ending.status for ending in made} == FINISHED - {Status.DEPLOYED}
    assert {ending.status for ending in made if ending.can_retry} == {Status.FAILED}
