"""Generates a supervised dataset to measure with: `python -m bench.generate --mb 200 --seed 1 FILE`.

The text is made of its own word list, word by word from seeded choices with the frequencies of natural language, so that it
needs no download and no one's data.  Planted are what a validator should find: exact duplicates (some with other escapes),
near duplicates, e-mail addresses, telephone numbers and fake keys.  What was planted is printed as JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_COMMON: Final = (
    "the of and to in a is that for it was on are as with his they at be this from have or by one had not but what all were when "
    "we there can an your which their said if do will each about how up out them then she many some so these would other into "
    "has more her two like him see time could no make than first been its who now people my made over did down only way find use "
    "may water long little very after words called just where most know get through back much before go good new write our used "
    "me man too any day same right look think also around another came come work three word must because does part even place "
    "well such here take why things help put years different away again off went old number great tell men say small every found"
).split()
_SCIENCE: Final = (
    "patients treatment clinical study results group analysis significant associated risk compared data cells effect response "
    "therapy disease levels control randomised placebo receptor protein expression gene mutation inhibitor tumour survival "
    "cohort baseline outcome dose adverse infection antibody vaccine serum plasma insulin glucose hypertension cardiovascular "
    "neuronal cortical hippocampal synaptic membrane metabolic oxidative inflammatory cytokine lymphocyte macrophage apoptosis "
    "phosphorylation transcription chromatin epigenetic microbiome pharmacokinetics bioavailability meta-analysis heterogeneity "
    "prevalence incidence mortality morbidity confidence interval regression multivariate longitudinal retrospective prospective"
).split()
_RARE: Final = (
    "naïve",
    "café",
    "protéine",
    "Müller",
    "α-synuclein",
    "β-catenin",
    "TNF-α",
    "µg",
    "细胞",
    "治療",
    "данные",
    "≥",
    "→",
    "“quoted”",
    "—",
)
_SYSTEMS: Final = (
    "You are a careful assistant that summarises biomedical abstracts for clinicians.",
    "Answer in plain language. If you are not sure, say so.",
    "You are a helpful research assistant.",
)
_TOOL: Final = {
    "type": "function",
    "function": {
        "name": "search_trials",
        "description": "Search the register of clinical trials.",
        "parameters": {
            "type": "object",
            "properties": {
                "condition": {"type": "string"},
                "phase": {"type": "integer", "minimum": 1, "maximum": 4},
            },
            "required": ["condition"],
            "additionalProperties": False,
        },
    },
}
_PLANTS: Final = (
    "Write to {name}.{n}@contoso.com about it.",
    "Call +49 30 {n:04d} {n:04d} for details.",
    "Use the key AKIA{n:016X} to sign in.",
)


class _Writer:
    """Seeded text."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._words = _COMMON + _SCIENCE * 2
        ranks = range(1, len(self._words) + 1)
        self.random.shuffle(self._words)
        self._weights = list(itertools.accumulate(1 / (rank + 20) for rank in ranks))

    def words(self, least: int, most: int) -> list[str]:
        return self.random.choices(self._words, cum_weights=self._weights, k=self.random.randint(least, most))

    def text(self, least: int, most: int) -> str:
        """Sentences of some words."""
        words = self.words(least, most)
        for _ in range(len(words) // 60):
            words[self.random.randrange(len(words))] = self.random.choice(_RARE)
        for start in range(0, len(words), 14):
            words[start] = words[start].capitalize()
            if start:
                words[start - 1] += ".\n" if self.random.random() < 0.1 else "."
        return " ".join(words).replace("\n ", "\n") + "."


def rows(seed: int, planted: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Rows without end; `planted` counts what was planted in them."""
    writer = _Writer(seed)
    kept: list[dict[str, Any]] = []
    while True:
        chance = writer.random.random()
        if kept and chance < 0.01:
            planted["exact"] += 1
            yield writer.random.choice(kept)
        elif kept and chance < 0.03:
            planted["near"] += 1
            yield _varied(writer.random.choice(kept), writer)
        else:
            row = _tool_row(writer) if chance < 0.13 else _chat_row(writer)
            if chance > 0.99:
                planted["private"] += 1
                number = writer.random.randrange(1000, 9999)
                row["messages"][-1]["content"] += " " + writer.random.choice(_PLANTS).format(
                    name="ada", n=number
                )
            if len(kept) < 5000:
                kept.append(row)
            yield row


def _chat_row(writer: _Writer) -> dict[str, Any]:
    messages = []
    if writer.random.random() < 0.5:
        messages.append({"role": "system", "content": writer.random.choice(_SYSTEMS)})
    for _ in range(writer.random.choice((1, 2, 2))):
        messages.append({"role": "user", "content": writer.text(30, 160)})
        messages.append({"role": "assistant", "content": writer.text(30, 160)})
    return {"messages": messages}


def _tool_row(writer: _Writer) -> dict[str, Any]:
    arguments = json.dumps({"condition": " ".join(writer.words(1, 3)), "phase": writer.random.randint(1, 4)})
    call = {"id": f"call_{writer.random.randrange(10**6)}", "type": "function"}
    call |= {"function": {"name": "search_trials", "arguments": arguments}}  # type: ignore[dict-item]
    messages = [
        {"role": "user", "content": writer.text(30, 120)},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": writer.text(20, 80)},
        {"role": "assistant", "content": writer.text(30, 120)},
    ]
    return {"messages": messages, "tools": [_TOOL]}


def _varied(row: dict[str, Any], writer: _Writer) -> dict[str, Any]:
    """A row with about 3 % of the words of one turn changed."""
    copy: dict[str, Any] = json.loads(json.dumps(row))
    turn = writer.random.choice([m for m in copy["messages"] if m["role"] == "user"])
    words = turn["content"].split(" ")
    for _ in range(max(1, len(words) * 3 // 100)):
        words[writer.random.randrange(len(words))] = writer.words(1, 1)[0]
    turn["content"] = " ".join(words)
    return copy


def generate(path: Path, size_bytes: int, seed: int = 1) -> dict[str, int]:
    """Write a file of about so many bytes; returns what was planted."""
    planted = {"rows": 0, "exact": 0, "near": 0, "private": 0}
    style = random.Random(seed + 1)
    size = 0
    with path.open("wb") as file:
        for row in rows(seed, planted):
            line = json.dumps(row, ensure_ascii=style.random() < 0.2).encode() + b"\n"
            file.write(line)
            size += len(line)
            planted["rows"] += 1
            if size >= size_bytes:
                return planted
    raise AssertionError


def main() -> None:
    """Write the file that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mb", type=float, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    print(json.dumps(generate(given.file, int(given.mb * 1e6), given.seed)), file=sys.stderr)


if __name__ == "__main__":
    main()
