"""A loopback server that applies a request or not, and answers as badly as a network can."""

import http.client
import json
import select
import socket
import struct
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JOB = {
    "id": "ftjob-1",
    "object": "fine_tuning.job",
    "created_at": 1_800_000_000,
    "model": "gpt-4.1-2025-04-14",
    "status": "pending",
    "training_file": "file-1",
    "seed": 1,
    "trainingType": "globalStandard",
    "hyperparameters": {"n_epochs": 3},
}
FILE = {
    "id": "file-1",
    "object": "file",
    "bytes": 3,
    "created_at": 1_800_000_000,
    "filename": "a.jsonl",
    "purpose": "fine-tune",
    "status": "pending",
}
COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


DEPLOYMENT = {
    "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a/deployments/d",
    "name": "d",
    "sku": {"name": "GlobalStandard", "capacity": 50},
    "properties": {
        "model": {"format": "OpenAI", "name": "gpt-4.1.ft-1", "version": "1"},
        "provisioningState": "Succeeded",
    },
}
#: Faults of a body that comes with a good status.
BAD_BODY = frozenset({"truncated", "emptied", "cut", "endless", "drip"})
SLOW_S = 1.0
LATE_S = 0.1
UNREAD_S = 30.0
#: Faults that come instead of doing what was asked; with all others it is done.
THROTTLED = ("429", "429_retry_after", "429_odd_retry_after")
NOT_APPLIED = frozenset(
    {"late", "reset_before", "quota", "400", "401", "403", "404", "408", "409", "409_busy", *THROTTLED}
)


def foundry(method, path, _headers, _body):
    """What a project's data plane answers."""
    bare = path.partition("?")[0]
    if "/events" in path or "/checkpoints" in path:
        return as_json({"object": "list", "data": [], "has_more": False})
    if "fine_tuning/jobs" in path or "/files" in path:
        one = JOB if "fine_tuning/jobs" in path else FILE
        if method == "GET" and bare.endswith(("/jobs", "/files")):
            return as_json({"object": "list", "data": [one], "has_more": False})
        if method == "DELETE":
            return as_json({"id": "file-1", "object": "file", "deleted": True})
        return as_json(one)
    return as_json(COMPLETION)


#: Shapes: examples of 2025-09-01 in Azure/azure-rest-api-specs; names of quotas as `az cognitiveservices usage list` prints them.
ACCOUNT = {
    "": {"name": "a", "location": "swedencentral", "properties": {"provisioningState": "Succeeded"}},
    "/models": {
        "format": "OpenAI",
        "name": "gpt-4.1",
        "version": "2025-04-14",
        "skus": [
            {
                "name": "GlobalStandard",
                "usageName": "OpenAI.GlobalStandard.gpt4.1",
                "deprecationDate": "2027-04-14T00:00:00Z",
            },
            {"name": "Standard", "deprecationDate": "2099-12-31T00:00:00Z"},
        ],
        "capabilities": {"fineTune": "true", "globalFineTune": "true", "chatCompletion": "true"},
        "finetuneCapabilities": {"fineTune": "true", "inference": "false"},
        "deprecation": {"fineTune": "2027-04-14T00:00:00Z", "inference": "2027-04-14T00:00:00Z"},
        "isDefaultVersion": True,
        "lifecycleStatus": "Legacy",
    },
    "/deployments": DEPLOYMENT,
    "/usages": {
        "name": {"value": "OpenAI.GlobalStandard.gpt4.1-finetune", "localizedValue": "tuned"},
        "currentValue": 50.0,
        "limit": 250.0,
        "unit": "Count",
    },
    "/modelCapacities": {
        "name": "GlobalStandard",
        "properties": {
            "model": {"format": "OpenAI", "name": "gpt-4.1", "version": "2025-04-14"},
            "skuName": "GlobalStandard",
            "availableCapacity": 10,
            "availableFinetuneCapacity": 200,
        },
    },
}


def arm(method, path, _headers, _body):
    """What ARM answers about deployments, and about the account."""
    bare = path.partition("?")[0]
    for end, answer in ACCOUNT.items():
        if bare.endswith(f"/accounts/a{end}") or (end and "/locations/" in bare and bare.endswith(end)):
            return as_json({"value": [answer]} if end else answer)
    return as_json(DEPLOYMENT, 201 if method == "PUT" else 200) if method != "DELETE" else (202, {}, b"")


def as_json(value, status=200):
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


def forward(port):
    """Let another server on this machine do it."""

    def ask(method, path, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(method, path, body, {k: v for k, v in headers.items() if k != "Connection"})
            answer = connection.getresponse()
            raw = answer.read()
            dropped = {"transfer-encoding", "connection", "keep-alive"}
            if method != "HEAD":  # there it is part of the answer
                dropped.add("content-length")
            return answer.status, {k: v for k, v in answer.getheaders() if k.lower() not in dropped}, raw
        finally:
            connection.close()

    return ask


class _Listener(ThreadingHTTPServer):
    """Knows of each connection whether something was sent over it that is not counted yet."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *options):
        self._lock = threading.Lock()
        self._being_read = {}
        super().__init__(*options)

    def get_request(self):
        with self._lock:
            connection, address = super().get_request()
            self._being_read[connection] = False
        return connection, address

    def shutdown_request(self, request):
        with self._lock:
            self._being_read.pop(request, None)
        super().shutdown_request(request)

    def note(self, connection, *, is_being_read):
        with self._lock:
            self._being_read[connection] = is_being_read

    def has_unread(self):
        """Whether a request waits: with its connection, in one, or half read."""
        with self._lock:
            if select.select([self.socket], [], [], 0)[0]:
                return True
            return any(is_being_read or _waits_in(one) for one, is_being_read in self._being_read.items())

    def handle_error(self, request, client_address):
        """A client that gave up waiting is what some faults are for; anything else is a mistake of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _waits_in(connection):
    """Whether something can be read; that the other side has gone does not count."""
    try:
        return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False


class FaultServer:
    """Answers by a script: each entry is the name of a fault, or None for a good answer."""

    def __init__(self, answer_well):
        self.script = []
        self.requests = []
        self.applied = []
        self.late = []
        self.is_closing = False
        self._answer_well = answer_well
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # headers and body are two writes

            def log_message(self, *_args):
                pass

            def handle_one_request(self):
                with suppress(OSError):
                    self.connection.recv(1, socket.MSG_PEEK)  # waits for a request, and leaves it there
                self.server.note(self.connection, is_being_read=True)
                super().handle_one_request()

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:  # the caller gave up in the middle of it
                    self.close_connection = True
                    return
                fault = self.count(body)
                has_body = self.command != "HEAD" or fault not in BAD_BODY
                getattr(self, f"do_{fault}" if has_body else "do_None", self.do_well)()

            def count(self, body):
                """Do what was asked, or not; what goes wrong is left to do."""
                request = f"{self.command} {self.path.partition('?')[0]}"
                server.requests.append((request, body))
                fault = server.script.pop(0) if server.script else None
                self.ask = lambda: server.apply(request, self.command, self.path, dict(self.headers), body)
                if fault not in NOT_APPLIED:
                    self.good = self.ask()
                if fault == "late":
                    server.late.append(threading.Timer(LATE_S, self.ask))
                    server.late[-1].start()
                self.server.note(self.connection, is_being_read=False)
                return fault

            do_GET = do_POST = do_DELETE = do_PUT = do_MERGE = do_PATCH = do_HEAD = answer

            def send(self, status, headers, raw):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "content-length" not in {name.lower() for name in headers}:
                    self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                if self.command != "HEAD":  # a body would be taken for the next answer
                    self.wfile.write(raw)

            def do_well(self):
                self.send(*self.good)

            def hang_up(self):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True

            do_reset_before = do_reset_after = hang_up

            def do_late(self):
                """The caller learns nothing; what was asked is done a little later."""
                self.hang_up()

            def pour(self, piece, pause_s):
                status, headers, _ = self.good
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.close_connection = True
                try:
                    while not server.is_closing:
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                        time.sleep(pause_s)
                except ConnectionError:
                    return

            def do_endless(self):
                """As much as the client takes."""
                self.pour(b" " * 65_536, 0)

            def do_drip(self):
                """Always in time for the next byte, never for the whole."""
                self.pour(b" ", 0.05)

            def do_truncated(self):
                """The promised length never comes."""
                status, headers, raw = self.good
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw) + 50))
                self.end_headers()
                self.wfile.write(raw)
                self.wfile.flush()
                self.hang_up()

            def do_cut(self):
                """Half of the answer, as if it were all of it."""
                status, headers, raw = self.good
                self.send(status, headers, raw[: len(raw) // 2])

            def do_emptied(self):
                status, headers, _ = self.good
                self.send(status, headers, b"{}")

            def do_slow(self):
                time.sleep(SLOW_S)
                self.send(*self.good)

            def do_html(self):
                self.send(502, {"Content-Type": "text/html"}, b"<html><body>Bad gateway</body></html>")

            def do_html_200(self):
                """A portal of some network that says that all is well."""
                self.send(200, {"Content-Type": "text/html"}, b"<html><body>Sign in</body></html>")

        for fault, (status, code, headers) in {
            "400": (400, "invalidPayload", {}),
            "401": (401, "Unauthorized", {}),
            "403": (403, "AuthorizationFailed", {}),
            "404": (404, "odd", {}),
            "408": (408, "odd", {}),
            "409": (409, "conflict", {}),
            "409_busy": (409, "RequestConflict", {}),
            "429": (429, "odd", {}),
            "429_retry_after": (429, "odd", {"Retry-After": "9"}),
            "429_odd_retry_after": (429, "odd", {"Retry-After": "inf"}),
            "quota": (400, "InsufficientQuota", {}),
            "500": (500, "odd", {}),
            "503": (503, "odd", {}),
        }.items():
            answer = (status, {"Content-Type": "application/json"} | headers, _error(fault, code))
            setattr(Handler, f"do_{fault}", lambda self, answer=answer: self.send(*answer))

        self._http = _Listener(("127.0.0.1", 0), Handler)
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def reset(self, *script):
        """Forget what was asked; answer by another script."""
        self.end_late()
        self.script, self.requests, self.applied = list(script), [], []

    def apply(self, request, *asked):
        """Do what was asked; it counts if it was not refused."""
        answer = self._answer_well(*asked)
        if answer[0] < 400:
            self.applied.append(request)
        return answer

    def end_late(self):
        """Wait until all that is late was done, and all that was sent is counted, even if its caller has given up since."""
        stop_at = time.monotonic() + UNREAD_S
        while self._http.has_unread():
            assert time.monotonic() < stop_at, "a request is not read to its end"
            time.sleep(0.001)
        while self.late:
            self.late.pop().join()

    def close(self):
        self.is_closing = True
        self.end_late()
        self._http.shutdown()
        self._http.server_close()


def _error(fault, code):
    return json.dumps({"error": {"code": code, "message": f"fault {fault}"}}).encode()


@contextmanager
def fault_server(answer_well=foundry):
    server = FaultServer(answer_well)
    try:
        yield server
    finally:
        server.close()
