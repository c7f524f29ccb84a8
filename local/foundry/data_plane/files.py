"""Files: what is refused, their quotas, and how they are processed."""

from __future__ import annotations

import uuid
from typing import Any, Final

from local.foundry.common import clock
from local.foundry.common.clock import Timings
from local.foundry.common.errors import ServiceError
from local.foundry.common.rows import read_rows
from local.foundry.common.store import Store

_PURPOSES: Final = frozenset({"assistants", "batch", "fine-tune", "evals"})
_FILES_MAX: Final = 100
_BYTES_MAX: Final = 1_000_000_000


class Files:
    """All files of the account."""

    def __init__(self, store: Store, timings: Timings) -> None:
        self._store = store
        self._timings = timings

    def create(self, filename: str, content_type: str | None, content: bytes, purpose: str) -> dict[str, Any]:
        """Take an upload.

        Raises:
            ServiceError: 400, for what Azure refuses at once, and for more files than the quotas allow.
        """
        if purpose not in _PURPOSES:
            raise ServiceError(400, "invalidPayload", "Invalid value for purpose.", "purpose")
        if not content_type:
            raise ServiceError(
                400, "invalidPayload", "The file has no or an empty content type specified.", "file"
            )
        if purpose in {"fine-tune", "evals"} and not filename.endswith(".jsonl"):
            message = "fileName contains an invalid filename: wrong suffix."
            raise ServiceError(400, "invalidPayload", message, "file")
        count, size = self._store.files_size()
        if count >= _FILES_MAX or size + len(content) > _BYTES_MAX:
            raise ServiceError(400, "quotaExceeded", _exceeded(count))
        return self._add(filename, content, purpose)

    def add_result(self, filename: str, content: bytes) -> str:
        """Store a file of results; its id."""
        return str(self._add(filename, content, "fine-tune-results")["id"])

    def replace_result(self, file_id: str, content: bytes) -> None:
        """Replace the content of a file of results; its id stays the same, as in Azure's events."""
        file = self._store.file(file_id)
        if file is not None:
            self._store.replace_content(file | {"bytes": len(content)}, content)

    def _add(self, filename: str, content: bytes, purpose: str) -> dict[str, Any]:
        at = clock.now()
        file = {
            "id": f"file-{uuid.uuid4().hex}",
            "at": at,
            "bytes": len(content),
            "created_at": int(at),
            "filename": filename,
            "purpose": purpose,
            "problem": _problem(content) if purpose == "fine-tune" else None,
        }
        self._store.add_file(file, content)
        return self.show(file)

    def show(self, file: dict[str, Any]) -> dict[str, Any]:
        """A file as the service answers it; its status follows from its age."""
        age = clock.now() - file["at"]
        pending, running = self._timings.file_pending_s, self._timings.file_running_s
        if file["purpose"] == "fine-tune-results":
            status = "processed"
        elif age < pending:
            status = "pending"
        elif age < pending + running:
            status = "running"
        else:
            status = "error" if file["problem"] else "processed"
        shown = {key: file[key] for key in ("id", "bytes", "created_at", "filename", "purpose")}
        if status == "error":
            shown["status_details"] = file["problem"]
        return shown | {"object": "file", "status": status}

    def get(self, file_id: str) -> dict[str, Any]:
        """A file as the service answers it.

        Raises:
            ServiceError: 404.
        """
        file = self._store.file(file_id)
        if file is None:
            raise ServiceError(404, "notFound", f"The file {file_id} does not exist.")
        return self.show(file)


def _exceeded(count: int) -> str:
    if count >= _FILES_MAX:
        return f"The quota for files without expiry is reached. The maximum is {_FILES_MAX}."
    return f"The quota for the size of all files is reached. The maximum is {_BYTES_MAX} bytes."


def _problem(content: bytes) -> str | None:
    """Why processing will fail, or None.  The service only reads the file as lines of JSON."""
    try:
        for _ in read_rows(content):
            pass
    except UnicodeDecodeError:
        return "The file is not encoded as UTF-8."
    except ValueError as error:
        return str(error)
    return None
