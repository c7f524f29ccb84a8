"""The command `explain`: what a rule demands, why, and what to do."""

from __future__ import annotations

import argparse
import difflib
from typing import Final, NamedTuple

from cli.console import CannotStart, output, write_json
from cli.hints import typed
from cli.remedies import in_commands
from shared.core.dataset.repair import REPAIRABLE
from shared.core.dataset.rules import RULES

#: So alike names are meant by one another.
_NEAR: Final = 0.75
#: Why an answer is missing, as files of scores and the comparison call it.
_OUTCOMES: Final = {
    "refused": "the model declined to answer; it counts against the side that refused",
    "filtered": "a content filter stopped question or answer; it counts against that side",
    "truncated": "the answer was cut off at its limit of tokens; it is graded as it is, if there is any",
    "failed": "the service gave no answer, however often it was asked; it counts against that side",
}


def add_to(explaining: argparse.ArgumentParser) -> None:
    """Add the options."""
    explaining.set_defaults(run=run)
    explaining.add_argument(
        "code",
        nargs="?",
        metavar="CODE",
        help="of a rule, such as DS035, or the name of an error or a status, such as not_promoted; without one: all rules",
    )
    explaining.add_argument("--json", action="store_true", help="JSON: the rule, or a list of all")


def run(given: argparse.Namespace) -> int:
    """Print one rule, or the list of all rules.

    Raises:
        CannotStart: there is no such rule.
    """
    if given.code is not None and given.code.upper() not in RULES and (found := other_words(given.code)):
        _show_others(given, found)
        return 0
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
    near = difflib.get_close_matches(code, RULES, n=3)
    near += difflib.get_close_matches(code.lower(), _words(), n=3, cutoff=_NEAR)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    msg = f"there is no rule, error or status {code}{hint}  All rules: {typed('explain')}"
    raise CannotStart(msg)


class Word(NamedTuple):
    """What the app calls something that is not a rule.

    Attributes:
        kind: what it is.
        about: what it means.
        remedy: what to do; may be empty.
    """

    kind: str
    about: str
    remedy: str


def other_words(text: str) -> list[Word]:
    """What an error, an end or a status of this name means."""
    return _words().get(text.strip().lower().replace("-", "_").replace(" ", "_"), [])


def _words() -> dict[str, list[Word]]:
    """Statuses, ends and errors, by their names."""
    from shared.core import endings, errors  # noqa: PLC0415  rules are asked for more often
    from shared.core.status import STATUSES  # noqa: PLC0415

    found: dict[str, list[Word]] = {}
    for status, facts in STATUSES.items():
        found.setdefault(str(status), []).append(Word("status of a run", facts.about, ""))
    for one in vars(endings).values():
        if isinstance(one, endings.Ending):
            found.setdefault(one.code, []).append(Word("end of a run", one.about, one.remedy))
    for one in vars(errors).values():
        if isinstance(one, type) and issubclass(one, errors.FinetuneError) and "code" in vars(one):
            about = (one.__doc__ or "").strip().partition("\n\n")[0]
            found.setdefault(one.code, []).append(Word("error", about, one.default_remedy))
    for name, about in _OUTCOMES.items():
        found.setdefault(name, []).append(Word("answer of a model that counts as missing", about, ""))
    return found


def _show_others(given: argparse.Namespace, found: list[Word]) -> None:
    if given.json:
        write_json([word._asdict() for word in found])
        return
    console = output()
    for word in found:
        console.say((given.code.lower(), "bold"), f" ({word.kind}): {word.about}")
        if word.remedy:
            console.say(f"What to do: {in_commands(word.remedy)}")


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
        repair = typed("validate", "FILE", "--repair", "OUT")
        console.say(f"Repair: `on_issue: {{{code}: repair}}` in the pipeline file, or `{repair}`.")
