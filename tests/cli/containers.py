"""A storage account in memory, for commands that work with storage."""

from contextlib import contextmanager

from azure.core.exceptions import ResourceNotFoundError


class Blob:
    def __init__(self, raw, etag):
        self.raw, self.etag = raw, etag

    def get_blob_properties(self):
        return self

    def readall(self):
        return self.raw


class Containers:
    """A storage account in memory."""

    def __init__(self):
        self.blobs, self.metadata, self.fails, self._etags = {}, {}, None, 0

    @contextmanager
    def service(self, app):
        self.app = app
        yield self

    def get_container_client(self, name):
        self.name = name
        return self

    def upload_blob(self, name, data, *, overwrite=False, metadata=None, progress_hook=None):
        if self.fails:
            raise self.fails
        raw = data if isinstance(data, bytes) else data.read()
        if progress_hook:
            progress_hook(len(raw), len(raw))
        assert overwrite or (self.name, name) not in self.blobs
        self._etags += 1
        self.metadata[name] = metadata
        self.blobs[self.name, name] = Blob(raw, f'"0x{self._etags}"')
        return self.blobs[self.name, name]

    def download_blob(self, name):
        if self.fails:
            raise self.fails
        if (self.name, name) not in self.blobs:
            raise ResourceNotFoundError(response=answer(404))
        return self.blobs[self.name, name]


def answer(status):
    class Response:
        status_code, reason, headers = status, "r", {}

        def text(self, encoding=None):
            return encoding or ""

    return Response()
