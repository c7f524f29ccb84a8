"""What anybody needs to check a verdict: scores and basis, without a word of what was asked or answered.

`scores.jsonl` has a line for each side and item; `rule.json` has the rule, the look and the names.  Verdict, reason and contests
follow from these two, bit for bit (`python -m cli compare --evidence FOLDER`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from shared.core.evaluation.answers import AnswerOutcome
from shared.core.evaluation.contest import Exam, Score
from shared.core.evaluation.looks import Look
from shared.core.evaluation.verdict import Verdict, judge
from shared.core.spec import PromoteRule


class ScoreLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of `scores.jsonl`.

    Attributes:
        side: `candidate`, `baseline-1`...
        index: of the item among the held-out examples, from 0.
        score: of the deciding grader, 0 to 1; None if there is nothing to grade.
        outcome: what became of the question.
        group: of the item; items of one group are equal or nearly so.
        prompt_tokens: of the question; None if not known.
        completion_tokens: of the answer; None if not known.
        gradable: whether the item has what the grader reads.
    """

    side: str
    index: int
    score: float | None
    outcome: AnswerOutcome
    group: str
    prompt_tokens: int | None
    completion_tokens: int | None
    gradable: bool = True


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
    """

    metric: str
    is_similarity: bool
    labels: dict[str, str]
    skipped: tuple[str, ...]
    rule: PromoteRule
    look: Look
    app_version: str


decode_basis: Final = msgspec.json.Decoder(Basis).decode
_decode_line: Final = msgspec.json.Decoder(ScoreLine).decode


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
            )
            yield msgspec.json.encode(line)


def exam_of(lines: Iterable[bytes], labels: Mapping[str, str]) -> Exam:
    """The exam that lines of `scores.jsonl` describe.

    Raises:
        ValueError: if a line cannot be read, or the sides did not all get the same items.
    """
    groups: dict[int, str] = {}
    scores: dict[str, dict[int, Score]] = {side: {} for side in labels}
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            line = _decode_line(raw)
        except msgspec.MsgspecError as error:
            msg = f"line {number}: {error}"
            raise ValueError(msg) from None
        if line.side not in scores or line.index in scores[line.side]:
            known = "the rule names no such side" if line.side not in scores else "it was there before"
            msg = f"line {number}: item {line.index} of {line.side}: {known}"
            raise ValueError(msg)
        if groups.setdefault(line.index, line.group) != line.group:
            msg = f"line {number}: item {line.index} is of group {line.group} here, of {groups[line.index]} before"
            raise ValueError(msg)
        scores[line.side][line.index] = Score(
            value=line.score,
            outcome=line.outcome,
            is_gradable=line.gradable,
            prompt_tokens=line.prompt_tokens,
            completion_tokens=line.completion_tokens,
        )
    order = sorted(groups)
    for side, found in scores.items():
        if len(found) < len(order):
            msg = f"{side} has {len(found)} of {len(order)} items"
            raise ValueError(msg)
    return Exam(
        groups=[groups[index] for index in order],
        labels=dict(labels),
        scores={side: [found[index] for index in order] for side, found in scores.items()},
    )


def judge_by(exam: Exam, basis: Basis) -> Verdict:
    """The app's verdict."""
    return judge(
        exam,
        basis.rule,
        basis.look,
        metric=basis.metric,
        skipped=basis.skipped,
        is_similarity=basis.is_similarity,
    )
