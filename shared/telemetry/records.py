"""Log records with fixed keys.

The text of a record is `event key=value ...`, for people and plain logs; the same keys travel as `extra`, which the worker's
exporter turns into custom dimensions.  Values are escaped and bounded, so that a name that somebody chose cannot forge a line.
"""

from __future__ import annotations

import logging
from typing import Final

from shared.core.masking import mask_secrets
from shared.core.shown import clipped, visible
from shared.telemetry.names import LOG_KEYS, LogEvent

_LOG: Final = logging.getLogger("finetune")
_VALUE_MAX: Final = 200
_DETAIL_MAX: Final = 2000
#: Loggers of SDKs that write a record per request, with addresses and headers.
_CHATTY: Final = ("azure", "httpx", "httpx2", "httpcore", "openai", "urllib3", "requests", "opentelemetry")


def clean(value: object, limit: int = _VALUE_MAX) -> str:
    """A value as one harmless line of at most `limit` characters."""
    text = str(value)
    head = text[: 4 * limit]
    return clipped(visible(mask_secrets(head)), limit, is_whole=len(head) == len(text))


def log(event: LogEvent, **values: object) -> None:
    """Write a record.

    Args:
        event: what happened.
        values: its keys; None is left out.
    """
    level = logging.getLevelNamesMapping()[event.level]
    if not _LOG.isEnabledFor(level):
        return
    assert set(values) <= set(event.keys), f"{event.name} has no keys {set(values) - set(event.keys)}"
    shown = {
        key: clean(values[key], _DETAIL_MAX if key == "detail" else _VALUE_MAX)
        for key in LOG_KEYS
        if values.get(key) is not None
    }
    text = " ".join([event.name, *(f"{key}={value}" for key, value in shown.items())])
    _LOG.log(level, "%s", text, extra={"event": event.name, **shown})


def quiet_sdks() -> None:
    """Let SDKs log warnings only: their records of requests name addresses, and cost as much as ours."""
    for name in _CHATTY:
        logger = logging.getLogger(name)
        if logger.getEffectiveLevel() < logging.WARNING:
            logger.setLevel(logging.WARNING)
