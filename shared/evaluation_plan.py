"""What a candidate is measured against: fixed before the first answer, and once more if the champion was replaced meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import msgspec

from shared.core import artifacts, naming
from shared.core import champion as champions
from shared.core.artifacts import Artifact
from shared.core.errors import ArtifactGone, Conflict, FinetuneError, NotReady
from shared.core.evaluation.doubts import NONE_YET
from shared.core.evaluation.exam import CANDIDATE
from shared.core.evaluation.prospect import BaselinesAhead
from shared.core.observations import Champion, DeploymentView, EvaluationPlan, Proof
from shared.core.run import Run
from shared.core.spec import Baseline
from shared.pinning import Pinned
from shared.ports import World
from shared.run_folder import Evidence, RunFolder, sha256_of

_UNDER_WAY: Final = frozenset({"Accepted", "Creating", "Moving"})
#: Of one target.
_CHUNKS_MAX: Final = 100
_decode_plan: Final = msgspec.json.Decoder(EvaluationPlan).decode

type _Asked = tuple[str, str, str | None]
"""Deployment, model, system prompt: two targets with the same answer alike."""


def load(world: World, run: Run) -> EvaluationPlan | None:
    """The plan of the evaluation that is under way, if it is made already, and as it was made."""
    made = stored(world, run)
    return made if made and made.round == run.evaluation_round else None


def present(world: World, run: Run) -> EvaluationPlan:
    """The plan of the evaluation that is under way.

    Raises:
        Conflict: if another evaluation is: this worker stood still for long.
    """
    made = load(world, run)
    if made is None:
        msg = (
            f"evaluation {run.evaluation_round + 1} of run {run.id} has no plan, or is not under way any more"
        )
        raise Conflict(msg)
    return made


def if_needed(world: World, run: Run) -> EvaluationPlan | None:
    """The plan of a run whose summary does not record which champion it was measured against."""
    return None if champions.is_recorded(run) else load(world, run)


def ahead(world: World, baselines: Sequence[Baseline], champion: Champion | None) -> BaselinesAhead:
    """Which baselines could be measured if it was done now; of those that cannot be asked about, that is not known."""
    present: list[str] = []
    missing: list[str] = []
    not_known: list[str] = []
    measured: set[tuple[str, str]] = set()
    for baseline in baselines:
        label, deployment = _label(baseline), _deployment(baseline, champion)
        if deployment is None:
            missing.append(f"{label}: {NONE_YET}")
            continue
        try:
            view = world.deployer.deployment(deployment)
            problem = _problem(view, champion if baseline.kind == "champion" else None)
        except FinetuneError as error:
            not_known.append(f"{label}: {error.message}")
            continue
        if view is None or problem:
            missing.append(_left_out(label, deployment, problem or "not there"))
        else:
            present.append(label)
            measured.add((deployment, view.model))
    if not any(baseline.kind == "champion" for baseline in baselines):
        missing += _not_among(champion, measured)
    return BaselinesAhead(present=tuple(present), missing=tuple(missing), not_known=tuple(not_known))


def make(world: World, run: Run, pinned: Pinned, *, items: int, chunk_size: int) -> Proof:
    """Store which baselines are there to be measured.

    Of an evaluation that was begun before, the evidence is put aside, and what was answered serves again; not if its plan was
    changed, which says who answered what.

    Raises:
        NotReady: while the champion's deployment is being made or changed.
    """
    before = stored(world, run)
    made = proposed(world, run, pinned, before, items=items, chunk_size=chunk_size)
    aside = _put_aside(world, run, before)
    folder = RunFolder(world.artifacts, run.id)
    folder.write_json(artifacts.PLAN, made)
    is_lost = before is None and artifacts.PLAN.name in run.evidence
    told = f"{artifacts.PLAN.name} was changed or deleted since it was stored. It was made anew; all answers are asked for again."
    return Proof(
        files=aside | folder.written,
        forgets=_forgotten(run, made.answers, is_anew=before is None),
        warnings=(told,) if is_lost else (),
    )


def proposed(
    world: World,
    run: Run,
    pinned: Pinned,
    before: EvaluationPlan | None,
    *,
    items: int,
    chunk_size: int,
) -> EvaluationPlan:
    """What would be measured against what now; nothing is stored.

    Args:
        world: where it would be.
        run: whose candidate.
        pinned: by what it is judged.
        before: the plan that is stored, if one is.
        items: how many held-out examples there are.
        chunk_size: of answers, if no plan was made before.

    Raises:
        NotReady: while the champion's deployment is being made or changed.
    """
    assert run.model
    candidate = run.candidate or naming.candidate_deployment(run.pipeline, run.id)
    champion = world.pipelines.champion(run.pipeline)
    asked: dict[str, _Asked] = {CANDIDATE: (candidate, run.model, None)}
    labels = {CANDIDATE: CANDIDATE}
    trained_by = _learned_from(CANDIDATE, pinned.spec.model, champion)
    skipped: list[str] = []
    names = _Names(run, before, pinned.answers)
    views: dict[str, DeploymentView | None] = {}
    for baseline in pinned.spec.evaluation.baselines:
        label, deployment = _label(baseline), _deployment(baseline, champion)
        prompt = pinned.prompts.get(baseline.system_prompt or "")
        if deployment is None:
            skipped.append(f"{label}: {NONE_YET}")
            continue
        if deployment not in views:  # each is looked at once, so that it cannot be two models in one plan
            views[deployment] = world.deployer.deployment(deployment)
        view = views[deployment]
        problem = _problem(view, champion if baseline.kind == "champion" else None)
        if view is None or problem:
            skipped.append(_left_out(label, deployment, problem or "not there"))
            continue
        if any((known, text) == (deployment, prompt) for known, _, text in asked.values()):
            continue  # the champion is also named by its deployment
        target = names.of((deployment, view.model, prompt))
        asked[target], labels[target] = (deployment, view.model, prompt), label
        trained_by |= _learned_from(target, view.model, champion)
    is_recorded = champions.is_measured(pinned.spec)
    if not is_recorded:
        skipped += _not_among(champion, {(name, model) for name, model, _ in asked.values()})
    return EvaluationPlan(
        targets={target: deployment for target, (deployment, _, _) in asked.items()},
        labels=labels,
        prompts={target: prompt for target, (_, _, prompt) in asked.items() if prompt is not None},
        models={target: model for target, (_, model, _) in asked.items()},
        items=items,
        # What was answered is stored by it.  The row remembers each chunk, so there are no more than it can hold.
        chunk_size=before.chunk_size if before else max(chunk_size, -(-items // _CHUNKS_MAX)),
        skipped=tuple(skipped),
        champion=(champion.run_id if champion else None) if is_recorded else msgspec.UNSET,
        round=run.evaluation_round,
        answers=pinned.answers,
        trained_by=trained_by,
    )


def _learned_from(target: str, model: str, champion: Champion | None) -> dict[str, tuple[str, ...]]:
    """What a plan says of a target that is the champion's model, or goes on from it."""
    return {target: (champion.run_id,)} if champion and champion.model == model else {}


def serves_another(world: World, made: EvaluationPlan, target: str) -> bool:
    """Whether the deployment of a target does not serve the model that the plan names, so that it has to be planned anew.

    With the strategy `replace` another run may put its model into the champion's deployment at any time.  What is not there any
    more is skipped with its reason then, a new champion is measured in place of the old one, and what was answered serves again.
    """
    if target == CANDIDATE:  # its deployment is the run's own
        return False
    view = world.deployer.deployment(made.targets[target])
    return view is None or view.model != made.models[target]


def _left_out(label: str, deployment: str, problem: str) -> str:
    return f"{label}: deployment {deployment} is {problem}"


def _not_among(champion: Champion | None, measured: Collection[tuple[str, str]]) -> Iterator[str]:
    """That clients have a model which nobody compares with; `measured` has deployments and their models."""
    if champion and (champion.deployment, champion.model) not in measured:
        yield f"champion: {champion.deployment} is not among the baselines of the pipeline file"


def is_of_older_release(run: Run) -> bool:
    """Whether 0.1.0 or 0.2.0 judged the run, which kept no hashes: what they stored then is not checked."""
    return run.evaluation is not None and artifacts.PLAN.name not in run.evidence


def stored(world: World, run: Run) -> EvaluationPlan | None:
    """The plan that the row vouches for, also of an evaluation that counts no more; None if it was changed since."""
    if is_of_older_release(run):
        return _read(RunFolder(world.artifacts, run.id), artifacts.PLAN)
    evidence = Evidence(world.artifacts, run)
    return _read(evidence, artifacts.PLAN) or _kept(RunFolder(world.artifacts, run.id), run)


def _read(folder: RunFolder, artifact: Artifact) -> EvaluationPlan | None:
    try:
        return folder.decoded(artifact, _decode_plan)
    except ArtifactGone:
        return None


def _kept(folder: RunFolder, run: Run) -> EvaluationPlan | None:
    """The plan that the row vouches for where it was put aside: a process died after it had stored the next one."""
    for number in reversed(range(run.evaluation_round)):
        kept = artifacts.superseded(artifacts.PLAN.name, number)
        if kept and _is_kept(folder, run, artifacts.PLAN.name, kept):
            return _read(folder, kept)
    return None


def _label(baseline: Baseline) -> str:
    if baseline.kind == "champion":
        return "champion"
    prompt = f" + {baseline.system_prompt}" if baseline.system_prompt else ""
    return f"{baseline.deployment}{prompt}"


def _deployment(baseline: Baseline, champion: Champion | None) -> str | None:
    if baseline.kind == "champion":
        return champion.deployment if champion else None
    return baseline.deployment


def _problem(view: DeploymentView | None, champion: Champion | None) -> str | None:
    """Why a baseline cannot be measured, if it cannot.

    Raises:
        NotReady: if it is the champion, and soon it can.
    """
    if view is None:
        return "not there"
    if (
        champion and view.model != champion.model
    ):  # with the strategy `replace`, while another run's model is tested
        return f"serving {view.model}, not {champion.model}"
    if champion and view.state in _UNDER_WAY:
        msg = f"the champion's deployment {view.name} is {view.state}"
        raise NotReady(msg)
    return None if view.state == "Succeeded" else view.state


def known_chunks(run: Run, number: int) -> Iterator[tuple[str, int]]:
    """Target and chunk of the answers that the row knows."""
    folder = artifacts.answers_folder(number)
    return (artifacts.chunk_of(name) for name in run.evidence if name.startswith(folder))


class _Names:
    """Names of targets: what was a target keeps its name, under which its answers are stored; no other target ever gets it."""

    def __init__(self, run: Run, before: EvaluationPlan | None, answers: int) -> None:
        self._known: dict[_Asked, str] = {}
        if before:
            for target, deployment in before.targets.items():
                self._known[deployment, before.models[target], before.prompts.get(target)] = target
        answered = {target for target, _ in known_chunks(run, answers)} if before else set()
        taken = {*answered, *self._known.values()} - {CANDIDATE}
        self._last = max((int(target.rpartition("-")[2]) for target in taken), default=0)

    def of(self, asked: _Asked) -> str:
        """The name of a target."""
        if asked not in self._known:
            self._last += 1
            self._known[asked] = f"baseline-{self._last}"
        return self._known[asked]


def _put_aside(world: World, run: Run, before: EvaluationPlan | None) -> dict[str, str]:
    """Keep the evidence of an evaluation that counts no more, before the next plan takes the place of its own.

    Returns:
        What the row knows of it, by the new names: what was changed before it was copied stays changed evidence.
    """
    folder = RunFolder(world.artifacts, run.id)
    last = before or _read(folder, artifacts.PLAN)
    if last is None or last.round == run.evaluation_round:
        return {}
    known: dict[str, str] = {}
    for name in folder.names(artifacts.EVALUATION):
        kept = artifacts.superseded(name, last.round)
        raw = folder.read(Artifact(name)) if kept else None
        if kept and raw is not None:
            if not _is_kept(folder, run, name, kept):
                folder.write(kept, raw)
            known |= {kept.name: run.evidence[name]} if name in run.evidence else {}
    return known


def _is_kept(folder: RunFolder, run: Run, name: str, kept: Artifact) -> bool:
    """Whether a file was put aside already, as the row knows it: a process died before the row knew that."""
    raw = folder.read(kept)
    return raw is not None and sha256_of(raw) == run.evidence.get(name)


def _forgotten(run: Run, number: int, *, is_anew: bool) -> tuple[str, ...]:
    """Beginnings of names of answers that do not serve: all of them, or those under other limits of tokens."""
    if is_anew:
        return (artifacts.ANY_ANSWERS,)
    serving = artifacts.answers_folder(number)
    folders = {
        name.rpartition("/")[0] + "/" for name in run.evidence if name.startswith(artifacts.ANY_ANSWERS)
    }
    return tuple(sorted(folders - {serving}))
