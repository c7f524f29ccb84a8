"""The command `completion`: what a shell needs to complete commands, options and their words.

The text is made of the parsers, and a shell that has read it starts no Python to complete.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cli.console import write_page
from cli.options import IDENTITIES

_NAME: Final = "foundry-finetune"
SHELLS: Final = ("bash", "zsh", "fish")
_HOW: Final = (
    'bash: eval "$(foundry-finetune completion bash)" in ~/.bashrc.  zsh: the same with zsh in ~/.zshrc, after compinit.  '
    "fish: foundry-finetune completion fish > ~/.config/fish/completions/foundry-finetune.fish"
)


#: Option -> words that fit, where others may, too.
_VALUES: Final[dict[str, tuple[str, ...]]] = {"--as": IDENTITIES}
#: What a command about files offers, unless an option is begun: names, also those with blanks.
_FILES: Final = (
    '  if [ -n "$files" ] && [ "${COMP_WORDS[COMP_CWORD]#-}" = "${COMP_WORDS[COMP_CWORD]}" ]; then',
    "    COMPREPLY=()",
    "    compopt -o filenames 2>/dev/null",
    '    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")',
    "    return",
    "  fi",
)


def add_to(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    command.epilog = _HOW
    command.set_defaults(run=run)
    command.add_argument("shell", choices=SHELLS, help="for which shell")


def run(given: argparse.Namespace) -> int:
    """Print the completion."""
    from cli.main import parser  # noqa: PLC0415  which knows this module

    commands = tuple(_commands(parser(_NAME)))
    write_page(_fish(commands) if given.shell == "fish" else _bash(commands, is_zsh=given.shell == "zsh"))
    return 0


class _Option(NamedTuple):
    """An option: its names, the words that it takes, whether it takes any other, what it is for."""

    names: tuple[str, ...]
    choices: tuple[str, ...]
    takes: bool
    about: str


class _Known(NamedTuple):
    """A command, or an act of one: its words, what may follow, its options, whether it is about files."""

    words: tuple[str, ...]
    about: str
    acts: tuple[str, ...]
    choices: tuple[str, ...]
    options: tuple[_Option, ...]
    takes_files: bool


def _commands(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = (), about: str = ""
) -> Iterator[_Known]:
    """A parser, and those of its commands."""
    options: list[_Option] = []
    acts: dict[str, argparse.ArgumentParser] = {}
    abouts: dict[str, str] = {}
    choices: tuple[str, ...] = ()
    takes_files = False
    for action in parser._actions:  # noqa: SLF001  argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            acts = dict(action.choices)
            abouts = {one.dest: one.help or "" for one in action._choices_actions}  # noqa: SLF001
        elif action.help == argparse.SUPPRESS:
            continue
        elif action.option_strings:
            takes = action.nargs != 0
            fits = _VALUES.get(action.option_strings[-1], ())
            listed = tuple(map(str, action.choices or fits))
            options.append(_Option(tuple(action.option_strings), listed, takes, action.help or ""))
        else:
            choices += tuple(map(str, action.choices or ()))
            takes_files |= action.type is Path
    yield _Known(words, about, tuple(acts), choices, tuple(options), takes_files)
    for name, inner in acts.items():
        yield from _commands(inner, (*words, name), abouts.get(name, ""))


def _bash(commands: tuple[_Known, ...], *, is_zsh: bool) -> str:
    """A function that looks at the words so far; zsh takes it, too."""
    function = "_foundry_finetune"
    lines = [
        *(["autoload -U +X bashcompinit && bashcompinit"] if is_zsh else []),
        f"{function}() {{",
        '  local words="" known="" files="" word',
        '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        f'    case "$known $word" in {" | ".join(_quoted(" " + " ".join(c.words)) for c in commands if c.words)})',
        '      known="$known $word" ;;',
        "    esac",
        "  done",
        '  case "$known ${COMP_WORDS[COMP_CWORD-1]}" in',
    ]
    for command in commands:
        known = "".join(f" {word}" for word in command.words)
        for option in command.options:
            if option.takes:
                patterns = " | ".join(_quoted(f"{known} {name}") for name in option.names)
                lines += [f"    {patterns})", f"      {_reply(' '.join(option.choices))}; return ;;"]
    lines += ["  esac", '  case "$known" in']
    for command in commands:
        words = [
            *command.acts,
            *command.choices,
            *(name for option in command.options for name in option.names),
        ]
        lines += [
            f"    {_quoted(''.join(f' {word}' for word in command.words))})",
            f'      words="{" ".join(words)}"{"; files=yes" if command.takes_files else ""} ;;',
        ]
    lines += ["  esac", *_FILES, f"  {_reply('$words')}", "}", f"complete -o default -F {function} {_NAME}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _reply(words: str) -> str:
    """Candidates among words; none, so that files are offered, if there are no words."""
    return f'COMPREPLY=($(compgen -W "{words}" -- "${{COMP_WORDS[COMP_CWORD]}}"))'


def _fish(commands: tuple[_Known, ...]) -> str:
    lines = []
    for command in commands:
        seen = " ; and ".join(f"__fish_seen_subcommand_from {word}" for word in command.words)
        others = f" ; and not __fish_seen_subcommand_from {' '.join(command.acts)}" if seen else ""
        where = f"{seen}{others}" if seen else "__fish_use_subcommand"
        for act in command.acts:
            about = next(one.about for one in commands if one.words == (*command.words, act))
            lines.append(f"complete -c {_NAME} -f -n '{where}' -a {act} -d '{_fish_text(about)}'")
        lines += [f"complete -c {_NAME} -f -n '{seen}' -a {choice}" for choice in command.choices]
        for option in command.options:
            names = " ".join(
                f"-l {n.removeprefix('--')}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names
            )
            takes = (
                f" -x -a '{' '.join(option.choices)}'" if option.choices else (" -r" if option.takes else "")
            )
            shown = f" -n '{seen}'" if seen else f" -n '{where}'"
            lines.append(f"complete -c {_NAME}{shown} {names}{takes} -d '{_fish_text(option.about)}'")
    return "\n".join(lines) + "\n"


def _fish_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
