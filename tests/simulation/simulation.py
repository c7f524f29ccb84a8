"""One simulation: the real functions and services of several processes, against twins of every port."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import functions.advancing
import functions.datasets
import functions.poisoned
import functions.polling
from functions.tracing import Unprintable
from shared import evaluating, pinning, validate_dataset
from shared.core import identity, naming
from shared.core.errors import FinetuneError, Unforeseen
from shared.core.evaluation import prospect
from shared.core.history import Event
from shared.core.observations import Champion
from shared.core.people import Person
from shared.core.run import Gate, Run, Status
from shared.settings import Settings
from shared.telemetry import signals
from shared.wiring import Services
from tests.simulation import pure
from tests.simulation.kernel import START, Crash, Instance, Kernel, SkewedClock, TrueClock, Violation
from tests.simulation.network import (
    PORT_CLASSES,
    PORTS,
    Call,
    CreatingPort,
    Kind,
    Network,
    Port,
    Strange,
    strange,
)
from tests.simulation.oracle import Oracle
from tests.simulation.outside import SimAccount, SimDeployer, SimFiles, SimInference, SimTrainer
from tests.simulation.sabotage import Law, Saboteur, Watched
from tests.simulation.scenario import PIPELINES, Drop, Scenario, mended, spoilt
from tests.support.settings import GOOD
from tests.twins.blobs import TwinArtifacts, TwinDatasetSource, TwinPipelineFiles
from tests.twins.pipeline_tables import TwinClaims, TwinPipelines
from tests.twins.tables import TwinRunIndex, TwinRunStore

_SETTINGS = Settings.from_environment(GOOD)
#: What the host says about each invocation: it traces nothing here.
_HOST = SimpleNamespace(trace_context=SimpleNamespace(trace_parent="", trace_state=""))
_UPLOADED = partial(functions.datasets.dataset_uploaded._function.get_user_function(), context=_HOST)
_POISONED = partial(functions.datasets.dataset_poisoned._function.get_user_function(), context=_HOST)
_POLL = partial(functions.polling.poll_runs._function.get_user_function(), context=_HOST)
_ADVANCE = partial(functions.advancing.advance_run._function.get_user_function(), context=_HOST)
_ADVANCE_POISONED = partial(functions.advancing.advance_poisoned._function.get_user_function(), context=_HOST)

__all__ = ["Kind", "Result", "Simulation", "simulate"]

_MAY_BE_JUDGED = frozenset(
    {
        Status.NOT_PROMOTED,
        Status.EXPIRED,
        Status.FAILED,
        Status.REJECTED,
        Status.CANCELLED,
        Status.AWAITING_APPROVAL,
    }
)
TRIES = 5  # of a message, before it is poison; a try that a process died over counts
#: After so many seconds the host tries again, as recorded: a message that failed, a blob that failed, and what nobody released,
#: because its process died or because a poison queue has no poison queue.
MESSAGE_AGAIN_S, BLOB_AGAIN_S, TAKEN_S = (30.0, 60.0), (0.02, 0.1), (640.0, 660.0)
PEOPLE = ("ada", "grace", "linus")
TEXT_OF_DATASETS = "code of box"


@dataclass
class Result:
    """What a simulation showed."""

    seed: int
    profile: str
    violation: str | None = None
    digest: str = ""
    calls: int = 0
    hours: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    recorded: list[Call] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    most_calls_a_tick: int = 0
    ended_s: float = 0.0


class SimRunStore(TwinRunStore):
    """Table `runs`, watched by the oracle."""

    oracle: Oracle
    seen: Callable[[Run], None]
    """Somebody who sees each state at once."""

    def insert(self, run: Run, events: Iterable[Event]) -> None:
        """See `ports.RunStore`."""
        super().insert(run, events)
        self.oracle.on_insert(run)
        self.seen(run)

    def replace(self, run: Run, version: str, events: Iterable[Event]) -> str:
        """See `ports.RunStore`."""
        new = super().replace(run, version, events)
        self.oracle.on_replace(run)
        self.seen(run)
        return new

    def forget(self, run_id: str) -> None:
        """The partition of a run is lost."""
        self._rows.pop(run_id, None)
        self._events.pop(run_id, None)


class SimPipelines(TwinPipelines):
    """Table `pipelines`, watched by the oracle."""

    oracle: Oracle

    def promote(self, pipeline: str, champion: Champion, replacing: str | None) -> None:
        """See `ports.Pipelines`."""
        before = self.champion(pipeline)
        super().promote(pipeline, champion, replacing)
        self.oracle.on_promote(champion, before)


class Out:
    """An output binding."""

    value: Any = None

    def set(self, value: Any) -> None:
        """Remember what is to be queued."""
        self.value = value


class Message:
    """A queue message."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_body(self) -> bytes:
        """The message."""
        return self._text.encode()


class _Leak(logging.Handler):
    """Watches the log for text of datasets (I10)."""

    found: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one line."""
        text = record.getMessage()
        if TEXT_OF_DATASETS in text:
            self.found = text


_CURRENT: list[Simulation] = []


def _services() -> Services:
    instance = _CURRENT[-1].kernel.instance
    assert instance is not None
    return instance.services


@contextmanager
def _standing_in(simulation: Simulation) -> Iterator[None]:
    """The functions get the services of the process in which they run; pure work is remembered by content."""
    if not _CURRENT:
        for module in (functions.advancing, functions.datasets, functions.poisoned, functions.polling):
            module.services = _services
        evaluating.ThreadPoolExecutor = pure.SerialPool
        validate_dataset.validate = pure.validate
        pinning.parse_pipeline = validate_dataset.parse_pipeline = pure.parse_pipeline
        prospect.line_of = pure.line_of
        signals.span, signals.called = pure.NoSpan, pure.uncounted
        Unforeseen.of = staticmethod(pure.unforeseen)  # type: ignore[method-assign]
    _CURRENT.append(simulation)
    logger = logging.getLogger("finetune")
    handler, level, propagate = _Leak(), logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
        if handler.found:
            msg = f"I10: the log has text of a dataset: {handler.found}"
            raise Violation(msg)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
        _CURRENT.pop()
        if not _CURRENT:
            pure.restore()


class Simulation:
    """The app, the world and the people of one scenario."""

    def __init__(
        self, scenario: Scenario, *, plan: dict[int, str] | None = None, is_tracing: bool = False
    ) -> None:
        self.scenario = scenario
        self.kernel = Kernel(scenario.seed, is_tracing=is_tracing)
        self.seen: Counter[str] = Counter()
        self.network = Network(self.kernel, scenario.weather, plan or {}, kill=self._kill)
        self.network.is_recording = plan is not None
        self.network.status = self._status
        self._make_world()
        self._instances = [self._boot(number) for number in range(scenario.instances)]
        self._dropped = 0
        self._queued = 0
        self._most_calls = 0
        self._ended_s = 0.0
        self._stride_s = 0.0
        self._doubts = random.Random(f"withdraw {scenario.seed}")
        self._whims = random.Random(f"judge again {scenario.seed}")  # of their own: other acts keep theirs

    # -- the app ------------------------------------------------------------------------------------------------------

    def _make_world(self) -> None:
        kernel, scenario, clock = self.kernel, self.scenario, TrueClock(self.kernel)
        self.runs, self.index, self.claims = SimRunStore(), TwinRunIndex(), TwinClaims()
        self.pipelines, self.artifacts = SimPipelines(), Watched() if scenario.sabotage_s else TwinArtifacts()
        self.datasets = TwinDatasetSource(clock, chunk_bytes=2048)
        self.pipeline_files = TwinPipelineFiles()
        self.files = SimFiles(kernel, scenario.nature, self.seen)
        self.trainer = SimTrainer(kernel, self.files, scenario.nature, self.seen)
        self.deployer = SimDeployer(kernel, scenario.nature, self.seen)
        self.inference = SimInference(kernel, self.deployer, scenario.nature, self.seen)
        self.account = SimAccount(kernel.seed, self.deployer, self.seen)
        for name, text in PIPELINES.items():
            is_wrong = name == scenario.spoiled
            self.pipeline_files.put(f"{name}.yaml", spoilt(text, scenario) if is_wrong else text)
        self.deployer.add("base", "gpt-4.1")
        self.oracle = (Law if scenario.sabotage_s else Oracle)(
            kernel,
            scenario.policy,
            is_strict=scenario.profile != "late",
            trainer=self.trainer,
            deployer=self.deployer,
            files=self.files,
        )
        if isinstance(self.oracle, Law):
            self.oracle.inference = self.inference
        self.runs.oracle = self.pipelines.oracle = self.oracle
        self.runs.seen = self._cancel_at_sight
        self.oracle.stored = lambda run_id, name: self.artifacts._blobs[naming.artifact(run_id, name)]
        skewed = SkewedClock(kernel)
        self.ports = {
            name: PORT_CLASSES.get(name, Port)(self.network, name, getattr(self, name)) for name in PORTS
        }
        for port in self.ports.values():
            if isinstance(port, CreatingPort):
                port.clock, port.far = skewed, START + timedelta(days=365)
        # Asked outside of the network: whatever comes, nothing but words may follow from it.
        self.world = SimpleNamespace(clock=skewed, account=self.account, **self.ports)

    def _boot(self, number: int) -> Instance:
        skew = self.kernel.rng.uniform(-self.scenario.skew_s, self.scenario.skew_s)
        services = Services(self.world, replace(_SETTINGS, policy=self.scenario.policy))
        self._make_strange(services.reconciler)
        return Instance(number, skew, services)

    def _make_strange(self, reconciler: Any) -> None:
        """Let looks, decisions and effects raise what nobody foresaw."""
        observe, decide, perform = (
            reconciler._observer.observe,
            reconciler._decide,
            reconciler._performer.perform,
        )

        def observing(run: Run, jobs: Any = None) -> Any:
            self._raise("look", run)
            return observe(run, jobs)

        def deciding(run: Run, *args: Any) -> Any:
            self._raise("decision", run)
            return decide(run, *args)

        def performing(doing: Any) -> Any:
            is_broken = (str(doing.run.status), "effect") in self.scenario.weather.broken
            if is_broken or self.kernel.rng.random() < 0.5:
                self._raise("effect", doing.run)
                return perform(doing)
            seen = perform(doing)
            self._raise("effect", doing.run)
            return seen

        if self.scenario.weather.raising or self.scenario.weather.broken:
            reconciler._observer.observe, reconciler._decide = observing, deciding
            reconciler._performer.perform = performing

    def _raise(self, where: str, run: Run) -> None:
        weather, rng = self.scenario.weather, self.kernel.rng
        is_rare = self.kernel.now_s < weather.until_s and rng.random() < weather.raising
        if is_rare or (str(run.status), where) in weather.broken:
            self.seen[f"a {where} raised"] += 1
            raise strange(rng, where)

    def _status(self) -> str:
        """Of the only run."""
        return next((str(run.status) for run in self.oracle.runs.values()), "")

    def _kill(self) -> None:
        """The process of the running invocation dies, with all its invocations, and is started again."""
        dying = self.kernel.instance
        assert dying is not None
        dying.is_dead = True
        self.kernel.note(f"process {dying.number} dies")
        self._instances = [self._boot(i.number) if i is dying else i for i in self._instances]

    def _invoke(
        self, name: str, body: Callable[[], None], failed: Callable[[bool], None] = lambda _: None
    ) -> None:
        """Run a function in one of the processes; `failed` if it raised, or died (True)."""

        def guarded() -> None:
            try:
                body()
            except FinetuneError as error:
                self.kernel.note(f"{name} failed: {error.code}")
                failed(False)
            except (Strange, Unprintable) as error:
                kind = error.kind if isinstance(error, Unprintable) else type(error)
                if not issubclass(kind, FinetuneError | Strange):
                    raise
                self.kernel.note(f"{name} failed: {kind.__name__}")
                failed(False)
            except Crash:
                failed(True)
                raise

        self.kernel.spawn(self.kernel.rng.choice(self._instances), name, guarded)

    def upload_event(self, name: str, tries: int = 1) -> None:
        """The blob trigger, with its five tries and its poison queue."""

        def body() -> None:
            again = Out()
            _UPLOADED(client=SimpleNamespace(blob_name=name), again=again)
            if again.value:
                self.queue(again.value)

        def failed(died: bool) -> None:
            wait_s = self.kernel.rng.uniform(*(TAKEN_S if died else BLOB_AGAIN_S))
            if tries < TRIES:
                self.kernel.after(wait_s, lambda: self.upload_event(name, tries + 1))
            else:
                self.seen["blob event poisoned"] += 1
                self.seen["blob event poisoned by deaths"] += died
                self.kernel.after(60 + wait_s * died, lambda: self._poisoned(name))

        self._invoke(f"dataset_uploaded {name}", body, failed)

    def _poisoned(self, name: str) -> None:
        """A message in a poison queue comes again until its function is done with it."""
        text = f'{{"FunctionId": "Host.Functions.dataset_uploaded", "ContainerName": "datasets", "BlobName": "{name}"}}'

        def failed(_died: bool) -> None:
            self.seen["poison message came again"] += 1
            self.kernel.after(self.kernel.rng.uniform(*TAKEN_S), lambda: self._poisoned(name))

        self._invoke(f"dataset_poisoned {name}", lambda: _POISONED(message=Message(text)), failed)

    def queue(self, run_id: str) -> None:
        """The queue: at least once, late, out of order; a message is lost where a process died before it was sent."""
        rng = self.kernel.rng
        if rng.random() < self.scenario.queue_loss and self.kernel.now_s < self.scenario.weather.until_s:
            self.seen["queue message lost"] += 1
            return
        copies = 2 if rng.random() < 0.1 else 1
        if copies > 1:
            self.seen["queue message twice"] += 1
        for _ in range(copies):
            delay = rng.uniform(0.05, 1.0) if rng.random() < 0.9 else rng.uniform(1, 90)
            self._queued += 1
            self.kernel.after(delay, lambda: self._deliver(run_id, 1))

    def _deliver(self, run_id: str, tries: int) -> None:
        self._queued -= 1

        def body() -> None:
            again = Out()
            _ADVANCE(message=Message(run_id), again=again)
            if again.value:
                self.queue(again.value)

        def failed(died: bool) -> None:
            wait_s = self.kernel.rng.uniform(*(TAKEN_S if died else MESSAGE_AGAIN_S))
            if tries < TRIES:
                self._queued += 1
                self.kernel.after(wait_s, lambda: self._deliver(run_id, tries + 1))
            else:
                self.seen["queue message poisoned"] += 1
                told = lambda: _ADVANCE_POISONED(message=Message(run_id))  # noqa: E731
                self.kernel.after(wait_s * died, lambda: self._invoke(f"advance_poisoned {run_id}", told))

        self._invoke(f"advance {run_id}", body, failed)

    def tick(self) -> None:
        """The timer."""

        def body() -> None:
            due = Out()
            _POLL(timer=None, due=due)
            assert self.kernel.invocation
            self._most_calls = max(self._most_calls, self.kernel.invocation.calls)
            for run_id in due.value or ():
                self.queue(run_id)

        self._invoke("poll_runs", body)
        self.kernel.after(self._next_tick_s(), self.tick)

    def _next_tick_s(self) -> float:
        """The next tick; later while nothing can have changed, which only spares time."""
        if self._stride_s:
            return self._stride_s
        base = self.scenario.tick_s * self.kernel.rng.uniform(0.9, 1.1)
        if self.kernel.alive > 1 or self._queued or self.kernel.now_s < 1800:
            return base
        rows = [row for _, row in self.index._active.values()]
        waiting = {Status.AWAITING_APPROVAL, Status.AWAITING_SPEND_APPROVAL}
        if any(row.status is None or (row.due_at <= self.kernel.true_now()) for row in rows):
            return base
        if any(job.is_live for job in self.trainer.all.values()):
            return base
        known = [self.oracle.runs.get(row.run_id) for row in rows]
        if any(run is None or not (run.is_finished or run.status in waiting) for run in known):
            return base
        soonest = min((row.due_at for row in rows), default=None)
        if soonest is None:
            return base * 5
        return max(base, min(600.0, (soonest - self.kernel.true_now()).total_seconds() + base))

    # -- people -------------------------------------------------------------------------------------------------------

    def drop(self, drop: Drop) -> None:
        """Somebody stores, overwrites or deletes a file."""
        is_there = drop.name in self.datasets._blobs
        if drop.data is None:
            if is_there:
                self.datasets.remove(drop.name)
                self.seen["dataset deleted"] += 1
            return
        if is_there:
            self.seen["dataset overwritten"] += 1
        ref = self.datasets.put(drop.name, drop.data, uploaded_by=drop.uploaded_by)
        self.oracle.versions[drop.name, ref.etag] = drop.data
        self.seen[
            {0: "blob event lost", 1: "blob event once"}.get(len(drop.events_s), "blob event repeated")
        ] += 1
        if any(at > drop.at_s + 60 for at in drop.events_s):
            self.seen["blob event late"] += 1
        self._squat(ref.name, ref.etag)

    def _squat(self, name: str, etag: str) -> None:
        """Somebody else has a deployment under a name that the run will want."""
        rng, pipeline = self.kernel.rng, naming.pipeline_of(name)
        if (
            not self.scenario.squatting
            or rng.random() >= self.scenario.squatting
            or pipeline not in PIPELINES
        ):
            return
        run_id = identity.run_id("datasets", name, etag)
        taken = rng.choice(
            (
                naming.candidate_deployment(pipeline, run_id),
                naming.production_deployment(
                    pipeline, run_id, "replace" if pipeline == "dpo" else "blue_green"
                ),
            )
        )
        if taken not in self.deployer.names:
            self.deployer.add(taken, "somebody-elses-model")
            self.oracle.foreign[taken] = "somebody-elses-model"
            self.seen["deployment name taken"] += 1

    def people(self) -> None:
        """Somebody looks at the runs, and decides, cancels or retries."""
        kernel, scenario, rng = self.kernel, self.scenario, self.kernel.rng
        for run in list(self.oracle.runs.values()):
            if run.gate and scenario.votes:
                if (rng.random() < 0.5 or scenario.is_diligent) and not scenario.is_tardy:
                    self._vote(run)
                if self._doubts.random() < 0.5 * scenario.meddling:
                    self._withdraw(run, run.gate)
                if rng.random() < 0.1 or scenario.is_tardy:
                    left = (run.gate.approve_by - kernel.true_now()).total_seconds()
                    kernel.after(max(0.0, left + rng.uniform(-5, 5)), lambda run=run: self._vote(run))
            closed = run.gates.get("deployment") or run.gates.get("spend")
            if closed and run.gate is None and scenario.votes and rng.random() < 0.1:
                self._vote(run, closed)
            if rng.random() < scenario.meddling * 0.07 and not run.is_finished and kernel.now_s < 3 * 3600:
                self._ask("cancel", lambda run=run: _services().people.cancel(run.id, self._person()))
            if rng.random() < scenario.meddling and run.status is Status.FAILED and kernel.now_s < 3 * 3600:
                person = self._colleague(run)
                self._ask(
                    "retry",
                    lambda run=run, person=person: _services().people.retry(run.id, person),
                    run.id,
                )
            if run.status in _MAY_BE_JUDGED and kernel.now_s < 3 * 3600 and self._is_in_the_mood(run):
                self._judge_again(run)
        if kernel.now_s < scenario.horizon_s:
            kernel.after(rng.uniform(100, 400), self.people)

    def _is_in_the_mood(self, run: Run) -> bool:
        """Whether somebody has a run judged again now."""
        if run.pipeline == self.scenario.spoiled:
            return run.status is (Status.FAILED if self.scenario.spoils_smoke else Status.NOT_PROMOTED)
        share = {Status.FAILED: 0.3, Status.AWAITING_APPROVAL: 0.1}.get(run.status, 1.0)
        return self._whims.random() < share * self.scenario.meddling

    def _judge_again(self, run: Run) -> None:
        """Somebody stores another pipeline file, or the same one, and asks; now and then two ask at once."""
        asks_anew = self.scenario.asks_anew or (not self.scenario.spoiled and self._whims.random() < 0.5)
        text = mended(PIPELINES[run.pipeline], asks_anew=asks_anew)
        self.pipeline_files.put(f"{run.pipeline}.yaml", text)
        names = PEOPLE[:1] if self.scenario.spoiled else PEOPLE[: self._whims.choice((1, 1, 2))]
        for name in names:
            person = Person(id=name, name=name.title())
            self._ask("judge again", lambda person=person: _services().people.rejudge(run.id, person), run.id)

    def _cancel_at_sight(self, run: Run) -> None:
        """Somebody waits for a status, and cancels."""
        if run.status == self.scenario.cancels_in and not run.cancel:
            self._ask("cancel", lambda: _services().people.cancel(run.id, self._person()), run.id)

    def _person(self) -> Person:
        name = self.kernel.rng.choice(PEOPLE)
        return Person(id=name, name=name.title())

    def _colleague(self, run: Run) -> Person:
        """Somebody who did not drop the dataset."""
        name = next(name for name in PEOPLE if name != run.dataset.uploaded_by)
        return Person(id=name, name=name.title())

    def _withdraw(self, run: Run, gate: Gate) -> None:
        """Somebody takes back the approval that was given first, if there is one."""
        given = next((made for made in gate.decisions if made.decision == "approve"), None)
        if given is None:
            return
        person = Person(id=given.person, name=given.name)
        self.oracle.votes.add((run.id, gate.name, person.id, "withdraw", gate.digest))
        self._ask(
            "withdraw",
            lambda: _services().people.vote(
                run.id, gate.name, person, decision="withdraw", digest=gate.digest, comment=""
            ),
            run.id,
        )

    def _vote(self, run: Run, late: Gate | None = None) -> None:
        gate, rng = late or run.gate, self.kernel.rng
        if gate is None:
            return
        for _ in range(rng.choice((1, 1, 2))):
            person = self._person()
            decision = "approve" if rng.random() < self.scenario.approve else "reject"
            is_right = rng.random() < 0.93 or self.scenario.is_diligent
            digest = gate.digest if is_right else "sha256:" + "0" * 64
            self.oracle.votes.add((run.id, gate.name, person.id, decision, digest))
            self._ask(
                "decide",
                lambda person=person, decision=decision, digest=digest: _services().people.vote(
                    run.id, gate.name, person, decision=decision, digest=digest, comment="as said"
                ),
                run.id,
            )

    def _ask(self, name: str, request: Callable[[], Any], run_id: str | None = None) -> None:
        """An HTTP request; the answer of each kind is counted, and the run is queued as the function does."""

        def body() -> None:
            try:
                request()
                self.seen[f"{name} accepted"] += 1
            except FinetuneError as error:
                self.seen[f"{name} answered {error.code}"] += 1
                return
            if run_id:
                self.queue(run_id)

        self._invoke(name, body)

    def edit_pipelines(self) -> None:
        """Somebody changes the pipeline files while runs are under way."""
        for name, text in PIPELINES.items():
            self.pipeline_files.put(
                f"{name}.yaml", text.replace("approvers: 2", "approvers: 1") + "description: edited\n"
            )
        self.seen["pipeline file edited"] += 1

    def lose_row(self) -> None:
        """The row of a run is lost, with its history; what it did in the world is not."""
        unfinished = [run for run in self.oracle.runs.values() if not run.is_finished]
        if not unfinished:
            return
        lost = self.kernel.rng.choice(unfinished)
        self.runs.forget(lost.id)
        self.oracle.lost(lost.id)
        self.seen["row lost"] += 1

    # -- running ------------------------------------------------------------------------------------------------------

    def run(self) -> Result:
        """Let it all happen, then check the end."""
        violation: str | None = None
        try:
            with _standing_in(self):
                self._schedule()
                self._until_rest()
                self._check_end()
        except Violation as found:
            violation = str(found)
        kernel, network = self.kernel, self.network
        return Result(
            seed=self.scenario.seed,
            profile=self.scenario.profile,
            violation=violation,
            digest=kernel.digest,
            calls=network.calls,
            hours=kernel.now_s / 3600,
            faults=network.faults,
            seen=self.seen,
            transitions=Counter({(str(a), str(b)): n for (a, b), n in self.oracle.transitions.items()}),
            codes=self.oracle.codes,
            statuses=Counter(str(run.status) for run in self.oracle.runs.values()),
            recorded=network.recorded,
            trace=kernel.trace,
            most_calls_a_tick=self._most_calls,
            ended_s=self._ended_s,
        )

    def _schedule(self) -> None:
        kernel = self.kernel
        for drop in self.scenario.drops:
            kernel.at(drop.at_s, lambda drop=drop: self.drop(drop))
            for at in drop.events_s:
                kernel.at(max(at, drop.at_s), lambda drop=drop: self.upload_event(drop.name))
        kernel.at(kernel.rng.uniform(0, self.scenario.tick_s), self.tick)
        kernel.at(200.0, self.people)
        if self.scenario.sabotage_s:
            Saboteur(self)
        if self.scenario.loses_row_at_s:
            kernel.at(self.scenario.loses_row_at_s, self.lose_row)
        if self.scenario.edits_pipeline:
            kernel.at(kernel.rng.uniform(60, 1200), self.edit_pipelines)

    def _until_rest(self) -> None:
        weather = self.scenario.weather
        quiet_from = max(
            weather.until_s + weather.late_max_s, max((d.at_s for d in self.scenario.drops), default=0) + 600
        )
        if not weather.rate and not weather.stall_rate:
            quiet_from = max((d.at_s for d in self.scenario.drops), default=0) + 700.0
        at = quiet_from
        while at < self.scenario.horizon_s:
            self.kernel.run(at)
            if self._is_at_rest():
                self._ended_s = at
                return
            at += 900.0
        self._stride_s = 12 * 3600.0  # only deadlines of days are left
        self.kernel.run(self.scenario.horizon_s + (61 if weather.broken else 38) * 24 * 3600.0)
        self._stride_s = 0.0
        self.kernel.run(self.kernel.now_s + self.scenario.horizon_s)
        self._ended_s = self.kernel.now_s

    def _is_at_rest(self) -> bool:
        refs = [ref for ref, _ in self.datasets._blobs.values() if not naming.companion_role(ref.name)]
        known = {
            identity.run_id(ref.container, ref.name, ref.etag) for ref in refs
        } <= self.oracle.runs.keys()
        return known and not self.index._active and not self.kernel.alive

    def _check_end(self) -> None:
        month = START.strftime("%Y-%m")
        self.oracle.at_end(
            self.index.active(),
            [ref for ref, _ in self.datasets._blobs.values()],
            self.pipelines.champion,
            lambda pipeline: self.pipelines.committed(pipeline, month),
        )


def simulate(scenario: Scenario, *, plan: dict[int, str] | None = None, is_tracing: bool = False) -> Result:
    """Run one simulation."""
    return Simulation(scenario, plan=plan, is_tracing=is_tracing).run()
