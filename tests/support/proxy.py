"""A small TCP proxy on loopback: passes, dawdles, swallows or cuts what goes through it."""

import contextlib
import select
import socket
import threading
import time
from typing import Literal

from suyuan.parts.places import free_port

Mode = Literal["pass", "slow", "swallow"]
CHUNK = 16_384
# A slow link: each chunk waits so long.
SLOW_S = 0.25


class Proxy:
    """Forwards to a port. `mode` may be changed at any time; `cut` ends every connection."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = free_port()
        self.mode: Mode = "pass"
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._ended = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Ends every connection, as a broken cable that was noticed."""
        with self._lock:
            sockets, self._open = self._open, set()
        for one in sockets:
            _close(one)

    def close(self) -> None:
        self._ended = True
        _close(self._listening)
        self.cut()

    def _accept(self) -> None:
        while not self._ended:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 2)
            except OSError:
                _close(near)
                continue
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {near, far}
            threading.Thread(target=self._carry, args=[near, far], daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        try:
            while True:
                for one in select.select([near, far], [], [], 1.0)[0]:
                    chunk = one.recv(CHUNK)
                    if not chunk:
                        return
                    if self.mode == "slow":
                        time.sleep(SLOW_S)
                    if self.mode != "swallow":
                        other[one].sendall(chunk)
        except (OSError, ValueError):
            return
        finally:
            with self._lock:
                self._open -= {near, far}
            _close(near)
            _close(far)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
