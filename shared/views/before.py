"""What an approver has to know before they decide about a deployment: what speaks against trusting the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from shared.core.evaluation.asked import asked_for, is_guessing
from shared.core.evaluation.outlook import Outlook
from shared.core.evaluation.verdict import PROMOTED
from shared.core.run import EvaluationSummary, Run
from shared.core.spec import PipelineSpec

_SELF_TEST = "self-test"


def before_approving(run: Run, outlook: Outlook | None) -> tuple[str, ...]:
    """Sentences, the ones that weigh most first; nothing but at an open deployment gate.

    What keeps `automatic` from deploying without a person is what a person has to weigh instead, whatever the pipeline's mode.
    """
    if run.gate is None or run.gate.name != "deployment" or run.evaluation is None:
        return ()
    return tuple(_told(run, run.evaluation, outlook))


def _told(run: Run, seen: EvaluationSummary, outlook: Outlook | None) -> Iterator[str]:
    if seen.outcome not in PROMOTED:
        yield "Nothing is proven: whoever approves stands for the model with their own words."
    yield from (f"{_capital(_for_a_person(doubt))}." for doubt in seen.doubts)
    chance = outlook.chance if outlook and outlook.grader == seen.metric else None
    if (
        chance is not None
        and is_guessing(seen, chance)
        and not any("at random" in one for one in seen.doubts)
    ):
        yield (
            f"The candidate scores {seen.candidate_score:.3f}, and answers handed out at random {chance:.3f}: it may not "
            "depend on what was asked."
        )
    if not any(_SELF_TEST in doubt for doubt in seen.doubts):
        yield from _of_grader(seen, outlook)
    if again := run.judging:
        why = f"“{again.comment}”" if again.comment.strip() else "no reason was given"
        changed = ", ".join(again.changed) or "nothing of its evaluation"
        yield (
            f"It was judged again: {again.name} had that done on {again.at:%Y-%m-%d %H:%M} UTC ({why}), knowing the answers. "
            f"Changed in the pipeline file: {changed}."
        )
        yield from (
            f"Judgement {number} was {verdict}" for number, verdict in enumerate(again.before, start=1)
        )


def _for_a_person(doubt: str) -> str:
    """A doubt, in which is said what `automatic` needs, for somebody who decides instead of it."""
    return doubt.replace(", and it takes ", "; to go without a person it takes ").replace(
        "is asked for, which takes ", "is asked for to go without a person, which takes "
    )


def _of_grader(seen: EvaluationSummary, outlook: Outlook | None) -> Iterator[str]:
    """Whether the grader passed its self-test, as it was told when the dataset was validated."""
    if outlook is None or outlook.grader != seen.metric:
        yield f"Whether {seen.metric} passed its self-test before anything was trained is not known."
        return
    begins = f"{outlook.grader} decides;"
    said = next((sentence for sentence in outlook.sentences if sentence.startswith(begins)), "")
    passed = "passed" if outlook.has_passed else "has not passed"
    yield said or f"{begins} it {passed} its self-test."


def required(spec: PipelineSpec | None) -> str:
    """The gain that the rule asks for, as a part of a sentence."""
    return asked_for(spec.evaluation.promote) if spec else "what the rule asks for is not known"


def _capital(text: str) -> str:
    """With a capital letter, unless it begins with a name as the pipeline file has it."""
    return text if "_" in text.partition(" ")[0] else text[:1].upper() + text[1:]
