"""Judging a run again by today's pipeline file: what has to be known before anything is changed.

A grader that was wrong must not cost a second job.  The model stays, and what it answered serves; only what is missing is asked.
Whatever speaks against it is found here, so that a refusal leaves the run as it was.
"""

from __future__ import annotations

from typing import Final

import msgspec

from shared import evaluating, evaluation_plan
from shared.core import judging_again
from shared.core.clipping import clip
from shared.core.costs import Estimate
from shared.core.errors import ArtifactGone, CannotJudge, NotFound
from shared.core.evaluation.answers import Answer
from shared.core.evaluation.exam import CANDIDATE
from shared.core.evaluation.grading import Grading
from shared.core.judging_again import Owed
from shared.core.observations import EvaluationPlan
from shared.core.people import Person, insist_on_judge
from shared.core.pipeline.file import file_of
from shared.core.run import Judging, Run
from shared.core.spec import PipelineSpec
from shared.grading import examine
from shared.pinning import Pinned, Pins, Today
from shared.ports import World
from shared.run_folder import Evidence

#: Of a verdict's reason, where another verdict tells of it.
_VERDICT_UNITS: Final = 400
_RESTORE: Final = "Restore it: the container `artifacts` keeps versions and deleted blobs for a while."
_CORRECT: Final = "Correct the pipeline file, then ask again; the run is as it was."


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run needs to be judged again.

    Attributes:
        judging: by what.
        is_answered: whether the candidate owes no answer.
        asked: the answers that are missing, of all sides.
        cost: of these.
        grading: how it will be graded, in sentences.
    """

    judging: Judging
    is_answered: bool
    asked: Owed
    cost: Estimate
    grading: tuple[str, ...]


class Rejudging:
    """Finds out whether and how a run can be judged again."""

    def __init__(self, world: World, pins: Pins) -> None:
        self._world = world
        self._pins = pins

    def prepare(self, run: Run, person: Person) -> Prepared:
        """Pin today's evaluation and smoke test beside what the run is judged by now.  The run itself is not changed.

        Raises:
            GateClosed: if a run in this status cannot be judged again.
            Forbidden, Expired: if this person may not have it judged again, or not any more.
            CannotJudge: if the model is gone, or the pipeline file, its graders or its budget do not allow it.
            Retryable: if a service does not answer, or the champion's deployment is just being changed.
        """
        now = self._world.clock.now()
        insist_on_judge(run, person, self._pins.approval(run), now)
        assert run.model
        if not self._world.trainer.has_model(run.model):
            msg = f"the model {run.model} is not in Foundry any more"
            raise CannotJudge(
                msg,
                remedy="Nothing brings it back. Change the job in the pipeline file (a seed is enough), and drop the dataset "
                "again: that trains anew.",
            )
        before = self._pins.of(run)
        if before is None:
            msg = "what the run is pinned to was deleted or changed"
            raise CannotJudge(msg, remedy=_RESTORE)
        today = self._today(run.pipeline)
        try:
            pinned, changed, notes, grading = self._merged(run, before, today)
            asked, is_answered = self._owed(run, before, pinned)
        except (ArtifactGone, NotFound) as error:
            raise CannotJudge(error.message, remedy=_RESTORE) from error
        cost = self._affordable(run, asked, today)
        judging = Judging(
            pin=self._pins.store_again(run, pinned),
            changed=_joined(run.judging.changed if run.judging else (), changed),
            notes=notes,
            before=_verdicts(run),
            person=person.id,
            name=person.name,
            at=now,
        )
        return Prepared(judging=judging, is_answered=is_answered, asked=asked, cost=cost, grading=grading)

    def _today(self, pipeline: str) -> Today:
        found = self._pins.today(pipeline)
        if isinstance(found, Today):
            return found
        if not found:
            msg = f"there is no pipeline file {file_of(pipeline)} any more"
            raise CannotJudge(msg, remedy="Store it again.")
        first = found[0]
        msg = f"{file_of(pipeline)}:{first.line}:{first.column}: {first.path}: {first.message}"
        raise CannotJudge(msg, remedy=f"{first.remedy} {_CORRECT}")

    def _merged(
        self, run: Run, before: Pinned, today: Today
    ) -> tuple[Pinned, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """What the run is judged by from now on; what that changes; what is not used of today's file; how it is graded."""
        theirs, ours = (frozen and frozen.sha256 for frozen in (today.evaluation_set, before.evaluation_set))
        has_set = today.spec.evaluation.set is not None
        evaluation, notes = judging_again.evaluation_of_today(
            before.spec, today.spec, is_same_set=theirs == ours and has_set == (ours is not None)
        )
        spec = judging_again.spec_of_today(before.spec, today.spec, evaluation)
        grading, sentences = self._examined(run, spec, today.source)
        changed = [
            *judging_again.changed_keys(before.spec, spec),
            *judging_again.changed_prompts(before.prompts, today.prompts),
        ]
        graders = "evaluation.graders"
        if graders not in changed and grading.graders != self._graded(run, before):
            changed.append(graders)  # the app chooses others today
        is_same_limit = evaluation.max_completion_tokens == before.spec.evaluation.max_completion_tokens
        pinned = msgspec.structs.replace(
            before,
            spec=spec,
            source=today.source,
            prompts=today.prompts,
            grading=grading,
            answers=before.answers if is_same_limit else run.evaluation_round + 1,
        )
        return pinned, tuple(changed), notes, sentences

    def _graded(self, run: Run, before: Pinned) -> object:
        return evaluating.grading_of_run(self._world, run, before).graders

    def _examined(self, run: Run, spec: PipelineSpec, source: str) -> tuple[Grading, tuple[str, ...]]:
        """Graders that fit the held-out rows, and what is to be said of them.

        Raises:
            CannotJudge: if the deciding one cannot read the rows.
        """
        assert run.summary
        evidence = Evidence(self._world.artifacts, run)
        held_out = bool(run.summary.evaluation_examples)
        examined = examine(evidence, spec, source, held_out=held_out)
        if examined.findings:
            first = examined.findings[0]
            msg = f"{first.code} {first.place}: {first.path}: {first.message}"
            raise CannotJudge(msg, remedy=f"Choose a grader that fits the rows. {_CORRECT}")
        return examined.grading, examined.notes

    def _owed(self, run: Run, before: Pinned, pinned: Pinned) -> tuple[Owed, bool]:
        """The answers that are missing, and whether the candidate's are all there."""
        rows = list(evaluating.rows(self._world, run))
        plan = evaluation_plan.stored(self._world, run)
        if evaluation_plan.is_of_older_release(run):
            plan = None  # what it says, and what was answered, is not checked: it is asked for again
        wanted = evaluation_plan.proposed(
            self._world, run, pinned, plan, items=len(rows), chunk_size=max(1, len(rows))
        )
        there = {
            target: evaluating.stored_answers(self._world, run, wanted, target) for target in wanted.targets
        }
        known = [answer for given in there.values() for answer in given] or self._all_of(run, plan)
        chars = sum(len(msgspec.json.encode(row)) for row in rows) / max(1, len(rows))
        limit = pinned.spec.evaluation.max_completion_tokens
        missing = {target: max(0, len(rows) - len(given)) for target, given in there.items()}
        asked = judging_again.owed(
            sum(missing.values()),
            known,
            prompt_chars=chars,
            limit=limit,
            is_same_limit=limit == before.spec.evaluation.max_completion_tokens,
        )
        return asked, plan is not None and not missing[CANDIDATE]

    def _all_of(self, run: Run, plan: EvaluationPlan | None) -> list[Answer]:
        """All answers under a plan, to estimate by."""
        targets = plan.targets if plan else ()
        return [
            answer
            for target in targets
            if plan
            for answer in evaluating.stored_answers(self._world, run, plan, target)
        ]

    def _affordable(self, run: Run, asked: Owed, today: Today) -> Estimate:
        """What the missing answers cost, as far as that is known.

        Raises:
            CannotJudge: if today's budget does not allow it.
        """
        assert run.summary
        cost = judging_again.cost_of(asked, today.spec.prices)
        month = self._world.clock.now().strftime("%Y-%m")
        lines = self._world.pipelines.committed(run.pipeline, month) if cost.usd else ()
        if why := judging_again.beyond_budget(
            cost,
            today.spec.budget,
            paid_usd=run.summary.estimated_usd or 0.0,
            committed_usd=sum(usd for _, _, usd in lines),
        ):
            raise CannotJudge(why, remedy="Raise the budget in the pipeline file, or lower what is asked.")
        return cost


def _joined(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*old, *new)))


def _verdicts(run: Run) -> tuple[str, ...]:
    """The verdicts of a run so far, in words."""
    earlier = run.judging.before if run.judging else ()
    seen = run.evaluation
    return earlier if seen is None else (*earlier, f"{seen.outcome}: {clip(seen.reason, _VERDICT_UNITS)}")
