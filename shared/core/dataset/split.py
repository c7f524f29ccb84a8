"""Which row goes where, by seeded hashes of the rows: equal rows stay together and every pass agrees."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Final

from shared.core.dataset import rules
from shared.core.dataset.findings import FindingLog
from shared.core.dataset.inspect import FileSummary, Role
from shared.core.pipeline_types import DatasetSpec, MethodType

#: Foundry starts no job with fewer examples.
TRAINING_EXAMPLES_MIN: Final = 10
_MASK: Final = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Rows whose rank is at most `bound`, without those whose rank is `skipped` (groups of equal rows that did not fit)."""

    bound: int
    skipped: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """How the rows of a training file are divided.

    Attributes:
        rows: rows of the file that the plan was made for.
        evaluation: which rows are held out; None if no row is.
        evaluation_seed: of their ranks.
        validation: which of the rows left over are set aside; None if no row is.
        validation_seed: of their ranks.
        counts: rows of each part.
        tokens: tokens of each part.
    """

    rows: int
    evaluation: Choice | None
    evaluation_seed: int
    validation: Choice | None
    validation_seed: int
    counts: dict[Role, int]
    tokens: dict[Role, int]


def plan_split(
    training: FileSummary,
    has_validation: bool,  # noqa: FBT001  a fact about the files, named at every call
    has_evaluation: bool,  # noqa: FBT001  the same
    dataset: DatasetSpec,
    log: FindingLog,
    *,
    method: MethodType = MethodType.SUPERVISED,
) -> SplitPlan:
    """Plan evaluation rows first, then validation rows; training keeps the rest, which must be at least 10.

    Args:
        training: the training file.
        has_validation: a validation file lies beside it, so none is split off.
        has_evaluation: an evaluation file lies beside it.
        dataset: shares and seeds.
        log: takes findings DS006, DS009 and DS064.
        method: reinforcement fine-tuning cannot do without validation rows.
    """
    keys = list(training.row_keys)
    evaluation = validation = None
    wanted = (
        0 if has_evaluation else _wanted(dataset.evaluation.share, len(keys), dataset.evaluation.max_examples)
    )
    if wanted:
        evaluation = _choose([_rank(key, dataset.evaluation.seed) for key in keys], wanted)
    left = [k for k in keys if not _is_chosen(k, dataset.evaluation.seed, evaluation)]
    wanted = (
        0
        if has_validation or dataset.validation.required
        else _wanted(dataset.validation.share, len(keys), len(keys))
    )
    if wanted and left:
        validation = _choose([_rank(key, dataset.validation.seed ^ _MASK) for key in left], wanted)
    plan = SplitPlan(
        rows=len(keys),
        evaluation=evaluation,
        evaluation_seed=dataset.evaluation.seed,
        validation=validation,
        validation_seed=dataset.validation.seed ^ _MASK,
        counts=dict.fromkeys(Role, 0),
        tokens=dict.fromkeys(Role, 0),
    )
    for index, key in enumerate(keys):
        role = assign(plan, index, key)
        plan.counts[role] += 1
        plan.tokens[role] += training.row_tokens[index]
    _check_plan(plan, training, log, dataset, has_validation=has_validation, method=method)
    return plan


def assign(plan: SplitPlan, row_index: int, row_key: int) -> Role:
    """Where a row of the planned file goes.

    Raises:
        IndexError: the file has more rows than the one that the plan was made for.
    """
    if row_index >= plan.rows:
        msg = f"row {row_index} of a file that had {plan.rows} rows when the split was planned"
        raise IndexError(msg)
    if _is_chosen(row_key, plan.evaluation_seed, plan.evaluation):
        return Role.EVALUATION
    if _is_chosen(row_key, plan.validation_seed, plan.validation):
        return Role.VALIDATION
    return Role.TRAINING


def check_overlap(training: FileSummary, other: FileSummary, log: FindingLog) -> int:
    """Rule DS008: count a companion's rows that are in the training file too (inspected with one seed)."""
    trained = set(training.row_keys)
    shared = sum(1 for key in other.row_keys if key and key in trained)
    if shared:
        message = f"{shared} of {other.rows} rows are in {training.file} too, so scores on them prove nothing"
        log.add(rules.OVERLAP, message, file=other.file)
    return shared


def _wanted(share: float, rows: int, most: int) -> int:
    """Rows to set aside: the share, at least one, at most `most`; none without a share or without rows."""
    if share <= 0 or rows < 2:
        return 0
    return min(max(round(share * rows), 1), most)


def _choose(ranks: list[int], wanted: int) -> Choice | None:
    """Choose about `wanted` rows by rank, in whole groups of equal rows.

    Groups that would be too many are passed over.  If every group is, the smallest is chosen, unless it is the only one.
    """
    groups = [(rank, len(list(group))) for rank, group in groupby(sorted(ranks))]
    left, bound = wanted, -1
    skipped: set[int] = set()
    passed: set[int] = set()
    for rank, size in groups:
        if size > left:
            passed.add(rank)
            continue
        left -= size
        bound = rank
        skipped |= passed
        passed = set()
        if not left:
            break
    if bound >= 0:
        return Choice(bound=bound, skipped=frozenset(skipped))
    if len(groups) < 2:
        return None
    bound = min(groups, key=lambda group: group[1])[0]
    return Choice(bound=bound, skipped=frozenset(rank for rank, _ in groups if rank < bound))


def _rank(key: int, seed: int) -> int:
    """A 64-bit rank of a row under a seed (the finaliser of SplitMix64)."""
    z = (key + (seed + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def _is_chosen(key: int, seed: int, choice: Choice | None) -> bool:
    if choice is None:
        return False
    rank = _rank(key, seed)
    return rank <= choice.bound and rank not in choice.skipped


def _check_plan(
    plan: SplitPlan,
    training: FileSummary,
    log: FindingLog,
    dataset: DatasetSpec,
    *,
    has_validation: bool,
    method: MethodType,
) -> None:
    """Rules DS006, DS009 and DS064."""
    left = plan.counts[Role.TRAINING]
    if left < TRAINING_EXAMPLES_MIN and plan.rows:  # no rows at all has a finding of its own
        held = f" after {plan.rows - left} are held out" if left < plan.rows else ""
        message = f"{left} examples are left for training{held}, at least {TRAINING_EXAMPLES_MIN} are needed"
        remedy = f"Add at least {TRAINING_EXAMPLES_MIN - left} examples; 50 to 100 make a difference."
        if plan.rows >= TRAINING_EXAMPLES_MIN:
            remedy += " Or drop validation and evaluation files of their own, so that none are held out."
        log.add(rules.TOO_FEW_EXAMPLES, message, file=training.file, remedy=remedy)
    if dataset.validation.required and not has_validation:
        log.add(
            rules.VALIDATION_REQUIRED,
            "the pipeline requires a validation file, there is none",
            file=training.file,
        )
    elif method is MethodType.REINFORCEMENT and not has_validation and not plan.counts[Role.VALIDATION]:
        log.add(rules.VALIDATION_NEEDED, "there are no validation rows", file=training.file)
