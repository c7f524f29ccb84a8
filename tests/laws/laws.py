"""Laws of chance by which two models may score: each gives the scores of both sides for so many items.

A law is a function of a generator and the number of items.  It returns the candidate's scores and the baseline's, each 0 to 1, or
NaN where there is no answer.
"""

import math
from statistics import NormalDist

import numpy as np

NORMAL = NormalDist()


def scores(differences):
    """Scores of both sides, around one half, with these differences; what lies beyond -1 and 1 is cut off."""
    halves = np.clip(np.asarray(differences), -1, 1) / 2
    return 0.5 + halves, 0.5 - halves


def normal(gain=0.0, spread=0.2):
    return lambda rng, count: scores(rng.normal(gain, spread, count))


def heavy(rng, count):
    """Student's t with three degrees of freedom."""
    return scores(0.1 * rng.standard_t(3, count))


def beta(rng, count):
    """Two beta scores that hang together, as on items that are easy or hard for both: gammas with one part in common."""
    shared, ours, theirs = rng.gamma(2, size=count), rng.gamma(3, size=count), rng.gamma(3, size=count)
    return ours / (ours + shared), theirs / (theirs + shared)


def tied(share, gain=0.0):
    """Scores that are equal on this share of items, with a mean difference of `gain`."""
    return lambda rng, count: scores(
        np.where(rng.random(count) < share, 0.0, rng.normal(gain / (1 - share), 0.2, count))
    )


def passing(share, gain=0.0):
    """Pass or fail: both alike on this share of items; the others go to either, for a mean of `gain`."""

    def law(rng, count):
        ours = rng.random(count) < (1 + gain / (1 - share)) / 2
        is_tied = rng.random(count) < share
        return np.where(is_tied, 1.0, ours), np.where(is_tied, 1.0, ~ours)

    return law


def grouped(size, together=0.9):
    """Groups of items, one after the other, whose differences are correlated."""

    def law(rng, count):
        common = np.repeat(rng.normal(0, 0.2, -(-count // size)), size)[:count]
        return scores(math.sqrt(together) * common + math.sqrt(1 - together) * rng.normal(0, 0.2, count))

    return law


def silent(law, ours=0.0, theirs=0.0, both=0.0):
    """A law of which answers are missing, by side, whatever they would have scored."""

    def with_gaps(rng, count):
        mine, yours = law(rng, count)
        lost = rng.random(count) < both
        mine = np.where(lost | (rng.random(count) < ours), np.nan, mine)
        return mine, np.where(lost | (rng.random(count) < theirs), np.nan, yours)

    return with_gaps


def collapsing(share, loss=0.8, sign=1):
    """Many small gains that a rare loss takes back in the mean; with the sign -1, rare gains and many small losses."""
    small = loss * share / (1 - share)

    def law(rng, count):
        common = small + rng.normal(0, 0.02, count)
        return scores(sign * np.where(rng.random(count) < share, -loss, common))

    return law


def losing(share, loss=0.8):
    """Equal scores, but for rare losses: their mean is the gain."""
    return lambda rng, count: scores(np.where(rng.random(count) < share, -loss, 0.0))


def log_normal(sign=1, middle=0.05, spread=1.0):
    """A gain for all items alike, and losses of a log-normal law, 1 at most, which take it back in the mean."""
    place = math.log(middle)
    below = math.exp(place + spread**2 / 2) * NORMAL.cdf((-place - spread**2) / spread)
    mean = below + NORMAL.cdf(place / spread)
    return lambda rng, count: scores(sign * (mean - np.minimum(rng.lognormal(place, spread, count), 1.0)))
