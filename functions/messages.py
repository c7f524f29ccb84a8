"""The queue of runs that have something to do, and the form of its messages."""

from typing import Final

from shared.telemetry import signals

#: One message for each run.  The templates in infra/ make this queue and the next; tests/infra compares the names.
QUEUE: Final = "runs-to-advance"
#: Where the host moves a message that failed in all its tries.
POISON_QUEUE: Final = f"{QUEUE}-poison"


def to_message(run_id: str) -> str:
    """The message that queues a run: its id and, within a trace, the `traceparent` of the span that queues it."""
    parent = signals.traceparent()
    return f"{run_id} {parent}" if parent else run_id


def from_message(body: bytes) -> str:
    """The id of the run that a message queues; this invocation is linked to the one that queued it."""
    run_id, _, parent = body.decode(errors="replace").partition(" ")
    signals.link_current(parent)
    return run_id
