"""The command `explain`: what a rule demands, why, and what to do."""

from __future__ import annotations

import argparse
import difflib
from typing import Any

from rich.markup import escape

from cli.console import CannotStart, output
from shared.core.dataset.repair import REPAIRABLE
from shared.core.dataset.rules import RULES


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of the program."""
    text = "say what a rule demands, why, and what to do"
    explaining = commands.add_parser("explain", help=text, description=text.capitalize() + ".")
    explaining.set_defaults(run=run)
    explaining.add_argument(
        "code", nargs="?", metavar="CODE", help="such as DS035; without one, all rules are listed"
    )


def run(given: argparse.Namespace) -> int:
    """Print one rule, or the list of all rules.

    Raises:
        CannotStart: there is no such rule.
    """
    if given.code is None:
        _show_list()
    else:
        _show_rule(_known(given.code.upper()))
    return 0


def _known(code: str) -> str:
    if code in RULES:
        return code
    near = difflib.get_close_matches(code, RULES, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    msg = f"there is no rule {code}{hint}"
    raise CannotStart(msg)


def _show_list() -> None:
    console = output()
    for code, rule in sorted(RULES.items()):
        console.print(f"{code}  {rule.severity:<8} {escape(rule.title)}", soft_wrap=True)


def _show_rule(code: str) -> None:
    console, rule = output(), RULES[code]
    fixed = ", cannot be lowered" if rule.is_hard else ""
    console.print(f"[bold]{code}[/] {escape(rule.title)} ({rule.severity}{fixed})\n", soft_wrap=True)
    if rule.explanation:
        console.print(escape(rule.explanation) + "\n", soft_wrap=True)
    console.print(escape(rule.examples) + "\n", soft_wrap=True)
    console.print(f"What to do: {escape(rule.remedy)}", soft_wrap=True)
    if code in REPAIRABLE:
        text = (
            f"Repair: `on_issue: {{{code}: repair}}` in the pipeline file, or `validate FILE --repair OUT`."
        )
        console.print(text, soft_wrap=True)
