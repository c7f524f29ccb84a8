"""A dataset arrived, or could not be accepted."""

from typing import Final

import azure.functions as func
import msgspec
from azurefunctions.extensions.bindings import blob

from functions.messages import QUEUE, to_message
from functions.poisoned import remember, tell
from functions.tracing import traced
from shared.core.progress import Progress
from shared.settings import dataset_trigger_source
from shared.telemetry import names, signals
from shared.telemetry.records import log
from shared.wiring import DATASETS_CONTAINER, services

bp = func.Blueprint()


@bp.function_name("dataset_uploaded")
@bp.blob_trigger(
    arg_name="client",
    path="datasets/{name}",
    connection="DATASETS",
    source=func.BlobSource(dataset_trigger_source()),
)
@bp.queue_output(arg_name="again", queue_name=QUEUE, connection="STATE")
@traced
def dataset_uploaded(client: blob.BlobClient, again: func.Out[str]) -> None:
    """Accept the dataset as a run and advance it at once; if this dies, the timer goes on."""
    app = services()
    # The binding has no ETag, and the blob may have been replaced since the event: what is there now counts.
    dataset = app.intake.find(client.blob_name)
    if dataset is None:
        return
    run_id = app.intake.accept(dataset)
    if run_id and app.reconciler.advance(run_id) is Progress.AGAIN:
        again.set(to_message(run_id))


#: The blob extension's own queue, for all blob functions of the storage account.
_POISON: Final = "webjobs-blobtrigger-poison"


class _PoisonedBlob(msgspec.Struct):
    """What the blob extension stores when all its tries failed."""

    FunctionId: str
    ContainerName: str
    BlobName: str
    ETag: str = ""


_decode_poisoned: Final = msgspec.json.Decoder(_PoisonedBlob).decode


@bp.function_name("dataset_poisoned")
@bp.queue_trigger(arg_name="message", queue_name=_POISON, connection="DATASETS")
@traced
def dataset_poisoned(message: func.QueueMessage) -> None:
    """Make a dataset whose event failed five times visible: as a run, which the timer then moves like any other."""
    raw = message.get_body()
    try:
        event = _decode_poisoned(raw)
    except msgspec.DecodeError:
        signals.add(names.POISON_MESSAGES, 1, {names.QUEUE: _POISON})
        log(names.POISON_UNREADABLE, queue=_POISON)  # raising would only make the host try it again
        remember(_POISON, None)
        return
    if not event.FunctionId.endswith("dataset_uploaded"):
        return  # another blob function's
    run_id = None
    try:
        app = services()
        # The webhook looks at no container: a blob of the same name in another one is not a dataset.
        is_ours = event.ContainerName == DATASETS_CONTAINER
        if is_ours and (dataset := app.intake.find(event.BlobName)):
            run_id = app.intake.accept(dataset)
    finally:
        tell(_POISON, run_id)
