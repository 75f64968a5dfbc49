"""One switch of TCP that decides between 2 ms and 90 ms for a scan's round trip."""

import socket
from typing import Any


def no_delay(_client: Any, _data: Any, sock: Any) -> None:
    """Switches Nagle's algorithm off on a socket paho has opened."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
