"""What to write, or to add, so that a comparison has so many groups."""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec

from shared.core.spec import DatasetSpec

#: Largest `split` and `max_examples`, and the fewest rows that a job is started with.
_SPLIT_MAX: Final = 0.5
_EXAMPLES_MAX: Final = 10_000
_TRAINED_MIN: Final = 10


type SourceKind = Literal["set", "file", "split"]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where held-out examples come from.

    Attributes:
        kind: `set` of the pipeline's owner, an evaluation `file` beside the dataset, or the `split` of the training file.
        rows: rows of that file that can be used.
        dataset: how the pipeline holds rows out.
    """

    kind: SourceKind
    rows: int
    dataset: DatasetSpec


def how_to_have(groups: int, source: Source, examples: int, present: int) -> str:
    """What to do for so many groups, in words: about, as if further rows were as much alike as those that are held out.

    Args:
        groups: that are needed.
        source: where the examples come from.
        examples: that are held out now.
        present: groups of these that can be compared.
    """
    wanted = max(math.ceil(groups * (examples / present if present else 1.0)), groups)
    if wanted > _EXAMPLES_MAX:
        return f"about {wanted:,} examples would be needed, and at most {_EXAMPLES_MAX:,} can be asked"
    if source.kind == "split":
        return _of_split(wanted, source)
    name = "evaluation.set" if source.kind == "set" else "the evaluation file"
    lacking = wanted - source.rows
    does = [f"give {name} about {lacking:,} more rows that no model was trained on"] if lacking > 0 else []
    if capped := _capped(wanted, source):
        does.append(f"write {_keys(*capped)}")
    return " and ".join(does) or f"give {name} rows that are less alike"


def _of_split(wanted: int, source: Source) -> str:
    rows, present, aside = source.rows, source.dataset.evaluation.share, source.dataset.validation.share
    share = max(math.ceil(100 * wanted / rows) / 100, present) if rows else 1.0
    if share > _SPLIT_MAX or rows * (1 - share - aside) < _TRAINED_MIN:
        drop = max(math.ceil(wanted / _SPLIT_MAX), math.ceil(_TRAINED_MIN / max(1 - _SPLIT_MAX - aside, 0.1)))
        capped = _capped(wanted, source)
        beside = f"an evaluation file of about {wanted:,} rows{f' with {_keys(*capped)}' if capped else ''}"
        return f"drop about {drop:,} rows with {_keys(f'split: {_SPLIT_MAX:g}', *capped)}, or {beside}"
    keys = (*([f"split: {share:g}"] if share > present else []), *_capped(wanted, source))
    return f"write {_keys(*keys)}" if keys else "drop more rows, or rows that are less alike"


def _capped(wanted: int, source: Source) -> tuple[str, ...]:
    return (f"max_examples: {wanted}",) if wanted > source.dataset.evaluation.max_examples else ()


def _keys(*keys: str) -> str:
    return f"`dataset: {{evaluation: {{{', '.join(keys)}}}}}`"
