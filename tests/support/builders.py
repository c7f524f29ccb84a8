"""Runs, pipeline files and observations for tests of the core."""

from datetime import UTC, datetime, timedelta

from shared.core.pipeline.file import parse_pipeline
from shared.core.policy import Policy
from shared.core.run import DatasetRef, DatasetSummary, EvaluationSummary, Run, Status

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

DATASET = DatasetRef(
    container="datasets",
    name="summaries/a/training.jsonl",
    etag='"0x1"',
    size_bytes=1000,
    modified_at=NOW - timedelta(hours=1),
    uploaded_by="uploader-oid",
)
SUMMARY = DatasetSummary(
    examples=100,
    validation_examples=10,
    evaluation_examples=10,
    tokens=10_000,
    billable_tokens=30_000,
    errors=0,
    warnings=0,
    fingerprint="f" * 64,
    files={"training": "a" * 64, "validation": "b" * 64, "evaluation": "c" * 64},
    estimated_usd=1.5,
    estimate_basis="test",
)
BETTER = EvaluationSummary(
    metric="similarity",
    candidate_score=0.8,
    baseline="gpt-4.1",
    baseline_score=0.5,
    gain=0.3,
    lower_bound=0.2,
    examples=10,
    outcome="better",
    reason="better by 0.3",
    digest="sha256:" + "e" * 64,
)

PIPELINE = """\
model: gpt-4.1-2025-04-14
prices: {training_usd_per_million_tokens: 2}
suffix: summaries
method:
  type: supervised
  supervised: {hyperparameters: {n_epochs: 3, batch_size: 1, learning_rate_multiplier: 1.0}}
"""


def a_policy(extra: str = "", **numbers) -> Policy:
    spec = parse_pipeline(PIPELINE + extra, name="summaries").spec
    return Policy(**numbers).for_pipeline(spec)


def a_run(status: Status, **changes) -> Run:
    """A run in `status`, with what every run has that came so far; since an hour, without attempts."""
    values = {
        "id": "0123456789abcdef0123",
        "pipeline": "summaries",
        "dataset": DATASET,
        "status": status,
        "status_since": NOW - timedelta(minutes=5),
        "created_at": NOW - timedelta(hours=1),
        "updated_at": NOW - timedelta(minutes=5),
        "due_at": NOW,
        "spec_digest": "sha256:" + "d" * 64,
    }
    order = [
        Status.QUEUEING,
        Status.UPLOADING,
        Status.SUBMITTING,
        Status.TRAINING,
        Status.STAGING,
        Status.EVALUATING,
    ]
    late = [Status.AWAITING_APPROVAL, Status.DEPLOYING, Status.VERIFYING, Status.DEPLOYED]
    rank = (order + late).index(status) if status in order + late else -1
    if rank >= 0:
        values |= {"summary": SUMMARY, "committed_at": NOW - timedelta(minutes=50)}
    if rank >= 2:
        values |= {"training_file_id": "file-t", "validation_file_id": "file-v"}
    if rank >= 3:
        values |= {
            "job_id": "ftjob-1",
            "job_status": "running",
            "job_attempted_at": NOW - timedelta(minutes=40),
        }
    if rank >= 4:
        values |= {"job_status": "succeeded", "model": "gpt-4.1-2025-04-14.ft-1-summaries"}
    if rank >= 5:
        values |= {"candidate": "summaries-candidate-01234567"}
    if rank >= 6:
        values |= {"evaluation": BETTER, "production": "summaries-01234567"}
    return Run(**(values | changes))
