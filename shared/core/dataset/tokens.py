"""Token counts, exact for the o200k encoding of the gpt-4o, gpt-4.1, gpt-5 and o-series models.

The frame around the texts follows OpenAI's cookbook (Chat_finetuning_data_prep): 3 tokens a message besides
its values, one more
for a name, 3 an example.  Tool definitions and calls count as their compact JSON; how the service frames them
is not published.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final

ENCODING: Final = "o200k_base"
MESSAGE_TOKENS: Final = 3
NAME_TOKENS: Final = 1
EXAMPLE_TOKENS: Final = 3
#: Every role is one token of the encoding (a test says so), so roles need not be encoded.
ROLE_TOKENS: Final = 1

#: Foundry shows `auto` as -1 and does not publish the number it picks; this is the usual outcome.
EPOCHS_ASSUMED: Final = 3


@functools.cache
def _counter() -> Callable[[str], int]:
    # The public function counts many texts in a thread that it starts for them: for those of a block that is a tenth of the time.
    from toktok import _encoding  # noqa: PLC0415  no stubs; 62 MB, loaded on use

    counter: Callable[[str], int] = _encoding(ENCODING).count
    return counter


def count(texts: Sequence[str]) -> list[int]:
    """Tokens of each text; special tokens are counted as the text that they are written in."""
    return list(map(_counter(), texts))


def epochs_of(hyperparameter: float | str | None) -> tuple[int, bool]:
    """Epochs to reckon with, and whether they are assumed because the pipeline leaves them to Foundry."""
    if isinstance(hyperparameter, str) or hyperparameter is None:
        return EPOCHS_ASSUMED, True
    return int(hyperparameter), False
