"""What judging a run again changes, and what it costs: today's pipeline file beside what the run was judged by before.

The model cannot be trained anew for it, so the exam stays what was prepared with the training rows: the held-out examples of the
split, the evaluation file, or the frozen set as it was pinned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import msgspec

from shared.core.costs import Estimate
from shared.core.evaluation.answers import Answer
from shared.core.spec import Budget, EvaluationSpec, PipelineSpec, Prices


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """Answers that are missing, before they are asked for.

    Attributes:
        questions: how many.
        prompt_tokens: that the questions have, about.
        completion_tokens: that the answers will have, about.
    """

    questions: int
    prompt_tokens: int = 0
    completion_tokens: int = 0


def evaluation_of_today(
    before: PipelineSpec, today: PipelineSpec, *, is_same_set: bool
) -> tuple[EvaluationSpec, tuple[str, ...]]:
    """The evaluation of today's pipeline file for a run that was prepared before, and what of it is not used, in sentences.

    Args:
        before: what the run is pinned to.
        today: what the file says now.
        is_same_set: whether `evaluation.set` names the rows that the run was pinned to, or neither names any.
    """
    old, new, notes = before.evaluation, today.evaluation, []
    if not is_same_set:
        new = msgspec.structs.replace(new, set=old.set, must_pass=old.must_pass)
        notes.append(
            "evaluation.set has other rows today: the run keeps to those that it was prepared with, and to its must_pass."
        )
    if today.model != before.model:
        new = msgspec.structs.replace(new, candidate=old.candidate)  # its default depends on the model
    return new, tuple(notes)


def spec_of_today(before: PipelineSpec, today: PipelineSpec, evaluation: EvaluationSpec) -> PipelineSpec:
    """What the run is held to from now on: today's evaluation and smoke test, and everything else as it was pinned."""
    deployment = msgspec.structs.replace(before.deployment, smoke_test=today.deployment.smoke_test)
    return msgspec.structs.replace(before, evaluation=evaluation, deployment=deployment)


def changed_keys(before: PipelineSpec, after: PipelineSpec) -> Iterator[str]:
    """Keys of the pipeline file that differ, such as `evaluation.promote.confidence`, in their order."""
    for section in ("evaluation", "deployment"):
        was, now = (msgspec.to_builtins(getattr(spec, section)) for spec in (before, after))
        yield from _differing(was, now, section)


def _differing(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _differing(before.get(key), after.get(key), f"{path}.{key}")
    elif before != after:
        yield path


def changed_prompts(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Prompt files that baselines had before too, and that say something else today."""
    for path, text in after.items():
        if before.get(path, text) != text:
            yield f"the text of {path}"


def owed(
    questions: int, known: Sequence[Answer], *, prompt_chars: float, limit: int, is_same_limit: bool
) -> Owed:
    """What missing answers will take, judged by those that are there.

    Args:
        questions: how many are missing.
        known: answers to the same examples, of whichever side.
        prompt_chars: of a question, on average; used where no answer is there.
        limit: most tokens of an answer.
        is_same_limit: whether the known answers had the same; if not, each new one may take all of it.
    """
    billed = [answer for answer in known if answer.prompt_tokens > 0]
    prompt = fmean(answer.prompt_tokens for answer in billed) if billed else prompt_chars / 4
    answered = fmean(answer.completion_tokens for answer in billed) if billed and is_same_limit else limit
    return Owed(
        questions=questions,
        prompt_tokens=round(questions * prompt),
        completion_tokens=round(questions * answered),
    )


def cost_of(asked: Owed, prices: Prices) -> Estimate:
    """What answers cost, as far as the pipeline file knows prices."""
    if not asked.questions:
        return Estimate(usd=0.0, basis="no answer is missing")
    tokens = f"{asked.prompt_tokens:,} prompt and {asked.completion_tokens:,} completion tokens"
    reckoning = f"{asked.questions:,} answers, about {tokens}"
    prompt, completion = prices.prompt_usd_per_million_tokens, prices.completion_usd_per_million_tokens
    if prompt is None or completion is None:
        keys = "prices.prompt_usd_per_million_tokens and prices.completion_usd_per_million_tokens"
        return Estimate(usd=None, basis=f"{reckoning}; without {keys} their cost is not known")
    usd = (asked.prompt_tokens * prompt + asked.completion_tokens * completion) / 1_000_000
    return Estimate(usd=round(usd, 4), basis=f"{reckoning} (the pipeline's prices)")


def beyond_budget(estimate: Estimate, budget: Budget, *, paid_usd: float, committed_usd: float) -> str | None:
    """Why the budget does not allow missing answers to be asked for; None if it does, or their cost is not known.

    Args:
        estimate: of the answers.
        budget: of the pipeline file today.
        paid_usd: estimated for the run's job.
        committed_usd: committed in this month by the pipeline's runs.
    """
    if not estimate.usd:
        return None
    run, month = budget.per_run_usd, budget.per_month_usd
    if run is not None and paid_usd + estimate.usd > run:
        what = f"on top of ${paid_usd:.2f} for the job is more than budget.per_run_usd = ${run:.2f}"
    elif month is not None and committed_usd + estimate.usd > month:
        what = f"on top of ${committed_usd:.2f} committed this month is more than budget.per_month_usd = ${month:.2f}"
    else:
        return None
    return f"${estimate.usd:.2f} for {estimate.basis} {what}"
