"""Can a grader tell right from wrong?  Asked without any model, from the references of the held-out examples.

Two parts.  True references must score above those of other examples: a permutation test, since a grader that gives everything
1 tells nothing.  And near misses made from them must score low, since a text compared with itself is 1 for every similarity.
Rows of reinforcement fine-tuning have no references: the answers take their place, held against the fields of other examples.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Final

import msgspec

from shared.core.evaluation.answers import Answer
from shared.core.evaluation.graders import Grader
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.near_misses import calling, near_misses, saying

#: The permutation test must be as sure as this.
P_MAX: Final = 0.01
#: So many examples are compared with each other, and so many have near misses made from them.
_COMPARED_MAX: Final = 30
_MISSED_MAX: Final = 200
#: Characters of all that is compared with each other, and of one of it: most measures take time with the square.
_CHARS_MAX: Final = 200_000
_CHARS_OF_ONE_MAX: Final = 25_000
#: So many answers are held against the examples of each other.
_ANSWERED_MAX: Final = 100
#: Kinds with a smaller share of all near misses are shown, and decide nothing: a few rows may be of another task.
_RARE: Final = 0.05
_NOISE: Final = 1e-9


class MissedBy(msgspec.Struct, frozen=True, kw_only=True):
    """What near misses of one kind scored.

    Attributes:
        kind: what is wrong with them.
        count: how many there are.
        mean: their mean score.
        allowed: the most that it may be.
    """

    kind: str
    count: int
    mean: float
    allowed: float


class SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """What a grader showed of itself.

    Attributes:
        grader: its name.
        passed: whether it may decide without a person.
        reason: why, or why not, as a part of a sentence.
        p: of the hypothesis that it cannot tell true references from those of other examples; None if none could be compared.
        near_misses: what wrong answers scored, by kind.
        chance: what true references of other examples scored on average: by guessing alone; None if none could be compared.
        is_early: whether it can be tested only once there are answers.
    """

    grader: str
    passed: bool
    reason: str
    p: float | None = None
    near_misses: tuple[MissedBy, ...] = ()
    chance: float | None = None
    is_early: bool = False


def self_test(
    grader: Grader,
    items: Sequence[EvaluationItem],
    seed: int = 1,
    answers: Sequence[Sequence[Answer]] = (),
) -> SelfTest:
    """Test a grader on held-out examples.

    Args:
        grader: that is tested.
        items: the held-out examples.
        seed: of the permutations.
        answers: of each side, in the order of the items; they are used where the rows have no references.
    """
    gradable = [item for item in items if not grader.missing(item)]
    if not gradable:
        return SelfTest(grader=grader.name, passed=False, reason="no held-out example has what it reads")
    gradable = [item for item in gradable if _chars_of(item) <= _CHARS_OF_ONE_MAX]
    if not gradable:
        reason = (
            f"all held-out examples have more than {_CHARS_OF_ONE_MAX:,} characters, too many to test it with"
        )
        return SelfTest(grader=grader.name, passed=False, reason=reason)
    if any(item.reference is not None for item in gradable):
        truths = {item.index: _truth(item) for item in gradable}
        missed = _missed(grader, _bounded(gradable[:_MISSED_MAX], _chars_of))
    elif answers:
        truths = _answered(gradable, answers)
        missed = ()
    else:
        return SelfTest(
            grader=grader.name,
            passed=False,
            reason="it is tested once there are answers: the rows have no references",
            is_early=True,
        )
    compared = [item for item in gradable if item.index in truths][:_COMPARED_MAX]
    compared = _bounded(compared, lambda item: _chars_of(item) + len(truths[item.index].text or ""))
    scores = grader.of_every_pair(compared, [truths[item.index] for item in compared])
    others = [value for at, row in enumerate(scores) for to, value in enumerate(row) if at != to]
    chance = _round(fmean(others)) if others else None
    if missed == () and answers and chance is not None:
        missed = (MissedBy(kind="answers to other examples", count=len(others), mean=chance, allowed=0.5),)
    return msgspec.structs.replace(_judged(grader, _p(scores, seed), missed), chance=chance)


def chance_of(
    grader: Grader, items: Sequence[EvaluationItem], answers: Sequence[Answer], seed: int = 1
) -> float | None:
    """How easily the same answers, handed out at random, would score as much: p of the hypothesis that they fit no question.

    A model that was trained on shuffled labels is right now and then, which is more than a model that knows no label.

    Returns:
        None if fewer than two examples were answered and can be graded.
    """
    pairs = [
        (item, answer)
        for item, answer in zip(items, answers, strict=True)
        if not answer.is_missing and not grader.missing(item)
    ]
    drawn = sorted(pairs, key=lambda pair: _drawn(seed, pair[0].index))[:_ANSWERED_MAX]
    drawn = _bounded(drawn, lambda pair: _chars_of(pair[0]) + len(pair[1].text or ""))
    return _p(grader.of_every_pair([item for item, _ in drawn], [answer for _, answer in drawn]), seed)


def _bounded[T](ones: Sequence[T], chars_of: Callable[[T], int]) -> list[T]:
    """As many of them, in their order, as have no more characters together than are compared with each other."""
    kept, left = [], _CHARS_MAX
    for one in ones:
        if (chars := chars_of(one)) <= left:
            kept.append(one)
            left -= chars
    return kept


def _chars_of(item: EvaluationItem) -> int:
    """Characters of all that a grader may compare an answer with."""
    beside = (item.reference_calls, item.fields)
    return len(item.reference or "") + len(msgspec.json.encode(beside))


def _truth(item: EvaluationItem) -> Answer:
    """The reference as an answer."""
    calls = item.reference_calls or ()
    answer = calling(item, calls) if calls else saying(item, item.reference or "")
    return msgspec.structs.replace(answer, text=item.reference)


def _answered(items: Sequence[EvaluationItem], answers: Sequence[Sequence[Answer]]) -> dict[int, Answer]:
    """For each example an answer that some side gave, each side in its turn."""
    found: dict[int, Answer] = {}
    by_side = [{answer.index: answer for answer in given if not answer.is_missing} for given in answers]
    for at, item in enumerate(items):
        sides = by_side[at % len(by_side) :] + by_side[: at % len(by_side)]
        known = next((side[item.index] for side in sides if item.index in side), None)
        if known is not None:
            found[item.index] = known
    return found


def _missed(grader: Grader, items: Sequence[EvaluationItem]) -> tuple[MissedBy, ...]:
    scores: defaultdict[str, list[float]] = defaultdict(list)
    allowed: defaultdict[str, list[float]] = defaultdict(list)
    for miss in near_misses(items):
        scores[miss.kind].append(grader.grade(miss.item, miss.answer))
        allowed[miss.kind].append(miss.allowed)
    return tuple(
        MissedBy(kind=kind, count=len(found), mean=_round(fmean(found)), allowed=_round(fmean(allowed[kind])))
        for kind, found in scores.items()
    )


def _p(scores: Sequence[Sequence[float]], seed: int) -> float | None:
    from shared.core.evaluation.permutations import p_of  # noqa: PLC0415  numpy, which a cold start need not load

    return p_of(scores, seed)


def _drawn(seed: int, at: int) -> bytes:
    return hashlib.blake2b(f"{seed}:{at}".encode(), digest_size=8).digest()


def _judged(grader: Grader, p: float | None, missed: tuple[MissedBy, ...]) -> SelfTest:
    many = _RARE * sum(miss.count for miss in missed)
    high = next((miss for miss in missed if miss.mean > miss.allowed + _NOISE and miss.count >= many), None)
    if p is None or p >= P_MAX:
        shown = "" if p is None else f" (p {p:.3g})"
        reason = f"true references do not score above those of other examples{shown}"
    elif grader.is_similarity:
        reason = "it compares wording, which alone does not show that an answer is right"
        reason += f": {high.kind} scores {high.mean:.3f}" if high else ""
    elif high:
        reason = f"wrong answers score high: {high.kind} {high.mean:.3f}, at most {high.allowed:.3f} is right"
    elif not missed:
        reason = "the examples offer no near misses to test it with"
    else:
        kinds = ", ".join(f"{miss.kind} {miss.mean:.3f}" for miss in missed)
        return SelfTest(
            grader=grader.name,
            passed=True,
            reason=f"true references score above others (p {p:.3g}), near misses low ({kinds})",
            p=p,
            near_misses=missed,
        )
    return SelfTest(grader=grader.name, passed=False, reason=reason, p=p, near_misses=missed)


def _round(value: float) -> float:
    return round(value, 6)
