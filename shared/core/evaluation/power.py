"""How many groups it would take to show a gain, and which gain groups can show: about, for planning."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist
from typing import Final

from shared.core.evaluation.exact import WINS_PART, beta_cdf, fewest_groups, share_at_least, share_at_most

#: The chance with which it shall be shown.
POWER: Final = 0.8
#: No exam has more groups: beyond, the gain cannot be shown.
GROUPS_MAX: Final = 1_000_000
#: Numbers above this are given to within a part in as many.
_EXACT_MAX: Final = 2_000
_TAILS: Final = 4.5
_SLICES: Final = 400
#: So many numbers of decided groups stand for all.
_DECIDED: Final = 12
_NORMAL: Final = NormalDist()
#: The chance with which the smallest gain that is named is shown.
GAIN_POWER: Final = 0.9
#: Standard deviation of the differences between groups, until a pipeline has a comparison.
SPREAD_ASSUMED: Final = 0.5


def needed_for_scores(
    gain: float, spread: float, line: float, confidence: float, least: int, *, tied: float = 0.0
) -> int | None:
    """Groups with which a gain of scores is shown with a chance of 80 %, by the power of Student's test.

    Args:
        gain: true mean difference of groups.
        spread: their standard deviation.
        line: what the bound must reach.
        confidence: of the bound.
        least: no fewer than these.
        tied: share of the groups in which both sides score the same.  A line of 0 is reached by the other groups alone.

    Returns:
        The number, or None if the gain is not above the line.
    """
    if gain <= line:
        return None
    fewest, alpha = fewest_groups(confidence, least), 1 - confidence
    if line == 0 and 0 < tied < 1:
        effect = _effect_where_decided(gain, spread, tied)
        return _smallest(lambda groups: _power_with_ties(effect, tied, groups, alpha) >= POWER, fewest)
    if spread <= 0:
        return fewest
    effect = (gain - line) / spread
    return _smallest(lambda groups: _power_of_scores(effect, groups, alpha) >= POWER, fewest)


def needed_for_counts(wins: float, losses: float, line: float, confidence: float, least: int) -> int | None:
    """The same for groups that are won, lost or neither, with the shares `wins` and `losses`: by the power of the exact bound."""
    if wins - losses <= line:
        return None
    fewest = fewest_groups(confidence, least)
    spread = math.sqrt(wins + losses - (wins - losses) ** 2)
    about = ((_NORMAL.inv_cdf(confidence) + _NORMAL.inv_cdf(POWER)) * spread / (wins - losses - line)) ** 2
    return _smallest(
        lambda groups: power_of_counts(wins, losses, groups, line, 1 - confidence) >= POWER, fewest, about
    )


def _smallest(suffices: Callable[[int], bool], fewest: int, about: float = 0.0) -> int | None:
    """The smallest number that suffices: power rises with the groups, but for the teeth of a saw where it counts.

    Args:
        suffices: whether a number of groups does.
        fewest: no fewer than these.
        about: where to begin.
    """
    if about > GROUPS_MAX:
        return None
    low, high = fewest, max(fewest, math.ceil(about))
    while not suffices(high):
        low, high = high, math.ceil(high * 1.3)
        if high > GROUPS_MAX:
            return None
    if low == fewest:
        while (floor := int(high * 0.8)) > fewest and suffices(floor):
            high = floor
        low = max(low, floor)
    while high - low > max(1, low // _EXACT_MAX):
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    first = low if suffices(low) else high
    while first > fewest and first <= _EXACT_MAX and suffices(first - 1):
        first -= 1
    return first


def _power_of_scores(effect: float, groups: int, alpha: float) -> float:
    """Chance that Student's test finds an effect (in standard deviations) of a normal law, at the level that few signs have."""
    level = math.floor(alpha * 2**groups + 1e-9) / 2**groups if groups < 50 else alpha
    if level == 0 or math.isinf(effect):
        return float(level > 0)
    if groups == 1:  # its sign is all that there is, and suffices at a level of a half
        return _NORMAL.cdf(effect)
    freedom = groups - 1
    limit = student_quantile(level, freedom)
    shift = effect * math.sqrt(groups)
    # The mean over the law of the observed spread, in slices of the chi distribution divided by the root of its freedom.
    width = _TAILS / math.sqrt(2 * freedom)
    low, high = max(1e-9, 1 - width), 1 + width
    step = (high - low) / _SLICES
    norm = math.lgamma(freedom / 2) + (freedom / 2 - 1) * math.log(2) - freedom / 2 * math.log(freedom)
    total = []
    for slice_ in range(_SLICES + 1):
        spread = low + slice_ * step
        density = math.exp((freedom - 1) * math.log(spread) - freedom * spread * spread / 2 - norm)
        weight = 0.5 if slice_ in (0, _SLICES) else 1.0
        total.append(weight * density * _NORMAL.cdf(shift - limit * spread))
    return math.fsum(total) * step


def _effect_where_decided(gain: float, spread: float, tied: float) -> float:
    """Mean of the groups that are not tied, in their own standard deviations."""
    mean = gain / (1 - tied)
    variance = (spread**2 + gain**2) / (1 - tied) - mean**2
    return mean / math.sqrt(variance) if variance > 0 else math.inf


def _power_with_ties(effect: float, tied: float, groups: int, alpha: float) -> float:
    """The same where groups may be tied: the mean over how many are decided, a few numbers standing for their neighbours."""
    middle = groups * (1 - tied)
    reach = _TAILS * math.sqrt(middle * tied) + 1
    first, last = max(0, math.floor(middle - reach)), min(groups, math.ceil(middle + reach))
    stride = max(1, (last - first) // _DECIDED)
    parts = ((count, _binomial(count, groups, 1 - tied)) for count in range(first, last + 1, stride))
    known = [(_power_of_scores(effect, count, alpha), chance) for count, chance in parts]
    return math.fsum(power * chance for power, chance in known) / math.fsum(chance for _, chance in known)


@lru_cache(maxsize=4096)
def student_quantile(alpha: float, freedom: int) -> float:
    """The value that Student's t exceeds with a chance of `alpha`, at most 0.5."""
    low, high = 0.0, 1.0
    while _student_tail(high, freedom) > alpha:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_tail(middle, freedom) > alpha else (low, middle)
    return low


def _student_tail(value: float, freedom: int) -> float:
    return beta_cdf(freedom / (freedom + value * value), freedom / 2, 0.5) / 2


def power_of_counts(wins: float, losses: float, groups: int, line: float, alpha: float) -> float:
    """Chance that the exact bound of the gain reaches `line`: summed over the groups that are decided, and those won of them.

    Where very many numbers of decided groups are likely, some of them stand for their neighbours.
    """
    decided = wins + losses
    share = wins / decided if decided else 0.0
    middle, reach = groups * decided, _TAILS * math.sqrt(groups * decided * (1 - decided)) + 1
    first, last = max(0, math.floor(middle - reach)), min(groups, math.ceil(middle + reach))
    borne = _losses_borne(groups, line, alpha)
    stride = max(1, (last - first) // _SLICES)
    total, fewest_wins = [], round(first * share)
    for count in range(first, last + 1, stride):
        fewest_wins = _wins_for(count, fewest_wins, groups, line, alpha)
        enough = min(fewest_wins, max(count - borne, 0))
        if enough > count:
            continue
        chance = stride * _binomial(count, groups, decided)
        total.append(chance * (1.0 if enough == 0 else beta_cdf(share, enough, count - enough + 1)))
    return math.fsum(total)


def _losses_borne(groups: int, line: float, alpha: float) -> int:
    """The most losses that keep the bound at a line below 0, whatever else is won; -1 if none do."""
    rest, low, high = (1 - WINS_PART) * alpha, -1, groups + 1
    if line >= 0:
        return low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if share_at_most(middle, groups, rest) <= -line else (low, middle)
    return low


def _wins_for(decided: int, guess: int, groups: int, line: float, alpha: float) -> int:
    """The fewest wins among decided groups with which the bound reaches the line; more than `decided` if none do.

    The search begins at a guess: the number of the case before is rarely more than one away.  The bound reaches a line above 0
    if the share of wins is bounded by (1 + line / d) / 2; below 0 the same holds with the upper bound of d.
    """
    rest = (1 - WINS_PART) * alpha
    half = 0.5
    if line:
        share = share_at_least(decided, groups, rest) if line > 0 else share_at_most(decided, groups, rest)
        if share == 0:
            return decided + 1
        half = (1 + line / share) / 2
    if half >= 1:
        return decided + 1
    if half <= 0:
        return 0
    wins = min(guess, decided)
    while wins <= decided and (wins == 0 or beta_cdf(half, wins, decided - wins + 1) >= WINS_PART * alpha):
        wins += 1
    while wins > 1 and beta_cdf(half, wins - 1, decided - wins + 2) < WINS_PART * alpha:
        wins -= 1
    return wins


def _binomial(count: int, total: int, share: float) -> float:
    """Chance of exactly `count` in `total`."""
    if not 0 < share < 1:
        return float(count == total * share)
    logs = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
    return math.exp(logs + count * math.log(share) + (total - count) * math.log1p(-share))


def smallest_gain(groups: int, confidence: float, line: float = 0.0, spread: float = SPREAD_ASSUMED) -> float:
    """The smallest true gain that so many groups show with a chance of 90 %, about: by the normal law.

    Args:
        groups: that are compared, at least one.
        confidence: of the bound.
        line: what the bound must reach.
        spread: standard deviation of the differences between groups.
    """
    return line + _reach(confidence, spread) / math.sqrt(groups)


def groups_for_gain(gain: float, confidence: float, line: float = 0.0, spread: float = SPREAD_ASSUMED) -> int:
    """The fewest groups whose smallest gain is at most `gain`, which is above the line."""
    return math.ceil((_reach(confidence, spread) / (gain - line)) ** 2 - 1e-9)


def _reach(confidence: float, spread: float) -> float:
    """How far above the line a gain must lie for one group."""
    return (_NORMAL.inv_cdf(confidence) + _NORMAL.inv_cdf(GAIN_POWER)) * spread
