"""Listening sockets of the local cloud."""

from __future__ import annotations

import socket


def listen(port: int) -> socket.socket:
    """A listening socket whose protocol is set to TCP.

    For any other, asyncio leaves Nagle's algorithm on, which costs 40 ms per answer.

    Args:
        port: 0 for any free one.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(128)
    return listening
