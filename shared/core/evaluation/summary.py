"""The summary of an evaluation: what follows from scores and basis, so that the app and `compare --evidence` give the same."""

from __future__ import annotations

import msgspec

from shared.core.evaluation.evidence import Basis, digest_of_scores
from shared.core.evaluation.exam import CANDIDATE, Exam
from shared.core.evaluation.measures import measures_of
from shared.core.evaluation.scorecard import StoredSummary, decisive_of
from shared.core.evaluation.verdict import Verdict


def summary_of(
    exam: Exam,
    basis: Basis,
    verdict: Verdict,
    *,
    digest: str,
    champion: str | msgspec.UnsetType | None = msgspec.UNSET,
    evaluation_round: int = 0,
) -> StoredSummary:
    """What a run keeps of its evaluation.

    Args:
        exam: all scores of the deciding grader.
        basis: what the candidate was judged by.
        verdict: that follows from these two.
        digest: SHA-256 over the comparison artifact, which holds texts; it does not follow from scores.
        champion: the run of the champion, as the plan has it; nor does this.
        evaluation_round: of the run; nor does this.
    """
    decisive = decisive_of(verdict.contests, verdict.decided_by)
    baseline = decisive.baseline if decisive else None
    is_graded = any(score.is_gradable for score in exam.scores[CANDIDATE])
    scored = decisive if is_graded else None
    alone = exam.mean(CANDIDATE) if is_graded else None
    return StoredSummary(
        metric=basis.metric,
        candidate_score=scored.means["candidate"] if scored else alone,
        baseline=exam.labels[baseline] if baseline else None,
        baseline_score=scored.means["baseline"] if scored else None,
        gain=scored.gain if scored else None,
        lower_bound=scored.lower_bound if scored else None,
        examples=len(exam.groups),
        outcome=verdict.outcome,
        reason=verdict.reason,
        digest=digest,
        groups=len(set(exam.groups)),
        look=basis.look,
        doubts=verdict.doubts,
        champion=champion,
        round=evaluation_round,
        measures=measures_of(exam, baseline, basis.rule),
        verdict=verdict.outcome,
        contests=verdict.contests,
        evidence=digest_of_scores(exam),
    )
