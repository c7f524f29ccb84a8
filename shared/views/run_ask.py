"""The first screen of a run's page: what is asked, how sure it is, what it costs, what silence means, how it is undone."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from shared.core import costs
from shared.core.approval import rejection
from shared.core.costs import Estimate, PriceKind
from shared.core.evaluation.asked import with_the_rule
from shared.core.evaluation.marks import examples_of
from shared.core.evaluation.measured import Measured
from shared.core.evaluation.outlook import Outlook
from shared.core.observations import Champion
from shared.core.run import Gate, Run
from shared.core.spec import PipelineSpec
from shared.views.before import before_approving, required
from shared.views.moments import When, when
from shared.views.run_evaluation import verdict_of
from shared.views.run_shown import Ask, Fact
from shared.views.statuses import Tone

_NOT_KNOWN = "not known"


def month(spec: PipelineSpec | None, tuned: str | None) -> Estimate:
    """What a month of the deployment would cost."""
    if spec is None:
        return Estimate(usd=None, basis="the pipeline file of this run cannot be read")
    model = tuned or spec.model
    return costs.hosting(model, spec.deployment.sku, spec.prices.hosting_usd_per_hour)


def usd(estimate: Estimate) -> str:
    """An amount, about; or that it is not known."""
    if estimate.usd is None:
        return _NOT_KNOWN
    about = "about " if estimate.price is not PriceKind.GIVEN else ""
    return f"{about}US$ {estimate.usd:,.2f}"


def training_cost(run: Run) -> str:
    """What training costs, in words."""
    known = run.summary
    if known is None or known.estimated_usd is None:
        return _NOT_KNOWN
    return f"about US$ {known.estimated_usd:,.2f}"


class Known(NamedTuple):
    """What is known beside the run.

    Attributes:
        spec: its pipeline file; None if that cannot be read.
        champion: of the pipeline, now.
        part: what was measured against the baseline that the verdict speaks of.
        outlook: what the comparison will be able to show.
        azure: what Azure said while the dataset was validated.
    """

    spec: PipelineSpec | None
    champion: Champion | None
    part: Measured | None
    outlook: Outlook | None
    azure: tuple[str, ...]


def _price(run: Run) -> str:
    known = training_cost(run)
    return "a price that is not known" if known == _NOT_KNOWN else known


def ask(run: Run, known: Known, now: datetime) -> Ask | None:
    """What an approver reads first; None while no gate is open, and once enough is said at it.

    Args:
        run: with the votes that count.
        known: what is known beside it.
        now: the time.
    """
    gate = run.gate
    if gate is None or gate.is_approved or rejection(gate):
        return None
    by, monthly = when(gate.approve_by, now), _monthly(month(known.spec, run.model))
    return (_spend if gate.name == "spend" else _deployment)(run, known, by, monthly)


def _monthly(hosting: Estimate) -> str:
    said = {
        PriceKind.GIVEN: f"{usd(hosting)} for the deployment, and tokens.",
        PriceKind.SEED: f"{usd(hosting)} for the deployment, an estimate, and tokens.",
        PriceKind.UNKNOWN: "not known, since the price of an hour of this deployment is not known.",
    }
    return said[hosting.price]


def _spend(run: Run, known: Known, by: When, monthly: str) -> Ask:
    summary, outlook = run.summary, known.outlook
    basis = f" ({summary.estimate_basis})" if summary and summary.estimate_basis else ""
    rows = f"{summary.examples:,} examples" if summary else "this dataset"
    return Ask(
        what=f"Train {run.pipeline} with {rows} for {_price(run)}?",
        sure=_ahead(outlook),
        tone="wait",
        verdict="",
        cost_now=f"{training_cost(run)}{basis}, and the answers of the evaluation.",
        cost_month=f"nothing yet; once deployed, which is asked for again, {monthly}",
        nothing="the run ends as expired, and nothing is paid.",
        by=by,
        undo="Cancel the run: Foundry stops the job; what it trained until then is billed.",
        outlook=(*(outlook.sentences if outlook else ()), *known.azure),
        before=(),
    )


def _ahead(outlook: Outlook | None) -> tuple[str, ...]:
    if outlook is None:
        return ("It is not known what the comparison will be able to show.",)
    groups = f"{examples_of(outlook.examples, outlook.groups)} will be compared."
    if not outlook.can_be_better:
        return ("Whatever is trained, it cannot be shown to be better as things are.", groups)
    if outlook.smallest_gain is None:
        return ("So few groups are not likely to show any gain.", groups)
    spread = ", with a spread that is assumed" if outlook.is_spread_assumed else ""
    return (f"The smallest gain that they can show is about {outlook.smallest_gain:+.2f}{spread}.", groups)


def _deployment(run: Run, known: Known, by: When, monthly: str) -> Ask:
    champion = known.champion
    verdict, tone = _verdict(run)
    instead = (
        f"clients keep the model of run {champion.run_id}."
        if champion
        else "clients get no model from this pipeline, as now."
    )
    return Ask(
        what=f"Give the clients of {run.pipeline} the new model?",
        sure=_sure(run, known),
        tone=tone,
        verdict=verdict,
        cost_now=_spent(run),
        cost_month=monthly,
        nothing=f"the run ends as expired, and {instead}",
        by=by,
        undo=undo(run, known.spec, champion),
        outlook=(),
        before=before_approving(run, known.outlook),
    )


def _spent(run: Run) -> str:
    known = training_cost(run)
    if known == _NOT_KNOWN:
        return "nothing more; what training cost is not known."
    return f"nothing more; training cost {known}."


def _verdict(run: Run) -> tuple[str, Tone]:
    return verdict_of(run.evaluation) if run.evaluation else ("Nothing was measured", "wait")


def _sure(run: Run, known: Known) -> tuple[str, ...]:
    seen, part, spec = run.evaluation, known.part, known.spec
    if seen is None:
        return ("It was not measured.",)
    groups = seen.groups if seen.groups is not None else seen.examples
    told = [f"{examples_of(seen.examples, groups)}."]
    told += gain_of(run, spec)
    smallest = part.smallest_gain if part else None
    rule = with_the_rule(spec.evaluation.promote) if spec else ""
    seeable = "not known" if smallest is None else f"about {smallest:+.3f}{rule}"
    told.append(f"Smallest gain that could be seen: {seeable}.")
    return tuple(told)


def gain_of(run: Run, spec: PipelineSpec | None) -> tuple[str, ...]:
    """The gain that was found beside the one that the rule asks for; nothing where none was measured, or no gate asks."""
    seen = run.evaluation
    if seen is None or seen.gain is None or run.gate is None or run.gate.name != "deployment":
        return ()
    least = "" if seen.lower_bound is None else f", at least {seen.lower_bound:+.3f}"
    return (f"Gain over {seen.baseline} {seen.gain:+.3f}{least}; {required(spec)}.",)


def undo(run: Run, spec: PipelineSpec | None, champion: Champion | None) -> str:
    """How a deployment of this run would be undone, by its pipeline file and the champion that it would replace."""
    production = run.production or "the new deployment"
    if champion is None:
        return f"There was no model before: let clients stop asking {production}, and delete it."
    if spec and spec.deployment.strategy == "replace":
        return (
            f"{production} is overwritten in place (deployment.strategy: replace): to go back, deploy {champion.model} there "
            "again, by hand."
        )
    if spec is None:
        return (
            f"Let clients ask {champion.deployment} again. Whether it is overwritten is not known: the pipeline file of this run "
            "cannot be read."
        )
    return (
        f"Let clients ask {champion.deployment} again: it stays as it is, and costs by the hour until somebody deletes it. The "
        "app deletes neither, whatever deployment.keep_previous says."
    )


def subject(run: Run, spec: PipelineSpec | None) -> tuple[Fact, ...]:
    """The exact thing that is approved; nothing where nobody is asked."""
    return subject_of(run, run.gate, spec) if run.gate else ()


def subject_of(run: Run, gate: Gate, spec: PipelineSpec | None) -> tuple[Fact, ...]:
    """All that the digest of a gate is over, as long as the run is about the same."""
    facts = [
        Fact(what="digest", said=gate.digest, more="over all that stands here"),
        Fact(
            what="dataset",
            said=f"{run.dataset.container}/{run.dataset.name}",
            more=f"version {run.dataset.etag}",
        ),
        Fact(what="pipeline file", said=run.spec_digest or _NOT_KNOWN),
    ]
    if gate.name == "spend" and run.summary:
        facts += [
            Fact(what="work", said=run.summary.fingerprint, more="fingerprint of data and job"),
            Fact(what="billable tokens", said=f"{run.summary.billable_tokens:,}"),
            Fact(what="estimated cost", said=training_cost(run)),
        ]
    if gate.name == "deployment":
        size = f"{spec.deployment.sku}, capacity {spec.deployment.capacity}" if spec else _NOT_KNOWN
        facts += [
            Fact(what="job", said=run.job_id or _NOT_KNOWN),
            Fact(what="model", said=run.model or _NOT_KNOWN),
            Fact(what="evaluation", said=run.evaluation.digest if run.evaluation else _NOT_KNOWN),
            Fact(what="deployment", said=run.production or _NOT_KNOWN, more=size),
            Fact(what="measured against", said=_champion(run)),
        ]
    return tuple(facts)


def _champion(run: Run) -> str:
    measured = run.evaluation.champion if run.evaluation else None
    if isinstance(measured, str):
        return f"the model of run {measured}"
    return (
        "no champion: there was none"
        if measured is None
        else "the champion was not measured, or is not known"
    )
