"""How a deployment is made: looked for, put, waited for; and made anew where an earlier try of the run left a broken one."""

from __future__ import annotations

from datetime import datetime

from shared.core import endings, naming
from shared.core.decision import Decision, poll
from shared.core.effects import DeleteDeployment, PutDeployment
from shared.core.observations import DeploymentView
from shared.core.policy import Policy
from shared.core.run import Run
from shared.core.steps.attempts import begin

_BROKEN = frozenset({"Failed", "Canceled", "Disabled"})


def deploy(
    run: Run,
    seen: DeploymentView | None,
    put: PutDeployment,
    now: datetime,
    policy: Policy,
    *,
    keeper: str | None,
    may_replace: bool = False,
) -> Decision | None:
    """Create a deployment, or wait for it; None when ARM reports that it serves the model.

    Args:
        run: whose model is deployed.
        seen: what is there under the name.
        put: what is wanted there.
        now: the time, read before the look.
        policy: with the run's pipeline file.
        keeper: for whom else the deployment may not be deleted, if for anybody: `champion`, `previous`.
        may_replace: whether another model may be there: the champion's, under a name that runs share (strategy `replace`).
    """
    if seen is None:
        return begin(run, put, now, policy)
    is_before = run.attempt is None or run.attempt.effect == DeleteDeployment(name=put.name).key
    is_meant = seen.model == put.model or may_replace or is_marked(run, seen)
    if seen.state == "Failed" and is_before and is_meant:  # Azure takes no other over it
        if why := _objection(run, seen, keeper):
            return Decision(run=run.end(endings.DEPLOYMENT_FAILED, now, why))
        return begin(run, DeleteDeployment(name=put.name), now, policy)
    if seen.model != put.model and not may_replace:
        message = f"Deployment {put.name} exists and serves {seen.model}; it is not touched."
        return Decision(run=run.end(endings.DEPLOYMENT_NAME_TAKEN, now, message, model=put.model))
    if seen.model != put.model or (seen.state in _BROKEN and is_before):  # a retry puts it anew
        return begin(run, put, now, policy)
    if seen.state in _BROKEN:
        message = f"Azure ended deployment {put.name} ({put.sku}, capacity {put.capacity}) as {seen.state}."
        return Decision(run=run.end(endings.DEPLOYMENT_FAILED, now, message))
    # `Deleting`: by the clean-up, before a person sent the run back to work, or to be put anew.
    return None if seen.state == "Succeeded" else poll(run, now)


def is_marked(run: Run, seen: DeploymentView) -> bool:
    """Whether a deployment carries the mark of this run; of those that releases before 0.3.0 made, its model has to say it."""
    if any(tag in seen.tags for tag in naming.MARKS):
        return seen.tags.get(naming.RUN_MARK) == run.id
    return seen.model == run.model


def _objection(run: Run, seen: DeploymentView, keeper: str | None) -> str | None:
    """Why a failed deployment may not be deleted; None if it is surely nobody else's."""
    if keeper is None and is_marked(run, seen):
        return None
    why = f"it is that of the {keeper}" if keeper else "it does not carry the mark of this run"
    return (
        f"Deployment {seen.name} is in the state Failed and would have to be deleted before it can be made anew. It is not "
        f"touched: {why}."
    )
