"""Which row goes where: seeded, stratified, and in whole groups of rows that are equal or nearly so."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from shared.core.dataset.across.balance import labels_of
from shared.core.dataset.across.columns import Array, column_of, used_rows
from shared.core.dataset.across.duplicates import Relations
from shared.core.dataset.findings import FindingLog
from shared.core.dataset.limits import TRAINING_EXAMPLES_MIN
from shared.core.dataset.options import Options, Role
from shared.core.dataset.rulebook import Issue, broken
from shared.core.dataset.rules import files, methods
from shared.core.dataset.summary import PARTS, UNUSED, FileSummary, HeldOutRow, RowState, SplitPlan
from shared.core.spec import MethodType

_MASK: Final = 2**64 - 1
#: Groups become Python numbers a part at a time: few are looked at, and all of them would be many.
_PIECES: Final = 64


def plan_split(
    training: FileSummary,
    groups: array[int],
    options: Options,
    log: FindingLog,
    *,
    has_validation: bool,
    has_evaluation: bool,
) -> SplitPlan:
    """Plan evaluation rows first, then validation rows; training keeps the rest, at least 10 if there are so many.

    Args:
        training: the training file.
        groups: key of each row's group; a group is never parted.
        options: shares and seeds.
        log: takes findings DS006, DS009, DS064 and DS105.
        has_validation: a validation file lies beside it, so none is split off.
        has_evaluation: an evaluation file lies beside it.
    """
    used = used_rows(training)
    strata = _strata(training, used)
    keys = _as_array(groups)
    spec = options.dataset
    is_given = has_validation or spec.validation.required
    wanted = _Wanted(
        evaluation=0
        if has_evaluation
        else _share_of(spec.evaluation.share, len(used), spec.evaluation.max_examples),
        validation=0 if is_given else _share_of(spec.validation.share, len(used), len(used)),
    )
    needed = TRAINING_EXAMPLES_MIN - training.states.count(RowState.BAD)

    def assigned(attempt: _Wanted) -> Array:
        assignment = np.full(training.rows, UNUSED, np.uint8)
        assignment[used] = 0
        assignment[_choose(used, keys, strata, attempt.evaluation, spec.evaluation.seed)] = 2
        left = used[assignment[used] == 0]
        assignment[_choose(left, keys, strata, attempt.validation, spec.validation.seed ^ _MASK)] = 1
        return assignment

    assignment = assigned(wanted)
    trained = int(np.count_nonzero(assignment == 0))
    for attempt in _with_less(wanted, options.method) if trained < needed else ():
        other = assigned(attempt)
        trained = int(np.count_nonzero(other == 0))
        if trained >= needed:
            assignment = other
            break  # else too few are there in any case: the dataset is refused, and its rows go where they always went
    held = _HeldOut(_plan(training, assignment, strata), trained, wanted, has_validation=has_validation)
    _check_plan(held, training, options, log)
    return held.plan


class _HeldOut(NamedTuple):
    """What was held out.

    Attributes:
        plan: the split.
        trained: rows that are left for training where as little is held out as can be.
        wanted: what was to be held out.
        has_validation: a validation file lies beside the training file.
    """

    plan: SplitPlan
    trained: int
    wanted: _Wanted
    has_validation: bool


class _Wanted(NamedTuple):
    """How many rows are to be held out."""

    evaluation: int
    validation: int


def _with_less(wanted: _Wanted, method: MethodType) -> tuple[_Wanted, ...]:
    """What else may be held out: that must not make a dataset untrainable which is trainable as it is.

    Reinforcement fine-tuning cannot do without validation rows, the other methods can.
    """
    if method is MethodType.REINFORCEMENT:
        return (_Wanted(0, wanted.validation),)
    return _Wanted(wanted.evaluation, 0), _Wanted(0, 0)


def held_out_rows(
    files: Mapping[Role, FileSummary], plan: SplitPlan, relations: Relations, options: Options
) -> tuple[HeldOutRow, ...]:
    """The rows that models are asked, in their order: of the evaluation file, or where there is none of the split.

    Args:
        files: the files of the dataset.
        plan: the split of the training file.
        relations: of the rows of all files.
        options: how many there may be, the first ones; and which ones are asked always.
    """
    assignment = np.frombuffer(plan.assignment, np.uint8)
    role = Role.EVALUATION if Role.EVALUATION in files else Role.TRAINING
    file, keys = files[role], _as_array(relations.groups[role])
    if role is Role.EVALUATION:
        rows = used_rows(file)
    else:
        rows = np.flatnonzero(assignment == PARTS.index(Role.EVALUATION))
    always = np.isin(column_of(file.lines)[rows], options.must_pass) & (role is Role.EVALUATION)
    room = max(options.dataset.evaluation.max_examples - int(always.sum()), 0)
    rows = np.sort(np.concatenate((rows[always], rows[~always][:room])))
    _, first, group = np.unique(keys[rows], return_index=True, return_inverse=True)
    number = np.empty(len(first), np.uint32)
    number[np.argsort(first)] = np.arange(len(first), dtype=np.uint32)
    trained = _as_array(relations.groups[Role.TRAINING])[assignment == PARTS.index(Role.TRAINING)]
    known = np.isin(keys[rows], _linked_groups(relations, trained))
    return tuple(
        HeldOutRow(line=file.lines[row], key=file.keys[row], group=of, is_trained_on=is_known)
        for row, of, is_known in zip(rows.tolist(), number[group].tolist(), known.tolist(), strict=True)
    )


def _linked_groups(relations: Relations, trained: Array) -> Array:
    """Keys of the groups of the evaluation file that belong together with rows that are trained on.

    A split parts no group, so within one file there are none.

    Args:
        relations: of the rows of all files.
        trained: keys of the groups of the training file of which rows are trained on.
    """
    if not relations.links:
        return np.zeros(0, np.uint64)
    theirs, ours = np.array(relations.links).T
    is_trained = np.isin(_as_array(relations.groups[Role.TRAINING])[theirs], trained)
    found: Array = _as_array(relations.groups[Role.EVALUATION])[ours[is_trained]]
    return found


def _as_array(keys: array[int]) -> Array:
    """Keys of groups, not copied."""
    return np.frombuffer(keys, np.uint64) if keys else np.zeros(0, np.uint64)


def _plan(training: FileSummary, assignment: Array, strata: _Strata) -> SplitPlan:
    tokens = column_of(training.tokens)
    parts = {role: np.flatnonzero(assignment == number) for number, role in enumerate(PARTS)}
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

    codes: Array
    names: Sequence[str]


def _strata(training: FileSummary, used: Array) -> _Strata:
    """Strata are labels where answers are labels, else the quarters of the lengths."""
    if labels_of(training):
        return _Strata(column_of(training.labels), ("", *training.label_names))
    tokens = column_of(training.tokens)
    counted = np.sort(tokens[used])
    if not len(counted) or not counted[-1]:
        return _Strata(np.zeros(training.rows, np.int64), ("all",))
    bounds = counted[[len(counted) * quarter // len(_QUARTERS) for quarter in range(1, len(_QUARTERS))]]
    return _Strata(np.searchsorted(bounds, tokens, side="right").astype(np.uint8), _QUARTERS)


_QUARTERS: Final = ("shortest quarter", "second quarter", "third quarter", "longest quarter")


def _share_of(share: float, rows: int, most: int) -> int:
    """Rows to set aside: the share, at least one, at most `most`; none without a share or without rows."""
    if share <= 0 or rows < 2:
        return 0
    return min(max(round(share * rows), 1), most)


def _choose(rows: Array, keys: Array, strata: _Strata, wanted: int, seed: int) -> Array:
    """Choose about `wanted` rows: from each stratum its share, in whole groups, by a seeded rank.

    Groups that are too large for what is left to choose are passed over.  If every group is, the smallest is chosen, unless it
    is the only one.
    """
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
    order = _by_rank(groups, seed)
    chosen: list[int] = []
    passed: list[int] = []
    taken = 0
    for group in itertools.chain.from_iterable(part.tolist() for part in np.array_split(order, _PIECES)):
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
    found: Array = rows[np.sort(order_of_rows[np.repeat(is_chosen, sizes)])]
    return found


def _quotas(sizes: Sequence[float], wanted: int) -> list[int]:
    """How many rows of each stratum to take: proportional, by largest remainder."""
    total = sum(sizes)
    shares = [wanted * size / total for size in sizes]
    quotas = [int(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda code: (quotas[code] - shares[code], code))
    for code in by_remainder[: wanted - sum(quotas)]:
        quotas[code] += 1
    return quotas


def _by_rank(keys: Array, seed: int) -> Array:
    """The places of keys in the order of their ranks: of the upper bits, and of the places where these are equal."""
    bits = np.uint64(2 ** len(keys).bit_length() - 1)
    ranks = _ranks(keys, seed) & ~bits
    ranks |= np.arange(len(keys), dtype=np.uint64)
    ranks.sort()  # several times as fast as `argsort`
    return (ranks & bits).astype(np.int32)


def _ranks(keys: Array, seed: int) -> Array:
    """A 64-bit rank of each key under a seed (the finaliser of SplitMix64)."""
    z: Array = keys + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 & _MASK)
    for shift, prime in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(prime)
    z ^= z >> np.uint64(31)
    return z


def _check_plan(held: _HeldOut, training: FileSummary, options: Options, log: FindingLog) -> None:
    """The rules about what is left and what is held out; silent where what was found of rows, or of the file, explains it."""
    issues: list[Issue] = []
    if options.dataset.validation.required:
        issues += broken(files.validation_required, has_validation=held.has_validation)
    if not training.is_foreign:
        issues += _issues_of_counts(held, training, options)
    log.add_all(issues, file=training.file)


def _issues_of_counts(held: _HeldOut, training: FileSummary, options: Options) -> list[Issue]:
    counts, bad = held.plan.counts, training.states.count(RowState.BAD)
    used = sum(counts.values())
    if bad == training.rows and bad:
        return []  # what was found of the rows explains it: nobody knows how many there will be
    left = held.trained + bad
    aside = len(training.quarantine)
    if aside > options.quarantine_max_share * training.rows:
        left += aside  # DS092 says what is to be done about these
    issues = broken(files.too_few_examples, left, used - held.trained, training.rows)
    may_be_split = bad and options.dataset.validation.share > 0
    is_needed = options.method is MethodType.REINFORCEMENT and not options.dataset.validation.required
    if is_needed and not held.has_validation and not may_be_split and not issues:
        issues += broken(methods.validation_needed, counts[Role.VALIDATION], used, held.wanted.validation)
    if not issues and not bad and held.wanted.evaluation:
        facts = (counts[Role.EVALUATION], used, held.wanted.evaluation, held.trained)
        issues += broken(files.nothing_held_out, *facts)
    return issues
