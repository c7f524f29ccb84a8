"""What Azure said about a model, its quota and the account's limits before money is spent, and what follows for a run.

What was not answered is not known: it is said, and nothing else follows from it.  Names, dates and limits are read as the service
writes them; how it writes them: examples of `Microsoft.CognitiveServices` 2025-09-01 in Azure/azure-rest-api-specs, outputs of
`az cognitiveservices model list` and `usage list` in public repositories.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.core.models import model_family
from shared.core.spec import Deployment, DeploymentSize, PipelineSpec

#: Before a model's end this is said.
WARNED_BEFORE: Final = timedelta(days=90)
#: How Azure writes that no date is set.
_NEVER_YEAR: Final = 2099
#: Documented limits of a resource: jobs in all, jobs in the queue, files.
JOBS_MAX, QUEUED_MAX, FILES_MAX = 100, 20, 100
#: So few that are left of them are said, and then again.
_FEW, _VERY_FEW = 20, 5
#: Tuned models that are deployed: documented; accounts of earlier years have the second limit.
TUNED_MAX, TUNED_MAX_OLDER = 10, 5
#: The quota of tuned models that are deployed, where Azure has one under this name.
TUNED_USAGE: Final = "OpenAI.FineTuned.Deployments"
#: Statuses of a model on its way out.
_LEAVING: Final = frozenset({"Legacy", "Deprecating", "Deprecated"})
#: Training type -> what an entry says of a model that can be tuned so.
_TRAINING_CAPABILITIES: Final = {"GlobalStandard": "globalFineTune", "DeveloperTier": "devTierFineTune"}


class OfferedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model, as the account lists it.

    Attributes:
        name: without its version.
        version: a date, or a number.
        format: of its deployments.
        lifecycle: as Azure writes it; empty if it does not.
        training_ends_at: from then on it cannot be tuned; None if no date is set.
        inference_ends_at: from then on it cannot be deployed or asked as it is; None likewise.
        capabilities: as Azure writes them.
        sku_ends_at: SKU -> from when on it is not offered; None likewise.
        is_default: whether it is the version that a name without one means.
    """

    name: str
    version: str = ""
    format: str = ""
    lifecycle: str = ""
    training_ends_at: datetime | None = None
    inference_ends_at: datetime | None = None
    capabilities: dict[str, str] = {}
    sku_ends_at: dict[str, datetime | None] = {}
    is_default: bool = True


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """A quota: how much of it is used, and how much there is."""

    used: float
    limit: float


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered; None is what is not known.

    Attributes:
        region: of the account.
        models: that the account lists.
        deployments: name -> model of all deployments of the account.
        usages: quotas of the subscription in the region, by name.
        capacities: SKU -> what is left for tuned models of the pipeline's base model.
        jobs: statuses of all jobs of the resource.
        files: how many files the resource holds.
        not_known: what was not answered and why, a sentence each.
    """

    region: str | None = None
    models: tuple[OfferedModel, ...] | None = None
    deployments: dict[str, str] | None = None
    usages: dict[str, Usage] | None = None
    capacities: dict[str, float] | None = None
    jobs: tuple[str, ...] | None = None
    files: int | None = None
    not_known: tuple[str, ...] = ()


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What follows for a run, in sentences.

    Attributes:
        retired: why the job cannot be; None if it can, or nothing is known.
        full: what there is no room for now: the job, or what comes after it.
        warnings: what its owners should know.
        not_known: what Azure did not answer.
    """

    retired: str | None = None
    full: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it, the worst first."""
        return (*((self.retired,) if self.retired else ()), *self.full, *self.warnings, *self.not_known)


def model_in(models: tuple[OfferedModel, ...] | None, model: str) -> OfferedModel | None:
    """The entry of a model id, or of what it was tuned from; None if there is none, or none can be chosen."""
    base = model.partition(".ft-")[0].lower()
    found = [one for one in models or () if base in {one.name.lower(), f"{one.name}-{one.version}".lower()}]
    return next((one for one in found if one.is_default), found[0] if found else None)


def foresee(spec: PipelineSpec, answers: Answers, now: datetime) -> Foreseen:
    """What follows from the answers for a run of this pipeline file."""
    offered = model_in(answers.models, spec.model)
    full: list[str] = []
    warnings: list[str] = []
    for is_full, sentence in (*_rooms(answers), *_quota(spec, answers)):
        (full if is_full else warnings).append(sentence)
    if offered:
        warnings += _of_model(spec, offered, now)
    elif answers.models is not None:
        warnings.append(f"The account does not list {spec.model}, so its dates are not known.")
    return Foreseen(
        retired=_retired(spec, offered, now) if offered else None,
        full=tuple(full),
        warnings=(*warnings, *_baselines(spec, answers, offered, now)),
        not_known=answers.not_known,
    )


def _retired(spec: PipelineSpec, offered: OfferedModel, now: datetime) -> str | None:
    ends_at = offered.training_ends_at
    if ends_at is None or now < ends_at:
        return None
    return f"Azure has not tuned {spec.model} since {ends_at:%Y-%m-%d}."


def _of_model(spec: PipelineSpec, offered: OfferedModel, now: datetime) -> Iterator[str]:
    """What an entry says against a model, but for its end; it has been wrong about open models, so it refuses nothing."""
    soon = now + WARNED_BEFORE
    if offered.training_ends_at and now < offered.training_ends_at <= soon:
        yield (
            f"Azure stops tuning {spec.model} on {offered.training_ends_at:%Y-%m-%d}; choose its successor before that day."
        )
    if offered.inference_ends_at and offered.inference_ends_at <= soon:
        was = "stopped" if offered.inference_ends_at <= now else "stops"
        yield f"Azure {was} serving {offered.name} as it is on {offered.inference_ends_at:%Y-%m-%d}."
    elif offered.lifecycle in _LEAVING:
        yield f"Azure calls {offered.name} {offered.lifecycle}: look up when it retires."
    for sku in dict.fromkeys((spec.evaluation.candidate.sku, spec.deployment.sku)):
        ends_at = offered.sku_ends_at.get(sku)
        if ends_at and ends_at <= soon:
            yield f"Azure lists {sku} for {offered.name} until {ends_at:%Y-%m-%d}; a deployment may be refused then."
    if offered.capabilities.get("fineTune", "").lower() != "true":
        yield f"Azure does not list {offered.name} as a model that can be tuned; that list has been wrong about open models."
    kind = _TRAINING_CAPABILITIES.get(spec.training_type, "")
    if offered.capabilities.get(kind, "true").lower() != "true":
        yield f"Azure does not list {offered.name} as tunable by training type {spec.training_type}."


def _rooms(answers: Answers) -> Iterator[tuple[bool, str]]:
    """Limits of the resource: whether one is reached, and a sentence."""
    jobs = answers.jobs
    if jobs is not None:
        remedy = "Delete old jobs in the Foundry portal."
        yield from _room("jobs", len(jobs), JOBS_MAX, remedy)
        queued = sum(1 for status in jobs if status in {"pending", "queued", "validating_files"})
        if queued >= QUEUED_MAX:
            yield (
                True,
                f"The Foundry resource has {queued} jobs in its queue, of {QUEUED_MAX}. A place comes by itself.",
            )
    if answers.files is not None:
        remedy = "Delete files that no job needs, in the Foundry portal."
        yield from _room("files", answers.files, FILES_MAX, remedy)
    yield from _tuned(answers)


def _room(what: str, count: int, limit: int, remedy: str) -> Iterator[tuple[bool, str]]:
    left = limit - count
    if left <= 0:
        yield True, f"The Foundry resource holds {count} {what}, and takes {limit}. {remedy}"
    elif left <= _FEW:
        only = "only " if left <= _VERY_FEW else ""
        yield False, f"The Foundry resource holds {count} {what} of {limit}: {only}{left} more fit. {remedy}"


def _tuned(answers: Answers) -> Iterator[tuple[bool, str]]:
    """Room for the candidate, and then for production.  Only a limit that Azure itself names makes an account full."""
    quota = (answers.usages or {}).get(TUNED_USAGE)
    if answers.deployments is None and quota is None:
        return
    listed = sum(1 for model in (answers.deployments or {}).values() if ".ft-" in model)
    count = max(listed, int(quota.used) if quota else 0)
    has = f"The account has {count} tuned deployments"
    advice = "a run needs two for a while. Delete tuned deployments that nobody uses."
    if quota is not None:
        left = int(quota.limit) - count
        if left < 2:
            yield left < 1, f"{has}, and takes {quota.limit:.0f}; {advice}"
    elif count > TUNED_MAX - 2:
        yield False, f"{has}; {TUNED_MAX} is the documented limit, and {advice}"
    elif count > TUNED_MAX_OLDER - 2:
        yield False, f"{has}; accounts of earlier years take {TUNED_MAX_OLDER}, and {advice}"


def _quota(spec: PipelineSpec, answers: Answers) -> Iterator[tuple[bool, str]]:
    """What is left for the candidate, without which all was trained in vain; and for production."""
    wanted: dict[str, Deployment | DeploymentSize] = {
        "the candidate": spec.evaluation.candidate,
        "production": spec.deployment,
    }
    for whose, size in wanted.items():
        left = _left(spec, answers, size.sku)
        if left is not None and left < size.capacity:
            quota = f"the quota of tuned {_short(spec.model)} as {size.sku} in {answers.region}"
            advice = "Lower its capacity, delete deployments, or ask for more quota."
            yield (
                whose == "the candidate",
                f"Of {quota} {left:.0f} is left, and {whose} takes {size.capacity}. {advice}",
            )


def _left(spec: PipelineSpec, answers: Answers, sku: str) -> float | None:
    usage = usage_of(answers.usages, spec.model, sku, of_tuned=True)
    if usage is not None:
        return max(0.0, usage.limit - usage.used)
    return (answers.capacities or {}).get(sku)


def usage_of(usages: Mapping[str, Usage] | None, model: str, sku: str, *, of_tuned: bool) -> Usage | None:
    """The quota of a model, such as `OpenAI.GlobalStandard.gpt4.1-mini-finetune`, whatever hyphens its name has there."""
    wanted = _spelled(f"{sku}.{_short(model)}{'-finetune' if of_tuned else ''}")
    found = (usage for name, usage in (usages or {}).items() if _spelled(name.partition(".")[2]) == wanted)
    return next(found, None)


def _spelled(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).lower()


def _short(model: str) -> str:
    """A model without date and tuning, as quotas call it."""
    base = model.partition(".ft-")[0]
    return model_family(model) or re.sub(r"-\d{4}-\d{2}-\d{2}$", "", base)


def _baselines(
    spec: PipelineSpec, answers: Answers, offered: OfferedModel | None, now: datetime
) -> Iterator[str]:
    """Of baselines that are not deployed: that they cannot be, if the base model has ended or there is no quota for it."""
    if answers.deployments is None:
        return
    named = (one.deployment for one in spec.evaluation.baselines if one.deployment)
    missing = [name for name in dict.fromkeys(named) if name not in answers.deployments]
    if not missing:
        return
    name = _short(spec.model)
    skus = ("Standard", "GlobalStandard", "DataZoneStandard", "ProvisionedManaged")
    quotas = [usage for sku in skus if (usage := usage_of(answers.usages, name, sku, of_tuned=False))]
    has_ended = (
        offered is not None and offered.inference_ends_at is not None and offered.inference_ends_at <= now
    )
    if has_ended:
        why = f"Azure serves {name} no longer"
    elif quotas and not any(usage.limit for usage in quotas):
        why = f"the subscription has no quota for {name} in {answers.region}"
    else:
        return
    yield (
        f"Baseline {', '.join(missing)} is not deployed, and {why}: a deployment of {name} cannot be made, and the candidate is "
        "not measured against it. Name another baseline."
    )


def moment(text: object) -> datetime | None:
    """A date as Azure writes it; None if it is none, or means that none is set."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else text
    except ValueError:
        return None
    if not isinstance(found, datetime) or found.tzinfo is None or found.year >= _NEVER_YEAR:
        return None
    return found
