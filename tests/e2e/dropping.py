"""Drops files into the local cloud, as a person would into Azure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from azure.storage.blob import BlobServiceClient

from local.cloud import CloudInfo

_COMPANIONS = ("validation.jsonl", "evaluation.jsonl")


def files_of(paths: Iterable[Path]) -> list[Path]:
    """All files of some paths; a folder stands for its .jsonl files.  Companions come first, since they should arrive first.

    Raises:
        FileNotFoundError: for a path that does not exist.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.glob("*.jsonl"))
        elif path.is_file():
            found.append(path)
        else:
            msg = f"there is no file {path}"
            raise FileNotFoundError(msg)
    return sorted(found, key=lambda path: (not path.name.endswith(_COMPANIONS), path.name))


def drop(
    info: CloudInfo, pipeline: str, paths: Iterable[Path], *, uploaded_by: str | None = None
) -> list[str]:
    """Upload files into one new folder of a pipeline.

    Returns:
        The ids of the runs that they start, one for each training file.
    """
    folder = f"{pipeline}/{datetime.now(UTC).strftime('%Y%m%d-%H%M%S-%f')}"
    metadata = {"uploaded_by": uploaded_by} if uploaded_by else None
    runs = []
    with BlobServiceClient.from_connection_string(info.storage) as service:
        container = service.get_container_client("datasets")
        for path in files_of(paths):
            name = f"{folder}/{path.name}"
            with path.open("rb") as content:
                blob = container.upload_blob(name, content, overwrite=True, metadata=metadata)
            if not path.name.endswith(_COMPANIONS):
                runs.append(run_id("datasets", name, str(blob.get_blob_properties().etag)))
    return runs


def run_id(container: str, name: str, etag: str) -> str:
    """The id of the run of a dataset version, as docs/api.md defines it."""
    text = "\n".join((container, name, etag.strip('"')))
    return hashlib.sha256(text.encode()).hexdigest()[:20]
