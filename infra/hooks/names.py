"""The names that the templates give, known before anything is there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from infra.hooks.cloud import need

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_32: Final = 0xFFFFFFFF


@dataclass(frozen=True)
class Names:
    """Of one azd environment."""

    subscription: str
    resource_group: str
    data_account: str
    system_topic: str
    budget: str
    foundry_account: str
    diagnostics: str
    """Setting that sends the activity log of the subscription to the workspace."""

    @classmethod
    def of_environment(cls) -> Names:
        """As main.bicep makes them; a test compares the two."""
        environment, subscription = need("AZURE_ENV_NAME"), need("AZURE_SUBSCRIPTION_ID")
        suffix = unique_string(f"/subscriptions/{subscription}", environment, need("AZURE_LOCATION"))
        return cls(
            subscription=subscription,
            resource_group=f"rg-{environment}",
            data_account=f"stdata{suffix}",
            system_topic=f"evgt-{suffix}",
            budget=f"budget-{suffix}",
            foundry_account=os.environ.get("EXISTING_FOUNDRY_ACCOUNT") or f"aif-{suffix}",
            diagnostics=f"fine-tuning-{suffix}",
        )


def unique_string(*parts: str) -> str:
    """What `uniqueString` of the templates makes: 64 bits of MurmurHash3 in 13 letters."""
    data = "-".join(parts).encode()
    first = second = 0
    whole = len(data) - len(data) % 8
    for at in range(0, whole, 8):
        first = _rotated(first ^ _mixed(data[at : at + 4], 0x239B961B, 15, 0xAB0E9789), 19)
        first = ((first + second) * 5 + 0x561CCD1B) & _32
        second = _rotated(second ^ _mixed(data[at + 4 : at + 8], 0xAB0E9789, 17, 0x239B961B), 13)
        second = ((second + first) * 5 + 0x0BCAA747) & _32
    first ^= _mixed(data[whole : whole + 4], 0x239B961B, 15, 0xAB0E9789)
    second ^= _mixed(data[whole + 4 :], 0xAB0E9789, 17, 0x239B961B)
    first, second = first ^ len(data), second ^ len(data)
    first = (first + second) & _32
    second = (second + first) & _32
    first, second = _finished(first), _finished(second)
    first = (first + second) & _32
    second = (second + first) & _32
    bits = (second << 32 | first) << 1  # 65 bits, in 13 letters of five
    return "".join(_LETTERS[bits >> shift & 31] for shift in range(60, -1, -5))


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & _32


def _mixed(part: bytes, one: int, by: int, other: int) -> int:
    return _rotated(int.from_bytes(part, "little") * one & _32, by) * other & _32


def _finished(value: int) -> int:
    value = (value ^ value >> 16) * 0x85EBCA6B & _32
    value = (value ^ value >> 13) * 0xC2B2AE35 & _32
    return value ^ value >> 16
