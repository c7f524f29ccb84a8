"""How an evaluation is carried out: targets answer held-out examples, the answers are stored and compared.

Answers are stored chunk by chunk under names that follow from the plan, so that a crash repeats one chunk at most and the next
look knows what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import msgspec

from shared import evaluation_plan, known_rows
from shared.core import artifacts, identity
from shared.core.errors import ArtifactGone, Refused, Unavailable
from shared.core.evaluation.answers import INVALID_CONTENT, UNREADABLE, Answer
from shared.core.evaluation.comparison import compare, exam_from
from shared.core.evaluation.evidence import Basis, judge_by, scores_file
from shared.core.evaluation.exam import CANDIDATE, Exam
from shared.core.evaluation.graders import Grader
from shared.core.evaluation.grading import Grading
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.looks import Look
from shared.core.evaluation.plot import differences_of, to_svg
from shared.core.evaluation.render import to_csv, to_markdown
from shared.core.evaluation.scorecard import StoredSummary
from shared.core.evaluation.self_test import chance_of, self_test
from shared.core.evaluation.summary import summary_of
from shared.core.evaluation.verdict import Verdict
from shared.core.models import takes_temperature
from shared.core.observations import Evaluating, EvaluationPlan, Proof
from shared.core.run import EvaluationSummary, Run
from shared.core.serving import routes_of
from shared.core.spec import EvaluationSpec, PipelineSpec
from shared.grading import held_out_items, held_out_rows
from shared.pinning import Pinned
from shared.ports import World
from shared.run_folder import Evidence, RunFolder
from shared.telemetry import runs as telemetry
from shared.telemetry.signals import carried
from shared.validate_dataset import load_result
from shared.version import VERSION

_PARALLEL: Final = 8
_decode_summary: Final = msgspec.json.Decoder(EvaluationSummary).decode
_decode_answers: Final = msgspec.json.Decoder(list[Answer]).decode
_decode_pairs: Final = msgspec.json.Decoder(list[tuple[int, int]]).decode
_decode_groups: Final = msgspec.json.Decoder(list[int]).decode


def look(world: World, run: Run) -> Evaluating:
    """The observation of `evaluating`: the verdict and the answers that the row knows; what else lies there proves nothing."""
    if run.evaluation:
        return Evaluating(plan=None, summary=run.evaluation)
    plan_now = evaluation_plan.load(world, run)
    if plan_now is None:
        return Evaluating(plan=None)
    chunks = frozenset(
        f"{target}:{chunk}" for target, chunk in evaluation_plan.known_chunks(run, plan_now.answers)
    )
    return Evaluating(plan=plan_now, chunks=chunks)


def plan(world: World, run: Run, pinned: Pinned, chunk_size: int) -> Proof:
    """Fix what is measured against what; see `evaluation_plan.make`."""
    items = len(list(rows(world, run)))
    return evaluation_plan.make(world, run, pinned, items=items, chunk_size=chunk_size)


def rows(world: World, run: Run) -> Iterator[dict[str, Any]]:
    """The held-out examples, as they were prepared; none if none were held out.

    Raises:
        ArtifactGone: if the file was changed or deleted.
    """
    assert run.summary
    evidence = Evidence(world.artifacts, run)
    return held_out_rows(evidence) if run.summary.evaluation_examples else iter(())


def _items(world: World, run: Run, spec: PipelineSpec) -> list[EvaluationItem]:
    assert run.summary
    evidence = Evidence(world.artifacts, run)
    return list(held_out_items(evidence, spec)) if run.summary.evaluation_examples else []


def item_groups(evidence: Evidence, count: int) -> list[int]:
    """The group of each held-out example: equal numbers are examples that are equal, nearly equal or ask the same.

    Runs that 0.1.0 or 0.2.0 prepared have no groups: each example stands alone.

    Args:
        evidence: of the run.
        count: how many held-out examples there are.

    Raises:
        ArtifactGone: if what is stored is not a list of so many numbers.  To guess would make more of the evidence than there is.
    """
    groups = evidence.decoded(artifacts.EVALUATION_GROUPS, _decode_groups)
    if groups is None:
        return list(range(count))
    if len(groups) != count:
        msg = f"{artifacts.EVALUATION_GROUPS.name} has {len(groups)} numbers for {count} held-out examples"
        raise ArtifactGone(msg)
    return groups


def answer_chunk(world: World, run: Run, pinned: Pinned, target: str, chunk: int) -> Proof:
    """Let a target answer one chunk of the examples, several at a time, and store what became of each.

    Examples that the service refuses are stored beside the answers, once it is known that the target answers anything.  If the
    deployment, before or after, does not serve the model of the plan, nothing of the chunk is stored, and it is planned anew.

    Raises:
        Retryable: if the deployment is throttled, not ready or unreachable; nothing of the chunk is stored then.
        Refused: if the deployment refuses whatever it is asked.
    """
    folder = RunFolder(world.artifacts, run.id)
    made = evaluation_plan.present(world, run)
    if evaluation_plan.serves_another(world, made, target):
        return evaluation_plan.make(world, run, pinned, items=made.items, chunk_size=made.chunk_size)
    spec = pinned.spec
    items = _items(world, run, spec)[chunk * made.chunk_size : (chunk + 1) * made.chunk_size]
    prompt = made.prompts.get(target)
    temperature = 0.0 if takes_temperature(made.models[target]) else None
    wanted = spec.method.response_format
    form = {} if wanted is None else {"response_format": wanted}
    left_out: frozenset[str] = frozenset()

    def ask(item: EvaluationItem) -> Answer:
        nonlocal left_out
        answer = world.inference.answer(
            made.targets[target],
            _with_system_prompt(list(item.messages), prompt),
            item.tools,
            index=item.index,
            max_completion_tokens=spec.evaluation.max_completion_tokens,
            temperature=temperature,
            trained_with=item.trained_with | form,
            left_out=left_out,
            routes=routes_of(made.models[target]),
        )
        left_out |= frozenset(answer.left_out)
        return answer

    with (
        telemetry.answering(run, target, len(items)),
        ThreadPoolExecutor(max_workers=_PARALLEL, thread_name_prefix="evaluation") as pool,
    ):
        answers = list(pool.map(carried(ask), items))
    if not (_was_served(answers) or any(map(_was_served, _chunks_of(world, run, made, target)))):
        ask_plainly(world, made.targets[target], made.models[target])
    if evaluation_plan.serves_another(world, made, target):
        return evaluation_plan.make(world, run, pinned, items=made.items, chunk_size=made.chunk_size)
    folder.write_json(artifacts.answers(target, chunk, made.answers), answers)
    return Proof(files=folder.written)


def _was_served(answers: Iterable[Answer]) -> bool:
    return any(answer.was_served for answer in answers)


def _chunks_of(world: World, run: Run, made: EvaluationPlan, target: str) -> Iterator[list[Answer]]:
    """The stored chunks of a target, as they were stored and as far as they can be read."""
    evidence = Evidence(world.artifacts, run)
    for name, chunk in evaluation_plan.known_chunks(run, made.answers):
        if name == target:
            found = _chunk(evidence, made, target, chunk)
            yield found.answers if found else []


class _Chunk(NamedTuple):
    """A stored chunk, as it lies there and as it is read."""

    raw: bytes
    answers: list[Answer]


def _read(evidence: Evidence, made: EvaluationPlan, target: str, chunk: int) -> _Chunk | None:
    """A stored chunk; None if the row does not know it.

    Raises:
        ArtifactGone: if it was changed or deleted, or stored by a mistake of some release and cannot be read.
    """
    stored = artifacts.answers(target, chunk, made.answers)
    return evidence.decoded(stored, lambda raw: _Chunk(raw, _decode_answers(raw)))


def _chunk(evidence: Evidence, made: EvaluationPlan, target: str, chunk: int) -> _Chunk | None:
    """A stored chunk; None if it cannot be had."""
    try:
        return _read(evidence, made, target, chunk)
    except ArtifactGone:
        return None


def stored_answers(world: World, run: Run, made: EvaluationPlan, target: str) -> list[Answer]:
    """What is there of a target's answers and can be read."""
    return [answer for chunk in _chunks_of(world, run, made, target) for answer in chunk]


def is_answered(world: World, run: Run, pinned: Pinned) -> bool:
    """Whether the candidate of a run that is judged again owes no answer, so that it need not be deployed."""
    if run.judging is None:
        return False
    before = evaluation_plan.stored(world, run)
    if before is None or not before.items:
        return False
    made = msgspec.structs.replace(before, answers=pinned.answers)
    return len(stored_answers(world, run, made, CANDIDATE)) == made.items


def ask_plainly(world: World, deployment: str, model: str) -> None:
    """Ask a deployment of a model something that every model can answer.

    Raises:
        NotReady: if it does not serve yet.
        Unavailable: if what it answers cannot be read.
        Refused: if even this is refused, so that the deployment is to blame and not a question.
    """
    question = [{"role": "user", "content": "Reply with OK."}]
    answer = world.inference.answer(
        deployment,
        question,
        None,
        index=0,
        max_completion_tokens=16,
        temperature=None,
        routes=routes_of(model),
    )
    if answer.was_served:
        return
    if answer.error_code in {UNREADABLE, INVALID_CONTENT}:
        msg = f"{deployment} does not answer a plain question: {answer.error}"
        raise Unavailable(msg)
    msg = f"{deployment} refuses a plain question: {answer.error}"
    raise Refused(msg, service_code=answer.error_code)


def _with_system_prompt(messages: list[dict[str, Any]], prompt: str | None) -> list[dict[str, Any]]:
    """The messages with a baseline's own system prompt instead of the examples' (prompting is what tuning competes with)."""
    if prompt is None:
        return messages
    others = [message for message in messages if message.get("role") not in {"system", "developer"}]
    return [{"role": "system", "content": prompt}, *others]


class _Judged(NamedTuple):
    """The answers of a run, graded, with all that they were judged by."""

    made: EvaluationPlan
    items: list[EvaluationItem]
    answers: dict[str, list[Answer]]
    graders: tuple[Grader, ...]
    exam: Exam
    basis: Basis
    verdict: Verdict

    def summary(self, digest: str) -> StoredSummary:
        """What the run keeps of it; `digest` is that of the comparison."""
        champion, number = self.made.champion, self.made.round
        return summary_of(
            self.exam, self.basis, self.verdict, digest=digest, champion=champion, evaluation_round=number
        )


def compare_answers(world: World, run: Run, pinned: Pinned) -> Proof:
    """Grade all answers, and judge; store the evidence, the comparison for machines, people and spreadsheets, last its summary.

    Answers that were changed or deleted, or cannot be read, are asked for again first: a chunk, and then the next look.

    Raises:
        Retryable, Refused: as `answer_chunk`.
        ArtifactGone: if the held-out examples, or what belongs to them, were changed or deleted.
        Unavailable: if the ledger of looks, or a store, does not answer; all of it may be done again.
    """
    made = evaluation_plan.present(world, run)
    evidence = Evidence(world.artifacts, run)
    stored: dict[str, list[_Chunk]] = {target: [] for target in made.targets}
    for target, chunks in stored.items():
        for chunk in range(made.chunks):
            found = _chunk(evidence, made, target, chunk)
            if found is None:
                name = artifacts.answers(target, chunk, made.answers).name
                told = f"{name} was changed or deleted since it was stored, or cannot be read: it is asked for again."
                return msgspec.structs.replace(
                    answer_chunk(world, run, pinned, target, chunk), warnings=(told,)
                )
            chunks.append(found)
    judged = _judge(world, run, pinned, made, stored)
    result = compare(
        judged.items,
        judged.answers,
        judged.graders,
        judged.exam,
        judged.basis,
        verdict=judged.verdict,
        deployments=made.targets,
        remarks=(run.judging.sentence,) if run.judging else (),
    )
    folder = RunFolder(world.artifacts, run.id)
    folder.write(artifacts.SCORES, scores_file(judged.exam))
    folder.write_json(artifacts.RULE, judged.basis)
    raw = msgspec.json.encode(result)
    folder.write(artifacts.COMPARISON, raw)
    folder.write(artifacts.COMPARISON_PAGE, to_markdown(result).encode())
    folder.write(artifacts.COMPARISON_PICTURE, to_svg(differences_of(result)).encode())
    folder.write(artifacts.COMPARISON_TABLE, to_csv(result).encode())
    summary = msgspec.json.encode(judged.summary(identity.digest_of(raw)))
    folder.write(artifacts.EVALUATION_SUMMARY, summary)
    return Proof(files=folder.written, evaluation=_decode_summary(summary))


def judged_anew(world: World, run: Run, pinned: Pinned) -> EvaluationSummary:
    """The verdict on a run, computed again from what is stored; nothing is asked or written.

    Raises:
        ArtifactGone: if anything of it was changed or deleted.
        Unavailable: if a store does not answer.
    """
    assert run.evaluation
    made = evaluation_plan.stored(world, run)
    if made is None:
        msg = f"{artifacts.PLAN.name} was changed or deleted since it was stored"
        raise ArtifactGone(msg)
    evidence = Evidence(world.artifacts, run)
    stored = {
        target: [_read(evidence, made, target, chunk) or _Chunk(b"", []) for chunk in range(made.chunks)]
        for target in made.targets
    }
    return _judge(world, run, pinned, made, stored).summary(run.evaluation.digest)


def _judge(
    world: World, run: Run, pinned: Pinned, made: EvaluationPlan, stored: Mapping[str, Sequence[_Chunk]]
) -> _Judged:
    """Grade the stored answers, those of each target, and judge."""
    spec, evidence = pinned.spec, Evidence(world.artifacts, run)
    answers = {
        target: [answer for chunk in chunks for answer in chunk.answers] for target, chunks in stored.items()
    }
    grading = grading_of_run(world, run, pinned)
    graders, decides = grading.compiled()
    items = _items(world, run, spec)
    groups, must_pass = item_groups(evidence, len(items)), _must_pass(evidence, spec.evaluation)
    known = known_rows.find(world, run, made, groups)
    exam = exam_from(items, groups, answers, decides, made.labels, known=known.places, must_pass=must_pass)
    is_similarity = decides is not None and decides.is_similarity
    basis = Basis(
        metric=grading.metric or "nothing",
        is_similarity=is_similarity,
        labels=dict(exam.labels),
        skipped=made.skipped,
        rule=spec.evaluation.promote,
        look=_look(world, run, stored, grading.decisive, spec.evaluation),
        app_version=VERSION,
        self_test=self_test(decides, items, answers=list(answers.values())) if decides else None,
        chance=chance_of(decides, items, answers[CANDIDATE]) if decides and not is_similarity else None,
        undecided="" if decides else grading.reason,
        not_known=known.not_known,
        not_asked=tuple(line for line in spec.evaluation.must_pass if line not in must_pass.values()),
    )
    return _Judged(made, items, answers, tuple(graders), exam, basis, judge_by(exam, basis))


def _must_pass(evidence: Evidence, judging: EvaluationSpec) -> dict[int, int]:
    """Place of each example that the candidate has to pass -> its line in the set."""
    prepared = evidence.decoded(artifacts.EVALUATION_MUST_PASS, _decode_pairs) or []
    return {place: line for place, line in prepared if line in judging.must_pass}


def grading_of_run(world: World, run: Run, pinned: Pinned) -> Grading:
    """The graders of the pipeline file, or those that were found to fit when the dataset was validated or the run judged again.

    Raises:
        ArtifactGone: if what validation found is gone.
    """
    if pinned.grading is not None:
        return pinned.grading
    spec = pinned.spec
    named = spec.evaluation.promote.metric
    if graders := spec.evaluation.graders:
        return Grading(graders=graders, metric=named or graders[0]["name"])
    found = load_result(world, run)
    if found is None:
        msg = f"{artifacts.VALIDATION_RESULT.name} was deleted; restore it"
        raise ArtifactGone(msg)
    metric = found.graders[0]["name"] if found.graders else ""
    return Grading(graders=found.graders, reason=found.graders_reason, metric=metric)


def _look(
    world: World,
    run: Run,
    stored: Mapping[str, Sequence[_Chunk]],
    grader: Mapping[str, Any],
    judging: EvaluationSpec,
) -> Look:
    """The number of this comparison; the same answers under the same grader and rule keep theirs."""
    assert run.summary
    exam = run.summary.files.get("evaluation", "")
    sides = [identity.digest_of(b"\n".join(chunk.raw for chunk in chunks)) for chunks in stored.values()]
    digest = identity.look_digest(exam, sides, grader, judging.promote, judging.must_pass)
    return world.pipelines.look(run.pipeline, digest=digest, exam=exam, run_id=run.id, at=world.clock.now())
