"""What to do about a candidate that was not promoted: what to try, how many groups would settle it, why no hand promotes it."""

from __future__ import annotations

import msgspec

from shared.core.evaluation.asked import is_guessing
from shared.core.evaluation.contest import Contest
from shared.core.run import EvaluationSummary

_NOBODY = (
    "Nobody promotes it by hand: the pipeline's rule was written before anybody knew the answers, and an approval against it "
    "would rest on nothing that was measured. If the rule, the grader or the exam is wrong, correct the pipeline file and have "
    "the run judged again: nothing is trained for that, and a person decides on what comes out."
)

_GUESSED = "More evaluation examples would not settle it: what learned from answers that do not fit has nothing to show."


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What to do next.

    Attributes:
        to_try: one sentence.
        settles: about how many groups would settle it, and whether more would.
        nobody: why it is not promoted by hand.
    """

    to_try: str
    settles: str
    nobody: str = _NOBODY


def advice(
    seen: EvaluationSummary, contest: Contest | None, *, overfits: bool, chance: float | None = None
) -> Advice:
    """What to do about a verdict that ended a run: the two sentences follow from the same case, so that they say one thing.

    Args:
        seen: the evaluation.
        contest: the one that the reason speaks of; None in what an older release compared, and without a baseline.
        overfits: whether validation got worse while the model was trained.
        chance: what guessing scores by the deciding grader, on average; None if that is not known.
    """
    settles = _settles(seen, contest)
    if is_guessing(seen, chance):
        return Advice(to_try=_guessing(seen, chance or 0.0), settles=_GUESSED)
    return Advice(to_try=_to_try(seen, contest, overfits=overfits), settles=settles)


def _guessing(seen: EvaluationSummary, chance: float) -> str:
    who = f"The candidate scores {seen.candidate_score:.3f}"
    if is_guessing(seen, chance, "baseline"):
        who += f" and {seen.baseline} {seen.baseline_score:.3f}"
    return (
        f"{who}, and answers handed out at random score {chance:.3f}: the answers of the dataset may not fit their questions. "
        "Look at the data before anything else: read some rows, and whether each answer belongs to its question."
    )


def _to_try(seen: EvaluationSummary, contest: Contest | None, *, overfits: bool) -> str:
    if contest and contest.missing["candidate"] > contest.missing["baseline"]:
        return (
            f"The candidate owes {contest.missing['candidate']} answers: look at what became of these questions first; a greater "
            "evaluation.max_completion_tokens helps where answers were cut off."
        )
    if contest and contest.is_worse:
        return "It is shown to score lower: look at the lost items, and mend or remove the training rows that taught them."
    if overfits:
        return "Validation got worse while it was trained: try fewer epochs, or more and more varied rows."
    if contest and contest.severe.count:
        return (
            f"{contest.severe.count} groups lose 0.5 or more: add training rows like these, so that what it gains elsewhere "
            "is not paid for there."
        )
    return _by_gain(seen, contest)


def _by_gain(seen: EvaluationSummary, contest: Contest | None) -> str:
    if seen.gain is None or seen.gain <= 0:
        return "It gains nothing: more rows of the kind that it loses, or other rows, are worth more than another seed."
    if contest is None:
        return "It gains a little: more training rows of the kind that it loses can make the gain larger."
    if contest.needed is None:
        return "It gains less than the rule asks for: more training rows of the kind that it loses can make the gain larger."
    if contest.needed <= contest.groups:
        return "It gains, and something else stands in the way: the verdict names it. Mend that first."
    return "It gains a little: more evaluation rows can show whether the gain is real, more training rows can make it larger."


def _settles(seen: EvaluationSummary, contest: Contest | None) -> str:
    if contest is None:
        return "How many examples would settle it is not known."
    if contest.needed is None:
        return "More evaluation examples alone would not settle it: the gain that was seen is not above what the rule asks for."
    if contest.needed <= contest.groups:
        return (
            f"There were enough groups ({contest.groups:,}) to show a gain like this: it is not the number of examples that "
            "stood in the way."
        )
    per_group = seen.examples / contest.groups if contest.groups else 1.0
    items = round(contest.needed * max(per_group, 1.0))
    return (
        f"About {contest.needed:,} groups in all, about {items:,} examples, would settle it, if gain and spread stay as they "
        f"were seen (now {contest.groups:,} groups). Or the gain is chance, and they would show that."
    )
