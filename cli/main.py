"""The program `foundry-finetune`: one command after another, errors for people, exit codes for scripts."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cli import compare, explain, validate
from cli.console import CannotStart, errors, show_error
from shared.version import VERSION

_ABOUT = (
    "Check datasets for fine-tuning in Microsoft Foundry on this machine, and whether a tuned model is better.  "
    "Nothing is sent anywhere."
)
_EXIT_CODES = (
    "Exit codes: 0 all is well (compare: better, or as good); 1 the dataset has errors (compare: not shown to be better, or the "
    "evidence does not agree); 2 the command cannot be carried out; 130 interrupted."
)


def main() -> None:
    """Run the command that was given, and end the process with its exit code."""
    given = parser(program()).parse_args()
    try:
        code = given.run(given)
        sys.stdout.flush()
    except BrokenPipeError:  # pragma: no cover  only in a process of its own
        os._exit(1)  # whoever read our output has left: an ordinary end would write to them once more
    except KeyboardInterrupt:
        errors().print("interrupted")
        code = 130
    except CannotStart as error:
        show_error(str(error))
        code = 2
    except OSError as error:
        show_error(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        code = 2
    except (MemoryError, RecursionError, OverflowError) as error:
        show_error(_too_much(error))
        code = 2
    sys.exit(code)


def _too_much(error: MemoryError | RecursionError | OverflowError) -> str:
    """No size or number of an input is a reason for a traceback, nor for the exit code of a result."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for so much data"
    return f"something in the input is too large or too deep to be worked with ({error})"


def program() -> str:
    """The program as it was called, so that what its help shows can be typed."""
    name = Path(sys.argv[0]).stem
    return "python -m cli" if name == "__main__" else name


def parser(name: str) -> argparse.ArgumentParser:
    """The parser of all commands.

    Args:
        name: of the program, for its help.
    """
    made = argparse.ArgumentParser(prog=name, description=_ABOUT, epilog=_EXIT_CODES)
    made.add_argument("--version", action="version", version=f"foundry-finetune {VERSION}")
    commands = made.add_subparsers(required=True, metavar="COMMAND", title="commands")
    validate.add_to(commands)
    explain.add_to(commands)
    compare.add_to(commands)
    return made
