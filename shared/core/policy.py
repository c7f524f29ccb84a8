"""Every number by which the app works, with its unit and its reason, and the laws between them."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final, Self

import msgspec

from shared.core.spec import PipelineSpec
from shared.core.status import DEADLINES_S, Status

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers by which runs are moved.

    Times are seconds.  `settle_s` is derived, so that the settle law holds by construction: when it is over, a request that
    was started in its window, lived as long as its time-out allows, and took its time to appear in a listing, is visible.
    """

    companion_settle_s: float = 60.0
    """Validation and evaluation files may arrive this long after the training file."""
    start_window_s: float = 60.0
    """An effect is sent this soon after its intent was stored, or not at all: a stalled worker must not act on an old look."""
    request_timeout_s: float = 30.0
    """Longest life of one request to Foundry or ARM, uploads excepted."""
    question_timeout_s: float = 8.0
    """The same for one question about models and quota, which nothing waits for."""
    answers_kept_s: float = _HOUR
    """Answers to them serve this long; right before a job they are asked anew."""
    upload_timeout_s: float = 600.0
    """Longest life of one file upload (512 MB at 1 MB/s)."""
    listing_lag_s: float = 600.0
    """Foundry's listings may lag; nobody publishes by how much, waiting costs nothing, a second job costs money."""
    clock_skew_s: float = 60.0
    """Clocks of this app and of services may differ by this much."""
    effect_lease_s: float = 960.0
    """While an idempotent effect may still be at work elsewhere, nobody repeats it: the function time-out and a minute."""
    attempts_max: int = 8
    """Attempts of one effect whose outcome stayed unknown, before the run fails."""
    backoff_base_s: float = 5.0
    """The longest pause after n failures in a row is this times 2^n."""
    backoff_max_s: float = 60.0
    """One tick, so that a run goes on within two ticks after an outage, however long it was.  Calls stay few all the same: few
    runs are in flight, and jobs are listed once per tick for all of them."""
    quota_wait_s: float = 300.0
    """Shortest pause while a quota is used up."""
    in_flight_max: int = 20
    """Runs between the upload of their files and the end of their evaluation: Foundry queues 20 jobs per resource and keeps 100
    files, and each candidate takes quota."""
    queue_look_s: float = 3600.0
    """A queued run is looked at this often, should the poller not wake it when there is a place."""
    gate_look_s: float = 900.0
    """An open gate is looked at this often, should the decision's own signal be lost."""
    nameless_model_s: float = _DAY
    """A job that succeeded may name its model this much later."""
    sweep_window_s: float = _DAY
    """For this long after a job was asked for, a duplicate that appears late is found and cancelled."""
    late_write_s: float = _HOUR
    """A write that its sender has given up, such as a person's retry, may still arrive this much later; until then the run
    stays in the index."""
    lost_event_window_s: float = 7 * _DAY
    """Blobs as young as this are looked for when the poller checks whether an upload's event was lost."""
    large_listing_s: float = 600.0
    """A container of datasets that takes more than one page to list is listed this often for lost events, not in each tick."""
    evaluation_chunk_size: int = 8
    """Held-out examples answered between two stored results: a crash repeats at most this many."""
    advance_budget_s: float = 240.0
    """One invocation works this long on one run, then queues it again."""
    steps_max: int = 400
    """Upper bound of steps in one invocation, far above what a run takes."""
    tick_work_max: int = 500
    """Datasets accepted and runs mirrored in one tick of the poller; what is left over is queued, or waits for the next."""
    contenders_max: int = 4
    """Runs that try in one tick to write to the Foundry account, which takes one write at a time; if all of them tried, an
    unlucky one would wait for ever."""
    pipeline: PipelineSpec | None = None
    """The pipeline file that the run is pinned to: what its owners want is policy too."""

    @property
    def spec(self) -> PipelineSpec:
        """The pinned pipeline file.

        Raises:
            AssertionError: before the run is pinned: only `received` comes before that, and has no use for it.
        """
        assert self.pipeline is not None
        return self.pipeline

    def for_pipeline(self, spec: PipelineSpec | None) -> Self:
        """The same numbers, with a run's pipeline file."""
        return msgspec.structs.replace(self, pipeline=spec)

    @property
    def settle_s(self) -> float:
        """Seconds after an attempt until its outcome is surely visible (the settle law, with a second to spare)."""
        return self.start_window_s + self.request_timeout_s + self.listing_lag_s + 2 * self.clock_skew_s + 1

    @property
    def questions_s(self) -> float:
        """After this long no further question is asked about models and quota: a job is to be sent within its start window."""
        return self.start_window_s / 3

    @property
    def upload_settle_s(self) -> float:
        """The same for an upload, whose request lives longer."""
        return self.settle_s - self.request_timeout_s + self.upload_timeout_s

    def __post_init__(self) -> None:
        """Assert the laws between the numbers."""
        assert (
            self.settle_s
            > self.start_window_s + self.request_timeout_s + self.listing_lag_s + 2 * self.clock_skew_s
        )
        assert self.upload_settle_s >= self.settle_s or self.upload_timeout_s < self.request_timeout_s
        assert self.sweep_window_s > self.settle_s
        assert self.lost_event_window_s > self.large_listing_s + self.clock_skew_s
        assert self.attempts_max >= 1
        assert self.tick_work_max >= 1
        assert self.in_flight_max >= 1
        assert self.contenders_max >= 2
        assert 0 < self.backoff_base_s <= self.backoff_max_s
        assert self.evaluation_chunk_size >= 1

    def backoff(self, run_id: str, failures: int, retry_after_s: float | None) -> timedelta:
        """How long to wait after `failures` failures in a row.

        Exponential with full jitter; the jitter is a function of run and count, so that a replay waits as long.  What the
        service asks for (Retry-After) is the lower bound.
        """
        ceiling = min(self.backoff_max_s, self.backoff_base_s * 2.0 ** min(failures, 30))
        digest = hashlib.blake2b(f"{run_id}/{failures}".encode(), digest_size=4).digest()
        jitter = 0.1 + 0.9 * int.from_bytes(digest) / 0xFFFFFFFF
        return timedelta(seconds=max(ceiling * jitter, retry_after_s or 0.0))

    def deadline(self, status: Status, since: datetime) -> datetime | None:
        """When a run that entered `status` at `since` has waited too long; None for gates, which carry their own."""
        limit = DEADLINES_S.get(status)
        return None if limit is None else since + timedelta(seconds=limit)
