"""The local cloud's command line: up, demo, env; and drop, status, approve, which are commands of `cli` on this cloud."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, Final

from cli.client import ApiError
from cli.console import CannotStart, Refused, Terminal, output, show_error
from cli.main import call
from cli.options import LOCAL_STATE
from local.azurite import ROOT, AzuriteError
from local.cloud import Cloud, CloudError, CloudInfo
from local.demo import run_demo
from local.host.easyauth import ROLES
from local.processes import ChildError
from local.rights import client_id
from local.stand_in import client_environment

_DEFAULT: Final = ROOT / LOCAL_STATE


def main() -> None:
    """Run a command.  Errors that a person can act on go to stderr, with exit code 1."""
    given = _parser().parse_args()
    console = output()
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # a shell's background jobs are started with SIGINT ignored
        signal.signal(number, _interrupt)
    try:
        sys.exit(given.run(given, console))
    except KeyboardInterrupt:
        console.print("\nstopped")
        sys.exit(130)
    except (CloudError, AzuriteError, ChildError, ApiError, CannotStart, Refused, FileNotFoundError) as error:
        show_error(str(error))
        sys.exit(1)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True)

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        made.add_argument(
            "--state", type=Path, default=_DEFAULT, help="state directory (default: .local/cloud)"
        )
        return made

    command("demo", _demo, "walk a sample dataset from a dropped file to a deployed model")
    up = command("up", _up, "start the local cloud and stay")
    up.add_argument("--no-host", action="store_true", help="storage and stand-in only, for `func start`")
    dropping = command("drop", _drop, "drop files into the running cloud and follow the run")
    dropping.add_argument("--pipeline", required=True)
    dropping.add_argument("--no-wait", action="store_true", help="do not follow the run")
    dropping.add_argument("files", nargs="+", type=Path, help=".jsonl files, or a folder of them")
    command("status", _status, "list the runs")
    approving = command("approve", _approve, "decide a run's open gate")
    approving.add_argument("run_id")
    other = approving.add_mutually_exclusive_group()
    other.add_argument("--reject", dest="decision", action="store_const", const="reject", default="approve")
    other.add_argument("--withdraw", dest="decision", action="store_const", const="withdraw")
    other.add_argument("--hold", dest="decision", action="store_const", const="hold")
    approving.add_argument("--comment", default="")
    approving.add_argument("--no-wait", action="store_true", help="do not follow the run")
    approving.add_argument("--yes", action="store_true", help="do not ask once more at a terminal")
    approving.add_argument("--as", dest="identity", default="approver", choices=sorted(ROLES))
    command("env", _env, "print a local.settings.json for `func start` against the running cloud")
    return parser


def _state_word(given: argparse.Namespace) -> str:
    """What a `make` command needs in addition to reach the same cloud."""
    return "" if given.state.resolve() == _DEFAULT else f" STATE={shlex.quote(str(given.state))}"


def _running(state_dir: Path) -> CloudInfo:
    info = CloudInfo.load(state_dir.resolve())
    if info is None:
        msg = f"no local cloud runs on {state_dir}; start one with `make up`"
        raise CloudError(msg)
    return info


def _demo(given: argparse.Namespace, console: Terminal) -> int:
    del given
    return run_demo(console)


def _up(given: argparse.Namespace, console: Terminal) -> int:
    with Cloud(given.state, has_host=not given.no_host) as cloud:
        info = cloud.info
        console.say(("The local cloud is up.", "bold"), f" State and logs: {cloud.state_dir}")
        console.print()
        if not given.no_host:
            console.print(f"  page         {info.url}/api/ui")
        console.print(
            f"  app          {info.url}/api/health"
            + ("  (start it with `func start`)" if given.no_host else "")
        )
        console.print(f"  foundry      {info.project_endpoint}")
        console.say(f"  storage      {info.storage}")
        for name in ROLES:
            console.say(f"  {name:<12} Authorization: Bearer {info.token(name)}")
        console.print()
        console.print("In another terminal:")
        if given.no_host:
            console.print("  .venv/bin/python -m local env > local.settings.json")
            console.print("  source .venv/bin/activate && func start")
        else:
            state = _state_word(given)
            sample = "PIPELINE=pubmed-summarization FILE=samples/datasets/pubmed-summarization"
            console.say(f"  make drop {sample}{state}")
            console.print("  make status" + state)
            console.print("  make approve RUN=..." + state)
            where = "--local" if not state else f"--state {shlex.quote(str(given.state))}"
            console.say(f"  .venv/bin/python -m cli --help    # all other commands; they take {where}")
        console.print("\nCtrl-C stops it; nothing is lost.")
        while True:
            cloud.check()
            time.sleep(0.5)


def _drop(given: argparse.Namespace, console: Terminal) -> int:
    del console
    waits = ["--no-wait"] if given.no_wait else []
    return _called(given, "drop", given.pipeline, *map(str, given.files), *waits)


def _status(given: argparse.Namespace, console: Terminal) -> int:
    del console
    return _called(given, "runs")


def _approve(given: argparse.Namespace, console: Terminal) -> int:
    del console
    waits = ["--no-wait"] if given.no_wait else []
    said = ["--comment", given.comment, "--as", given.identity]
    asks = ["--yes"] if given.decision in {"approve", "reject"} and given.yes else []
    waits = waits if given.decision in {"approve", "reject"} else []
    return _called(given, given.decision, given.run_id, *said, *waits, *asks)


def _called(given: argparse.Namespace, *command: str) -> int:
    """Call a command of `cli` on this cloud."""
    _running(given.state)
    return call([*command, "--state", str(given.state)], hint=f"make approve RUN={{run}}{_state_word(given)}")


def _env(given: argparse.Namespace, console: Terminal) -> int:
    info = _running(given.state)
    settings = json.loads((ROOT / "local.settings.json.example").read_text())
    settings["Values"] |= {
        "AzureWebJobsStorage": info.storage,
        "STATE": info.storage,
        "DATASETS": info.storage,
        "FOUNDRY_PROJECT_ENDPOINT": info.project_endpoint,
        "ARM_ENDPOINT": info.arm_endpoint,
        "AZURE_CREDENTIAL": "managed_identity",
        "AZURE_CLIENT_ID": client_id("host"),
        "DEPLOYER_CLIENT_ID": client_id("deployer"),
        **client_environment(info.identity_endpoint, info.ca_bundle),
    }
    del console
    print(json.dumps(settings, indent=2))  # noqa: T201  # made to be redirected into local.settings.json
    return 0
