"""Which laws are tried, with how many items."""

import math
from functools import partial

import numpy as np

from shared.core.evaluation.power import needed_for_counts, needed_for_scores
from shared.core.spec import PromoteRule
from tests.laws import laws
from tests.laws.campaign import Cell, Passing

#: The smallest power that is asked for, of a gain of 0.05 with a spread of 0.15 on 200 items.
POWER_MIN = 0.9
GROUPS_MIN = 5


def symmetric():
    """No true difference, and a symmetric law: what the sign-flip test promises."""
    for title, law in (
        ("normal", laws.normal()),
        ("two correlated beta scores", laws.beta),
        ("Student's t with 3 degrees of freedom", laws.heavy),
        *((f"normal, {share:.0%} ties", laws.tied(share)) for share in (0.5, 0.8, 0.95, 0.98)),
    ):
        few = (5, 10, 20, 50, 200) if "ties" not in title else (10, 50, 200)
        yield from (Cell(title, law, items) for items in few)
    yield Cell("normal", laws.normal(), 1000)
    yield Cell("normal, 98% ties", laws.tied(0.98), 1000, dear=True)
    yield Cell("two correlated beta scores", laws.beta, 1000, dear=True)
    for confidence, sizes in ((0.9, (10, 50)), (0.99, (10, 50)), (0.999, (12, 16))):
        rule = PromoteRule(confidence=confidence)
        yield from (Cell("normal", laws.normal(), items, rule=rule) for items in sizes)
    yield Cell("normal", laws.normal(), 50, rule=PromoteRule(confidence=0.999), dear=True)


def grouped():
    """Items of a group that hang together: two hundred items, and as many groups as that makes."""
    for size in (1, 2, 4, 8, 20):
        yield Cell(f"groups of {size}, correlation 0.9", laws.grouped(size), 200, size=size)


def silent():
    """Missing answers, on either side."""
    alike = laws.passing(0.68)  # two models that are right on 80 % of items, independently
    for share in (0.02, 0.05, 0.1, 0.2):
        yield Cell(
            f"pass or fail, {share:.0%} of the baseline's answers missing",
            laws.silent(alike, theirs=share),
            200,
        )
    yield Cell("pass or fail, 10% of the baseline's answers missing", laws.silent(alike, theirs=0.1), 50)
    for share in (0.1, 0.2):
        yield Cell(
            f"pass or fail, {share:.0%} of the candidate's answers missing",
            laws.silent(alike, ours=share),
            200,
        )
    yield Cell("pass or fail, 10% missing for both at once", laws.silent(alike, both=0.1), 200)
    yield Cell("pass or fail, 10% missing of each side", laws.silent(alike, ours=0.1, theirs=0.1), 200)
    yield Cell("normal, 10% of the baseline's answers missing", laws.silent(laws.normal(), theirs=0.1), 100)
    yield Cell("normal, 10% missing for both at once", laws.silent(laws.normal(), both=0.1), 100)


def asked():
    """A true gain of exactly what the rule asks for, which is not above it."""
    yield Cell(
        "normal, gain 0.1 where 0.1 is asked for", laws.normal(0.1), 100, rule=PromoteRule(superior_by=0.1)
    )
    yield Cell(
        "normal, loss 0.05 where 0.05 is allowed",
        laws.normal(-0.05),
        200,
        rule=PromoteRule(not_worse_by=0.05),
    )
    yield Cell(
        "pass or fail, loss 0.03 where 0.03 is allowed, 10% missing for both at once",
        laws.silent(laws.passing(0.6, -0.03), both=0.1),
        200,
        rule=PromoteRule(not_worse_by=0.03),
        dear=True,
    )


def skewed():
    """No true difference, and a law that is not symmetric: for a person's gate it is printed, `automatic` is limited."""
    for share in (0.02, 0.05, 0.1):
        title = f"{share:.0%} of items lose 0.8, the others gain"
        yield from (
            Cell(title, laws.collapsing(share), items, limited="automatic")
            for items in (10, 20, 50, 100, 200)
        )
        title = f"{share:.0%} of items gain 0.8, the others lose"
        yield Cell(title, laws.collapsing(share, sign=-1), 100, limited="automatic")
    yield from (
        Cell("log-normal losses", laws.log_normal(), items, limited="automatic")
        for items in (10, 50, 100, 200)
    )
    yield Cell(
        "5% of items lose 0.8 and nothing else differs, where a loss of 0.04 is allowed",
        laws.losing(0.05),
        200,
        rule=PromoteRule(not_worse_by=0.04),
        limited="automatic",
    )
    yield Cell("log-normal gains", laws.log_normal(-1), 100, limited="automatic")
    yield Cell(
        "2% of items lose 0.8, the others gain", laws.collapsing(0.02), 1000, limited="automatic", dear=True
    )
    yield Cell("log-normal losses", laws.log_normal(), 1000, limited="automatic", dear=True)


def gaining():
    """A true gain: how often it is shown."""
    title, law = "gain 0.05, spread 0.15", laws.normal(0.05, 0.15)
    yield from (Cell(title, law, items, limited=None) for items in (20, 50, 100))
    yield Cell(title, law, 200, limited=None, least=POWER_MIN)
    yield Cell("pass or fail, gain 0.1, 60% ties", laws.passing(0.6, 0.1), 200, limited=None)


def planned():
    """As many groups as `needed` says: the chance of 80 % that it promises."""
    for gain, spread in ((0.15, 0.2), (0.1, 0.2), (0.05, 0.15), (0.03, 0.2)):
        groups = needed_for_scores(gain, spread, 0.0, 0.95, GROUPS_MIN)
        yield _planned(f"gain {gain:g}, spread {spread:g}", laws.normal(gain, spread), groups)
    for gain, share in ((0.1, 0.5), (0.03, 0.8), (0.02, 0.95)):
        mean = gain / (1 - share)
        spread = math.sqrt((1 - share) * (0.2**2 + mean**2) - gain**2)
        groups = needed_for_scores(gain, spread, 0.0, 0.95, GROUPS_MIN, tied=share)
        yield _planned(f"gain {gain:g}, {share:.0%} ties", laws.tied(share, gain), groups)


def _planned(title, law, groups):
    return Cell(
        f"{title}, as many groups as `needed` says",
        law,
        groups,
        limited=None,
        least=0.75,
        most=0.85 if groups >= 20 else None,
    )


def cells():
    return [*symmetric(), *grouped(), *silent(), *asked(), *skewed(), *gaining(), *planned()]


def enumerated():
    """Pass or fail."""
    for share in (0.0, 0.5, 0.8, 0.95, 0.98):
        title = f"pass or fail, {share:.0%} ties"
        yield from (Passing(title, share, groups) for groups in (5, 10, 20, 50, 200, 1000))
    for confidence, groups in (
        (0.9, 50), (0.99, 7), (0.99, 50), (0.999, 10), (0.999, 200), (0.9999, 14), (0.9999, 200),
    ):  # fmt: skip
        yield Passing("pass or fail, 0% ties", 0.0, groups, PromoteRule(confidence=confidence))
    for groups in (50, 200):
        yield Passing(
            "pass or fail, 60% ties, gain 0.1 where 0.1 is asked for",
            0.6,
            groups,
            PromoteRule(superior_by=0.1),
            0.1,
        )
        yield Passing(
            "pass or fail, 60% ties, loss 0.05 where 0.05 is allowed",
            0.6,
            groups,
            PromoteRule(not_worse_by=0.05),
            -0.05,
        )
    for gain, tied in ((0.6, 0.2), (0.3, 0.5), (0.1, 0.6), (0.1, 0.85)):
        groups = needed_for_counts((1 - tied + gain) / 2, (1 - tied - gain) / 2, 0.0, 0.95, GROUPS_MIN)
        title = f"pass or fail, {tied:.0%} ties, gain {gain:g}, as many groups as `needed` says"
        yield Passing(title, tied, groups, gain=gain, least=0.75, most=0.85 if groups >= 20 else None)


def _normal(rng, count):
    return rng.normal(0, 0.2, count)


def _collapsing(rng, count):
    ours, theirs = laws.collapsing(0.02)(rng, count)
    return ours - theirs


def _passing(rng, count):
    return np.where(rng.random(count) < 0.5, 0.0, rng.choice([-1.0, 1.0], count))


def _binary(differences):
    """Scores of 0 and 1 with these differences."""
    return np.maximum(differences, 0.0), np.maximum(-differences, 0.0)


def drops():
    """Title, law of an exam."""
    for title, difference, shown in (
        ("normal", _normal, laws.scores),
        ("2% of items lose 0.8", _collapsing, laws.scores),
        ("pass or fail, 50% ties", _passing, _binary),
    ):
        yield f"20 drops, {title}, each with its own exam", partial(_own, difference, shown)
        yield f"20 drops, {title}, on the same exam", partial(_same, difference, shown)


def _own(difference, shown, _rng, _count):
    return lambda rng, count: shown(difference(rng, count))


def _same(difference, shown, rng, count):
    """Seven of ten differences belong to the items and come again with each drop."""
    of_items = difference(rng, count)
    return lambda rng, count: shown(np.where(rng.random(count) < 0.7, of_items, difference(rng, count)))
