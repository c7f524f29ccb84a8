"""What azd runs around `provision`, `deploy` and `down`.  Standard library and the Azure CLI only.

python -m infra.hooks preprovision    what has to be asked of Azure first; the Entra application that people sign in to
python -m infra.hooks postprovision   that application trusts the app's identity instead of a secret; roles of before go
python -m infra.hooks postdeploy      event subscription, triggers, and a look from outside
python -m infra.hooks predown         what would die, and what would stay behind and cost
python -m infra.hooks look            the questions of preprovision alone, for what-if: prints variables, changes nothing
python -m infra.hooks grant ROLE ID   give an app role to a person or group (object id)

azd passes its environment as variables.  Every step may be repeated.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from infra.hooks import deployment, provisioning, removal, sign_in
from infra.hooks.cloud import Stop, say


def main(arguments: list[str]) -> int:
    """Run one step; 1 if a person has to do something first."""
    steps: dict[str, Callable[..., None]] = {
        "preprovision": provisioning.preprovision,
        "postprovision": provisioning.postprovision,
        "postdeploy": deployment.postdeploy,
        "predown": removal.predown,
        "look": provisioning.look_only,
        "grant": sign_in.grant,
    }
    if not arguments or arguments[0] not in steps or len(arguments) != (3 if arguments[0] == "grant" else 1):
        say(__doc__ or "")
        return 2
    try:
        steps[arguments[0]](*arguments[1:])
    except Stop as problem:
        print(f"{arguments[0]}: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
