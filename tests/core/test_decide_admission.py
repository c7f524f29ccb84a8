"""From a dropped file to money that may be spent: report, claim and budget come first."""

from datetime import timedelta

import msgspec
import pytest

from shared.core import identity
from shared.core.costs import PriceKind
from shared.core.decide import decide
from shared.core.effects import PinPipeline, TakeClaim, ValidateDataset
from shared.core.observations import Claim, Nothing, Received, Validating
from shared.core.offered import Foreseen
from shared.core.pipeline.remarks import PROBLEMS_MAX, Remark
from shared.core.run import Status
from tests.support.builders import DATASET, NOW, SECOND, SUMMARY, a_policy, a_run

POLICY = a_policy()
MINE = Claim(holder="0123456789abcdef0123")
PINNED = Received(dataset=DATASET, is_pinned=True, spec_digest="sha256:x", spec=POLICY.spec)


TYPO = Remark(line=3, column=5, path="modle", message="unknown key", remedy="Use model.")


def renamed(name):
    return msgspec.structs.replace(DATASET, name=name)


@pytest.mark.parametrize(
    ("run", "seen", "code", "words"),
    [
        (a_run(Status.RECEIVED), Received(dataset=None), "dataset_gone", "deleted"),
        (a_run(Status.RECEIVED, dataset=renamed("p/a.csv")), Received(dataset=DATASET), "wrong_suffix", "a.csv"),
        (a_run(Status.RECEIVED, pipeline="No Name"), Received(dataset=DATASET), "no_pipeline", "folder"),
        (
            a_run(Status.RECEIVED, pipeline="sumaries"),
            Received(dataset=DATASET, has_pipeline=False, known_pipelines=("summaries", "tools")),
            "unknown_pipeline",
            "sumaries.yaml",
        ),
        (
            a_run(Status.RECEIVED),
            Received(dataset=DATASET, problems=(TYPO,)),
            "pipeline_file_invalid",
            "summaries.yaml:3:5: modle: unknown key",
        ),
        (
            a_run(Status.RECEIVED),
            Received(dataset=DATASET, problems=(TYPO,) * PROBLEMS_MAX),
            "pipeline_file_invalid",
            "unknown key (at least 99 more problems in the file)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_become_a_run_is_invalid_with_reason_and_remedy(run, seen, code, words):
    ended = decide(run, seen, NOW, POLICY).run

    assert (ended.status, ended.failure.code) == (Status.INVALID, code)
    assert words in ended.failure.message
    assert ended.failure.remedy


def test_an_unknown_pipeline_names_the_nearest():
    seen = Received(dataset=DATASET, has_pipeline=False, known_pipelines=("summaries",))
    ended = decide(a_run(Status.RECEIVED, pipeline="sumaries"), seen, NOW, POLICY).run

    assert "Did you mean summaries?" in ended.failure.remedy


def test_an_overwritten_blob_leaves_the_work_to_the_newer_run():
    newer = msgspec.structs.replace(DATASET, etag='"0x2"')

    assert (
        decide(a_run(Status.RECEIVED), Received(dataset=newer), NOW, POLICY).run.status is Status.SUPERSEDED
    )


def test_companions_have_time_to_arrive():
    arrived = NOW - timedelta(seconds=POLICY.companion_settle_s) + SECOND
    run = a_run(Status.RECEIVED, dataset=msgspec.structs.replace(DATASET, modified_at=arrived))
    waiting = decide(run, Received(dataset=run.dataset), NOW, POLICY)

    assert (waiting.effect, waiting.run.due_at) == (None, NOW + SECOND)
    assert decide(run, Received(dataset=run.dataset), NOW + SECOND, POLICY).effect == PinPipeline()


def test_a_pinned_run_is_validated():
    after = decide(a_run(Status.RECEIVED), PINNED, NOW, POLICY).run

    assert (after.status, after.spec_digest) == (Status.VALIDATING, "sha256:x")
    assert decide(after, Validating(summary=None), NOW, POLICY).effect == ValidateDataset()


def test_errors_in_the_data_end_the_run_before_anything_else():
    bad = msgspec.structs.replace(SUMMARY, errors=2)
    ended = decide(
        a_run(Status.VALIDATING), Validating(summary=bad, first_error="DS011 a:3: no"), NOW, POLICY
    ).run

    assert (ended.status, ended.failure.code) == (Status.INVALID, "dataset_invalid")
    assert "2 errors" in ended.failure.message
    assert "DS011 a:3" in ended.failure.message
    assert ended.committed_at is None


def settled(**changes):
    """A validating run whose report is stored and whose money is set aside."""
    return a_run(Status.VALIDATING, summary=SUMMARY, committed_at=NOW, **changes)


def test_the_claim_is_taken_before_money_is_set_aside():
    run = a_run(Status.VALIDATING, summary=SUMMARY)

    assert decide(run, Validating(summary=SUMMARY), NOW, POLICY).effect == TakeClaim(fingerprint="f" * 64)
    assert decide(run, Validating(summary=SUMMARY, claim=MINE), NOW, POLICY).run.committed_at == NOW


def test_the_same_work_again_is_a_duplicate_that_names_the_holder():
    ended = decide(settled(), Validating(summary=SUMMARY, claim=Claim(holder="other")), NOW, POLICY).run

    assert (ended.status, ended.duplicate_of) == (Status.DUPLICATE, "other")


def test_a_claim_whose_holder_ended_without_a_model_is_taken_over():
    claim = Claim(holder="other", has_ended_without_model=True)

    assert decide(settled(), Validating(summary=SUMMARY, claim=claim), NOW, POLICY).effect == TakeClaim(
        fingerprint="f" * 64, previous_holder="other"
    )


@pytest.mark.parametrize(
    ("budget", "usd", "before", "status"),
    [
        ("{per_run_usd: 2, approve_above_usd: null}", 1.5, 0, Status.QUEUEING),
        ("{per_run_usd: 1, approve_above_usd: null}", 1.5, 0, Status.FAILED),
        ("{per_month_usd: 10, approve_above_usd: null}", 1.5, 8.5, Status.QUEUEING),
        ("{per_month_usd: 10, approve_above_usd: null}", 1.5, 8.6, Status.FAILED),
        ("{approve_above_usd: 1.5}", 1.5, 0, Status.QUEUEING),
        ("{approve_above_usd: 1}", 1.5, 0, Status.AWAITING_SPEND_APPROVAL),
        ("{approve_above_usd: 1}", None, 0, Status.AWAITING_SPEND_APPROVAL),
        ("{approve_above_usd: null}", None, 0, Status.QUEUEING),
        ("{per_run_usd: null, per_month_usd: null, approve_above_usd: null}", 1e6, 1e6, Status.QUEUEING),
    ],
)
def test_the_budget_decides_whether_money_is_spent(budget, usd, before, status):
    summary = msgspec.structs.replace(SUMMARY, estimated_usd=usd)
    run = a_run(Status.VALIDATING, summary=summary, committed_at=NOW)
    seen = Validating(summary=summary, claim=MINE, committed_before_usd=before)
    after = decide(run, seen, NOW, a_policy(f"budget: {budget}\n")).run

    assert after.status is status
    if status is Status.FAILED:
        assert after.failure.code == "budget_exceeded"
        assert after.failure.can_retry
    if status is Status.AWAITING_SPEND_APPROVAL:
        assert after.gates["spend"].digest.startswith("sha256:")
        assert after.due_at == NOW + timedelta(seconds=POLICY.gate_look_s)


@pytest.mark.parametrize(
    ("budget", "price", "status"),
    [
        ("{}", PriceKind.SEED, Status.AWAITING_SPEND_APPROVAL),
        ("{}", PriceKind.GIVEN, Status.QUEUEING),
        ("{}", None, Status.QUEUEING),
        ("{approve_above_usd: 1000000}", PriceKind.SEED, Status.AWAITING_SPEND_APPROVAL),
        ("{approve_above_usd: null}", PriceKind.SEED, Status.QUEUEING),
        ("{per_run_usd: 1}", PriceKind.SEED, Status.FAILED),
        ("{per_run_usd: 1, approve_above_usd: null}", PriceKind.SEED, Status.FAILED),
        ("{per_month_usd: 1, approve_above_usd: null}", PriceKind.SEED, Status.FAILED),
    ],
)
def test_a_price_that_others_read_refuses_by_budgets_and_asks_a_person(budget, price, status):
    """Rows of releases before 0.3.0 do not say whose price it was, and go on as they would have."""
    summary = msgspec.structs.replace(
        SUMMARY, estimated_usd=1.5, price=price, estimate_basis="not your price"
    )
    run = a_run(Status.VALIDATING, summary=summary, committed_at=NOW)
    after = decide(run, Validating(summary=summary, claim=MINE), NOW, a_policy(f"budget: {budget}\n")).run

    assert after.status is status
    if status is Status.AWAITING_SPEND_APPROVAL:
        assert after.gates["spend"].reason == "estimated $1.50: not your price"


def test_whose_price_it_is_does_not_change_what_was_approved():
    """So that a gate that an older release opened keeps its digest."""
    runs = [
        a_run(Status.VALIDATING, summary=msgspec.structs.replace(SUMMARY, price=price))
        for price in (None, *PriceKind)
    ]

    assert len({identity.spend_digest(run) for run in runs}) == 1


def test_an_undecided_spend_gate_waits_and_then_expires():
    policy = a_policy("budget: {approve_above_usd: 0}\n")
    seen = Validating(summary=SUMMARY, claim=MINE)
    run = decide(settled(), seen, NOW, policy).run
    last = run.gates["spend"].approve_by

    waiting = decide(run, Nothing(), last - SECOND, policy).run
    assert (waiting.status, waiting.due_at) == (Status.AWAITING_SPEND_APPROVAL, last)
    assert decide(run, Nothing(), last, policy).run.status is Status.EXPIRED


def test_a_model_that_azure_has_retired_ends_the_run_before_anybody_is_asked_for_money():
    seen = Validating(summary=SUMMARY, foreseen=Foreseen(retired="Azure has not tuned m since 2026-11-01."))
    failed = decide(a_run(Status.VALIDATING, summary=SUMMARY), seen, NOW, POLICY).run

    assert (failed.status, failed.failure.code) == (Status.FAILED, "model_retired")
    assert failed.committed_at is None


def test_what_azure_says_against_a_run_is_a_warning_once():
    said = Foreseen(full=("100 jobs.",), warnings=("It ends soon.",), not_known=("Not known: the quota.",))
    run = a_run(Status.VALIDATING, summary=SUMMARY, warnings=("It ends soon.",))
    decision = decide(run, Validating(summary=SUMMARY, foreseen=said), NOW, POLICY)

    assert decision.run.warnings == ("It ends soon.", "100 jobs.")
    assert isinstance(decision.effect, TakeClaim)
