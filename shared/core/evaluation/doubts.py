"""What keeps `approval.mode: automatic` from deploying without a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.core.evaluation.contest import reaches
from shared.core.evaluation.looks import Look, error_of
from shared.core.evaluation.marks import percent
from shared.core.evaluation.seen import Seen
from shared.core.evaluation.severe import excludes, groups_for

#: Why a baseline was left out that is no reason for doubt: there is no champion that clients could lose.
NONE_YET: Final = "this pipeline has none yet"
#: What `automatic` needs before it deploys without a person.
AUTOMATIC_GROUPS_MIN: Final = 50
AUTOMATIC_SEVERE_MAX: Final = 0.02
#: Share of the items that may be left out because a model was trained on them.
AUTOMATIC_LEFT_OUT_MAX: Final = 0.1


def doubts_of(seen: Seen, look: Look, *, is_similarity: bool) -> Iterator[str]:
    """What `automatic` needs and is not there."""
    rule = seen.rule
    if is_similarity:
        yield f"{seen.metric} compares wording, which alone does not show that an answer is right"
    for baseline in seen.skipped:
        if not baseline.endswith(NONE_YET):
            yield f"not everything was measured ({baseline})"
    groups = min(contest.groups for contest in seen.contests)
    if groups < AUTOMATIC_GROUPS_MIN:
        yield f"there are {groups} groups of held-out examples, and it takes {AUTOMATIC_GROUPS_MIN}"
    for side in seen.not_known:
        yield (
            f"it is not known what {seen.exam.labels[side]} was trained on, so examples that it learned from may count"
        )
    for contest in seen.contests:
        if contest.left_out > AUTOMATIC_LEFT_OUT_MAX * seen.items:
            yield (
                f"against {seen.label(contest)}, {contest.left_out} of {seen.items} examples were left out because a model was "
                f"trained on them; at most {percent(AUTOMATIC_LEFT_OUT_MAX)} may be"
            )
        if not reaches(contest.safe_bound, rule):
            bound = "nothing" if contest.safe_bound is None else f"{contest.safe_bound:+.3f}"
            yield (
                f"against {seen.label(contest)}, a gain of {bound} is all that is safe to say at the error left for look "
                f"{look.pipeline} since the last promotion ({percent(error_of(rule.confidence, look.pipeline))})"
            )
        allowed = rule.max_severe_regressions
        if allowed is None and not _is_pass_or_fail(seen) and not excludes(contest, AUTOMATIC_SEVERE_MAX):
            yield (
                f"against {seen.label(contest)}, {contest.severe.count} of {contest.groups} groups lose 0.5 or more, so up to "
                f"{percent(contest.severe.upper_bound)} may; at most {percent(AUTOMATIC_SEVERE_MAX)} is asked for, which takes "
                f"{groups_for(AUTOMATIC_SEVERE_MAX, rule.confidence)} groups without any"
            )


def _is_pass_or_fail(seen: Seen) -> bool:
    """Whether the grader gives only 0 and 1: then every loss is severe, and the exact bound counts it in full."""
    values = (score.value for scores in seen.exam.scores.values() for score in scores)
    return all(value is None or value in {0.0, 1.0} for value in values)
