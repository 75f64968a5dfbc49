"""Serving: an application in plain on this machine's loopback, and over TLS where others may come."""

import asyncio
import asyncio.constants
import contextlib
import resource
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ledger.settings import Settings

EVERYWHERE, LOOPBACK = "0.0.0.0", "127.0.0.1"  # noqa: S104  # only when asked for
# A certificate that was made anew counts within this time, without a restart.
LOOK_S = 60.0
START_S = 0.02
# A request's head comes at once, or from somebody who wants to hold the connection.
PATIENCE_S = 10.0
# Of all connections together; streams hold one each. More are told to come again (503).
CONNECTIONS_MAX = 2000
# A service that is told to end waits so long for what it is answering; a stream never ends by itself.
ENDING_S = 1


class Listening(NamedTuple):
    """Where a service listens: in plain on loopback, but for public pages; over TLS at `host`, with a certificate."""

    port: int
    tls_port: int
    host: str
    certificate: str
    key: str
    plain_host: str = LOOPBACK


def listening_of(settings: Settings, port: int, tls_port: int) -> Listening:
    """Returns where a service of these settings listens: beyond loopback only under a public name."""
    host = EVERYWHERE if settings.public_name else LOOPBACK
    return Listening(port, tls_port, host, settings.tls_certificate, settings.tls_key)


class Impatient(H11Protocol):
    """HTTP/1.1 that closes a connection on which no request comes to its end: uvicorn waits for ever."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begins to wait with the connection."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Waits on while there is no whole request; trickling bytes do not buy time."""
        super().data_received(data)
        if self._answering():
            self._stop_waiting()
        elif self._timer is None:
            self._wait()

    def on_response_complete(self) -> None:
        """Waits for the next request, or its rest."""
        super().on_response_complete()
        if not self._answering() and not self.transport.is_closing():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(PATIENCE_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if not self._answering():
            self.transport.close()


def serve(app: Any, listening: Listening, **options: Any) -> None:
    """Serves until the process is told to end; `options` are uvicorn's."""
    _make_room()
    options = {
        "log_level": "warning", "access_log": False, "server_header": False, "http": Impatient,
        "limit_concurrency": CONNECTIONS_MAX, "timeout_graceful_shutdown": ENDING_S,
    } | options  # fmt: skip
    asyncio.run(_serve(app, listening, options))


def _make_room() -> None:
    """Lets the process hold more connections than it takes, and none long that only begins to speak TLS."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # asyncio gives a handshake a minute, and uvicorn hands nothing else on.
    asyncio.constants.SSL_HANDSHAKE_TIMEOUT = PATIENCE_S


class _Beside(uvicorn.Server):
    """A server beside another one, whose signals it leaves alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Captures none."""
        yield


async def _serve(app: Any, listening: Listening, options: dict[str, Any]) -> None:
    plain = uvicorn.Server(
        uvicorn.Config(app, host=listening.plain_host, port=listening.port, **options)
    )
    serving = asyncio.create_task(plain.serve())
    if not listening.certificate:
        await serving
        return
    while not plain.started and not serving.done():
        await asyncio.sleep(START_S)
    # The application's lifespan is the first server's.
    config = uvicorn.Config(
        app, host=listening.host, port=listening.tls_port, lifespan="off",
        ssl_certfile=listening.certificate, ssl_keyfile=listening.key, **options,
    )  # fmt: skip
    over_tls = _Beside(config)
    beside = asyncio.create_task(over_tls.serve())
    looking = asyncio.create_task(_take_new(config, listening))
    try:
        await asyncio.wait([serving, beside], return_when=asyncio.FIRST_COMPLETED)
    finally:
        plain.should_exit = over_tls.should_exit = True
        looking.cancel()
        await asyncio.gather(serving, beside)


async def _take_new(config: uvicorn.Config, listening: Listening) -> None:
    """Takes the certificate's file again when it changed; a half-written one waits for its key."""
    path = Path(listening.certificate)
    known = path.stat().st_mtime_ns
    while True:
        await asyncio.sleep(LOOK_S)
        with contextlib.suppress(OSError):
            found = path.stat().st_mtime_ns
            if found != known and config.ssl is not None:
                config.ssl.load_cert_chain(listening.certificate, listening.key)
                known = found
