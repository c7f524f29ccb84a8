"""Which methods of which port the contracts drove, on the twins and on the real thing."""

from typing import get_type_hints

from shared import ports

#: attribute of `ports.World` -> the protocol behind it
PORTS = {
    name: get_type_hints(getter.fget)["return"]
    for name, getter in vars(ports.World).items()
    if isinstance(getter, property)
}
#: (twin or real, class of the test, protocol, method)
DRIVEN = set()


def methods_of(protocol):
    return {name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")}


class _Recorded:
    """A port that remembers which of its methods were called."""

    def __init__(self, port, protocol, kind, contract):
        self._port, self._protocol, self._kind, self._contract = port, protocol, kind, contract

    def __getattr__(self, name):
        if name in methods_of(self._protocol):
            DRIVEN.add((self._kind, self._contract, self._protocol.__name__, name))
        return getattr(self._port, name)


class Recorded:
    """All ports of a world, remembered."""

    def __init__(self, world, kind, contract):
        self._world, self._kind, self._contract = world, kind, contract

    def __getattr__(self, name):
        found = getattr(self._world, name)
        return _Recorded(found, PORTS[name], self._kind, self._contract) if name in PORTS else found
