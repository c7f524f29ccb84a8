"""Which action each request to storage needs: "Permissions for calling data operations" in the REST reference of storage.

Where the reference gives a choice, the one that the contributor roles have is taken.  A request that is not here is an error.
"""

import re
from urllib.parse import parse_qs, unquote, urlsplit

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_TABLES = "Microsoft.Storage/storageAccounts/tableServices/tables"
_QUEUES = "Microsoft.Storage/storageAccounts/queueServices/queues"


class NotWrittenDown(Exception):
    """Nobody wrote down which action a request needs."""


def needed(service, method, path, body=b""):
    """[(place below the account, action, is_data)] of one request; `path` begins with the container, table or queue."""
    url = urlsplit(path)
    query = {key: value[0] for key, value in parse_qs(url.query).items()}
    parts = unquote(url.path).strip("/").split("/")
    try:
        return list(_KINDS[service](method, parts, query, body))
    except KeyError as error:
        raise NotWrittenDown(f"{service}: {method} {path}") from error


def _blob(method, parts, query, _body):
    container, *blob = parts
    place = f"blobServices/default/containers/{container}"
    if query.get("restype") == "container" and "comp" not in query:
        yield (
            place,
            f"{_BLOBS}/{ {'GET': 'read', 'HEAD': 'read', 'PUT': 'write', 'DELETE': 'delete'}[method] }",
            False,
        )
    elif not blob:
        yield place, f"{_BLOBS}/blobs/{ {('GET', 'list'): 'read'}[method, query['comp']] }", True
    else:
        written = {
            None: "write",
            "block": "write",
            "blocklist": "write",
            "metadata": "write",
            "properties": "write",
        }
        comp = query.get("comp")
        verb = (
            {"GET": "read", "HEAD": "read", "DELETE": "delete"}[method] if method != "PUT" else written[comp]
        )
        yield place, f"{_BLOBS}/blobs/{verb}", True


def _table(method, parts, _query, body):
    if parts == ["$batch"]:
        for inner, path in re.findall(
            rb"(?m)^(GET|POST|PUT|PATCH|MERGE|DELETE) \S+?//[^/]+/(\S+) HTTP", body
        ):
            yield from _table(inner.decode(), [unquote(path.decode()).rpartition("/")[2]], {}, b"")
        return
    if parts == ["Tables"]:
        yield "tableServices/default", f"{_TABLES}/{ {'POST': 'write', 'GET': 'read'}[method] }", False
        return
    name = parts[0].partition("(")[0]
    verbs = {
        "GET": "read",
        "POST": "write",
        "PUT": "write",
        "PATCH": "write",
        "MERGE": "write",
        "DELETE": "delete",
    }
    yield f"tableServices/default/tables/{name}", f"{_TABLES}/entities/{verbs[method]}", True


def _queue(method, parts, query, _body):
    queue, *rest = parts
    place = f"queueServices/default/queues/{queue}"
    if not rest:
        asked = (method, query.get("comp"))
        verb = {("GET", "metadata"): "read", ("PUT", None): "write"}[asked]
        yield place, f"{_QUEUES}/{verb}", False
    else:
        verbs = {"GET": "process/action", "POST": "write", "PUT": "write", "DELETE": "process/action"}
        yield place, f"{_QUEUES}/messages/{verbs[method]}", True


_KINDS = {"blobs": _blob, "tables": _table, "queues": _queue}
