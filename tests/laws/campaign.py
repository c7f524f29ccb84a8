"""How often the verdict is wrong, and how often it is right: trials of laws through `judge`, as the app asks it."""

import math
import zlib
from dataclasses import dataclass

import numpy as np

from shared.core.evaluation.contest import Exam, Score, reaches
from shared.core.evaluation.exact import gain_at_least
from shared.core.evaluation.looks import Look
from shared.core.evaluation.verdict import PROMOTED, judge
from shared.core.spec import PromoteRule

SEED = 17
PLAIN = PromoteRule()
FIRST = Look(set=1, pipeline=1)
GAP = Score(value=None)
#: So much more than the stated error is borne, and two standard errors of the campaign.
BORNE = 1.3
#: Of pipelines without any gain, so many may ever be promoted in 20 drops; and two standard errors.
EVER_MAX = 0.065
DROPS = 20


@dataclass(frozen=True)
class Cell:
    """A law with a number of items.

    Attributes:
        title: the law in words.
        law: see laws.py.
        items: number of them.
        size: items of a group.
        rule: the promotion rule.
        limited: whose promotions are wrong and so are limited: `person`, `automatic` (that of the person is printed), None
            (a true gain: power).
        least: the least power that is asked for.
        most: the greatest power that `needed` may come to.
        dear: only in the soak.
    """

    title: str
    law: object
    items: int
    size: int = 1
    rule: PromoteRule = PLAIN
    limited: str | None = "person"
    least: float | None = None
    most: float | None = None
    dear: bool = False


@dataclass(frozen=True)
class Passing:
    """Pass or fail, where all outcomes can be enumerated.

    Attributes:
        title: in words.
        tied: share of groups that both win or both lose.
        groups: how many.
        rule: the promotion rule.
        gain: the true one.
        least: power that is asked for.
        most: the same.
    """

    title: str
    tied: float
    groups: int
    rule: PromoteRule = PLAIN
    gain: float = 0.0
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Row:
    """What a cell came to: shares of trials.

    Attributes:
        person: `better` or `as_good`; None where only automatic was looked at.
        automatic: of these, without a doubt; None where it was not looked at.
        trials: how many; None where all outcomes were enumerated.
        limit: of what is limited.
    """

    title: str
    items: int
    groups: int
    confidence: float
    person: float | None
    automatic: float | None
    trials: int | None
    limited: str | None = None
    limit: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def is_kept(self):
        """Whether the limit is."""
        if self.least is not None:
            error = 2 * standard_error(self.least, self.trials) if self.trials else 0.0
            return self.least - error <= self.person <= (self.most or 1.0) + error
        return self.limited is None or getattr(self, self.limited) <= self.limit


def generator(title, items):
    return np.random.default_rng([SEED, zlib.crc32(title.encode()), items])


def exam_of(ours, theirs, groups):
    """An exam from arrays of scores."""

    def side(values):
        return [GAP if math.isnan(value) else Score(value=value) for value in values.tolist()]

    return Exam(
        groups=groups,
        labels={"candidate": "candidate", "baseline-1": "baseline"},
        scores={"candidate": side(np.asarray(ours, float)), "baseline-1": side(np.asarray(theirs, float))},
    )


def judged(ours, theirs, groups, rule=PLAIN, look=FIRST):
    return judge(exam_of(ours, theirs, groups), rule, look, metric="score", is_planning=False)


def names_of_groups(items, size):
    return [f"g{number // size}" for number in range(items)]


def run(cell, trials):
    """Many comparisons of a cell."""
    rng, groups = generator(cell.title, cell.items), names_of_groups(cell.items, cell.size)
    person = automatic = 0
    for _ in range(trials):
        verdict = judged(*cell.law(rng, cell.items), groups, cell.rule)
        is_promoted = verdict.outcome in PROMOTED
        person += is_promoted
        automatic += is_promoted and not verdict.doubts
    alpha = 1 - cell.rule.confidence
    return Row(
        title=cell.title,
        items=cell.items,
        groups=len(set(groups)),
        confidence=cell.rule.confidence,
        person=person / trials,
        automatic=automatic / trials,
        trials=trials,
        limited=cell.limited,
        limit=BORNE * alpha + 2 * standard_error(alpha, trials) if cell.limited else None,
        least=cell.least,
        most=cell.most,
    )


def standard_error(share, trials):
    return math.sqrt(share * (1 - share) / trials)


def run_drops(title, exam_law, items, pipelines, drops=DROPS):
    """Pipelines that drop again and again without any gain, under `automatic`: the share that is ever promoted.

    Args:
        title: the law in words.
        exam_law: generator, items -> law of the drops of one pipeline.
        items: of each exam.
        pipelines: how many.
        drops: of each.
    """
    rng, groups = generator(title, items), names_of_groups(items, 1)
    ever_person = ever_automatic = 0
    for _ in range(pipelines):
        law, person, automatic = exam_law(rng, items), False, False
        for number in range(1, drops + 1):
            verdict = judged(*law(rng, items), groups, look=Look(set=number, pipeline=number))
            is_promoted = verdict.outcome in PROMOTED
            person |= is_promoted
            if is_promoted and not verdict.doubts:
                automatic = True
                break
        ever_person += person
        ever_automatic += automatic
    return Row(
        title=title,
        items=items,
        groups=items,
        confidence=PLAIN.confidence,
        person=ever_person / pipelines,
        automatic=ever_automatic / pipelines,
        trials=pipelines,
        limited="automatic",
        limit=EVER_MAX + 2 * standard_error(0.05, pipelines),
    )


def enumerate_passing(case):
    """Pass or fail: the chance of all results that are promoted, without any trial."""
    tied, groups, rule = case.tied, case.groups, case.rule
    alpha, chance, share = 1 - rule.confidence, 0.0, (1 + case.gain / (1 - tied)) / 2
    for decided in range(groups + 1):
        of_decided = _binomial(decided, groups, 1 - tied)
        if of_decided < 1e-9:
            continue
        fewest = _fewest_wins(decided, groups, rule, alpha)
        chance += of_decided * math.fsum(
            _binomial(wins, decided, share) for wins in range(fewest, decided + 1)
        )
    return Row(
        title=case.title,
        items=groups,
        groups=groups,
        confidence=rule.confidence,
        person=chance,
        automatic=None,
        trials=None,
        limited="person" if case.least is None else None,
        limit=alpha,
        least=case.least,
        most=case.most,
    )


def _fewest_wins(decided, groups, rule, alpha):
    low, high = 0, decided + 1
    while low < high:
        middle = (low + high) // 2
        if reaches(gain_at_least(middle, decided - middle, groups, alpha), rule):
            high = middle
        else:
            low = middle + 1
    return low


def _binomial(count, total, share):
    if share in {0.0, 1.0}:
        return float(count == total * share)
    logs = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
    return math.exp(logs + count * math.log(share) + (total - count) * math.log1p(-share))


def percent(share, trials=None):
    """A share, with the standard error that so many trials leave."""
    if share is None:
        return ""
    error = "" if not trials else f" ± {100 * standard_error(share, trials):.1f}"
    return f"{100 * share:.{1 if share > 0.001 or not share else 3}f}{error}"


def table(rows):
    """The rows in Markdown."""
    lines = [
        "| law | items | groups | confidence | promoted for a person, % | under `automatic`, % | allowed, % | trials |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        if row.least is not None:
            allowed = (
                f"{100 * row.least:.0f} to {100 * row.most:.0f}"
                if row.most
                else f"at least {100 * row.least:.0f}"
            )
        elif row.limit is None:
            allowed = ""
        else:
            allowed = f"{100 * row.limit:.3g}" + (" (automatic)" if row.limited == "automatic" else "")
        lines.append(
            f"| {row.title} | {row.items:,} | {row.groups:,} | {row.confidence:.4g} | {percent(row.person, row.trials)} "
            f"| {percent(row.automatic, row.trials)} | {allowed} | {row.trials or 'all outcomes'} |"
        )
    return "\n".join(lines)
