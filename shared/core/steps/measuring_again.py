"""How an evaluation is begun anew: for a champion that replaced the one that was measured, or because a person asks for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.core import naming
from shared.core.anew import begun_anew
from shared.core.decision import Decision, poll, wait
from shared.core.effects import DeleteDeployment, PutBackChampion
from shared.core.observations import Champion, Deploying, DeploymentView, Verifying
from shared.core.policy import Policy
from shared.core.run import Run
from shared.core.steps.attempts import begin

_PUT_BACK_FAILED = frozenset({"Failed", "Canceled"})


def measure_again(run: Run, why: str, now: datetime) -> Decision:
    """Back to where the candidate is measured; no approval so far counts for what will be found.

    The gate stays until another is opened, so that who decides on its digest learns why it counts no more.
    """
    warnings = (*run.warnings, f"{why} It is measured again.")
    return Decision(run=begun_anew(run.evolve(warnings=warnings), why, now))


def take_back(run: Run, why: str, seen: Deploying | Verifying, now: datetime, policy: Policy) -> Decision:
    """Remove what was put too early, and only then measure again: it would cost, or clients would have it already."""
    assert run.production
    present = seen.deployment
    attempt = run.attempt
    if attempt and attempt.effect == f"PutDeployment:{run.production}" and not attempt.is_settled:
        visible_at = attempt.at + timedelta(seconds=policy.effect_lease_s)
        if (present is None or present.model != run.model) and now < visible_at:
            return wait(run, visible_at)
    if present is None:
        return measure_again(run, why, now)
    if seen.champion and seen.champion.deployment == run.production:
        return _put_back(run, seen.champion, present, now, policy) or measure_again(run, why, now)
    if present.model != run.model:
        return measure_again(run, why, now)
    if present.state == "Deleting":
        return poll(run, now)
    return begin(run, DeleteDeployment(name=present.name), now, policy)


def _put_back(
    run: Run, champion: Champion, present: DeploymentView, now: datetime, policy: Policy
) -> Decision | None:
    """Give clients the champion's model back; None when they have it, or when another run's is in its place."""
    if present.model == run.model or (present.model == champion.model and present.state in _PUT_BACK_FAILED):
        spec = policy.spec
        marks = naming.marks(champion.run_id, run.pipeline, "production")
        effect = PutBackChampion.of(champion.deployment, champion.model, spec.model, spec.deployment, marks)
        return begin(run, effect, now, policy)
    if present.model == champion.model and present.state != "Succeeded":
        return poll(run, now)
    return None
