"""Which row goes where: seeded, stratified, and in whole groups of rows that are equal or nearly so."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from shared.core.dataset.findings import FindingLog
from shared.core.dataset.options import Options, Role
from shared.core.dataset.relations import labels_of
from shared.core.dataset.rulebook import broken
from shared.core.dataset.rules import files, methods
from shared.core.dataset.summary import FileSummary, RowState
from shared.core.spec import MethodType

_MASK: Final = 2**64 - 1
_ROLES: Final = (Role.TRAINING, Role.VALIDATION, Role.EVALUATION)
_UNUSED: Final = 255
#: Groups become Python numbers a part at a time: few are looked at, and all of them would be many.
_PARTS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """How the rows of a training file are divided.

    Attributes:
        assignment: of each row, a byte each; see `role_of`.
        counts: rows of each part.
        tokens: tokens of each part.
        strata: how many rows of each stratum each part has; strata are labels, or quarters by length.
    """

    assignment: bytes
    counts: dict[Role, int]
    tokens: dict[Role, int]
    strata: dict[str, dict[Role, int]]

    def role_of(self, row: int) -> Role | None:
        """Where a row goes; None if it is used nowhere.

        Raises:
            IndexError: the file has more rows than the one that the plan was made for.
        """
        number = self.assignment[row]
        return None if number == _UNUSED else _ROLES[number]


def plan_split(
    training: FileSummary,
    groups: array[int],
    options: Options,
    log: FindingLog,
    *,
    has_validation: bool,
    has_evaluation: bool,
) -> SplitPlan:
    """Plan evaluation rows first, then validation rows; training keeps the rest, which must be at least 10.

    Args:
        training: the training file.
        groups: key of each row's group; a group is never parted.
        options: shares and seeds.
        log: takes findings DS006, DS009 and DS064.
        has_validation: a validation file lies beside it, so none is split off.
        has_evaluation: an evaluation file lies beside it.
    """
    import numpy as np  # noqa: PLC0415  80 ms, loaded on use

    used = training.used()
    strata = _strata(np, training, used)
    keys = np.frombuffer(groups, np.uint64) if groups else np.zeros(0, np.uint64)
    spec = options.dataset
    assignment = np.full(training.rows, _UNUSED, np.uint8)
    assignment[used] = 0
    wanted = 0 if has_evaluation else _wanted(spec.evaluation.share, len(used), spec.evaluation.max_examples)
    assignment[_choose(used, keys, strata, wanted, spec.evaluation.seed)] = 2
    left = used[assignment[used] == 0]
    is_given = has_validation or spec.validation.required
    wanted = 0 if is_given else _wanted(spec.validation.share, len(used), len(used))
    assignment[_choose(left, keys, strata, wanted, spec.validation.seed ^ _MASK)] = 1
    plan = _plan(np, training, assignment, strata)
    _check_plan(plan, training, options, log, has_validation=has_validation)
    return plan


def unsplit(training: FileSummary) -> SplitPlan:
    """The plan of a file of which only the structure is known: all rows are trained on."""
    return SplitPlan(
        assignment=bytes(training.rows),
        counts=dict.fromkeys(Role, 0) | {Role.TRAINING: training.used_rows},
        tokens=dict.fromkeys(Role, 0),
        strata={},
    )


def _plan(np: Any, training: FileSummary, assignment: Any, strata: _Strata) -> SplitPlan:
    tokens = training.column(training.tokens)
    parts = {role: np.flatnonzero(assignment == number) for number, role in enumerate(_ROLES)}
    counted = {
        role: np.bincount(strata.codes[rows], minlength=len(strata.names)) for role, rows in parts.items()
    }
    return SplitPlan(
        assignment=assignment.tobytes(),
        counts={role: len(rows) for role, rows in parts.items()},
        tokens={role: int(tokens[rows].sum()) for role, rows in parts.items()},
        strata={
            name: {role: int(counts[code]) for role, counts in counted.items()}
            for code, name in enumerate(strata.names)
            if any(counts[code] for counts in counted.values())
        },
    )


class _Strata(NamedTuple):
    """The stratum of each row, as a number, and the names of the strata."""

    codes: Any
    names: Sequence[str]


def _strata(np: Any, training: FileSummary, used: Any) -> _Strata:
    """Strata are labels where answers are labels, else the quarters of the lengths."""
    if labels_of(training):
        return _Strata(training.column(training.labels), ("", *training.label_names))
    tokens = training.column(training.tokens)
    counted = np.sort(tokens[used])
    if not len(counted) or not counted[-1]:
        return _Strata(np.zeros(training.rows, np.int64), ("all",))
    bounds = counted[[len(counted) * quarter // len(_QUARTERS) for quarter in range(1, len(_QUARTERS))]]
    return _Strata(np.searchsorted(bounds, tokens, side="right").astype(np.uint8), _QUARTERS)


_QUARTERS: Final = ("shortest quarter", "second quarter", "third quarter", "longest quarter")


def _wanted(share: float, rows: int, most: int) -> int:
    """Rows to set aside: the share, at least one, at most `most`; none without a share or without rows."""
    if share <= 0 or rows < 2:
        return 0
    return min(max(round(share * rows), 1), most)


def _choose(rows: Any, keys: Any, strata: _Strata, wanted: int, seed: int) -> Any:
    """Choose about `wanted` rows: from each stratum its share, in whole groups, by a seeded rank.

    Groups that would be too many are passed over.  If every group is, the smallest is chosen, unless it is the only one.
    """
    import numpy as np  # noqa: PLC0415

    if not wanted:
        return rows[:0]
    # What `np.unique` gives, in a third of its memory.
    in_order = keys[rows]
    order_of_rows = np.argsort(in_order).astype(np.int32)  # rows of one group in any order
    in_order = in_order[order_of_rows]
    begins = np.flatnonzero(np.concatenate(([True], in_order[1:] != in_order[:-1]))).astype(np.int32)
    if len(begins) < 2:
        return rows[:0]
    groups, sizes = in_order[begins], np.diff(begins, append=np.int32(len(rows)))
    stratum = strata.codes[rows[np.minimum.reduceat(order_of_rows, begins)]]  # that of the first row
    del in_order, begins
    quotas = _quotas(np.bincount(stratum, weights=sizes, minlength=len(strata.names)).tolist(), wanted)
    order = _by_rank(np, groups, seed)
    chosen: list[int] = []
    passed: list[int] = []
    taken = 0
    for group in itertools.chain.from_iterable(part.tolist() for part in np.array_split(order, _PARTS)):
        if taken == wanted:
            break
        size = int(sizes[group])
        if size <= quotas[stratum[group]]:
            quotas[stratum[group]] -= size
            chosen.append(group)
            taken += size
        else:
            passed.append(group)
    for group in passed:  # what strata could not fill, because their groups are large
        if taken + sizes[group] <= wanted:
            chosen.append(group)
            taken += int(sizes[group])
    if not chosen:
        chosen = [int(order[sizes[order].argmin()])]
    is_chosen = np.zeros(len(groups), bool)
    is_chosen[chosen] = True
    return rows[np.sort(order_of_rows[np.repeat(is_chosen, sizes)])]


def _quotas(sizes: Sequence[float], wanted: int) -> list[int]:
    """How many rows of each stratum to take: proportional, by largest remainder."""
    total = sum(sizes)
    shares = [wanted * size / total for size in sizes]
    quotas = [int(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda code: (quotas[code] - shares[code], code))
    for code in by_remainder[: wanted - sum(quotas)]:
        quotas[code] += 1
    return quotas


def _by_rank(np: Any, keys: Any, seed: int) -> Any:
    """The places of keys in the order of their ranks: of the upper bits, and of the places where these are equal."""
    bits = np.uint64(2 ** len(keys).bit_length() - 1)
    ranks = _ranks(np, keys, seed) & ~bits
    ranks |= np.arange(len(keys), dtype=np.uint64)
    ranks.sort()  # several times as fast as `argsort`
    return (ranks & bits).astype(np.int32)


def _ranks(np: Any, keys: Any, seed: int) -> Any:
    """A 64-bit rank of each key under a seed (the finaliser of SplitMix64)."""
    z = keys + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 & _MASK)
    for shift, prime in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(prime)
    z ^= z >> np.uint64(31)
    return z


def _check_plan(
    plan: SplitPlan, training: FileSummary, options: Options, log: FindingLog, *, has_validation: bool
) -> None:
    held_out = sum(plan.counts.values()) - plan.counts[Role.TRAINING]
    left = plan.counts[Role.TRAINING] + training.states.count(RowState.BAD)
    issues = broken(files.too_few_examples, left, held_out, training.rows)
    if options.dataset.validation.required:
        issues += broken(files.validation_required, has_validation=has_validation)
    elif options.method is MethodType.REINFORCEMENT and not has_validation:
        issues += broken(methods.validation_needed, plan.counts[Role.VALIDATION])
    log.add_all(issues, file=training.file)
