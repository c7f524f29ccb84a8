"""Seeded mistakes: each is a small change of the product's behaviour, and a simulation that cannot tell is worth nothing.

They are applied from outside, by replacing functions for the time of a simulation; the product knows nothing of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import msgspec

from shared import evaluating, evidence, lost_datasets, observer, pinning, reconciler, validate_dataset
from shared.core import approval, artifacts, champion, decide, identity, naming, people
from shared.core.decision import Decision
from shared.core.effects import CreateJob, PromoteChampion, UploadFile
from shared.core.errors import FinetuneError, OutcomeUnknown, Unavailable
from shared.core.observations import Evaluating, Submitting, Validating
from shared.core.run import Gate, Status
from shared.core.status import GATES
from shared.core.steps import admission, attempts, closing, fine_tuning, promotion
from shared.core.steps.measuring_again import measure_again
from shared.observer import Observer
from shared.performer import Performer
from shared.run_folder import Evidence, RunFolder
from tests.simulation import simulation
from tests.simulation.network import CreatingPort, TrainerPort, Weather
from tests.simulation.outside import SimTrainer
from tests.simulation.sabotage import PROFILE as SABOTAGE
from tests.simulation.sabotage import loosened, planted, sabotaged, usurped
from tests.simulation.scenario import HOUR, Drop, Nature, Scenario, calm, rows, scenario_of
from tests.twins.blobs import TwinDatasetSource
from tests.twins.tables import TwinRunStore

Patch = tuple[Any, str, Any]


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A mistake, and the simulations that have to notice it."""

    name: str
    patches: Callable[[], list[Patch]]
    profile: str = "strict"
    scenario: Callable[[int, str], Scenario] = scenario_of
    begin: int = 0
    """The first seed that is tried: one that noticed it when this was written, which spares the search."""
    context: Callable[[], list[Patch]] = list
    """Layers of defence that are off, with and without the mistake; what remains must hold without the mistake."""


@contextmanager
def applied(patches: list[Patch]) -> Iterator[None]:
    """Replace attributes, and put them back."""
    kept = [(owner, name, owner.__dict__[name]) for owner, name, _ in patches]
    try:
        for owner, name, value in patches:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(kept):
            setattr(owner, name, value)


# -- the weather in which a rare mistake shows ------------------------------------------------------------------------


def lossy(seed: int, profile: str) -> Scenario:
    """Answers are lost, workers stand still, listings lag."""
    plain = scenario_of(seed, profile)
    ways = ("answer lost", "dies after", "dies before") + (("applied late",) * 3 if profile == "late" else ())
    hot = frozenset({"trainer.create", "trainer.jobs"})
    weather = Weather(rate=0.05, ways=ways, stall_rate=0.005, until_s=1.25 * HOUR, hot=hot)
    nature = replace(plain.nature, listing_lags_s=(0.0, 60.0, 590.0), lies=0.0)
    return replace(plain, weather=weather, nature=nature, meddling=0.0, squatting=0.0, drops=_good(seed))


def _good(seed: int) -> tuple[Drop, ...]:
    names = ("auto", "sft", "dpo")
    return tuple(
        Drop(at_s=5.0 + n, name=f"{name}/s{n}.jsonl", data=rows(name, n), events_s=(6.0 + n, 7.0 + n))
        for n, name in enumerate((names[seed % 3], names[(seed // 3) % 3]))
    )


def _struck_at(seed: int, profile: str, **weather: Any) -> Scenario:
    """Nothing goes wrong but at the calls that the weather calls hot."""
    return replace(
        scenario_of(seed, profile),
        drops=_good(seed),
        weather=Weather(until_s=2 * HOUR, **weather),
        nature=Nature(listing_lags_s=(0.0, 60.0, 590.0)),
        queue_loss=0.0,
        meddling=0.0,
        squatting=0.0,
    )


def creations_lost(seed: int, profile: str) -> Scenario:
    """Jobs are created, and nobody learns it."""
    return _struck_at(seed, profile, ways=("answer lost", "dies after"), hot=frozenset({"trainer.create"}))


def creations_strange(seed: int, profile: str) -> Scenario:
    """Jobs are created, and what reads the answer raises what nobody foresaw."""
    return _struck_at(seed, profile, ways=("raises after",), hot=frozenset({"trainer.create"}))


def rows_strange(seed: int, profile: str) -> Scenario:
    """Rows cannot be stored, for reasons that nobody foresaw."""
    return _struck_at(seed, profile, ways=("raises before",), hot=frozenset({"runs.replace"}))


def always_strange(seed: int, profile: str) -> Scenario:
    """A look, a decision or an effect always raises in one status."""
    where = ("look", "decision", "effect")[seed % 3]
    status = ("validating", "uploading", "evaluating", "verifying")[seed // 3 % 4]
    return replace(
        _struck_at(seed, profile), weather=Weather(until_s=2 * HOUR, broken=frozenset({(status, where)}))
    )


def creations_late(seed: int, profile: str) -> Scenario:
    """Workers stand still between the intent to create a job and the request."""
    return _struck_at(seed, profile, hot=frozenset({"trainer.create"}), hot_stall_rate=0.8)


def overtaken(seed: int, profile: str) -> Scenario:
    """Workers stand still during an effect, not for long, and meanwhile somebody cancels the run."""
    effects = ("files.upload", "trainer.create", "deployer.put")
    written = ("/evaluation/summary.json", "/deployment/smoke.json")
    hot = frozenset({*effects, *(f"artifacts.write {name}" for name in written)})
    struck = _struck_at(seed, profile, hot=hot, hot_stall_rate=0.8, stall_max_s=90.0)
    return replace(struck, meddling=3.0)


def crowded(seed: int, profile: str) -> Scenario:
    """More datasets at once than may be in flight."""
    drops = tuple(
        Drop(at_s=5.0 + n, name=f"auto/s{n}.jsonl", data=rows("auto", n), events_s=(6.0 + n,))
        for n in range(6)
    )
    return replace(_struck_at(seed, profile), drops=drops)


def replacing(seed: int, profile: str) -> Scenario:
    """Two runs of the pipeline whose deployments share a name, approved at the same time, by workers that stand still."""
    drops = tuple(
        Drop(at_s=5.0 * n, name=f"dpo/s{n}.jsonl", data=rows("dpo", n), events_s=(6.0 + 5 * n,))
        for n in range(2)
    )
    hot = frozenset({"deployer.put", "artifacts.write /deployment/smoke.json"})
    struck = _struck_at(seed, profile, hot=hot, hot_stall_rate=0.5)
    nature = Nature(job_s=(300.0, 300.0))
    return replace(struck, drops=drops, nature=nature, votes=True, is_diligent=True, approve=1.0)


def rivals(seed: int, profile: str) -> Scenario:
    """Several runs of one pipeline are approved at about the same time, and workers stand still on the way to the champion."""
    name = ("auto", "sft", "dpo", "dear")[seed % 4]
    drops = tuple(
        Drop(at_s=5.0 * n, name=f"{name}/s{n}.jsonl", data=rows(name, n), events_s=(6.0 + 5 * n,))
        for n in range(2 if name == "dear" else 3)
    )
    hot = frozenset(
        {"deployer.put", "deployer.delete", "pipelines.promote", "artifacts.write /deployment/smoke.json"}
    )
    # where deployments share a name, a request that comes when its worker's time is long over cannot be told from one in time
    stall_max_s = 600.0 if name == "dpo" else 3000.0
    struck = _struck_at(seed, profile, hot=hot, hot_stall_rate=0.3, stall_max_s=stall_max_s)
    nature = Nature(job_s=(300.0, 320.0), deployment_fails=(0.0, 0.15)[seed % 2])
    return replace(struck, drops=drops, nature=nature, votes=True, is_diligent=True, approve=0.95)


def brisk_rivals(seed: int, profile: str) -> Scenario:
    """The same, and no worker stands still for longer than the host lets it."""
    scenario = rivals(seed, profile)
    return replace(scenario, weather=replace(scenario.weather, stall_max_s=600.0))


def voted(seed: int, profile: str) -> Scenario:
    """People decide on everything, often and not in one mind."""
    plain = scenario_of(seed, profile)
    drops = tuple(
        Drop(
            at_s=5.0 * n,
            name=f"{name}/s{n}.jsonl",
            data=rows(name, n),
            events_s=(6.0 + 5 * n,),
            uploaded_by="ada",
        )
        for n, name in enumerate(("sft", ("rft", "dpo", "sft")[seed % 3]))
    )
    nature = Nature()
    return replace(
        plain,
        drops=drops,
        votes=True,
        approve=0.85,
        weather=Weather(until_s=HOUR),
        nature=nature,
        meddling=0.0,
    )


def doubted(seed: int, profile: str) -> Scenario:
    """People take approvals back."""
    return replace(voted(seed, profile), approve=1.0, meddling=1.0)


def tried_again(seed: int, profile: str) -> Scenario:
    """Jobs fail for which a person is asked, and somebody has them tried again."""
    drop = Drop(at_s=5.0, name="rft/s.jsonl", data=rows("rft", seed), events_s=(6.0,))
    plain = scenario_of(seed, profile)
    nature = Nature(job_ends=("failed", "succeeded"), job_s=(300.0, 300.0))
    weather = Weather(until_s=HOUR)
    return replace(
        plain,
        drops=(drop,),
        votes=True,
        approve=1.0,
        is_diligent=True,
        meddling=0.7,
        nature=nature,
        weather=weather,
    )


def tardy(seed: int, profile: str) -> Scenario:
    """People decide when the gate is about to expire, or has just expired."""
    return replace(voted(seed, profile), is_tardy=True, approve=1.0)


def overwritten(seed: int, profile: str) -> Scenario:
    """A dataset is replaced about when its run begins to read it."""
    plain = scenario_of(seed, profile)
    name = ("auto", "dpo", "sft")[seed % 3]
    drops = (
        Drop(at_s=5.0, name=f"{name}/s.jsonl", data=rows(name, 0), events_s=(6.0,)),
        Drop(at_s=66.0 + 2.0 * (seed % 50), name=f"{name}/s.jsonl", data=rows(name, 1), events_s=()),
    )
    return replace(
        plain, drops=drops, weather=replace(plain.weather, rate=0.0, outages=()), tick_s=60.0, meddling=0.0
    )


def same(seed: int, profile: str) -> Scenario:
    """The same content twice."""
    plain = scenario_of(seed, profile)
    name = ("auto", "dpo", "sft")[seed % 3]
    drops = tuple(
        Drop(at_s=5.0 + n, name=f"{name}/s{n}.jsonl", data=rows(name, 0), events_s=(6.0,)) for n in range(2)
    )
    return replace(plain, drops=drops, meddling=0.0)


def contested(seed: int, profile: str) -> Scenario:
    """Several datasets of a dear pipeline, and people who vote."""
    plain = scenario_of(seed, profile)
    drops = tuple(
        Drop(at_s=5.0 * n, name=f"dear/s{n}.jsonl", data=rows("dear", n), events_s=(6.0 + 5 * n,))
        for n in range(3)
    )
    return replace(plain, drops=drops, votes=True, approve=1.0, weather=Weather(until_s=HOUR))


def squatted(seed: int, profile: str) -> Scenario:
    """Names of deployments are taken."""
    plain = scenario_of(seed, profile)
    return replace(plain, squatting=0.7, weather=Weather(until_s=HOUR), drops=_good(seed))


def poisoned(seed: int, profile: str) -> Scenario:
    """Storage is away for as long as a blob event is tried; the event is the only trace of the dataset."""
    outage = (("tables", 0.0, 270.0, "unavailable"),)
    weather = Weather(until_s=1200.0, outages=outage)
    drop = Drop(at_s=20.0, name="auto/set.jsonl", data=rows("auto", 0), events_s=(21.0,))
    return Scenario(seed=seed, profile=profile, weather=weather, drops=(drop,), nature=Nature())


def judged_again(seed: int, profile: str) -> Scenario:
    """A grader is wrong until somebody mends it; then the candidate is so good that nobody would be asked."""
    drop = Drop(at_s=5.0, name="auto/s.jsonl", data=rows("auto", seed), events_s=(6.0,))
    return calm("auto", seed=seed, profile=profile, drops=(drop,), spoiled="auto")


# -- the mistakes -----------------------------------------------------------------------------------------------------


def _create_without_looking() -> list[Patch]:
    def jobs(self: Observer, run: Any) -> Submitting:
        assert run.summary
        return Submitting(
            jobs=(), claim_holder=self._world.claims.holder(run.pipeline, run.summary.fingerprint)
        )

    return [(Observer, "_submitting", jobs)]


def _no_settle() -> list[Patch]:
    original = attempts.patience_s

    def patience(effect: Any, policy: Any) -> float:
        return 1.0 if isinstance(effect, CreateJob | UploadFile) else original(effect, policy)

    return [(attempts, "patience_s", patience)]


def _no_sweep() -> list[Patch]:
    return [(closing, "duplicates", lambda *_: None), (reconciler, "live_duplicates", lambda *_: ())]


def _sdk_retry() -> list[Patch]:
    original = TrainerPort.create

    def create(self: TrainerPort, body: dict[str, Any], not_after: Any) -> Any:
        for _ in range(2):
            try:
                return original(self, body, not_after)
            except OutcomeUnknown:
                continue
        return original(self, body, not_after)

    return [(TrainerPort, "create", create)]


def _intent_after_effect() -> list[Patch]:
    original = decide.decide

    def effect_first(run: Any, seen: Any, now: Any, policy: Any) -> Decision:
        made = original(run, seen, now, policy)
        if not isinstance(made.effect, CreateJob):
            return made
        world = simulation._services().world
        try:
            world.trainer.create(made.effect.body, now + timedelta(seconds=policy.start_window_s))
        except FinetuneError:
            return Decision(run=run)
        return Decision(run=made.run)

    return [(reconciler, "decide", effect_first)]


def _no_start_deadline() -> list[Patch]:
    def create(self: CreatingPort, label: str, not_after: Any, apply: Callable[[], Any]) -> Any:
        del not_after
        return self.network.call("foundry", label, simulation.Kind.CREATE, apply)

    def perform(self: Any, doing: Any) -> Any:
        return self._performer.perform(doing)

    return [(CreatingPort, "_create", create), (reconciler.Reconciler, "_perform", perform)]


def _not_applied() -> list[Patch]:
    """What nobody foresaw is taken for a request that was never applied."""

    def foreseen(error: Exception) -> FinetuneError:
        return error if isinstance(error, FinetuneError) else Unavailable(str(error))

    return [(reconciler, "foreseen", foreseen)]


def _not_foreseen() -> list[Patch]:
    """What nobody foresaw leaves the loop, and the run learns nothing of it."""

    def foreseen(error: Exception) -> FinetuneError:
        if isinstance(error, FinetuneError):
            return error
        raise error

    return [(reconciler, "foreseen", foreseen)]


def _acted_unstored() -> list[Patch]:
    """An intent that could not be stored is carried out all the same."""
    original = reconciler.Reconciler._store

    def store(self: Any, run: Any, decision: Any, version: str, now: Any) -> Any:
        stored, new_version = original(self, run, decision, version, now)
        return msgspec.structs.replace(stored, effect=decision.effect), new_version

    return [(reconciler.Reconciler, "_store", store)]


def _no_compare_and_swap() -> list[Patch]:
    original = TwinRunStore.replace

    def overwrite(self: TwinRunStore, run: Any, version: str, events: Any) -> str:
        del version
        known = self._events.get(run.id, {})
        fresh = [event for event in events if event.sequence not in known]
        return original(self, run, str(self._rows[run.id][1]), fresh)

    return [(TwinRunStore, "replace", overwrite)]


def _approve_any_status() -> list[Patch]:
    original = people.vote

    def vote(run: Any, gate_name: Any, person: Any, **rest: Any) -> Any:
        if run.status in {Status.EXPIRED, Status.REJECTED, Status.CANCELLED} and gate_name in run.gates:
            reopened = msgspec.structs.replace(run, status=GATES[gate_name], failure=None)
            return original(reopened, gate_name, person, **rest)
        return original(run, gate_name, person, **rest)

    return [(people, "vote", vote)]


def _rule_on(doctored: Callable[[Gate], Gate], restored: Callable[[Gate, Gate], Gate]) -> Patch:
    """Rule on another gate than there is, and put back what is not to be seen of that."""
    original = people.vote

    def vote(run: Any, gate_name: Any, person: Any, **rest: Any) -> Any:
        gate = run.gates.get(gate_name)
        if gate is None or run.status is not GATES[gate_name]:
            return original(run, gate_name, person, **rest)
        ruling = original(
            run.evolve(gates=run.gates | {gate_name: doctored(gate)}), gate_name, person, **rest
        )
        gates = ruling.run.gates | {gate_name: restored(gate, ruling.run.gates[gate_name])}
        return msgspec.structs.replace(ruling, run=ruling.run.evolve(gates=gates))

    return (people, "vote", vote)


def _no_expiry_check() -> list[Patch]:
    def longer(gate: Gate) -> Gate:
        return msgspec.structs.replace(gate, approve_by=gate.approve_by + timedelta(days=9))

    def as_long(before: Gate, gate: Gate) -> Gate:
        return msgspec.structs.replace(gate, approve_by=before.approve_by)

    approvals = property(lambda gate: len({d.person for d in gate.decisions if d.decision == "approve"}))
    return [_rule_on(longer, as_long), (Gate, "approvals", approvals)]


def _random_run_id() -> list[Patch]:
    numbers, original = itertools.count(), identity.run_id
    return [
        (
            identity,
            "run_id",
            lambda container, name, etag: original(container, name, f"{etag}{next(numbers)}"),
        )
    ]


def _random_deployment_name() -> list[Patch]:
    numbers = itertools.count()
    return [
        (
            naming,
            "candidate_deployment",
            lambda pipeline, run: f"{pipeline}-candidate-{run[:6]}{next(numbers)}",
        ),
        (
            naming,
            "production_deployment",
            lambda pipeline, run, strategy: f"{pipeline}-{run[:6]}{strategy[:1]}{next(numbers)}",
        ),
    ]


def _unpinned_dataset() -> list[Patch]:
    original = TwinDatasetSource.chunks

    def chunks(self: TwinDatasetSource, name: str, etag: str) -> Iterator[bytes]:
        present = self._blobs.get(name)
        return original(self, name, present[0].etag if present else etag)

    return [(TwinDatasetSource, "chunks", chunks)]


def _claim_not_taken() -> list[Patch]:
    original = Observer._submitting
    return [
        (admission, "_claim", lambda *_: None),
        (
            Observer,
            "_submitting",
            lambda self, run: msgspec.structs.replace(original(self, run), claim_holder=run.id),
        ),
    ]


def _budget_not_checked() -> list[Patch]:
    def budget(run: Any, seen: Any, now: Any, policy: Any) -> Decision:
        del seen
        return admission._spend_gate(run, now, policy)

    return [(admission, "_budget", budget)]


def _digest_not_compared() -> list[Patch]:
    original = people.vote

    def vote(run: Any, gate_name: Any, person: Any, **rest: Any) -> Any:
        gate = run.gates.get(gate_name)
        return original(run, gate_name, person, **(rest | ({"digest": gate.digest} if gate else {})))

    return [(people, "vote", vote)]


def _approver_counted_twice() -> list[Patch]:
    def bare(gate: Gate) -> Gate:
        return msgspec.structs.replace(gate, decisions=())

    def whole(before: Gate, gate: Gate) -> Gate:
        return msgspec.structs.replace(gate, decisions=(*before.decisions, *gate.decisions))

    approvals = property(lambda gate: len([d for d in gate.decisions if d.decision == "approve"]))
    return [_rule_on(bare, whole), (Gate, "approvals", approvals)]


def _rejection_ignored() -> list[Patch]:
    original = approval.conclude

    def conclude(run: Any, now: Any, policy: Any) -> Any:
        kept = tuple(d for d in run.gate.decisions if d.decision == "approve")
        gate = msgspec.structs.replace(run.gate, decisions=kept)
        decision = original(run.evolve(gates=run.gates | {gate.name: gate}), now, policy)
        return decision and Decision(run=decision.run.evolve(gates=run.gates))

    return [(approval, "conclude", conclude)]


def _uploader_decides() -> list[Patch]:
    original = people.vote

    def vote(run: Any, *args: Any, **rest: Any) -> Any:
        anonymous = msgspec.structs.replace(run.dataset, uploaded_by=None)
        ruling = original(run.evolve(dataset=anonymous), *args, **rest)
        return msgspec.structs.replace(ruling, run=ruling.run.evolve(dataset=run.dataset))

    return [(people, "vote", vote)]


def _spend_gate_skipped() -> list[Patch]:
    def skip(run: Any, now: Any, policy: Any) -> Decision:
        del policy
        return Decision(run=run.move(Status.QUEUEING, now))

    return [(admission, "_spend_gate", skip)]


def _cost_not_checked_again() -> list[Patch]:
    return [(fine_tuning, "_unapproved", lambda run, now, policy: None)]  # noqa: ARG005


def _deploy_over_another() -> list[Patch]:
    original = promotion.deploy

    def deploy(run: Any, seen: Any, put: Any, now: Any, policy: Any, **more: Any) -> Any:
        return original(run, seen if seen and seen.model == put.model else None, put, now, policy, **more)

    return [(promotion, "deploy", deploy)]


def _foreign_candidate_deleted() -> list[Patch]:
    original = Observer._ended

    def leftovers(self: Observer, run: Any) -> Any:
        seen = original(self, run)
        candidate = self._world.deployer.deployment(run.candidate) if run.candidate else None
        return msgspec.structs.replace(seen, candidate=candidate)

    return [(Observer, "_ended", leftovers)]


def _candidate_not_removed() -> list[Patch]:
    return [(closing, "may_have_candidate", lambda _: False), _observed("may_have_candidate")]


def _observed(name: str) -> Patch:
    return (observer, name, lambda _: False)


def _files_not_removed() -> list[Patch]:
    return [(closing, "may_have_files", lambda _: False), _observed("may_have_files")]


def _poison_dropped() -> list[Patch]:
    return [(simulation, "_POISONED", lambda **_: None)]


def _not_listed() -> list[Patch]:
    return [(lost_datasets.LostDatasets, "accept", lambda *_: [])]


def _listing_not_paged() -> list[Patch]:
    original = SimTrainer.jobs
    return [(SimTrainer, "jobs", lambda self, since: original(self, since)[:1])]


def _stale_hint() -> list[Patch]:
    original = reconciler._Hint

    class _Any(str):
        """Equal to every version."""

        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            return True

    def hint(**fields: Any) -> Any:
        return original(**(fields | {"version": _Any()}))

    return [(reconciler, "_Hint", hint)]


def _overtaken_promoted() -> list[Patch]:
    original = Observer._verifying

    def trusting(self: Any, run: Any) -> Any:
        seen = original(self, run)
        serving = seen.deployment and msgspec.structs.replace(seen.deployment, model=run.model)
        return msgspec.structs.replace(seen, deployment=serving)

    return [(Observer, "_verifying", trusting)]


def _champion_as_seen() -> list[Patch]:
    original = promotion.begin

    def begin(run: Any, effect: Any, now: Any, policy: Any) -> Any:
        if isinstance(effect, PromoteChampion):
            present = simulation._services().world.pipelines.champion(run.pipeline)
            effect = msgspec.structs.replace(effect, replacing=present and present.run_id)
        return original(run, effect, now, policy)

    return [(champion, "replacement", lambda *_: None), (promotion, "begin", begin)]


def _not_looked_for_again() -> list[Patch]:
    return [(closing, "may_have_early", lambda *_: False), (observer, "may_have_early", lambda *_: False)]


def _not_taken_back() -> list[Patch]:
    return [(promotion, "take_back", lambda run, why, _seen, now, _policy: measure_again(run, why, now))]


def _place_of_another() -> list[Patch]:
    return [(Observer, "_is_in_flight", lambda *_: False)]


def _nobody_asked_again() -> list[Patch]:
    original = approval.needs_nobody
    return [(approval, "needs_nobody", lambda run, spec: original(run.evolve(judging=None), spec))]


def _approval_pays_twice() -> list[Patch]:
    original = people.retry

    def retry(run: Any, *given: Any) -> Any:
        return original(run, *given).evolve(spend_round=run.spend_round)

    return [(people, "retry", retry)]


def _withdrawn_counts() -> list[Patch]:
    approvals = property(lambda gate: len({d.person for d in gate.decisions if d.decision == "approve"}))
    return [(Gate, "approvals", approvals)]


def _trained_again() -> list[Patch]:
    original = people.rejudge

    def rejudge(*args: Any, **options: Any) -> Any:
        return original(*args, **options).evolve(model=None, job_id=None, training_file_id=None)

    return [(people, "rejudge", rejudge)]


# -- what would be believed, if the row of the run did not say otherwise ----------------------------------------------


def _sent_as_it_lies() -> list[Patch]:
    return [(Evidence, "open", RunFolder.open)]


def _read_as_it_lies() -> list[Patch]:
    def read(self: Any, artifact: Any) -> bytes | None:
        return RunFolder.read(self, artifact) if self.knows(artifact) else None

    return [(Evidence, "read", read)]


def _verdict_as_it_lies() -> list[Patch]:
    original = evaluating.look

    def look(world: Any, run: Any) -> Any:
        raw = RunFolder(world.artifacts, run.id).read(artifacts.EVALUATION_SUMMARY)
        with suppress(msgspec.MsgspecError):
            summary = evaluating._decode_summary(raw or b"")
            if summary.round == run.evaluation_round:
                return Evaluating(plan=None, summary=summary)
        return original(world, run)

    return [(evaluating, "look", look)]


def _validation_as_it_lies() -> list[Patch]:
    original = Observer._validating

    def validating(self: Any, run: Any) -> Any:
        raw = RunFolder(self._world.artifacts, run.id).read(artifacts.VALIDATION_RESULT)
        with suppress(msgspec.MsgspecError):
            if run.summary is None:
                return Validating(summary=validate_dataset._decode_result(raw or b"").summary)
        return original(self, run)

    return [(Observer, "_validating", validating)]


def _pin_as_it_lies() -> list[Patch]:
    original = pinning.Pins.look

    def look(self: Any, run: Any) -> Any:
        seen, raw = original(self, run), RunFolder(self._world.artifacts, run.id).read(artifacts.PINNED)
        with suppress(msgspec.MsgspecError):
            spec = pinning._decode(raw or b"").spec
            digest = identity.digest_of(raw or b"")
            return msgspec.structs.replace(seen, is_pinned=True, spec_digest=digest, spec=spec, problems=())
        return seen

    return [(pinning.Pins, "look", look)]


def _votes_without_history() -> list[Patch]:
    return [(evidence, "counted", lambda _world, run: run)]


def _gates_as_they_stand() -> list[Patch]:
    return [(approval, "_approvals", lambda _run, gate, _spec: gate.approvals)]


def _champion_as_it_stands() -> list[Patch]:
    return [(Performer, "_put_back", Performer._put_deployment)]


MUTANTS = (
    Mutant(name="create without looking", patches=_create_without_looking, scenario=creations_lost),
    Mutant(name="no settle window", patches=_no_settle, scenario=creations_lost),
    Mutant(name="no sweep", patches=_no_sweep, profile="late", scenario=lossy, begin=31),
    Mutant(name="SDK retries left on", patches=_sdk_retry, scenario=creations_lost, begin=11),
    Mutant(name="intent after effect", patches=_intent_after_effect, scenario=lossy),
    Mutant(name="no start deadline", patches=_no_start_deadline, scenario=creations_late),
    Mutant(name="no compare-and-swap", patches=_no_compare_and_swap, begin=2),
    Mutant(name="overtaken deployment promoted", patches=_overtaken_promoted, scenario=replacing, begin=60),
    Mutant(name="champion replaced as it is seen", patches=_champion_as_seen, scenario=rivals),
    Mutant(
        name="what was put too early stays",
        patches=_not_taken_back,
        scenario=brisk_rivals,
        context=_not_looked_for_again,
    ),
    Mutant(name="approve in any status", patches=_approve_any_status, scenario=voted, begin=18),
    Mutant(name="no expiry check", patches=_no_expiry_check, scenario=tardy),
    Mutant(name="random run id", patches=_random_run_id),
    Mutant(name="random deployment name", patches=_random_deployment_name),
    Mutant(name="unpinned dataset", patches=_unpinned_dataset, scenario=overwritten, begin=16),
    Mutant(name="claim not taken", patches=_claim_not_taken, scenario=same, begin=1),
    Mutant(name="budget not checked", patches=_budget_not_checked, scenario=contested),
    Mutant(name="digest not compared", patches=_digest_not_compared, scenario=voted, begin=37),
    Mutant(name="approver counted twice", patches=_approver_counted_twice, scenario=voted, begin=7),
    Mutant(name="rejection ignored", patches=_rejection_ignored, scenario=voted, begin=22),
    Mutant(name="uploader decides", patches=_uploader_decides, scenario=voted, begin=4),
    Mutant(name="a withdrawn approval counts", patches=_withdrawn_counts, scenario=doubted, begin=15),
    Mutant(name="one approval pays twice", patches=_approval_pays_twice, scenario=tried_again, begin=10),
    Mutant(
        name="spend gate skipped",
        patches=_spend_gate_skipped,
        scenario=tried_again,
        context=_cost_not_checked_again,
    ),
    Mutant(name="deploy over another's deployment", patches=_deploy_over_another, scenario=squatted),
    Mutant(
        name="another's deployment deleted", patches=_foreign_candidate_deleted, scenario=squatted, begin=1
    ),
    Mutant(name="candidate not removed", patches=_candidate_not_removed),
    Mutant(name="files not removed", patches=_files_not_removed),
    Mutant(name="place of a run in flight taken", patches=_place_of_another, scenario=crowded),
    Mutant(name="nobody asked after judging again", patches=_nobody_asked_again, scenario=judged_again),
    Mutant(name="trained to be judged again", patches=_trained_again, scenario=judged_again),
    Mutant(name="lost events not listed", patches=_not_listed, begin=7),
    Mutant(name="poison dropped", patches=_poison_dropped, scenario=poisoned, context=_not_listed),
    Mutant(name="listing not paged", patches=_listing_not_paged, scenario=lossy, begin=337),
    Mutant(
        name="strange errors taken for refusals", patches=_not_applied, scenario=creations_strange, begin=1
    ),
    Mutant(name="strange errors not seen", patches=_not_foreseen, scenario=always_strange),
    Mutant(name="effect without its intent", patches=_acted_unstored, scenario=rows_strange),
    Mutant(
        name="what an effect showed, used for another state",
        patches=_stale_hint,
        scenario=overtaken,
        begin=60,
    ),
    Mutant(name="sent as it lies", patches=_sent_as_it_lies, profile=SABOTAGE, scenario=sabotaged, begin=9),
    Mutant(
        name="answers as they lie", patches=_read_as_it_lies, profile=SABOTAGE, scenario=sabotaged, begin=3
    ),
    Mutant(
        name="verdict as it lies", patches=_verdict_as_it_lies, profile=SABOTAGE, scenario=planted, begin=30
    ),
    Mutant(
        name="validation as it lies",
        patches=_validation_as_it_lies,
        profile=SABOTAGE,
        scenario=planted,
        begin=11,
        context=_sent_as_it_lies,
    ),
    Mutant(name="pin as it lies", patches=_pin_as_it_lies, profile=SABOTAGE, scenario=planted, begin=1),
    Mutant(
        name="votes without history",
        patches=_votes_without_history,
        profile=SABOTAGE,
        scenario=sabotaged,
        begin=7,
    ),
    Mutant(
        name="gates as they stand",
        patches=_gates_as_they_stand,
        profile=SABOTAGE,
        scenario=loosened,
        begin=13,
    ),
    Mutant(
        name="champion as it stands",
        patches=_champion_as_it_stands,
        profile=SABOTAGE,
        scenario=usurped,
        begin=48,
    ),
)
