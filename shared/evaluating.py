"""How an evaluation is carried out: targets answer held-out examples, the answers are stored and compared.

Answers are stored chunk by chunk under names that follow from the plan, so that a crash repeats one chunk at most and the next
look knows what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec

from shared import evaluation_plan
from shared.core import artifacts, identity
from shared.core.evaluation.answers import Answer
from shared.core.evaluation.comparison import Comparison, compare
from shared.core.evaluation.graders import compile_grader
from shared.core.evaluation.items import EvaluationItem, item_from_row
from shared.core.evaluation.render import to_csv, to_markdown
from shared.core.models import takes_temperature
from shared.core.observations import Evaluating, EvaluationPlan
from shared.core.run import EvaluationSummary, Run
from shared.core.spec import PipelineSpec
from shared.pinning import Pinned
from shared.ports import World
from shared.run_folder import RunFolder
from shared.telemetry import runs as telemetry
from shared.telemetry.signals import carried

_PARALLEL: Final = 8
_decode_summary: Final = msgspec.json.Decoder(EvaluationSummary).decode
_decode_answers: Final = msgspec.json.Decoder(list[Answer]).decode


def look(world: World, run: Run) -> Evaluating:
    """The observation of `evaluating`."""
    folder = RunFolder(world.artifacts, run.id)
    if raw := folder.read(artifacts.EVALUATION_SUMMARY):
        summary = _decode_summary(raw)
        if summary.round == run.evaluation_round:
            return Evaluating(plan=None, summary=summary)
    plan_now = evaluation_plan.load(folder, run)
    if plan_now is None:
        return Evaluating(plan=None)
    stored = (artifacts.chunk_of(name) for name in folder.names(artifacts.ANSWERS))
    return Evaluating(plan=plan_now, chunks=frozenset(f"{target}:{chunk}" for target, chunk in stored))


def plan(world: World, run: Run, pinned: Pinned, chunk_size: int) -> None:
    """Fix what is measured against what; see `evaluation_plan.make`."""
    items = len(list(_rows(RunFolder(world.artifacts, run.id), run)))
    evaluation_plan.make(world, run, pinned, items=items, chunk_size=chunk_size)


def _rows(folder: RunFolder, run: Run) -> Iterator[dict[str, Any]]:
    assert run.summary
    if not run.summary.evaluation_examples:
        return
    with folder.open(artifacts.prepared("evaluation")) as lines:
        for line in lines:
            yield msgspec.json.decode(line)


def _items(folder: RunFolder, run: Run, spec: PipelineSpec) -> list[EvaluationItem]:
    method = str(spec.method.type)
    return [item_from_row(row, method, number) for number, row in enumerate(_rows(folder, run))]


def answer_chunk(world: World, run: Run, spec: PipelineSpec, target: str, chunk: int) -> None:
    """Let a target answer one chunk of the examples, several at a time, and store the answers.

    Raises:
        Retryable: if the deployment is throttled, not ready or unreachable; nothing of the chunk is stored then.
    """
    folder = RunFolder(world.artifacts, run.id)
    made = evaluation_plan.present(folder, run)
    items = _items(folder, run, spec)[chunk * made.chunk_size : (chunk + 1) * made.chunk_size]
    prompt = made.prompts.get(target)
    temperature = 0.0 if takes_temperature(made.models[target]) else None

    def ask(item: EvaluationItem) -> Answer:
        return world.inference.answer(
            made.targets[target],
            _with_system_prompt(list(item.messages), prompt),
            item.tools,
            index=item.index,
            max_completion_tokens=spec.evaluation.max_completion_tokens,
            temperature=temperature,
        )

    with (
        telemetry.answering(run, target, len(items)),
        ThreadPoolExecutor(max_workers=_PARALLEL, thread_name_prefix="evaluation") as pool,
    ):
        answers = list(pool.map(carried(ask), items))
    folder.write_json(artifacts.answers(target, chunk), answers)


def _with_system_prompt(messages: list[dict[str, Any]], prompt: str | None) -> list[dict[str, Any]]:
    """The messages with a baseline's own system prompt instead of the examples' (prompting is what tuning competes with)."""
    if prompt is None:
        return messages
    others = [message for message in messages if message.get("role") not in {"system", "developer"}]
    return [{"role": "system", "content": prompt}, *others]


def compare_answers(world: World, run: Run, spec: PipelineSpec) -> None:
    """Grade all answers; store the comparison for machines, for people, for spreadsheets, and last its summary."""
    folder = RunFolder(world.artifacts, run.id)
    made = evaluation_plan.present(folder, run)
    answers = {target: _stored_answers(folder, target, made.chunks) for target in made.targets}
    graders = [compile_grader(grader) for grader in spec.evaluation.graders]
    result = compare(
        _items(folder, run, spec),
        answers,
        graders,
        spec.evaluation.promote,
        labels=made.labels,
        deployments=made.targets,
        skipped=made.skipped,
    )
    raw = msgspec.json.encode(result)
    folder.write(artifacts.COMPARISON, raw)
    folder.write(artifacts.COMPARISON_PAGE, to_markdown(result).encode())
    folder.write(artifacts.COMPARISON_TABLE, to_csv(result).encode())
    summary = _summarise(result, identity.digest_of(raw), made)
    folder.write_json(artifacts.EVALUATION_SUMMARY, summary)


def _stored_answers(folder: RunFolder, target: str, chunks: int) -> list[Answer]:
    found: list[Answer] = []
    for chunk in range(chunks):
        raw = folder.read(artifacts.answers(target, chunk))
        assert raw is not None, f"chunk {chunk} of {target} was seen and is gone"
        found += _decode_answers(raw)
    return found


def _summarise(result: Comparison, digest: str, made: EvaluationPlan) -> EvaluationSummary:
    decisive = result.decisive
    candidate = result.target("candidate")
    baseline = result.target(decisive.baseline) if decisive else None
    return EvaluationSummary(
        metric=result.metric,
        candidate_score=candidate.means[result.metric] if result.examples else None,
        baseline=baseline.label if baseline else None,
        baseline_score=baseline.means[result.metric] if baseline else None,
        gain=decisive.paired.gain if decisive else None,
        lower_bound=decisive.paired.lower_bound if decisive else None,
        examples=result.examples,
        outcome=result.outcome,
        reason=result.reason,
        digest=digest,
        champion=made.champion,
        round=made.round,
    )
