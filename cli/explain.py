"""The command `explain`: what a rule demands, why, and what to do."""

from __future__ import annotations

import argparse
import difflib

from cli.console import CannotStart, output, write_json
from shared.core.dataset.repair import REPAIRABLE
from shared.core.dataset.rules import RULES


def add_to(explaining: argparse.ArgumentParser) -> None:
    """Add the options."""
    explaining.set_defaults(run=run)
    explaining.add_argument(
        "code", nargs="?", metavar="CODE", help="such as DS035; without one, all rules are listed"
    )
    explaining.add_argument("--json", action="store_true", help="JSON: the rule, or a list of all")


def run(given: argparse.Namespace) -> int:
    """Print one rule, or the list of all rules.

    Raises:
        CannotStart: there is no such rule.
    """
    code = None if given.code is None else _known(given.code.upper())
    if given.json:
        write_json([_as_json(one) for one in sorted(RULES)] if code is None else _as_json(code))
    elif code is None:
        _show_list()
    else:
        _show_rule(code)
    return 0


def _as_json(code: str) -> dict[str, object]:
    """A rule for programs."""
    rule = RULES[code]
    return {
        "code": code,
        "title": rule.title,
        "severity": rule.severity,
        "can_be_lowered": not rule.is_hard,
        "can_be_repaired": code in REPAIRABLE,
        "explanation": rule.explanation,
        "examples": rule.examples,
        "remedy": rule.remedy,
    }


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
        console.say(f"{code}  {rule.severity:<8} {rule.title}")


def _show_rule(code: str) -> None:
    console, rule = output(), RULES[code]
    fixed = ", cannot be lowered" if rule.is_hard else ""
    console.say((code, "bold"), f" {rule.title} ({rule.severity}{fixed})")
    for text in filter(None, (rule.explanation, rule.examples)):
        console.print()
        console.say_lines(text)
    console.print()
    console.say(f"What to do: {rule.remedy}")
    if code in REPAIRABLE:
        text = (
            f"Repair: `on_issue: {{{code}: repair}}` in the pipeline file, or `validate FILE --repair OUT`."
        )
        console.say(text)
