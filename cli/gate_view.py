"""Shows an open gate at a terminal: exactly what is decided on, and what speaks against it, before anybody decides."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from cli.console import Terminal
from cli.moments import left, when
from shared.core import served
from shared.core.costs import PriceKind
from shared.core.history import JUDGED_AGAIN

#: Whose price it is -> why somebody is asked although `approve_above_usd` may not be reached.
_NOT_YOURS: Final[dict[PriceKind | None, str]] = {
    PriceKind.SEED: "the price of training is not yours",
    PriceKind.UNKNOWN: "no price of training is known",
}


def show_gate(console: Terminal, run: served.Run, gate: served.Gate, *, a_month: str, asked: str) -> None:
    """Exactly what is decided on, before it is.

    Args:
        console: where.
        run: that waits.
        gate: that is open.
        a_month: what the deployment costs in a month, in words.
        asked: the gain that the promotion rule asks for, in words; may be empty.
    """
    evaluation = run.evaluation if gate.name == "deployment" else None
    reason = "" if evaluation else f": {gate.reason}"
    console.say((f"The {gate.name} gate", "bold"), f" of {run.id} ({run.pipeline}){reason}")
    for sentence in (*gate.outlook, *gate.azure):
        console.say(f"- {sentence}")
    if evaluation:
        console.say("verdict   ", (evaluation.outcome, "bold"), f": {evaluation.reason}")
    show_doubts(console, run, gate, asked)
    console.say(f"training  {training_cost(run, said=gate.reason)}")
    console.say(f"a month   {a_month}")
    needed = f"{gate.approvals} of {gate.approvals_needed} approvals"
    console.say(
        f"until     {when(gate.approve_by)}{left(gate.approve_by)}; then it ends as expired; {needed}"
    )
    for said in said_at(gate):
        console.say(f"- {said}")
    if gate.needs_answer:
        console.say(("What was asked last has no answer yet.", "yellow"))
    if gate.needs_words:
        console.say(("Nothing is proven: an approval has to say why (--comment).", "yellow"))
    console.say(f"digest    {gate.digest}")


def show_doubts(console: Terminal, run: served.Run, gate: served.Gate, asked: str) -> None:
    """What an approver has to know beside verdict and price: the gain that is asked for, and each doubt."""
    if asked:
        console.say(f"asked for {asked}")
    doubts = list(doubts_of(run, gate))
    if doubts:
        console.say(("Before you approve:", "bold yellow"))
    for doubt in doubts:
        console.say(f"- {doubt}")


def doubts_of(run: served.Run, gate: served.Gate) -> Iterator[str]:
    """What speaks against an approval, or has to be known for it, a sentence each."""
    if gate.name == "deployment" and run.evaluation:
        for doubt in run.evaluation.doubts:
            yield f"automatic would ask a person: {doubt}"
    if again := judged_again(run):
        yield again
    if gate.name == "spend" and run.report and (why := _NOT_YOURS.get(run.report.price)):
        yield f"{why}, so a person is asked, however low the estimate is: set prices.training_usd_per_million_tokens"
    for warning in run.warnings:
        yield f"warning: {warning}"
    for name in run.evidence.changed:
        yield f"{name} is not there as the run stored it"


def judged_again(run: served.Run) -> str:
    """Who had the run judged again, when, why, by what, and how it was judged before; empty if nobody had."""
    again = run.judged_again
    if again is None:
        return ""
    lines = (line for line in reversed(run.history) if (line.detail or "").startswith(JUDGED_AGAIN))
    asked = next(lines, None)
    why = asked and asked.comment
    changed = ", ".join(again.changed) or "nothing"
    verdicts = ", then ".join(verdict.removesuffix(".") for verdict in again.before)
    before = f"; before it was {verdicts}" if verdicts else ""
    notes = "".join(f"; {note}" for note in again.notes)
    return (
        f"judged again: {again.name} had it judged anew on {when(again.at)}, knowing the answers; "
        f"changed in the pipeline file: {changed}{before}{f'; why: {why}' if why else '; no reason was given'}{notes}"
    )


def training_cost(run: served.Run, *, said: str = "") -> str:
    """What training costs, and whose price that is, unless what was said before has it."""
    report = run.report
    if report is None:
        return "not known: the dataset is not validated yet"
    known = "not known" if report.estimated_usd is None else f"{report.estimated_usd:,.2f} USD, estimated"
    is_said = not report.estimate_basis or report.estimate_basis in said
    return known if is_said else f"{known}: {report.estimate_basis}"


def said_at(gate: served.Gate) -> Iterator[str]:
    """Votes and holds, a sentence each, in the order in which they were said."""
    for one in sorted(chain(gate.decisions, gate.holds), key=lambda one: one.at):
        if one.decision == "hold":
            yield f"{one.name} asked or answered: {one.comment}"
        else:
            yield f"{one.name}: {one.decision}{f', {one.comment}' if one.comment else ''}"
