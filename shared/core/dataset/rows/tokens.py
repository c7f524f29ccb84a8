"""Token counts, exact for the o200k encoding of the gpt-4o, gpt-4.1, gpt-5, o-series and gpt-oss models (`tokenizers.py`).

The frame around the texts follows OpenAI's cookbook (Chat_finetuning_data_prep): 3 tokens per message besides its values, one
more for a name, 3 per example.  Tool definitions and calls count as their compact JSON; how the service frames them is not
published.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

# The public function counts many texts in a thread that it starts for them: for those of a block that is a tenth of the time.
from toktok import _encoding

from shared.core.tokenizers import COUNTED

MESSAGE_TOKENS: Final = 3
NAME_TOKENS: Final = 1
EXAMPLE_TOKENS: Final = 3
#: Every role is one token of the encoding (a test checks that), so roles need not be encoded.
ROLE_TOKENS: Final = 1

_count: Final[Callable[[str], int]] = _encoding(COUNTED).count


def count(texts: Sequence[str]) -> list[int]:
    """Tokens of each text; special tokens are counted as the text that they are written in."""
    return list(map(_count, texts))
