"""The program `foundry-finetune`: one command after another, errors for people, exit codes for scripts."""

from __future__ import annotations

import argparse
import os
import pkgutil
import sys
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from cli.hints import program
from cli.options import sentence
from shared.version import VERSION

_ABOUT: Final = (
    "Fine-tuning in Microsoft Foundry: check datasets and compare models on this machine, where nothing is sent anywhere; and "
    "work with a deployed app, or with the local cloud."
)
_EXIT_CODES: Final = (
    "Exit codes: 0 all is well (compare: better, or as good); 1 the answer is no: the dataset has errors, nothing is shown to be "
    "better, the app refused, the run ended otherwise than deployed or as a duplicate, somebody at the terminal did not say yes, "
    "something is missing; 2 the command cannot be carried out: a wrong option or file, "
    "nobody signed in, the app not reached; 130 interrupted."
)


class Command(NamedTuple):
    """A command.

    Attributes:
        options: where the function is that adds its options; it is imported when the command is called.
        about: what it does, on a line.
    """

    options: str
    about: str


COMMANDS: Final[dict[str, Command]] = {
    "init": Command("cli.init:add_to", "write a pipeline file that fits a dataset, every key explained"),
    "validate": Command("cli.validate:add_to", "check a training file and the companions beside it"),
    "explain": Command("cli.explain:add_to", "say what a rule demands, why, and what to do"),
    "compare": Command(
        "cli.compare:add_to", "say whether a candidate is better, from files of scores or answers"
    ),
    "drop": Command("cli.drop:add_to", "drop files into a pipeline, and follow the runs that they start"),
    "runs": Command("cli.listing:add_runs", "list the newest runs"),
    "show": Command("cli.showing:add_show", "show a run"),
    "watch": Command("cli.showing:add_watch", "follow a run until it ends or waits for a person"),
    "waiting": Command("cli.listing:add_waiting", "list what waits for a person"),
    "approve": Command("cli.deciding:add_approve", "approve what a run's open gate asks"),
    "reject": Command(
        "cli.deciding:add_reject",
        "reject what a run's open gate asks: the run ends, and can be judged again later",
    ),
    "hold": Command(
        "cli.deciding:add_hold", "ask something at a gate, or answer as the uploader; it is not a vote"
    ),
    "withdraw": Command("cli.deciding:add_withdraw", "take an approval of yours back"),
    "cancel": Command("cli.acting:add_cancel", "stop a run; its job is cancelled first"),
    "retry": Command("cli.acting:add_retry", "put a failed run back to work"),
    "rejudge": Command("cli.acting:add_rejudge", "judge a run again by the pipeline file of today"),
    "decisions": Command("cli.decisions:add_to", "list what people decided in a period, for audits"),
    "pipelines": Command("cli.pipelines:add_to", "list, show, store, fetch and check pipeline files"),
    "evidence": Command("cli.pulling:add_to", "fetch the evidence of a run"),
    "doctor": Command("cli.doctor:add_to", "say what is missing here and in Azure, and what to do"),
    "completion": Command("cli.completion:add_to", "print the completion of commands for a shell"),
}


def main() -> None:
    """Run the command that was given, and end the process with its exit code."""
    sys.exit(call(sys.argv[1:]))


def call(arguments: Sequence[str], **more: Any) -> int:
    """Run a command; what goes wrong is said on the standard error.

    Args:
        arguments: the command and its options.
        more: what else the command is given, beside its options.

    Returns:
        The exit code.
    """
    given = parser(program(), filled=arguments[:1]).parse_args(arguments)
    vars(given).update(more)
    from cli.console import CannotStart, NotDecided, Refused, errors, show_error  # noqa: PLC0415  help needs no terminal

    try:
        code = int(given.run(given))
        sys.stdout.flush()
    except BrokenPipeError:  # pragma: no cover  only in a process of its own
        os._exit(1)  # whoever read our output has left: an ordinary end would write to them once more
    except KeyboardInterrupt:
        errors().print("interrupted")
        code = 130
    except NotDecided:
        errors().print("nothing was decided")
        code = 1
    except Refused as error:
        show_error(str(error))
        code = 1
    except CannotStart as error:
        show_error(str(error))
        code = 2
    except OSError as error:
        show_error(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        code = 2
    except (MemoryError, RecursionError, OverflowError) as error:
        show_error(_too_much(error))
        code = 2
    return code


def _too_much(error: MemoryError | RecursionError | OverflowError) -> str:
    """No size or number of an input is a reason for a traceback, nor for the exit code of a result."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for so much data"
    return f"something in the input is too large or too deep to be worked with ({error})"


def parser(name: str, *, filled: Collection[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """The parser of all commands.

    Args:
        name: of the program, for its help.
        filled: commands that get their options; the code of the others is not loaded.
    """
    made = argparse.ArgumentParser(prog=name, description=_ABOUT, epilog=_EXIT_CODES)
    made.add_argument("--version", action="version", version=f"foundry-finetune {VERSION}")
    commands = made.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for word, command in COMMANDS.items():
        added = commands.add_parser(word, help=command.about, description=sentence(command.about))
        if word in filled:
            pkgutil.resolve_name(command.options)(added)
    return made
