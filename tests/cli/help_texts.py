"""The help of the command line, as the files in `help/` hold it; `python -m tests.cli.help_texts` writes them anew."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from cli.main import parser

FOLDER = Path(__file__).with_name("help")
NAME = "foundry-finetune"


def texts() -> dict[str, str]:
    """The help of the program and of each command, by the name of its file, for a terminal of 100 columns."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        return {f"{'-'.join(p.prog.split())}.txt": p.format_help() for p in _parsers(parser(NAME))}
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before


def _parsers(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _parsers(command)


if __name__ == "__main__":
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for name, text in texts().items():
        (FOLDER / name).write_text(text)
