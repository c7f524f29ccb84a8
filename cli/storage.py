"""The containers `datasets` and `pipelines`, with the rights of whoever is signed in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from cli.app import App
from cli.console import CannotStart, Refused
from shared.core.identity import run_id
from shared.core.naming import companion_role

#: Seconds to connect and between two packets; what fails is repeated by the library, after about 1, 4 and 10 s.
_LIMITS: Final[dict[str, Any]] = {
    "connection_timeout": 20,
    "read_timeout": 60,
    "retry_total": 3,
    "initial_backoff": 1,
    "random_jitter_range": 1,
}
#: A token for storage goes to such a name below blob.core.windows.net, and nowhere else.
_ACCOUNT: Final = re.compile(r"[a-z0-9]{3,24}")
_WRITER: Final = "Storage Blob Data Contributor"

type OnSent = Callable[[Path, int], None]
"""Called with a file and the number of its bytes that were sent."""


@contextmanager
def container(app: App, name: str) -> Iterator[Any]:
    """A container; what goes wrong within is said as people can act on it.

    Raises:
        CannotStart: the account is not known, or cannot be reached.
        Refused: the role is missing, or the container is not there.
    """
    if not app.storage:
        msg = "the storage account is not known: give --storage NAME, or set DATA_STORAGE_NAME (`azd env get-values` lists it)"
        raise CannotStart(msg)
    if app.credential is not None and not _ACCOUNT.fullmatch(app.storage):
        msg = f"{app.storage} is not the name of a storage account: 3 to 24 lower-case letters and digits"
        raise CannotStart(msg)
    from azure.core.exceptions import (  # noqa: PLC0415  others need no storage
        ClientAuthenticationError,
        HttpResponseError,
        ServiceRequestError,
        ServiceResponseError,
    )

    try:
        with _service(app) as service:
            yield service.get_container_client(name)
    except ClientAuthenticationError as error:
        msg = f"storage does not take this sign-in: {_first_line(error)}.  Sign in again: `az login`"
        raise CannotStart(msg) from None
    except HttpResponseError as error:
        raise _said(error, name) from None
    except (ServiceRequestError, ServiceResponseError) as error:
        msg = f"the storage account cannot be reached: {_first_line(error)}"
        raise CannotStart(msg) from None


def _service(app: App) -> Any:
    from azure.storage.blob import BlobServiceClient  # noqa: PLC0415

    if app.credential is None:
        return BlobServiceClient.from_connection_string(app.storage, **_LIMITS)
    return BlobServiceClient(
        f"https://{app.storage}.blob.core.windows.net", credential=app.credential, **_LIMITS
    )


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _said(error: Any, name: str) -> CannotStart | Refused:
    """What an answer of storage means for whoever called."""
    status, code = error.status_code, getattr(error, "error_code", None)
    if status == 403:
        return Refused(
            f"storage says no ({code or 403}): you need the role {_WRITER} on the container {name}, or the account takes no "
            "requests from your address (docs/azure.md)"
        )
    if status == 404:
        return Refused(f"there is no such blob or container in {name} ({code or 404})")
    if status == 409:
        return Refused(f"it is there already, and was not overwritten ({code or 409})")
    return CannotStart(f"storage answered {status} ({code or 'no code'}): {_first_line(error)}")


def drop_files(
    app: App, pipeline: str, folder: str, files: list[Path], on_sent: OnSent = lambda _file, _sent: None
) -> list[str]:
    """Upload files into a folder of a pipeline, which nobody has used before.

    Returns:
        The ids of the runs that they start, one for each training file.

    Raises:
        CannotStart: storage cannot be reached.
        Refused: it says no.
        OSError: a file cannot be read.
    """
    started, person = [], app.person()
    metadata = {"uploaded_by": person} if person else None
    with container(app, "datasets") as datasets:
        for file in files:
            name = f"{pipeline}/{folder}/{file.name}"
            with file.open("rb") as content:
                blob = datasets.upload_blob(
                    name,
                    content,
                    metadata=metadata,
                    progress_hook=lambda sent, _total, file=file: on_sent(file, sent),
                )
            if companion_role(name) is None:
                started.append(run_id("datasets", name, str(blob.get_blob_properties().etag)))
    return started


def put_blobs(app: App, where: str, contents: dict[str, bytes], *, is_overwritten: bool) -> list[str]:
    """Store blobs, in the order given.  What is there already with the same bytes is left.

    Returns:
        The names of those that were written.

    Raises:
        CannotStart: storage cannot be reached.
        Refused: it says no, or another blob of that name is there and may not be overwritten.
    """
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415

    written = []
    with container(app, where) as blobs:
        for name, raw in contents.items():
            try:
                there = blobs.download_blob(name).readall()
            except ResourceNotFoundError:
                there = None
            if there == raw:
                continue
            if there is not None and not is_overwritten:
                msg = f"{where}/{name} is there and is another; give --overwrite to replace it"
                raise Refused(msg)
            blobs.upload_blob(name, raw, overwrite=is_overwritten)
            written.append(name)
    return written


def get_blob(app: App, where: str, name: str) -> bytes | None:
    """The bytes of a blob; None if it is not there.

    Raises:
        CannotStart: storage cannot be reached.
        Refused: it says no.
    """
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415

    with container(app, where) as blobs:
        try:
            return bytes(blobs.download_blob(name).readall())
        except ResourceNotFoundError:
            return None
