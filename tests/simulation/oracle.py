"""What must hold, checked at every write to the run store and at every effect on the outside world, and once more at the end.

The oracle knows the scenario, not the product's opinion of it: it counts money, models and decisions itself.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.adapters import table_codec
from shared.core import identity, naming
from shared.core.observations import Champion, DeploymentView, Job
from shared.core.policy import Policy
from shared.core.run import IN_FLIGHT, TRANSITIONS, DatasetRef, Gate, Run, Status
from tests.simulation.kernel import Kernel, Violation
from tests.simulation.outside import SimDeployer, SimFiles, SimTrainer
from tests.simulation.scenario import PIPELINES

_RUN_ID = identity.run_id  # the right one, whatever a seeded mistake makes of it
ENTITY_BYTES_MAX = 64 * 1024
PROPERTIES_MAX = 255
APPROVALS = {"sft": 2, "dpo": 1, "rft": 1, "dear": 1}
SPEND_GATED = frozenset({"dear", "rft"})
UPLOADER_MAY = frozenset({"dear"})
MEASURES_CHAMPION = frozenset({"sft", "auto", "dpo", "dear"})
MONTH_USD = 40.0


def fail(rule: str, what: str) -> None:
    """Stop the simulation."""
    msg = f"{rule}: {what}"
    raise Violation(msg)


class Oracle:
    """The invariants I1 to I9, I11 and I12, of one simulation."""

    def __init__(
        self,
        kernel: Kernel,
        policy: Policy,
        *,
        is_strict: bool,
        trainer: SimTrainer,
        deployer: SimDeployer,
        files: SimFiles,
    ) -> None:
        self.kernel, self.policy, self.is_strict = kernel, policy, is_strict
        self.trainer, self.deployer, self.files = trainer, deployer, files
        self.runs: dict[str, Run] = {}
        self.versions: dict[tuple[str, str], bytes] = {}
        self.votes: set[tuple[str, str, str, str, str]] = set()
        self.paid_by: dict[str, str] = {}
        self.attempts: Counter[tuple[str, str]] = Counter()
        self.intended_at: dict[tuple[str, str], datetime] = {}
        self.sent: Counter[tuple[str, str]] = Counter()
        self.jobs_of: defaultdict[str, list[str]] = defaultdict(list)
        self.adopted: set[str] = set()
        self.run_of_job: dict[str, str] = {}
        self.run_of_model: dict[str, str] = {}
        self.retries: Counter[str] = Counter()
        self.shown: dict[str, dict[str, Any]] = {}
        self.transitions: Counter[tuple[str, str]] = Counter()
        self.codes: Counter[str] = Counter()
        self.foreign: dict[str, str] = {}
        self.puts: defaultdict[str, set[str]] = defaultdict(set)
        self.needed: dict[str, int] = {}
        self.retired: dict[str, Run] = {}
        self.judged: dict[str, set[str]] = {}
        """Runs that were judged again -> digests of the gates that they had until then."""
        self.gates: defaultdict[str, set[str]] = defaultdict(set)
        self.stored: Callable[[str, str], bytes] = lambda *_: b"{}"
        self.promoted: set[str] = set()
        self.has_lost_rows = False
        self.flying: set[str] = set()
        self.most_in_flight = 0
        self.boarded: list[str] = []
        trainer.on_create = self.on_create
        deployer.on_put = self.on_put

    # -- the run store ------------------------------------------------------------------------------------------------

    def on_insert(self, run: Run) -> None:
        """A new run."""
        if run.id in self.runs:
            fail("I6", f"run {run.id} was inserted twice")
        wanted = _RUN_ID(run.dataset.container, run.dataset.name, run.dataset.etag)
        twins = [r.id for r in self.runs.values() if r.dataset == run.dataset and r.id != run.id]
        if run.id != wanted or twins:
            fail("I6", f"run {run.id} is not the one run of its dataset version ({wanted}, {twins})")
        self.runs[run.id] = run

    def lost(self, run_id: str) -> None:
        """The row of a run is gone; what it did is not, and what was approved has to be approved again."""
        self.has_lost_rows = True
        self.retired[run_id] = self.runs.pop(run_id)
        self.flying.discard(run_id)
        self.shown.pop(run_id, None)

    def on_replace(self, after: Run) -> None:
        """The next state of a run."""
        before = self.runs[after.id]
        self._counted(before, after)
        self._judged(before, after)
        self.runs[after.id] = after
        self.adopted.update(filter(None, (after.job_id, *after.duplicates, *after.orphans)))
        self._size(after)
        self._fly(after)
        if after.status is before.status:
            return
        self.kernel.note(
            f"{after.id} {before.status} -> {after.status} {after.failure.code if after.failure else ''}"
        )
        self.transitions[before.status, after.status] += 1
        if after.status not in TRANSITIONS[before.status]:
            fail("I4", f"run {after.id}: {before.status} -> {after.status}")
        self._entered(before, after)

    def _counted(self, before: Run, after: Run) -> None:
        """Intents."""
        if after.attempt and (before.attempt is None or before.attempt.at != after.attempt.at):
            self.attempts[after.id, after.attempt.effect] += 1
            self.intended_at[after.id, after.attempt.effect] = after.attempt.at
            if after.attempt.count > self.policy.attempts_max:
                fail("I8", f"run {after.id}: attempt {after.attempt.count} of {after.attempt.effect}")

    def _judged(self, before: Run, after: Run) -> None:
        """I12: a run that is judged again keeps its model and what was paid for."""
        if after.judging != before.judging:
            self.judged[after.id] = set(self.gates[after.id])
            kept = ("model", "job_id", "summary", "spec_digest", "committed_at", "has_spent")
            if [name for name in kept if getattr(before, name) != getattr(after, name)]:
                fail("I12", f"run {after.id} was judged again and lost what was paid for")
        if gate := after.gates.get("deployment"):
            self.gates[after.id].add(gate.digest)

    def _entered(self, before: Run, after: Run) -> None:
        if before.status is Status.FAILED and after.judging == before.judging:
            self.retries[after.id] += 1
        if after.is_finished and after.status is not Status.DEPLOYED:
            failure = after.failure
            if failure is None or not (failure.code and failure.message and failure.remedy and failure.step):
                fail("I9", f"run {after.id} ended as {after.status} without a reason")
            else:
                self.codes[failure.code] += 1
        if before.status is Status.RECEIVED and after.status is Status.VALIDATING:
            pinned = json.loads(self.stored(after.id, "pinned.json"))
            self.needed[after.id] = pinned["spec"].get("approval", {}).get("approvers", 1)
            if self.needed[after.id] not in {1, APPROVALS.get(after.pipeline, 1)}:
                fail("I3", f"run {after.id} is pinned to {self.needed[after.id]} approvers")
        if after.status is Status.AWAITING_APPROVAL:
            self.shown[after.id] = {"model": after.model, "production": after.production, "job": after.job_id}
        if before.status is Status.AWAITING_SPEND_APPROVAL and not after.is_finished:
            self._check_gate(after, after.gates.get("spend"), 1)
        if after.status is Status.UPLOADING:
            self.boarded.append(after.dataset.name)
        if after.status is Status.DEPLOYING and before.status is not Status.FAILED:
            self._check_release(after)

    def _fly(self, run: Run) -> None:
        (self.flying.add if run.status in IN_FLIGHT else self.flying.discard)(run.id)
        self.most_in_flight = max(self.most_in_flight, len(self.flying))
        if len(self.flying) > self.policy.in_flight_max:
            fail("I8", f"{len(self.flying)} runs are in flight: {sorted(self.flying)}")

    def _size(self, run: Run) -> None:
        if len(msgspec.json.encode(run)) > ENTITY_BYTES_MAX / 4:  # far from it, most of the time
            entity = table_codec.run_to_entity(run)
            size = sum(len(str(value)) * 2 for value in entity.values())
            if size > ENTITY_BYTES_MAX or len(entity) > PROPERTIES_MAX:
                fail("I8", f"run {run.id}: entity of {size} bytes, {len(entity)} properties")

    def _check_release(self, run: Run) -> None:
        if run.judging:
            gate = run.gates.get("deployment")
            if gate is None or gate.digest in self.judged[run.id]:
                fail(
                    "I12", f"run {run.id} is released by what was approved before it was judged again: {gate}"
                )
        elif run.pipeline == "auto":
            if run.evaluation is None or run.evaluation.outcome != "better":
                self._check_gate(run, run.gates.get("deployment"), 1)
            return
        self._check_gate(run, run.gates.get("deployment"), self.needed[run.id])

    def _check_gate(self, run: Run, gate: Gate | None, needed: int) -> None:
        if gate is None:
            fail("I3", f"run {run.id} passed a gate that never opened")
            return
        last: dict[str, str] = {}
        for made in gate.decisions:
            if made.decision == "reject":
                fail("I3", f"run {run.id} passed the {gate.name} gate although {made.person} rejected it")
            if made.at >= gate.approve_by:
                fail("I3", f"run {run.id}: {made.person} decided the {gate.name} gate too late")
            if made.digest != gate.digest:
                fail("I3", f"run {run.id}: {made.person} approved something else")
            if (run.id, gate.name, made.person, made.decision, made.digest) not in self.votes:
                fail("I3", f"run {run.id}: {made.person} never decided that")
            if made.person == run.dataset.uploaded_by and run.pipeline not in UPLOADER_MAY:
                fail("I3", f"run {run.id}: its uploader decided")
            last[made.person] = made.decision
        approvers = [person for person, decision in last.items() if decision == "approve"]
        if len(approvers) < needed:
            fail(
                "I3", f"run {run.id} passed the {gate.name} gate with {len(approvers)} of {needed} approvers"
            )

    # -- the outside world --------------------------------------------------------------------------------------------

    def _intended(self, run_id: str, effect: str) -> None:
        self.sent[run_id, effect] += 1
        if self.sent[run_id, effect] > self.attempts[run_id, effect]:
            fail(
                "I7",
                f"run {run_id}: {effect} arrived {self.sent[run_id, effect]} times, "
                f"intended {self.attempts[run_id, effect]} times",
            )

    def on_create(self, job: Job, body: dict[str, Any]) -> None:
        """Money is spent."""
        name = self.files.names[body["training_file"]]
        run = next((r for r in self.runs.values() if name.startswith(r.id)), None)
        if run is None or run.summary is None:
            fail("I7", f"job {job.id} belongs to no run: {name}")
            return
        others = [self.trainer.all[j] for j in self.jobs_of[run.id] if j in self.trainer.all]
        self.jobs_of[run.id].append(job.id)
        self.run_of_job[job.id] = run.id
        self.run_of_model[f"{job.base_model}.ft-{job.id.removeprefix('ftjob-')}-{job.suffix or 'none'}"] = (
            run.id
        )
        self._intended(run.id, "CreateJob")
        if run.judging and self.is_strict:
            fail("I12", f"run {run.id} was judged again, and job {job.id} was created")
        if self.is_strict:
            if len(self._seen_jobs(run)) > 1 + self.retries[run.id]:
                fail(
                    "I1",
                    f"run {run.id}: {len(self.jobs_of[run.id])} jobs after {self.retries[run.id]} retries",
                )
            live = [j.id for j in others if j.is_live]
            if live:
                fail("I1", f"run {run.id}: {job.id} was created while {live} live")
            self._check_claim(run)
        if self.files.sha256[body["training_file"]] != run.summary.files["training"]:
            fail("I2", f"run {run.id} trains on other bytes than were validated")
        version = self.versions.get((run.dataset.name, run.dataset.etag), b"")
        if not self._content(body["training_file"]) <= set(version.splitlines()):
            fail("I2", f"run {run.id} trains on rows that its dataset version does not have")
        if run.pipeline in SPEND_GATED:
            self._check_gate(run, run.gates.get("spend"), 1)
            self._check_approval_pays_once(run, job)
        if run.pipeline == "dear":
            paid = [r for r in self.runs.values() if r.pipeline == "dear" and self.jobs_of[r.id]]
            total = sum(self._tries(r) * (r.summary.estimated_usd or 0.0) for r in paid if r.summary)
            if total > MONTH_USD:
                fail("I8", f"${total:.2f} were spent, the month's budget is ${MONTH_USD:.2f}")

    def _check_approval_pays_once(self, run: Run, job: Job) -> None:
        digest = run.gates["spend"].digest
        others = [other for other in self._seen_jobs(run) if other != job.id]
        if self.is_strict and digest in {self.paid_by.get(other) for other in others}:
            fail("I3", f"run {run.id}: one spend approval paid for {others} and {job.id}")
        self.paid_by[job.id] = digest

    def _tries(self, run: Run) -> int:
        """How often a run's budget was spent; what comes late beside a job was in nobody's budget."""
        return len(self._seen_jobs(run)) if self.is_strict else 1

    def _seen_jobs(self, run: Run) -> list[str]:
        """Jobs of a run; one that somebody deleted before any process saw it is as if it had never been."""
        return [j for j in self.jobs_of[run.id] if j in self.trainer.all or j in self.adopted]

    def _check_claim(self, run: Run) -> None:
        """Two unfinished runs never pay for the same work."""
        assert run.summary
        for other in self.runs.values():
            if other.id == run.id or other.pipeline != run.pipeline or other.summary is None:
                continue
            live = [
                j for j in self.jobs_of[other.id] if j in self.trainer.all and self.trainer.all[j].is_live
            ]
            if other.summary.fingerprint == run.summary.fingerprint and live and not other.is_finished:
                fail("I1", f"runs {run.id} and {other.id} pay for the same work at once")

    def _content(self, file_id: str) -> set[bytes]:
        stored = self.files._files[file_id][1]
        return set(stored.splitlines())

    def on_put(self, name: str, model: str, before: DeploymentView | None) -> None:
        """A deployment is created or changed."""
        owner = self.run_of_model.get(model)
        if owner is None:
            fail("I6", f"{name} deploys {model}, which no run made")
            return
        run = self.runs[owner]
        if other := self._who_puts_back(run, name):
            self._intended(other, f"PutBackChampion:{name}")
            return
        self._intended(owner, f"PutDeployment:{name}")
        is_candidate = "-candidate-" in name
        if name in self.foreign:
            fail("I6", f"run {owner} deploys over {name}, which is not its pipeline's")
        if before is not None and before.model != model and (run.pipeline != "dpo" or is_candidate):
            fail("I6", f"run {owner} deploys {model} over {before.model} at {name}")
        self.puts[owner].add(name)
        if len([n for n in self.puts[owner] if "-candidate-" not in n]) > 1 or len(self.puts[owner]) > 2:
            fail("I6", f"run {owner} has several deployments: {sorted(self.puts[owner])}")
        if is_candidate:
            return
        if run.production != name or run.model != model:
            fail("I6", f"run {owner} has {run.model} at {run.production}, but {model} is put at {name}")
        if (
            self.transitions[Status.EVALUATING, Status.DEPLOYING]
            + self.transitions[Status.AWAITING_APPROVAL, Status.DEPLOYING]
            == 0
        ):
            fail("I3", f"{name} is put, but no run was ever released")
        since = self.intended_at[owner, f"PutDeployment:{name}"]
        if run.evaluation_round and self.kernel.true_now() > since + timedelta(
            seconds=self.policy.effect_lease_s
        ):
            return  # from a worker whose time was long over; what it put has to be removed
        self._check_release(run)
        shown = self.shown.get(owner)
        if shown and (shown["model"], shown["production"], shown["job"]) != (model, name, run.job_id):
            fail("I3", f"run {owner}: {model} at {name} is not what was shown: {shown}")

    def _who_puts_back(self, champion: Run, name: str) -> str | None:
        """The run that gives the clients of a shared deployment the model of a champion, or of a former one, back."""
        if champion.id not in self.promoted or champion.production != name:
            return None
        effect = f"PutBackChampion:{name}"
        intending = (r for r in self.runs if self.attempts[r, effect] > self.sent[r, effect])
        return next(intending, None)

    def on_promote(self, champion: Champion, before: Champion | None) -> None:
        """Clients get another model."""
        self.promoted.add(champion.run_id)
        run = self.runs.get(champion.run_id)
        is_same = before is not None and before.run_id == champion.run_id
        if before is None or is_same or run is None or run.pipeline not in MEASURES_CHAMPION:
            return
        plan = json.loads(self.stored(run.id, "evaluation/plan.json"))
        is_skipped = any(
            text.startswith(f"champion: deployment {before.deployment} ") for text in plan["skipped"]
        )
        measured = {target for target, model in plan["models"].items() if model == before.model}
        if not is_skipped and not measured - {"candidate"}:
            fail(
                "I11", f"run {run.id} replaces run {before.run_id}, but was measured against {plan['models']}"
            )
        if run.evaluation is None or run.evaluation.round != plan["round"]:
            fail(
                "I11",
                f"run {run.id} is promoted by another evaluation than that of its plan: {run.evaluation}",
            )

    # -- the end ------------------------------------------------------------------------------------------------------

    def at_end(self, active: list[Any], datasets: list[DatasetRef], champion_of: Any, ledger: Any) -> None:
        """Faults stopped long ago: nothing is stranded, nothing that costs is left."""
        for dataset in datasets:
            run_id = _RUN_ID(dataset.container, dataset.name, dataset.etag)
            if naming.companion_role(dataset.name) is None and run_id not in self.runs:
                fail("I5", f"{dataset.name} ({dataset.etag}) has no run")
        for run in self.runs.values():
            self._ended(run)
        if active:
            fail("I5", f"still active: {[(row.run_id, row.status) for row in active]}")
        self._nothing_left()
        for name, model in self.foreign.items():
            view = self.deployer.view(name)
            if view is None or view.model != model or view.state != "Succeeded":
                fail("I6", f"{name}, which is somebody else's, is {view}")
        for pipeline in PIPELINES:
            self._champion(pipeline, champion_of(pipeline))
            lines = ledger(pipeline)
            for run_id, _, usd in lines:
                run = self.runs[run_id]
                if run.is_finished and run.job_attempted_at is None and usd:
                    fail("I8", f"run {run_id} spent nothing and still holds ${usd} of the budget")

    def _ended(self, run: Run) -> None:
        if not run.is_finished:
            fail(
                "I5", f"run {run.id} is {run.status}: {run.trouble}, due {run.due_at}, attempt {run.attempt}"
            )
        present = self.trainer.all
        live = [j for j in self.jobs_of[run.id] if j in present and present[j].is_live]
        if live and not self.has_lost_rows:
            fail("I1", f"run {run.id} is {run.status}, and {live} still live")
        known = {run.job_id, *run.orphans, *run.retired_jobs}
        unknown = [
            j
            for j in self.jobs_of[run.id]
            if j in present and present[j].status != "cancelled" and j not in known
        ]
        if unknown and not self.has_lost_rows:
            fail("I1", f"run {run.id} knows nothing of {unknown}")
        self._nothing_put_too_early(run)
        if run.status is Status.DEPLOYED:
            assert run.production
            view = self.deployer.view(run.production)
            if run.pipeline != "dpo" and (view is None or view.model != run.model):
                fail("I6", f"run {run.id} is deployed, but {run.production} serves {view}")

    def _nothing_put_too_early(self, run: Run) -> None:
        """What was put for an approval that counts no more is taken back."""
        if run.status in {Status.DEPLOYED, Status.FAILED} or not run.evaluation_round:
            return
        view = self.deployer.view(run.production or "")
        if view and view.model == run.model:
            fail("I11", f"run {run.id} is {run.status}, and {view.name} serves its model")

    def _nothing_left(self) -> None:
        for name in self.deployer.names:
            if "-candidate-" in name and name not in self.foreign and not self.has_lost_rows:
                fail("I5", f"candidate {name} was not removed")
        if self.has_lost_rows:
            return  # who lost the row of a run cannot know what it left, unless the dataset is still there
        for file_id, name in self.files.present.items():
            fail("I5", f"file {file_id} ({name}) was not removed")

    def _has_told(self, model: str) -> bool:
        """Whether the run of a model says that Azure failed its deployment: in place of the champion's, with `replace`."""
        owner = self.runs.get(self.run_of_model.get(model, ""))
        return owner is not None and owner.failure is not None and owner.failure.code == "deployment_failed"

    def _champion(self, pipeline: str, champion: Any) -> None:
        released = [r for r in self.runs.values() if r.pipeline == pipeline and r.status is Status.DEPLOYED]
        if not released:
            return
        if champion is None:
            fail("I6", f"{pipeline} has deployed runs and no champion")
            return
        run = self.runs[champion.run_id]
        if (champion.deployment, champion.model) != (run.production, run.model):
            fail("I6", f"champion {champion} is not run {run.id}'s")
        view = self.deployer.view(champion.deployment)
        is_replaced = (
            run.pipeline == "dpo" and not self.is_strict
        )  # a PUT that arrives late cannot be told from one in time
        has_failed = view is not None and view.state == "Failed" and self._has_told(view.model)
        if (
            run.status is Status.DEPLOYED
            and not is_replaced
            and not has_failed
            and (view is None or view.model != champion.model)
        ):
            fail("I6", f"champion {champion.deployment} should serve {champion.model}, ARM says {view}")
