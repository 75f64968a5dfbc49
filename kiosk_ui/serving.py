"""Serving the pages: in plain for everybody who may see them so, and over TLS under the ledger's name."""

import asyncio
import contextlib
from collections.abc import Generator
from typing import Any

import uvicorn

from kiosk_ui.settings import KioskSettings

EVERYWHERE, LOOPBACK = "0.0.0.0", "127.0.0.1"  # noqa: S104  # only when asked for


class _OverTls(uvicorn.Server):
    """A server beside another one, whose signals it leaves alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Captures none."""
        yield


def serve(app: Any, settings: KioskSettings) -> None:
    """Serves until the process is told to end."""
    asyncio.run(_serve(app, settings))


async def _serve(app: Any, settings: KioskSettings) -> None:
    common: dict[str, Any] = {
        "log_level": "warning", "access_log": False, "server_header": False,
        "timeout_graceful_shutdown": 1,
    }  # fmt: skip
    host = EVERYWHERE if settings.public else LOOPBACK
    plain = uvicorn.Server(uvicorn.Config(app, host=host, port=settings.port, **common))
    tasks = [asyncio.create_task(plain.serve())]
    servers = [plain]
    while settings.certificate and not plain.started and not tasks[0].done():
        await asyncio.sleep(0.02)
    if settings.certificate:
        over_tls = _OverTls(uvicorn.Config(
            app, host=EVERYWHERE if settings.public_name else LOOPBACK, port=settings.tls_port,
            lifespan="off", ssl_certfile=settings.certificate, ssl_keyfile=settings.key, **common,
        ))  # fmt: skip
        servers.append(over_tls)
        tasks.append(asyncio.create_task(over_tls.serve()))
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*tasks)
