"""A dataset arrived, or could not be accepted."""

import os
from typing import Final

import azure.functions as func
import msgspec
from azurefunctions.extensions.bindings import blob

from functions.tracing import to_message, traced
from shared.reconciler import Progress
from shared.telemetry import names, signals
from shared.telemetry.records import log
from shared.wiring import services

bp = func.Blueprint()

# Flex Consumption delivers blob events by Event Grid only; a workstation polls.  Read at import, as decorators are.
_SOURCE: Final = func.BlobSource(os.environ.get("DATASET_TRIGGER_SOURCE") or "EventGrid")


@bp.function_name("dataset_uploaded")
@bp.blob_trigger(arg_name="client", path="datasets/{name}", connection="DATASETS", source=_SOURCE)
@bp.queue_output(arg_name="again", queue_name="runs-to-advance", connection="STATE")
@traced
def dataset_uploaded(client: blob.BlobClient, again: func.Out[str]) -> None:
    """Accept the dataset as a run and advance it at once; if this dies, the timer goes on."""
    app = services()
    # The binding knows no ETag, and the blob may have been replaced since the event: what is there now is what counts.
    dataset = app.world.datasets.properties(client.blob_name)
    if dataset is None:
        log(names.DATASET_GONE)  # people choose names of blobs: they stay out of the log
        return
    run_id = app.intake.accept(dataset)
    if run_id and app.reconciler.advance(run_id) is Progress.AGAIN:
        again.set(to_message(run_id))


_POISON: Final = "webjobs-blobtrigger-poison"


class _PoisonedBlob(msgspec.Struct):
    """What the blob extension stores when all its tries failed."""

    FunctionId: str
    ContainerName: str
    BlobName: str
    ETag: str = ""


_decode_poisoned: Final = msgspec.json.Decoder(_PoisonedBlob).decode


@bp.function_name("dataset_poisoned")
@bp.queue_trigger(arg_name="message", queue_name="webjobs-blobtrigger-poison", connection="DATASETS")
@traced
def dataset_poisoned(message: func.QueueMessage) -> None:
    """Make a dataset whose event failed five times visible: as a run, which the timer then moves as any other."""
    raw = message.get_body()
    try:
        event = _decode_poisoned(raw)
    except msgspec.DecodeError:
        signals.add(names.POISON_MESSAGES, 1, {names.QUEUE: _POISON})
        log(names.POISON_UNREADABLE, queue=_POISON)  # a failing handler would only move it on
        return
    if not event.FunctionId.endswith("dataset_uploaded"):
        return  # the queue is shared by all blob functions of the storage account
    signals.add(names.POISON_MESSAGES, 1, {names.QUEUE: _POISON})
    run_id = None
    try:
        app = services()
        if dataset := app.world.datasets.properties(event.BlobName):
            run_id = app.intake.accept(dataset)
    finally:
        log(names.POISONED, queue=_POISON, run_id=run_id)
