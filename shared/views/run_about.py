"""The rest of a run's page: its curves, what it costs, what it is about, its files, and where to look further."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from shared.core import artifacts
from shared.core.curves import Curves
from shared.core.observations import Champion
from shared.core.run import Run
from shared.core.serving import Call, example
from shared.core.shown import clipped
from shared.core.spec import PipelineSpec
from shared.core.status import Status
from shared.core.steps.closing import may_have_candidate
from shared.pages import charts
from shared.pages.charts import Mark, Series
from shared.pages.shapes import Table
from shared.views import run_ask
from shared.views.run_shown import Command, Fact, Training

_FILES_MAX: Final = 40
_CHECKPOINTS_MAX: Final = 20
_NAME_MAX: Final = 120
_OPERATE: Final = "docs/operate.md"
#: status -> where the documentation says what to do; others have the page of their error, or need nothing.
_RUNBOOK: Final[MappingProxyType[Status, str]] = MappingProxyType(
    {
        Status.AWAITING_SPEND_APPROVAL: "docs/operate.md, Approvals waiting; docs/approve.md",
        Status.AWAITING_APPROVAL: "docs/operate.md, Approvals waiting; docs/approve.md",
        Status.NOT_PROMOTED: "docs/operate.md, Judge a run again; docs/evaluation.md",
        Status.EXPIRED: "docs/operate.md, Judge a run again",
        Status.REJECTED: "docs/evaluation.md, Judge again",
        Status.DEPLOYED: "docs/operate.md, Foreign deployment",
        Status.INVALID: "docs/rules.md; docs/pipeline-file.md",
        Status.DUPLICATE: "docs/statuses.md",
        Status.SUPERSEDED: "docs/statuses.md",
        Status.CANCELLED: "docs/statuses.md",
    }
)


def training(found: Curves | None) -> Training | None:
    """The learning curves; None before there are any."""
    if found is None:
        return None
    rest = "reward" if found.measure == "reward" else "loss"
    series = [
        Series(name=f"training {rest}", css="line-a", points=found.train),
        Series(name=f"validation {rest}", css="line-b", points=found.validation),
        Series(name=f"validation {rest}, whole file", css="line-c", points=found.full_validation),
    ]
    marks = [Mark(x=kept.step, css="checkpoint", words="checkpoint") for kept in found.checkpoints]
    if found.best_step is not None:
        css, words = (
            ("overfit", "overfitting from here") if found.overfits else ("best", "validation at its best")
        )
        marks.append(Mark(x=found.best_step, css=css, words=words))
    chart = charts.curves("curves", f"Training: {rest} by step", series, marks, x_name="step")
    if chart is None:
        return None
    return Training(chart=chart, told=found.told, overfits=found.overfits, checkpoints=_checkpoints(found))


def _checkpoints(found: Curves) -> Table | None:
    if not found.checkpoints:
        return None
    shown = found.checkpoints[-_CHECKPOINTS_MAX:]
    return Table(
        caption="Checkpoints; none of them is deployed by the app",
        head=("step", f"validation {found.measure}", "model"),
        rows=tuple(
            (
                f"{kept.step:g}",
                "" if kept.validation is None else f"{kept.validation:.4g}",
                clipped(kept.model, _NAME_MAX),
            )
            for kept in shown
        ),
    )


def cost(run: Run, spec: PipelineSpec | None) -> tuple[Fact, ...]:
    """What it costs, as far as that is known."""
    if run.is_finished and not (run.job_id or run.has_spent or run.retired_jobs):
        return (Fact(what="training", said="nothing", more="no job was started, and nothing was deployed"),)
    known, hosting = run.summary, run_ask.month(spec, run.model)
    found = [
        Fact(
            what="training",
            said=run_ask.training_cost(run),
            more=known.estimate_basis if known else "known once the dataset is validated",
        )
    ]
    if run.trained_tokens is not None:
        found.append(
            Fact(what="trained tokens", said=f"{run.trained_tokens:,}", more="as Foundry reports them")
        )
    if run.retired_jobs:
        found.append(
            Fact(
                what="jobs before a retry",
                said=f"{len(run.retired_jobs):,}",
                more="what they trained is billed, too; it is not in the estimate",
            )
        )
    found.append(
        Fact(
            what="a month of hosting",
            said=run_ask.usd(hosting),
            more=f"{hosting.basis}; only shown here: no limit is set by it",
        )
    )
    found.append(
        Fact(
            what="evaluation",
            said="not known",
            more="Azure bills its tokens; the app keeps no account of them",
        )
    )
    return tuple(found)


def facts(run: Run) -> tuple[Fact, ...]:
    """What it is about."""
    return tuple(_facts(run))


def _facts(run: Run) -> Iterator[Fact]:
    ref = run.dataset
    yield Fact(what="pipeline", said=run.pipeline, link=f"/api/ui/pipelines/{quote(run.pipeline, safe='')}")
    yield Fact(
        what="dataset",
        said=f"{ref.container}/{ref.name}",
        more=f"version {ref.etag}, {ref.size_bytes:,} bytes",
    )
    yield Fact(
        what="dropped by",
        said=ref.uploaded_by or "not known",
        more="object id, as whoever dropped it wrote it down"
        if ref.uploaded_by
        else "the blob had no metadata uploaded_by, so nobody is kept from voting as the uploader",
    )
    for companion in run.companions:
        yield Fact(what=companion.role, said=companion.name, more=f"version {companion.etag}")
    if run.summary:
        parts = run.summary
        yield Fact(
            what="examples",
            said=f"{parts.examples:,} for training, {parts.validation_examples:,} for validation, "
            f"{parts.evaluation_examples:,} held out",
            more=f"{parts.tokens:,} tokens",
        )
    if run.duplicate_of:
        yield Fact(what="same work as", said=run.duplicate_of, link=f"/api/ui/runs/{run.duplicate_of}")
    if run.job_id:
        yield Fact(
            what="job", said=run.job_id, more=f"{run.job_status or 'not looked at yet'}, as Foundry reports"
        )
    for job in (*run.duplicates, *run.orphans):
        yield Fact(what="duplicate job", said=job, more="it appeared late")
    if run.model:
        yield Fact(what="tuned model", said=run.model)
    if run.candidate:
        gone = "removed" if run.candidate_removed else "for evaluation only"
        yield Fact(what="candidate's deployment", said=run.candidate, more=gone)
    if run.production:
        yield Fact(what="deployment for clients", said=run.production)
    yield Fact(what="moved last by version", said=run.app_version or "0.1.0")


def files(run: Run, present: Sequence[str], *, sees_rows: bool) -> tuple[tuple[Fact, ...], tuple[str, ...]]:
    """The evidence that the reader may have, each with its path; and how much more there is that the role does not show."""
    served = [name for name in present if artifacts.is_served(name)]
    may = [
        name
        for name in served
        if sees_rows or not artifacts.holds_rows(name) or artifacts.is_shown_without_rows(name)
    ]
    base = f"/api/runs/{run.id}"
    known = {*run.known_files, artifacts.PINNED.name}
    shown = [
        Fact(
            what=name,
            said="without rows" if artifacts.holds_rows(name) and not sees_rows else "",
            more=""
            if name in known
            else "an older release kept no hash of it: nothing says whether it was changed",
            link=f"{base}/artifacts/{quote(name)}",
        )
        for name in may[:_FILES_MAX]
    ]
    if len(may) > _FILES_MAX:
        shown.append(Fact(what=f"{len(may) - _FILES_MAX:,} more", said="in the answer of the API", link=base))
    allowed = set(may)
    refused = [name for name in served if name not in allowed]
    more = [f"{len(refused) - _FILES_MAX:,} more"] if len(refused) > _FILES_MAX else []
    return tuple(shown), (*refused[:_FILES_MAX], *more)


def commands(run: Run, call: Call | None) -> tuple[Command, ...]:
    """What to copy where no button helps; `call` says how clients ask what the run deployed."""
    query = (
        "dependencies\n"
        '| where name startswith "finetune."\n'
        "| where operation_Id in (\n"
        f'    (dependencies | where tostring(customDimensions["finetune.run_id"]) == "{run.id}" | distinct operation_Id))\n'
        "| project timestamp, name, duration, success, customDimensions\n"
        "| order by timestamp asc"
    )
    found = [Command(what="The log of this run, in Application Insights", text=query)]
    if call:
        asked = example(call.url, call.audience, call.model)
        found.insert(0, Command(what="Ask the deployment, with your own sign-in", text=asked))
    return tuple(found)


def left(run: Run, champion: Champion | None) -> tuple[str, ...]:
    """Which deployments of a failed run are still there, as far as its row tells; nothing of others."""
    if run.status is not Status.FAILED or run.failure is None:
        return ()
    found = []
    if run.production and run.failure.step in {Status.DEPLOYING, Status.VERIFYING}:
        if champion and champion.deployment == run.production:
            found.append(
                f"{run.production} is the deployment that clients of {run.pipeline} ask: do not delete it."
            )
        else:
            there = "is there" if run.failure.step == Status.VERIFYING else "may be there"
            found.append(
                f"Its deployment {run.production} {there}: it is kept so that it can be tried again, nobody is led to it, and it "
                "costs by the hour until somebody deletes it."
            )
    if may_have_candidate(run):
        found.append(f"Its candidate's deployment {run.candidate} is being removed by the app.")
    return tuple(found) or ("No deployment of it is left.",)


def runbook(run: Run) -> tuple[Fact, ...]:
    """Where the documentation says what to do; of what the app has a page, with its address."""
    if run.status is Status.FAILED and run.failure:
        return (Fact(what="documentation", said=f"docs/errors.md, {run.failure.code}"),)
    places = _RUNBOOK.get(run.status, f"{_OPERATE}, Run stuck").split("; ")
    return tuple(Fact(what="documentation", said=place, link=_page_of(place)) for place in places)


def _page_of(place: str) -> str:
    """The address of a heading of the runbook; empty for other documents."""
    document, _, heading = place.partition(", ")
    return f"/api/ui/runbook#{heading.lower().replace(' ', '-')}" if document == _OPERATE else ""
