"""Exams, answers and comparisons for tests, from lists of marks."""

import msgspec

from shared.core.evaluation.answers import Answer, AnswerOutcome
from shared.core.evaluation.comparison import CANDIDATE, compare, exam_from
from shared.core.evaluation.contest import Exam, Score, contest_of
from shared.core.evaluation.evidence import Basis, judge_by
from shared.core.evaluation.graders import compile_grader
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.looks import Look
from shared.core.evaluation.verdict import judge
from shared.core.spec import PromoteRule

LOOK = Look(set=1, pipeline=1)
PLAIN = PromoteRule()


def rule(**values):
    """A promotion rule; a limit on tokens that never bites where `not_worse_by` needs one."""
    if "not_worse_by" in values:
        values = {"max_cost_ratio": 100.0} | values
    return PromoteRule(**values)


def score(value, **more):
    """A score; None: a question without an answer, `"ungradable"`: no grader can read the item, `"1 known"`: trained on."""
    if value == "ungradable":
        return Score(value=None, is_gradable=False)
    if isinstance(value, str):
        return msgspec.structs.replace(score(float(value.removesuffix(" known")), **more), is_known=True)
    outcome = AnswerOutcome.REFUSED if value is None else AnswerOutcome.ANSWERED
    return Score(value=value, **{"outcome": outcome, "prompt_tokens": 100, "completion_tokens": 10} | more)


def exam(ours, *theirs, groups=None):
    """An exam from lists of values, a list for each side."""
    sides = {CANDIDATE: ours} | {
        f"baseline-{number}": values for number, values in enumerate(theirs, start=1)
    }
    return Exam(
        groups=[f"g{group}" for group in (groups or range(len(ours)))],
        labels={side: side.replace("baseline-", "model ") for side in sides},
        scores={
            side: [value if isinstance(value, Score) else score(value) for value in values]
            for side, values in sides.items()
        },
    )


def contest(ours, theirs, *, groups=None, look=LOOK, **values):
    """The candidate against one baseline, by a rule of these values."""
    return contest_of(exam(ours, theirs, groups=groups), "baseline-1", rule(**values), look)


def won_lost_tied(wins, losses, ties):
    """Marks of both sides with so many items won, lost and tied."""
    return [1.0] * wins + [0.0] * losses + [1.0] * ties, [0.0] * wins + [1.0] * losses + [1.0] * ties


def differing(differences):
    """Scores of both sides, 0 to 1, that differ by these."""
    return [max(value, 0.0) for value in differences], [max(-value, 0.0) for value in differences]


def verdict(ours, *theirs, groups=None, look=LOOK, by=PLAIN, **more):
    """The verdict on lists of values."""
    return judge(exam(ours, *theirs, groups=groups), by, look, **{"metric": "exact"} | more)


def checking(name, reference, operation="eq"):
    """A grader of whole texts."""
    return compile_grader(
        {
            "type": "string_check",
            "name": name,
            "operation": operation,
            "input": "{{sample.output_text}}",
            "reference": reference,
        }
    )


EXACT = checking("exact", "{{item.reference}}")


def items(count, **fields):
    """Questions whose answer is yes."""
    return [
        EvaluationItem(
            index=n, messages=[{"role": "user", "content": f"q{n}"}], reference="yes", fields=fields
        )
        for n in range(count)
    ]


def answers(marks, tokens=10):
    """1 is right, 0 wrong, None filtered without a text."""
    texts = {1: "yes", 0: "no", None: None}
    return [
        Answer(
            index=n,
            text=texts[mark],
            prompt_tokens=100,
            completion_tokens=tokens,
            error="content_filter" if mark is None else None,
        )
        for n, mark in enumerate(marks)
    ]


def compared(rows, given, *, graders=(EXACT,), by=PLAIN, groups=None, labels=None, skipped=(), known=None):
    """Compare answers by target; the metric of the rule decides, or the first grader."""
    metric = by.metric or graders[0].name
    deciding = next(grader for grader in graders if grader.name == metric)
    labels = labels or {name: name for name in given}
    made = exam_from(rows, groups or range(len(rows)), given, deciding, labels, known=known or {})
    basis = Basis(
        metric=metric,
        is_similarity=False,
        labels=dict(made.labels),
        skipped=tuple(skipped),
        rule=by,
        look=LOOK,
        app_version="0.0.0",
    )
    verdict = judge_by(made, basis)
    return compare(
        rows, given, graders, made, basis, verdict=verdict, deployments={name: f"d-{name}" for name in given}
    )
