"""How an evaluation is carried out: targets answer held-out examples, the answers are stored and compared.

Answers are stored chunk by chunk under names that follow from the plan, so that a crash repeats one chunk at most and the next
look knows what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec

from shared import evaluation_plan, known_rows
from shared.core import artifacts, identity
from shared.core.errors import ArtifactGone, Refused, Unavailable
from shared.core.evaluation.answers import INVALID_CONTENT, UNREADABLE, Answer
from shared.core.evaluation.comparison import compare, exam_from
from shared.core.evaluation.evidence import Basis, judge_by, scores_file
from shared.core.evaluation.exam import CANDIDATE
from shared.core.evaluation.grading import Grading
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.looks import Look
from shared.core.evaluation.plot import differences_of, to_svg
from shared.core.evaluation.render import to_csv, to_markdown
from shared.core.evaluation.self_test import chance_of, self_test
from shared.core.evaluation.summary import summary_of
from shared.core.models import takes_temperature
from shared.core.observations import Evaluating, EvaluationPlan
from shared.core.run import EvaluationSummary, Run
from shared.core.spec import EvaluationSpec, PipelineSpec
from shared.grading import held_out_items, held_out_rows
from shared.pinning import Pinned
from shared.ports import World
from shared.run_folder import RunFolder
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
    """The observation of `evaluating`."""
    folder = RunFolder(world.artifacts, run.id)
    if raw := folder.read(artifacts.EVALUATION_SUMMARY):
        summary = _decode_summary(raw)
        if summary.round == run.evaluation_round:
            return Evaluating(plan=None, summary=summary)
    plan_now = evaluation_plan.load(folder, run)
    if plan_now is None:
        return Evaluating(plan=None)
    stored = (artifacts.chunk_of(name) for name in folder.names(artifacts.answers_folder(plan_now.answers)))
    return Evaluating(plan=plan_now, chunks=frozenset(f"{target}:{chunk}" for target, chunk in stored))


def plan(world: World, run: Run, pinned: Pinned, chunk_size: int) -> None:
    """Fix what is measured against what; see `evaluation_plan.make`."""
    items = len(list(rows(RunFolder(world.artifacts, run.id), run)))
    evaluation_plan.make(world, run, pinned, items=items, chunk_size=chunk_size)


def rows(folder: RunFolder, run: Run) -> Iterator[dict[str, Any]]:
    """The held-out examples, as they were prepared; none if none were held out.

    Raises:
        NotFound: if the file is gone.
    """
    assert run.summary
    return held_out_rows(folder) if run.summary.evaluation_examples else iter(())


def _items(folder: RunFolder, run: Run, spec: PipelineSpec) -> list[EvaluationItem]:
    assert run.summary
    return list(held_out_items(folder, spec)) if run.summary.evaluation_examples else []


def item_groups(folder: RunFolder, count: int) -> list[int]:
    """The group of each held-out example: equal numbers are examples that are equal, nearly equal or ask the same.

    Runs that 0.1.0 or 0.2.0 prepared have no groups: each example stands alone.

    Args:
        folder: of the run.
        count: how many held-out examples there are.

    Raises:
        ArtifactGone: if what is stored is not a list of so many numbers.  To guess would make more of the evidence than there is.
    """
    groups = folder.decoded(artifacts.EVALUATION_GROUPS, _decode_groups)
    if groups is None:
        return list(range(count))
    if len(groups) != count:
        msg = f"{artifacts.EVALUATION_GROUPS.name} has {len(groups)} numbers for {count} held-out examples"
        raise ArtifactGone(msg)
    return groups


def answer_chunk(world: World, run: Run, pinned: Pinned, target: str, chunk: int) -> None:
    """Let a target answer one chunk of the examples, several at a time, and store what became of each.

    Examples that the service refuses are stored beside the answers, once it is known that the target answers anything.

    Raises:
        Retryable: if the deployment is throttled, not ready or unreachable, or, before or after, does not serve the model of the
            plan; nothing of the chunk is stored then.
        Refused: if the deployment refuses whatever it is asked.
    """
    folder = RunFolder(world.artifacts, run.id)
    made = evaluation_plan.present(folder, run)
    evaluation_plan.insist_on(world, run, pinned, made, target)
    spec = pinned.spec
    items = _items(folder, run, spec)[chunk * made.chunk_size : (chunk + 1) * made.chunk_size]
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
        )
        left_out |= frozenset(answer.left_out)
        return answer

    with (
        telemetry.answering(run, target, len(items)),
        ThreadPoolExecutor(max_workers=_PARALLEL, thread_name_prefix="evaluation") as pool,
    ):
        answers = list(pool.map(carried(ask), items))
    if not (_was_served(answers) or any(map(_was_served, _chunks_of(folder, made, target)))):
        ask_plainly(world, made.targets[target])
    evaluation_plan.insist_on(world, run, pinned, made, target)
    folder.write_json(artifacts.answers(target, chunk, made.answers), answers)


def _was_served(answers: Iterable[Answer]) -> bool:
    return any(answer.was_served for answer in answers)


def _chunks_of(folder: RunFolder, made: EvaluationPlan, target: str) -> Iterator[list[Answer]]:
    """The stored chunks of a target."""
    for name, chunk in map(artifacts.chunk_of, folder.names(artifacts.answers_folder(made.answers))):
        if name == target and (raw := folder.read(artifacts.answers(target, chunk, made.answers))):
            yield _decoded(raw) or []


def stored_answers(folder: RunFolder, made: EvaluationPlan, target: str) -> list[Answer]:
    """What is there of a target's answers and can be read."""
    return [answer for chunk in _chunks_of(folder, made, target) for answer in chunk]


def is_answered(world: World, run: Run, pinned: Pinned) -> bool:
    """Whether the candidate of a run that is judged again owes no answer, so that it need not be deployed."""
    if run.judging is None:
        return False
    folder = RunFolder(world.artifacts, run.id)
    before = evaluation_plan.stored(folder)
    if before is None or not before.items:
        return False
    made = msgspec.structs.replace(before, answers=pinned.answers)
    return len(stored_answers(folder, made, CANDIDATE)) == made.items


def _decoded(raw: bytes) -> list[Answer] | None:
    """The answers of a chunk; None if they were stored by a mistake of some release and cannot be read."""
    try:
        return _decode_answers(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def ask_plainly(world: World, deployment: str) -> None:
    """Ask a deployment something that every model can answer.

    Raises:
        NotReady: if it does not serve yet.
        Unavailable: if what it answers cannot be read.
        Refused: if even this is refused, so that the deployment is to blame and not a question.
    """
    question = [{"role": "user", "content": "Reply with OK."}]
    answer = world.inference.answer(
        deployment, question, None, index=0, max_completion_tokens=16, temperature=None
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


def compare_answers(world: World, run: Run, pinned: Pinned) -> None:
    """Grade all answers, and judge; store the evidence, the comparison for machines, people and spreadsheets, last its summary.

    Answers that cannot be read are asked for again, chunk by chunk.

    Raises:
        Retryable, Refused: as `answer_chunk`.
        Unavailable: if the ledger of looks, or a store, does not answer; all of it may be done again.
    """
    folder = RunFolder(world.artifacts, run.id)
    made = evaluation_plan.present(folder, run)
    stored: dict[str, list[bytes]] = {target: [] for target in made.targets}
    answers: dict[str, list[Answer]] = {target: [] for target in made.targets}
    for target in made.targets:
        for chunk in range(made.chunks):
            raw = _stored_chunk(folder, made, target, chunk)
            found = _decoded(raw)
            if found is None:
                answer_chunk(world, run, pinned, target, chunk)
                raw = _stored_chunk(folder, made, target, chunk)
                found = _decode_answers(raw)
            stored[target].append(raw)
            answers[target] += found
    spec = pinned.spec
    grading = grading_of_run(world, run, pinned)
    graders, decides = grading.compiled()
    items = _items(folder, run, spec)
    groups, must_pass = item_groups(folder, len(items)), _must_pass(folder, spec.evaluation)
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
    verdict = judge_by(exam, basis)
    result = compare(
        items,
        answers,
        graders,
        exam,
        basis,
        verdict=verdict,
        deployments=made.targets,
        remarks=(run.judging.sentence,) if run.judging else (),
    )
    folder.write(artifacts.SCORES, scores_file(exam))
    folder.write_json(artifacts.RULE, basis)
    raw = msgspec.json.encode(result)
    folder.write(artifacts.COMPARISON, raw)
    folder.write(artifacts.COMPARISON_PAGE, to_markdown(result).encode())
    folder.write(artifacts.COMPARISON_PICTURE, to_svg(differences_of(result)).encode())
    folder.write(artifacts.COMPARISON_TABLE, to_csv(result).encode())
    summary = summary_of(
        exam,
        basis,
        verdict,
        digest=identity.digest_of(raw),
        champion=made.champion,
        evaluation_round=made.round,
    )
    folder.write_json(artifacts.EVALUATION_SUMMARY, summary)


def _must_pass(folder: RunFolder, judging: EvaluationSpec) -> dict[int, int]:
    """Place of each example that the candidate has to pass -> its line in the set."""
    prepared = folder.decoded(artifacts.EVALUATION_MUST_PASS, _decode_pairs) or []
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
    stored: Mapping[str, Sequence[bytes]],
    grader: Mapping[str, Any],
    judging: EvaluationSpec,
) -> Look:
    """The number of this comparison; the same answers under the same grader and rule keep theirs."""
    assert run.summary
    exam = run.summary.files.get("evaluation", "")
    sides = [identity.digest_of(b"\n".join(chunks)) for chunks in stored.values()]
    digest = identity.look_digest(exam, sides, grader, judging.promote, judging.must_pass)
    return world.pipelines.look(run.pipeline, digest=digest, exam=exam, run_id=run.id, at=world.clock.now())


def _stored_chunk(folder: RunFolder, made: EvaluationPlan, target: str, chunk: int) -> bytes:
    raw = folder.read(artifacts.answers(target, chunk, made.answers))
    assert raw is not None, f"chunk {chunk} of {target} was seen and is gone"
    return raw
