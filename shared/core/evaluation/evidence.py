"""What anybody needs to check a verdict: scores and basis, without a word of what was asked or answered.

`scores.jsonl` has a line for each side and item; `rule.json` has the rule, the look and the names.  Verdict, reason and contests
follow from these two, bit for bit (`python -m cli compare --evidence FOLDER`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final, NamedTuple

import msgspec

from shared.core.evaluation.answers import AnswerOutcome
from shared.core.evaluation.exam import CANDIDATE, Exam, Score
from shared.core.evaluation.looks import Look
from shared.core.evaluation.self_test import P_MAX, SelfTest
from shared.core.evaluation.verdict import PROMOTED, Outcome, Verdict, judge
from shared.core.identity import digest_of
from shared.core.json_keys import repeated_key
from shared.core.spec import CONFIDENCE_RANGE, MARGIN_RANGE, RATIO_MAX, PromoteRule

#: Outcomes of a question that may have a score.
GRADED: Final = frozenset({AnswerOutcome.ANSWERED, AnswerOutcome.TRUNCATED})
#: No pipeline has been compared so often, and greater numbers leave no error to spend.
_LOOKS_MAX: Final = 1_000_000


type _Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class ScoreLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of `scores.jsonl`; what has its default is left out.

    Attributes:
        side: `candidate`, `baseline-1`...
        index: of the item among the held-out examples, from 0.
        score: of the deciding grader, 0 to 1; None if there is nothing to grade.
        outcome: what became of the question.
        group: of the item; items of one group are equal or nearly so.
        prompt_tokens: of the question; None if not known.
        completion_tokens: of the answer; None if not known.
        gradable: whether the item has what the grader reads.
        left_out: whether the side's model was trained on the item, so that the side is not compared on it.
        slices: names of the slices that the item belongs to.
        must_pass: line of the item in `evaluation.set`, if a candidate has to get it right.
        cached_tokens: of the question, from the cache; None if not known.
        reasoning_tokens: of the answer, thought before it; None if not known.
        latency_ms: from request to answer; None if not known.
    """

    side: str
    index: Annotated[int, msgspec.Meta(ge=0)]
    score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None
    outcome: AnswerOutcome
    group: str
    prompt_tokens: int | None
    completion_tokens: int | None
    gradable: bool = True
    left_out: bool = False
    slices: tuple[str, ...] = ()
    must_pass: int | None = None
    cached_tokens: _Count | None = None
    reasoning_tokens: _Count | None = None
    latency_ms: _Count | None = None


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """`rule.json`: what a verdict was given by.

    Attributes:
        metric: name of the deciding grader.
        is_similarity: whether it compares wording.
        labels: side -> its name for people; the candidate first.
        skipped: baselines that could not be measured, with the reason.
        rule: of the pipeline file.
        look: which look it was.
        app_version: of the app that gave it.
        not_known: sides of which it is not known what their model was trained on, although an app trained it.
        not_asked: lines of `evaluation.set` that a candidate has to pass, and that nobody was asked.
        self_test: what the deciding grader showed of itself; None if it was not tested.
        chance: p of the hypothesis that the candidate's answers fit their own questions no better than others; None: not tested.
        undecided: why there is no grader that decides; empty if there is one.
    """

    metric: str
    is_similarity: bool
    labels: dict[str, str]
    skipped: tuple[str, ...]
    rule: PromoteRule
    look: Look
    app_version: str
    not_known: tuple[str, ...] = ()
    not_asked: tuple[int, ...] = ()
    self_test: SelfTest | None = None
    chance: float | None = None
    undecided: str = ""


_decode_basis: Final = msgspec.json.Decoder(Basis).decode
_decode_line: Final = msgspec.json.Decoder(ScoreLine).decode


def decode_basis(raw: bytes) -> Basis:
    """What `rule.json` holds.

    Raises:
        ValueError: if it cannot be read, or no run can have had such a rule.
    """
    basis = _decode_basis(raw)
    check_keys(raw)
    look = basis.look
    if CANDIDATE not in basis.labels:
        msg = f"labels: {CANDIDATE} is missing"
    elif not basis.labels.keys() >= set(basis.not_known):
        msg = "not_known: there is no such side"
    elif not (1 <= look.set <= _LOOKS_MAX and 1 <= look.pipeline <= _LOOKS_MAX):
        msg = f"look: the first one is 1, the last one {_LOOKS_MAX:,}"
    else:
        _check_rule(basis.rule)
        return basis
    raise ValueError(msg)


def _check_rule(rule: PromoteRule) -> None:
    """The ranges of a pipeline file, and no two lines.

    Raises:
        ValueError: if the file would have been refused.
    """
    (least, most), (low, high) = CONFIDENCE_RANGE, MARGIN_RANGE
    if not least <= rule.confidence <= most:
        msg = f"rule.confidence: {rule.confidence:g} is not between {least} and {most}"
        raise ValueError(msg)
    margins = [value for value in (rule.superior_by, rule.not_worse_by) if value is not None]
    above_0 = (
        (rule.max_cost_ratio, RATIO_MAX),
        (rule.max_prompt_ratio, RATIO_MAX),
        (rule.max_severe_regressions, 1.0),
    )
    is_in_range = (
        all(low <= value <= high for value in (*margins, rule.max_slice_loss) if value is not None)
        and abs(rule.min_gain) <= 1
        and all(value is None or 0 < value <= top for value, top in above_0)
    )
    if not is_in_range:
        msg = "rule: a number is out of range"
        raise ValueError(msg)
    if len(margins) + (rule.min_gain != 0) > 1:
        msg = "rule: superior_by, not_worse_by and min_gain exclude each other"
        raise ValueError(msg)


def check_keys(raw: bytes) -> None:
    """No key appears twice in an object: readers differ on which one counts.

    Raises:
        ValueError: if one does.
    """
    if (key := repeated_key(raw)) is not None:
        msg = f"key {key[:60]!r} appears twice in one object"
        raise ValueError(msg)


def score_lines(exam: Exam) -> Iterator[bytes]:
    """The lines of `scores.jsonl`, without line breaks: side after side, each in the order of the items."""
    for side, scores in exam.scores.items():
        for index, (group, score) in enumerate(zip(exam.groups, scores, strict=True)):
            line = ScoreLine(
                side=side,
                index=index,
                score=score.value,
                outcome=score.outcome,
                group=group,
                prompt_tokens=score.prompt_tokens,
                completion_tokens=score.completion_tokens,
                gradable=score.is_gradable,
                left_out=score.is_known,
                slices=exam.slices[index] if exam.slices else (),
                must_pass=exam.must_pass.get(index),
                cached_tokens=score.cached_tokens,
                reasoning_tokens=score.reasoning_tokens,
                latency_ms=score.latency_ms,
            )
            yield msgspec.json.encode(line)


def scores_file(exam: Exam) -> bytes:
    """The whole of `scores.jsonl`."""
    return b"".join(line + b"\n" for line in score_lines(exam))


def digest_of_scores(exam: Exam) -> str:
    """`sha256:...` over `scores.jsonl`; its lines come out the same again, in whatever order they were read."""
    return digest_of(scores_file(exam))


def exam_of(lines: Iterable[bytes], labels: Mapping[str, str]) -> Exam:
    """The exam that lines of `scores.jsonl` describe.

    Raises:
        ValueError: if a line cannot be read, or the sides did not all get the same items.
    """
    items: dict[int, _Item] = {}
    scores: dict[str, dict[int, Score]] = {side: {} for side in labels}
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        line = _line_of(raw, number)
        if line.side not in scores or line.index in scores[line.side]:
            known = "the rule names no such side" if line.side not in scores else "it was there before"
            msg = f"line {number}: item {line.index} of {line.side}: {known}"
            raise ValueError(msg)
        _keep(items, line, number)
        scores[line.side][line.index] = Score(
            value=line.score,
            outcome=line.outcome,
            is_gradable=line.gradable,
            prompt_tokens=line.prompt_tokens,
            completion_tokens=line.completion_tokens,
            is_known=line.left_out,
            cached_tokens=line.cached_tokens,
            reasoning_tokens=line.reasoning_tokens,
            latency_ms=line.latency_ms,
        )
    order = sorted(items)
    for side, found in scores.items():
        if len(found) < len(order):
            msg = f"{side} has {len(found)} of {len(order)} items"
            raise ValueError(msg)
    return Exam(
        groups=[items[index].group for index in order],
        labels=dict(labels),
        scores={side: [found[index] for index in order] for side, found in scores.items()},
        slices=[items[index].slices for index in order]
        if any(item.slices for item in items.values())
        else (),
        must_pass={
            place: at for place, index in enumerate(order) if (at := items[index].must_pass) is not None
        },
    )


class _Item(NamedTuple):
    """What all lines of an item say."""

    group: str
    slices: tuple[str, ...]
    must_pass: int | None


def _keep(items: dict[int, _Item], line: ScoreLine, number: int) -> None:
    """Take what a line says about its item.

    Raises:
        ValueError: if an earlier line says otherwise.
    """
    item = _Item(line.group, line.slices, line.must_pass)
    known = items.setdefault(line.index, item)
    if known.group != item.group:
        msg = f"line {number}: item {line.index} is of group {item.group} here, of {known.group} before"
        raise ValueError(msg)
    if known != item:
        msg = f"line {number}: item {line.index} has other slices here than before, or must be passed in one place only"
        raise ValueError(msg)


def judge_by(exam: Exam, basis: Basis, *, knows_tokens: bool = True) -> Verdict:
    """The app's verdict.

    Where no grader decides it is unproven, whatever the scores.  A grader that did not pass its self-test leaves a doubt; of one
    that tells nothing, a verdict that ends the run says so.

    Args:
        exam: all scores.
        basis: what it is judged by.
        knows_tokens: see `judge`.
    """
    verdict = judge(
        exam,
        basis.rule,
        basis.look,
        metric=basis.metric,
        skipped=basis.skipped,
        is_similarity=basis.is_similarity,
        not_known=basis.not_known,
        not_asked=basis.not_asked,
        knows_tokens=knows_tokens,
    )
    if basis.undecided:
        return msgspec.structs.replace(
            verdict, outcome=Outcome.UNPROVEN, reason=basis.undecided, decided_by=None, doubts=()
        )
    if verdict.outcome is Outcome.NOT_BETTER and _tells_nothing(basis.self_test):
        reason = (
            f"{verdict.reason} But {basis.metric} does not tell true references from those of other examples: correct the grader "
            "in the pipeline file, and have the run judged again."
        )
        return msgspec.structs.replace(verdict, reason=reason)
    if verdict.outcome not in PROMOTED:
        return verdict
    return msgspec.structs.replace(verdict, doubts=(*_doubts(basis), *verdict.doubts))


def _tells_nothing(test: SelfTest | None) -> bool:
    """Whether a grader scored true references no better than those of other examples."""
    return test is not None and test.p is not None and test.p >= P_MAX


def _doubts(basis: Basis) -> Iterator[str]:
    """What keeps `automatic` from relying on the grader; of a similarity `judge` says enough."""
    if basis.self_test and not basis.self_test.passed and not basis.is_similarity:
        yield f"{basis.metric} has not passed its self-test: {basis.self_test.reason}"
    if basis.chance is not None and basis.chance >= P_MAX:
        yield (
            f"the candidate's answers score about as much when they are handed out at random (p {basis.chance:.3g}), so they may "
            "not depend on what was asked"
        )


def _line_of(raw: bytes, number: int) -> ScoreLine:
    """A line that contradicts neither its form nor itself.

    Raises:
        ValueError: if it does.
    """
    try:
        line = _decode_line(raw)
        check_keys(raw)
    except (ValueError, RecursionError) as error:
        msg = f"line {number}: {error}"
        raise ValueError(msg) from None
    has_answer = line.outcome in GRADED
    if line.score is not None and not (has_answer and line.gradable):
        why = f"the answer was {line.outcome}" if line.gradable else "the item cannot be graded"
        msg = f"line {number}: a score, although {why}"
        raise ValueError(msg)
    if line.score is None and line.gradable and line.outcome is AnswerOutcome.ANSWERED:
        msg = f"line {number}: no score, although the item can be graded and was {line.outcome}"
        raise ValueError(msg)
    return line
