"""What we want of the validator, held against what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

type _Results = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target; `is_met` is None if it could not be measured."""

    target: str
    measured: str
    is_met: bool | None


def judge(results: _Results) -> Iterator[Verdict]:
    """Each target with what was measured of it."""
    yield _ratio(results, "structure", "cookbook", 2)
    yield _ratio(results, "gate", "cookbook", 1)
    yield _speed(results, "full", "one core", 30)
    yield _ratio(results, "full", "parallelogram_exact", 5)
    yield _ratio(results, "structure", "together", 1)
    yield _ratio(results, "tokens", "tiktoken", 4)
    yield _above(results, 250)
    yield _growth(results, 1.2)


def _figure(results: _Results, case: str, field: str) -> float | None:
    value = results.get(case, {}).get(field)
    return None if value is None else float(value)


def _verdict(target: str, measured: str | None, *, is_met: bool) -> Verdict:
    if measured is None:
        return Verdict(target, "not measured", None)
    return Verdict(target, measured, is_met)


def ratio(results: _Results, case: str, peer: str) -> float | None:
    """How many times as fast as a peer a case is: the median of the turns; None if one of them was not measured."""
    own, other = (results.get(name, {}).get("speeds") for name in (case, peer))
    if own is None or other is None:
        return None
    return statistics.median(a / b for a, b in zip(own, other, strict=True))


def _ratio(results: _Results, case: str, peer: str, least: float) -> Verdict:
    target, found = f"{case} at least {least:g} x {peer}", ratio(results, case, peer)
    if found is None:
        return _verdict(target, None, is_met=False)
    return _verdict(target, f"{found:.2f} x", is_met=found >= least)


def _speed(results: _Results, case: str, cores: str, least: float) -> Verdict:
    target = f"full at least {least:g} MB/s on {cores}"
    own = _figure(results, case, "mb_s")
    return _verdict(
        target, None if own is None else f"{own:.1f} MB/s", is_met=own is not None and own >= least
    )


def _above(results: _Results, most: float) -> Verdict:
    target = f"peak on 512 MB at most {most:g} MB above idle"
    above = _figure(results, "full@512", "above_mb")
    return _verdict(
        target, None if above is None else f"{above:.0f} MB", is_met=above is not None and above <= most
    )


def _growth(results: _Results, most: float) -> Verdict:
    target = f"peak on 512 MB at most {most:g} x the peak on 50 MB"
    small, large = _figure(results, "full@50", "peak_rss_mb"), _figure(results, "full@512", "peak_rss_mb")
    if small is None or large is None:
        return _verdict(target, None, is_met=False)
    return _verdict(target, f"{large / small:.2f} x", is_met=large / small <= most)
