"""What is told of a message that failed in all its tries."""

from contextlib import suppress

from shared.core import naming
from shared.core.errors import FinetuneError
from shared.ports import PoisonMessage
from shared.telemetry import names, signals
from shared.telemetry.records import log
from shared.wiring import services


def tell(queue: str, run_id: str | None) -> None:
    """Log it, count it, and remember it for the first page, as far as tables answer.

    Args:
        queue: where it failed.
        run_id: whom it was about, as the message says; None: nobody that is known.
    """
    signals.add(names.POISON_MESSAGES, 1, {names.QUEUE: queue})
    log(names.POISONED, queue=queue, run_id=run_id)
    remember(queue, run_id)


def remember(queue: str, run_id: str | None) -> None:
    """Have the first page show it, as far as tables answer; the message itself is not tried again for that."""
    known = run_id if run_id and naming.RUN_ID.fullmatch(run_id) else None
    with suppress(FinetuneError):
        world = services().world
        world.index.poisoned(PoisonMessage(at=world.clock.now(), queue=queue, run_id=known))
