"""Listening sockets of the local cloud."""

from __future__ import annotations

import socket


def listen(port: int) -> socket.socket:
    """A listening socket that knows it is TCP: asyncio turns Nagle's algorithm off for no other, which costs 40 ms an answer.

    Args:
        port: 0 takes any that is free.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(128)
    return listening
