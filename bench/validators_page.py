"""The tables of docs/validators.md, made of `bench/validators.json`; `docs/generate.py` writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shared.core.dataset.rules import RULES
from shared.core.shown import clipped, markdown

_RESULTS: Final = Path(__file__).with_name("validators.json")
_SPEED: Final = Path(__file__).with_name("speed.json")
_SHOWN_MAX: Final = 70


def results() -> dict[str, Any]:
    """What the last run found."""
    read: dict[str, Any] = json.loads(_RESULTS.read_text("utf-8"))
    return read


def tools() -> str:
    """What was run."""
    found = results()
    rows = [
        f"As of {found['day']}, with Python {found['python']}.",
        "",
        "| tool | what is run |",
        "|---|---|",
    ]
    rows += [f"| {_title(peer)} | {peer['about']} |" for peer in found["peers"].values()]
    return "\n".join(rows)


def by_rule() -> str:
    """A row for each rule."""
    found = results()
    rows = [*_head(found, "code", "demand"), *_rules(found)]
    return "\n".join(rows)


def good_files() -> str:
    """Good files that a tool refuses."""
    found = results()
    peers, good = found["peers"], found["good"]
    refused = {name: said for name, said in good.items() if any(said.values())}
    counts = [
        f"{peer['title']} {sum(bool(said[name]) for said in good.values())}" for name, peer in peers.items()
    ]
    rows = [f"Of {len(good)} files without a finding of ours each tool objects to: {', '.join(counts)}.", ""]
    rows += _head(found, "file")
    rows += [
        f"| {file} | {' | '.join(_said(said[name]) for name in peers)} |"
        for file, said in sorted(refused.items())
    ]
    return "\n".join(rows)


def samples() -> str:
    """Public sets that are known to train."""
    found = results()
    rows = _head(found, "file", "rows")
    rows += [
        f"| {file} | {said['rows']} | {' | '.join(_said(said[name]) for name in found['peers'])} |"
        for file, said in found["samples"].items()
    ]
    return "\n".join(rows)


def speed() -> str:
    """How fast each tool is, and how much memory ours takes, as `make bench ARGS=--record` measured it."""
    found = json.loads(_SPEED.read_text("utf-8"))
    what = f"Python {found['python']}, {found['mb']:g} MB, {found['turns']} turns"
    rows = [
        f"Measured on {found['day']} on {found['machine']}: {what}.",
        "",
        "| what | MB/s | ours is so many times as fast |",
        "|---|---:|---:|",
    ]
    rows += [f"| {case['title']} | {case['mb_s']:g} | {case['ratio']:g} |" for case in found["cases"]]
    memory = found["memory"]
    above = f"{memory['above_mb']} MB more than the idle process"
    peak = f"{memory['ratio']:g} times the peak of a {memory['small_mb']} MB file"
    rows += ["", f"Everything on {memory['mb']} MB takes {above}, {peak}."]
    return "\n".join(rows)


def shape(words: str) -> str:
    """Words without their numbers."""
    return "".join("0" if letter.isdigit() else letter for letter in words)


def _title(peer: dict[str, str]) -> str:
    return f"{peer['title']} {peer['version']}".strip()


def _head(found: dict[str, Any], *columns: str) -> list[str]:
    names = [*columns, *map(_title, found["peers"].values())]
    return [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]


def _rules(found: dict[str, Any]) -> Iterator[str]:
    for code, rule in sorted(RULES.items()):
        if tried := found["rules"].get(code):
            cells = [_cell(tried[peer], found["false_alarms"][peer]) for peer in found["peers"]]
        else:
            cells = [f"not run: {found['not_run'].get(code, 'no dataset breaks it')}"] + [""] * (
                len(found["peers"]) - 1
            )
        yield f"| {code} | {rule.title} | {' | '.join(cells)} |"


def _cell(of_peer: dict[str, Any], false_alarms: list[str]) -> str:
    """How many of the datasets a peer finds, and its words; a dagger if it says the same of good files."""
    counts, words = of_peer["counts"], of_peer["words"]
    of = sum(counts.values()) - counts.get("n/a", 0)
    if not of:
        return "n/a"
    parts = []
    if k := counts.get("found"):
        mark = " †" if shape(words["found"]) in false_alarms else ""
        parts.append(f'found, {k} of {of}: "{_shown(words["found"])}"{mark}')
    if k := counts.get("stops"):
        parts.append(f"stops, {k} of {of}: {_shown(words['stops'])}")
    return "; ".join(parts) or f"not found, 0 of {of}"


def _said(words: str) -> str:
    return _shown(words) if words else "passes"


def _shown(words: str) -> str:
    return markdown(clipped(" ".join(words.split()), _SHOWN_MAX))
