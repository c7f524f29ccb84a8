"""What follows from an act, in sentences, before it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from shared.core.endings import KEPT_FILE
from shared.core.observations import Champion
from shared.core.run import Run
from shared.core.spec import PipelineSpec
from shared.views.offers import in_buttons
from shared.views.run_ask import undo


class Around(NamedTuple):
    """What is known beside a run.

    Attributes:
        spec: its pipeline file; None if that cannot be read.
        champion: of the pipeline, now; None: there is none, or it was not asked for.
        is_same_file: whether the stored pipeline file is the one that it was judged by last; None: not known.
    """

    spec: PipelineSpec | None = None
    champion: Champion | None = None
    is_same_file: bool | None = None


def consequences(run: Run, act: str, around: Around) -> tuple[str, ...]:
    """What will happen if somebody does it now."""
    return tuple(_WORDS[act](run, around))


def _approve(run: Run, around: Around) -> Iterator[str]:
    gate = run.gate
    assert gate, "only at an open gate"
    if gate.name == "spend":
        yield f"A fine-tuning job is started and paid for. {_money(run)}"
        yield "Nothing is deployed: a gate of its own asks for that."
    else:
        production = run.production or "the production deployment"
        yield f"The model is deployed as {production}, and asked a smoke test."
        yield f"If it answers, it is the champion of {run.pipeline}: clients get its answers."
        yield "The deployment costs by the hour from then on, used or not."
        yield f"To undo it: {_small(undo(run, around.spec, around.champion))}"
    after = gate.approvals_missing - 1
    if after > 0:
        yield f"Nothing begins until {after} more {'person approves' if after == 1 else 'persons approve'}."
    else:
        yield "No other approval is missing: it begins at once."


def _small(sentence: str) -> str:
    """A sentence after a colon; a name at its beginning stays as it is."""
    return sentence[:1].lower() + sentence[1:] if sentence.startswith(("Let ", "There ")) else sentence


def _reject(run: Run, _: Around) -> Iterator[str]:
    gate = run.gate
    assert gate, "only at an open gate"
    yield "The run ends as rejected, whoever approved. One rejection is enough, and it cannot be withdrawn."
    if gate.name == "spend":
        yield "No job is started, and nothing is paid. To train after all, drop the dataset again."
    else:
        yield "Nothing is deployed, the candidate's deployment is removed, and clients keep what they have."
        yield "The model is kept: the run may be judged again later."


def _cancel(run: Run, _: Around) -> Iterator[str]:
    yield "The run stops at its next step and ends as cancelled."
    if run.model:
        yield "Its model is kept: the run may be judged again later. The same data with the same job is a duplicate."
    else:
        yield "That cannot be undone: to train, drop the dataset again."
    if run.job_id and not run.model:
        yield f"Its job {run.job_id} is cancelled first. What was trained until then is paid for."
    elif run.job_id or run.has_spent:
        yield "What was paid for stays paid. Nothing more is begun."
    else:
        yield "No job was started, and none will be."


def _retry(run: Run, _: Around) -> Iterator[str]:
    if run.failure:
        yield f"It failed while {run.failure.step.replace('_', ' ')}: {run.failure.message}"
        yield f"What it said to do: {in_buttons(run.failure.remedy)}"
    if not (run.failure and KEPT_FILE in run.failure.remedy):
        yield "The run keeps the pipeline file that it began with: what was corrected in the stored file since does nothing here."
    yield "The run goes back to the step that failed, or to one before it where money could be spent twice otherwise."
    if run.model:
        yield "Its model is there: no second job is paid for."
    else:
        yield "If a job was asked for before, the next one costs again, and the spend gate asks again where the pipeline has one."


def _rejudge(run: Run, around: Around) -> Iterator[str]:
    if around.is_same_file:
        yield (
            "Nothing changed in the pipeline file since the run was judged last: by the same file and the same answers the "
            "verdict will be the same. Correct the file first, unless a prompt, the evaluation set or champion is another one."
        )
    if run.evaluation:
        yield f"The verdict until now: {run.evaluation.reason}"
    yield "The run is judged again by the pipeline file as it is stored now. Nothing is trained, and no job is paid for."
    yield "Answers that it has are used again. If the candidate owes one, it is deployed again, and costs by the hour meanwhile."
    yield "Whatever the verdict is then, a person is asked before anything is deployed. Approvals from before do not count."
    yield "If pipeline file, model or budget speak against it, that is said here, and the run stays as it is."


def _money(run: Run) -> str:
    known = run.summary
    if known is None or known.estimated_usd is None:
        return "What it costs is not known, since no price of this model is known."
    return f"It costs about US$ {known.estimated_usd:,.2f} ({known.estimate_basis})."


_AT_GATES: Final = {
    "hold": (
        "Your question is shown at the gate, under what waits, and in the history, until it is answered or you vote.",
        "It is not a vote: it blocks nobody, you may vote later, and the time of the gate runs on.",
    ),
    "withdraw": (
        "Your approval counts no more; the history tells of both.",
        "You may decide again while the gate is open.",
    ),
}
_WORDS: Final[dict[str, Callable[[Run, Around], Iterable[str]]]] = {
    "approve": _approve,
    "reject": _reject,
    "hold": lambda _, __: _AT_GATES["hold"],
    "withdraw": lambda _, __: _AT_GATES["withdraw"],
    "cancel": _cancel,
    "retry": _retry,
    "rejudge": _rejudge,
}
