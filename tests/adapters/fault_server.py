"""A loopback server that applies a request or not, and answers as badly as a network can."""

import json
import socket
import struct
import threading
import time
from contextlib import contextmanager
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


class FaultServer:
    """Answers by a script: each entry is the name of a fault, or None for a good answer."""

    def __init__(self):
        self.script = []
        self.requests = []
        self.applied = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_args):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = f"{self.command} {self.path.partition('?')[0]}"
                server.requests.append((request, body))
                fault = server.script.pop(0) if server.script else None
                if fault not in {"reset_before", "429", "429_retry_after", "409", "400"}:
                    server.applied.append(request)
                getattr(self, f"do_{fault}", self.do_well)()

            do_GET = do_POST = do_DELETE = do_PUT = answer

            def send(self, status, body, headers=None, kind="application/json"):
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def good(self):
                if "/events" in self.path or "/checkpoints" in self.path:
                    return {"object": "list", "data": [], "has_more": False}
                if "fine_tuning/jobs" in self.path:
                    is_list = self.command == "GET" and self.path.partition("?")[0].endswith("/jobs")
                    return {"object": "list", "data": [JOB], "has_more": False} if is_list else JOB
                if "/files" in self.path:
                    if self.command == "GET" and self.path.partition("?")[0].endswith("/files"):
                        return {"object": "list", "data": [FILE], "has_more": False}
                    return (
                        {"id": "file-1", "object": "file", "deleted": True}
                        if self.command == "DELETE"
                        else FILE
                    )
                return COMPLETION

            def do_well(self):
                self.send(200, self.good())

            def hang_up(self):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True

            do_reset_before = do_reset_after = hang_up

            def error(self, status, headers=None, code="odd"):
                self.send(status, {"error": {"code": code, "message": f"fault {status}"}}, headers)

            def do_400(self):
                self.error(400, code="invalidPayload")

            def do_408(self):
                self.error(408)

            def do_409(self):
                self.error(409, code="conflict")

            def do_429(self):
                self.error(429)

            def do_429_retry_after(self):
                self.error(429, {"Retry-After": "9"})

            def do_500(self):
                self.error(500)

            def do_503(self):
                self.error(503)

            def do_html(self):
                self.send(502, b"<html><body>Bad gateway</body></html>", kind="text/html")

            def do_truncated(self):
                raw = json.dumps(self.good()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw) + 50))
                self.end_headers()
                self.wfile.write(raw)
                self.wfile.flush()
                self.hang_up()

            def do_slow(self):
                time.sleep(1.5)
                self.send(200, self.good())

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def fault_server():
    server = FaultServer()
    try:
        yield server
    finally:
        server.close()
