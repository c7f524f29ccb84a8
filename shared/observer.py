"""One look at the world for each status."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import takewhile

from shared import evaluating, evaluation_plan, evidence, validate_dataset
from shared.core import approval, artifacts, naming
from shared.core.errors import NotFound, NotReady, Refused
from shared.core.observations import (
    AwaitingApproval,
    Claim,
    Deploying,
    DeploymentView,
    Ended,
    Evaluating,
    Job,
    Nothing,
    Observation,
    Place,
    Queueing,
    Staging,
    Submitting,
    Training,
    Uploading,
    Validating,
    Verifying,
)
from shared.core.offered import Foreseen
from shared.core.policy import Policy
from shared.core.run import Run
from shared.core.serving import routes_of
from shared.core.status import IN_FLIGHT, Status
from shared.core.steps.closing import may_have_candidate, may_have_early, may_have_files, sweep_until
from shared.core.steps.fine_tuning import upload_names
from shared.foresight import Foresight
from shared.pinning import Pins
from shared.ports import World


class Observer:
    """Asks the question that a run's status stands for."""

    def __init__(self, world: World, policy: Policy, pins: Pins, foresight: Foresight) -> None:
        self._world = world
        self._policy = policy
        self._pins = pins
        self._foresight = foresight
        self._looks: dict[Status, Callable[[Run], Observation]] = {
            Status.RECEIVED: pins.look,
            Status.VALIDATING: self._validating,
            Status.AWAITING_SPEND_APPROVAL: _nothing,
            Status.QUEUEING: self._queueing,
            Status.UPLOADING: self._uploading,
            Status.SUBMITTING: self._submitting,
            Status.TRAINING: self._training,
            Status.STAGING: self._staging,
            Status.EVALUATING: self._evaluating,
            Status.AWAITING_APPROVAL: self._awaiting_approval,
            Status.DEPLOYING: self._deploying,
            Status.VERIFYING: self._verifying,
        }

    def observe(self, run: Run, jobs: Mapping[str, Job] | None = None) -> Observation:
        """Look.

        Args:
            run: whose status is the question.
            jobs: jobs by id that were just listed, to spare a call per run.

        Raises:
            FinetuneError: if the world could not be asked.
        """
        if run.is_finished:
            return self._ended(run)
        if run.status is Status.TRAINING and jobs and (job := jobs.get(run.job_id or "")):
            return self._training_of(run, job)
        return self._looks[run.status](run)

    def _validating(self, run: Run) -> Validating:
        summary = run.summary
        if summary is None or run.is_to_prepare:
            return Validating(summary=None)
        if summary.errors:
            result = validate_dataset.load_result(self._world, run)
            return Validating(summary=summary, first_error=result.first_error if result else None)
        holder = self._world.claims.holder(run.pipeline, summary.fingerprint)
        committed, is_committed = 0.0, True
        if run.committed_at:
            lines = self._world.pipelines.committed(run.pipeline, run.committed_at.strftime("%Y-%m"))
            own = (run.id, run.committed_at)
            earlier = list(takewhile(lambda line: line[:2] != own, lines))
            committed = sum(usd for _, _, usd in earlier)
            is_committed = len(earlier) < len(lines)
        return Validating(
            summary=summary,
            claim=self._claim(run, holder),
            committed_before_usd=committed,
            is_committed=is_committed,
            foreseen=self._foreseen(run),
        )

    def _foreseen(self, run: Run, *, anew: bool = False) -> Foreseen:
        """What Azure says of what the run needs."""
        pin = self._pins.of(run)
        return self._foresight.of(pin.spec, anew=anew) if pin else Foreseen()

    def _claim(self, run: Run, holder: str | None) -> Claim | None:
        if holder is None or holder == run.id:
            return Claim(holder=holder) if holder else None
        other, _ = self._world.runs.load(holder)
        return Claim(holder=holder, has_ended_without_model=other.is_finished and other.model is None)

    def _queueing(self, run: Run) -> Queueing:
        own = naming.place_holder(run.id, run.status_since)
        for number in self._places(run):
            holder = self._world.claims.holder(naming.PLACES, naming.place(number))
            if holder == own:
                pin = self._pins.of(run) if run.judging else None
                return Queueing(
                    has_place=True, is_answered=bool(pin and evaluating.is_answered(self._world, run, pin))
                )
            if holder is None or not self._is_in_flight(naming.run_in_place(holder), run):
                return Queueing(free=Place(number=number, previous_holder=holder))
        return Queueing()

    def _places(self, run: Run) -> Iterator[int]:
        """Numbers of places: first the one that the run may have, then the others, for each run from another one on."""
        count = self._policy.in_flight_max
        first = run.place if run.place is not None else int(run.id[:8], 16)
        return ((first + step) % count for step in range(count))

    def _is_in_flight(self, holder: str, run: Run) -> bool:
        """Whether another run is in flight, or about to be; what an earlier try of the same run took is its to take again."""
        if holder == run.id:
            return False
        try:
            other, _ = self._world.runs.load(holder)
        except NotFound:
            return False
        except Refused:  # a newer release wrote its row: nobody can tell from here
            return True
        return other.status in IN_FLIGHT or other.status is Status.QUEUEING

    def _uploading(self, run: Run) -> Uploading:
        return Uploading(files=self._world.files.named(frozenset(upload_names(run).values())))

    def _jobs_of(self, run: Run) -> tuple[Job, ...]:
        if not run.training_files:
            return ()
        # From the dataset's age, not the row's: a row that was lost and made anew must find the job of the old one.
        since = run.dataset.modified_at - timedelta(seconds=self._policy.clock_skew_s + 60)
        return tuple(
            job for job in self._world.trainer.jobs(since) if job.training_file in run.training_files
        )

    def _submitting(self, run: Run) -> Submitting:
        assert run.summary
        holder = self._world.claims.holder(run.pipeline, run.summary.fingerprint)
        jobs, attempt, patience = self._jobs_of(run), run.attempt, timedelta(seconds=self._policy.settle_s)
        is_unsettled = attempt and not attempt.is_settled and self._world.clock.now() < attempt.at + patience
        # Of a job that is there already, or may be, nothing can be asked before it is paid for.
        foreseen = Foreseen() if jobs or is_unsettled else self._foreseen(run, anew=True)
        return Submitting(jobs=jobs, claim_holder=holder, foreseen=foreseen)

    def _training(self, run: Run) -> Training:
        assert run.job_id
        return self._training_of(run, self._world.trainer.job(run.job_id))

    def _training_of(self, run: Run, job: Job | None) -> Training:
        is_over = job is not None and job.status == "succeeded"
        return Training(job=job, has_results=is_over and artifacts.JOB.name in run.evidence)

    def _staging(self, run: Run) -> Staging:
        name = naming.candidate_deployment(run.pipeline, run.id)
        deployment = self._world.deployer.deployment(name)
        is_answering, unanswered = False, None
        if deployment and deployment.state == "Succeeded":
            try:
                evaluating.ask_plainly(self._world, name, deployment.model)
                is_answering = True
            except NotReady as error:
                unanswered = error.message if len(routes_of(deployment.model)) > 1 else None
        return Staging(
            deployment=deployment,
            is_answering=is_answering,
            unanswered=unanswered,
            keeper=self._keeper(run, deployment),
        )

    def _keeper(self, run: Run, deployment: DeploymentView | None) -> str | None:
        """Whose a failed deployment is, beside this run's: only of those is it asked whether they may be deleted."""
        if deployment is None or deployment.state != "Failed":
            return None
        champion, previous = (
            self._world.pipelines.champion(run.pipeline),
            self._world.pipelines.previous(run.pipeline),
        )
        rows = {"champion": champion, "previous": previous}
        return next((whose for whose, row in rows.items() if row and row.deployment == deployment.name), None)

    def _evaluating(self, run: Run) -> Evaluating:
        return evaluating.look(self._world, run)

    def _awaiting_approval(self, run: Run) -> AwaitingApproval:
        if run.gate and run.gate.is_approved:  # a rejection needs no evidence
            evidence.insist(self._world, run, "deployment")
        return AwaitingApproval(
            champion=self._world.pipelines.champion(run.pipeline),
            plan=evaluation_plan.if_needed(self._world, run),
        )

    def _deploying(self, run: Run) -> Deploying:
        assert run.production
        present = self._world.deployer.deployment(run.production)
        contradiction = None
        if present is None or present.model != run.model:  # before it is put
            evidence.insist(self._world, run, "deployment")
            contradiction = self._contradiction(run)
        return Deploying(
            deployment=present,
            keeper=self._keeper(run, present),
            champion=self._world.pipelines.champion(run.pipeline),
            plan=evaluation_plan.if_needed(self._world, run),
            contradiction=contradiction,
        )

    def _contradiction(self, run: Run) -> str | None:
        """Why a verdict that nobody was asked about does not hold, if it does not."""
        pin = self._pins.of(run)
        if pin is None or "deployment" in run.gates or evaluation_plan.is_of_older_release(run):
            return None
        outcome = evaluating.judged_anew(self._world, run, pin)
        if approval.needs_nobody(run.evolve(evaluation=outcome), pin.spec):
            return None
        return f"Computed again from the stored answers, the verdict is {outcome.outcome}: {outcome.reason}"

    def _verifying(self, run: Run) -> Verifying:
        assert run.production
        return Verifying(
            deployment=self._world.deployer.deployment(run.production),
            champion=self._world.pipelines.champion(run.pipeline),
            plan=evaluation_plan.if_needed(self._world, run),
        )

    def _ended(self, run: Run) -> Ended:
        until, now = sweep_until(run, self._policy), self._world.clock.now()
        is_sweeping = until is not None and now < until
        candidate = self._own(run, run.candidate) if may_have_candidate(run) else None
        production = self._own(run, run.production) if may_have_early(run, now, self._policy) else None
        file_ids: tuple[str, ...] = ()
        if may_have_files(run):
            files = self._world.files.named(frozenset(upload_names(run).values()))
            file_ids = tuple(file.id for file in files.values() if file.status not in {"deleted", "deleting"})
        return Ended(
            jobs=self._jobs_of(run) if is_sweeping or not run.files_removed else (),
            candidate=candidate,
            production=production,
            file_ids=file_ids,
        )

    def _own(self, run: Run, name: str | None) -> DeploymentView | None:
        """A deployment of the run, if it is there and not somebody else's."""
        found = self._world.deployer.deployment(name) if name else None
        return found if found and found.model == run.model else None


def _nothing(_run: Run) -> Nothing:
    """At the spend gate people decide; there is only the clock."""
    return Nothing()
