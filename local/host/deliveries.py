"""What the Functions host does with messages and blobs, as decisions without any of it.

The host's storage extension was recorded (its code is that of the WebJobs SDK); `tests/local/host/test_recorded.py` compares.
A blob travels through the host's own queue, so what holds for messages holds for blobs.
"""

from __future__ import annotations

import base64
import binascii
from enum import Enum, auto
from typing import Final

POISON: Final = "-poison"
_SPACE: Final = str.maketrans("", "", " \t\r\n")


class Step(Enum):
    """What becomes of a message."""

    RUN = auto()
    """Its function gets it."""
    RELEASE = auto()
    """It is tried again after `visibilityTimeout`."""
    MOVE = auto()
    """It goes to the poison queue as it is stored."""
    LEAVE = auto()
    """Nothing is done: it comes again when the time for which it was taken is over, without a limit of tries."""


def decoded(stored: str) -> bytes | None:
    """The content of a message in base64; None if it is not base64."""
    try:
        return base64.b64decode(stored.translate(_SPACE), validate=True)
    except (binascii.Error, ValueError):
        return None


def on_arrival(queue: str, tries: int, tries_max: int, *, is_readable: bool) -> Step:
    """What to do with a message that was taken.

    Args:
        queue: name of the queue.
        tries: how often it was taken, this time included; whoever died over it counts.
        tries_max: `maxDequeueCount`.
        is_readable: whether it is base64.
    """
    if is_readable and (queue.endswith(POISON) or tries <= tries_max):
        return Step.RUN
    return Step.LEAVE if queue.endswith(POISON) else Step.MOVE


def on_failure(queue: str, tries: int, tries_max: int) -> Step:
    """What to do with a message whose function failed.  A poison queue has no poison queue."""
    if queue.endswith(POISON):
        return Step.LEAVE
    return Step.MOVE if tries >= tries_max else Step.RELEASE


def asked_for(running: int, batch: int, more: int) -> int:
    """How many messages are asked for: a whole batch, once no more than `newBatchThreshold` are running."""
    return batch if running <= more else 0


def blob_batch(parallel: int) -> tuple[int, int]:
    """Batch and threshold of blobs by `maxDegreeOfParallelism`: with 2, the next two come when both are done."""
    batch = parallel // 2 + 1
    return batch, parallel - batch
