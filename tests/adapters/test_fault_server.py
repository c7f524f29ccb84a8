"""The fault server counts a request where it belongs, however busy this machine is."""

import socket

from tests.adapters.fault_server import fault_server

REQUEST = b"GET /files HTTP/1.1\r\nHost: a\r\n\r\n"


def test_what_was_sent_before_a_reset_does_not_count_after_it():
    """Its sender gives up at once, as clients without patience do."""
    with fault_server() as server:
        for _ in range(100):
            server.script = ["503"]
            with socket.create_connection(("127.0.0.1", server.port)) as sender:
                sender.sendall(REQUEST)
            server.end_late()

            assert (len(server.requests), server.script) == (1, [])
            server.reset()


def test_nobody_waits_for_connections_that_are_idle_or_gone():
    with (
        fault_server() as server,
        socket.create_connection(("127.0.0.1", server.port)),
        socket.create_connection(("127.0.0.1", server.port)) as gone,
    ):
        gone.close()
        server.reset()

        assert server.requests == []
