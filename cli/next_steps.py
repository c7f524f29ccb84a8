"""What people are told to call next, in a form that can be typed."""

from __future__ import annotations

import argparse

from cli.app import App
from cli.console import Terminal
from cli.following import is_asking
from cli.main import program
from shared.core import served


def say_next(console: Terminal, given: argparse.Namespace, app: App, run: served.Run) -> None:
    """Say how to decide, if the run waits for that."""
    if is_asking(run):
        hint = getattr(given, "hint", None) or f"{program()} approve {{run}} {app.words}"
        console.say(f"decide with: {hint.replace('{run}', run.id).strip()}")
