"""Strings and blob names that turn into something else where they are not escaped: in a terminal, on a page, in a log.

The 515 strings are the Big List of Naughty Strings (github.com/minimaxir/big-list-of-naughty-strings, db33ec7, MIT): its licence
lies beside it in `blns/`.  The others are ours.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Final

BLNS: Final[list[str]] = json.loads((Path(__file__).parent / "blns" / "blns.json").read_text("utf-8"))

#: What moves a cursor, turns text round, hides it, or ends a line: every control character, and their kin.
CONTROLS: Final = [
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u061c\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff",
    "\ud800",
    "\U000e0041",
]
_PARTS: Final = [
    "\x1b[2J\x1b[H",  # clears the screen
    "\x1b[31mred",
    "\x1b]8;;https://evil.example\x07here\x1b]8;;\x07",  # a link
    "\x1b]0;title\x07",
    "\x9b31m",
    "\rforged",
    "\n2026-01-01 ERROR forged",
    "\r\n# heading",
    "[/bold]",
    "[bold]",
    "[link=https://evil.example]here[/link]",
    "[red]red[/]",
    "\\[/]",
    "\\",
    "\\\\\\",
    "\\[x](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "https://evil.example www.evil.example",
    "<script>alert(1)</script>",
    "<!-- hidden",
    "&lt;b&gt;",
    "| cell | cell |",
    "`code`",
    "```",
    "*a* _b_ ~~c~~ $d$",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "1) item",
    "===",
    "---",
    "    code",
    "=HYPERLINK(1)",
    "@SUM(1)",
    "\t=1",
    ":smile:",
    "\u202egpj.exe",
    '"quoted", it\'s',
]
NAUGHTY: Final[list[str]] = [
    *BLNS,
    *(f"a{control}b" for control in CONTROLS),
    *_PARTS,
    *(f"a{part}" for part in _PARTS),
    *(f"{part}\\" for part in _PARTS),
]


def blob_names(count: int = 200, seed: int = 19) -> list[str]:
    """Names as anybody may give a blob in a pipeline's folder; some of them have segments that lead elsewhere."""
    rng = random.Random(seed)
    folders = [
        "att",
        "att/x",
        "att/.",
        "att/..",
        "att/../..",
        "att/./x",
        "att/%2e%2e",
        "att/\\..",
        "att/..x",
        "att/...",
        "att/ ",
    ]
    names = [
        f"{rng.choice(folders)}/{rng.choice(NAUGHTY)}{rng.choice(['', '/', '/../pipelines/x'])}{rng.choice(_PARTS)}.jsonl"
        for _ in range(count)
    ]
    return [name[:400] for name in names]


def raw_in(text: str, keep: str = "\n") -> set[str]:
    """Characters of a text that do more than print, but for those that belong to the format."""
    return {char for char in text if not char.isprintable()} - set(keep)
