"""Which methods of which port the contracts drive, and on what."""

import json
import os
from pathlib import Path
from typing import get_type_hints

from shared import ports

#: attribute of `ports.World` -> the protocol behind it
PORTS = {
    name: get_type_hints(getter.fget)["return"]
    for name, getter in vars(ports.World).items()
    if isinstance(getter, property)
}
#: Environment variable: the file into which a session writes what its contracts drove.
DRIVEN_TO = "CONTRACTS_DRIVEN_TO"
_DRIVEN = set()
_KINDS = {}


def methods_of(protocol):
    return {name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")}


class _Recorded:
    """A port that remembers which of its methods were called."""

    def __init__(self, port, protocol, contract):
        self._port, self._protocol, self._contract = port, protocol, contract

    def __getattr__(self, name):
        if name in methods_of(self._protocol):
            _DRIVEN.add((self._contract, self._protocol.__name__, name))
        return getattr(self._port, name)


class Recorded:
    """All ports of a world, remembered."""

    def __init__(self, world, contract):
        self._world, self._contract = world, contract

    def __getattr__(self, name):
        found = getattr(self._world, name)
        return _Recorded(found, PORTS[name], self._contract) if name in PORTS else found


def collect(items):
    """Remember on what each test of a contract is run: the twin, the real thing, or both."""
    for item in items:
        params = dict(item.callspec.params) if hasattr(item, "callspec") else {}
        if kind := params.pop("ports", None):
            file = item.nodeid.partition("::")[0]
            _KINDS.setdefault(
                f"{file}::{item.cls and item.cls.__name__}::{item.originalname} {params}", []
            ).append("twin" if kind == "twin" else "real")


def write():
    """Leave what was driven to whoever asked for it."""
    if path := os.environ.get(DRIVEN_TO):
        Path(path).write_text(json.dumps({"driven": sorted(_DRIVEN), "kinds": _KINDS}))
