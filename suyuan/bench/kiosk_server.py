"""The kiosk as it is served, with a page of fixed bytes beside it that nobody works for: `python -m`."""

from typing import Any

from kiosk_ui.app import build
from kiosk_ui.settings import read_settings
from ledger.gate import Gate
from ledger.serving import LOOPBACK, Listening, serve


class FixedBytes:
    """Answers one address with bytes that stand in memory; passes everything else on."""

    def __init__(self, app: Any, path: str, size: int) -> None:
        self._app, self._path, self._body = app, path, b"x" * size
        self._head = [(b"content-type", b"text/html"), (b"content-length", str(size).encode())]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers, or passes on."""
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self._head})
        await send({"type": "http.response.body", "body": self._body})


def main(path: str, size: int) -> None:
    """Serves until it is ended."""
    settings = read_settings()
    listening = Listening(settings.port, 0, LOOPBACK, "", "")
    serve(Gate(FixedBytes(build(settings), path, size)), listening)


if __name__ == "__main__":
    import sys

    main(sys.argv[1], int(sys.argv[2]))
