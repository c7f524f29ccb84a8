"""Whether a run was measured against the champion that is in use.

A verdict says that a candidate is better than what clients have, so it holds for one champion only.  Two datasets may be measured
at the same time: the model of the one that is promoted first is what the other has to be measured against.
"""

from __future__ import annotations

import msgspec

from shared.core.observations import Champion, EvaluationPlan
from shared.core.run import Run
from shared.core.spec import PipelineSpec


def is_measured(spec: PipelineSpec) -> bool:
    """Whether the champion is among a pipeline's baselines."""
    return any(baseline.kind == "champion" for baseline in spec.evaluation.baselines)


def is_recorded(run: Run) -> bool:
    """Whether the summary of a run says which champion it was measured against; else its plan has to."""
    return run.evaluation is not None and run.evaluation.champion is not msgspec.UNSET


def replacement(
    run: Run, champion: Champion | None, plan: EvaluationPlan | None, spec: PipelineSpec | None
) -> str | None:
    """Why the evaluation of a run counts no more; None if it is about the champion in use, or about none.

    Args:
        run: which was evaluated.
        champion: in use now.
        plan: of the evaluation; looked at only if the summary does not record the champion.
        spec: the pipeline file; None where the run can do without (at a gate).
    """
    if run.evaluation is None or (champion and champion.run_id == run.id):
        return None
    measured = run.evaluation.champion
    if measured is not msgspec.UNSET:
        if measured == (champion.run_id if champion else None):
            return None
        before = "when there was no champion" if measured is None else f"against the model of run {measured}"
    else:
        if spec is None or not is_measured(spec) or _is_about(plan, champion):
            return None
        before = "against another champion, or none"
    present = f"Run {champion.run_id} became the champion" if champion else "The champion was taken away"
    return f"{present} after this run was measured {before}."


def _is_about(plan: EvaluationPlan | None, champion: Champion | None) -> bool:
    """Whether a plan of a release that did not record the champion is about this one: measured it, or said why it could not."""
    if plan is None:
        return champion is None
    if champion is None:
        return "champion" not in plan.labels.values()
    if any(text.startswith(f"champion: deployment {champion.deployment} is ") for text in plan.skipped):
        return True
    return any(
        (deployment, plan.models[target]) == (champion.deployment, champion.model)
        for target, deployment in plan.targets.items()
        if target not in plan.prompts
    )
