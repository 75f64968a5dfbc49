"""Where a browser comes back to from a provider of single sign-on: a page of this program's own."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

# As long as the ledger waits for who was sent away.
BACK_S = 600.0
PATH = "/back"
# How long somebody who has come back waits for the server to notice that it shall end.
WATCH_S = 0.05
WORDS = "已登录，可以关闭此页。 You are signed in; this page can be closed."


class Return:
    """Listens on loopback for one return, while it is open."""

    def __init__(self) -> None:
        self._given: dict[str, str] | None = None
        self._came = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def address(self) -> str:
        """Where the browser shall be sent."""
        return f"http://127.0.0.1:{self._server.server_port}{PATH}"

    def __enter__(self) -> "Return":
        threading.Thread(target=self._server.serve_forever, args=(WATCH_S,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, timeout_s: float) -> dict[str, str] | None:
        """Returns what came back, or nothing when the time ran out."""
        self._came.wait(timeout_s)
        return self._given

    def _take(self, path: str) -> bool:
        parts = urlsplit(path)
        if parts.path != PATH or self._given is not None:
            return False
        self._given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._came.set()
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Coming(BaseHTTPRequestHandler):
            """Answers the browser."""

            def do_GET(self) -> None:  # named by the library
                """Takes the first return; anything else is not found."""
                content = WORDS.encode() if take(self.path) else b""
                self.send_response(200 if content else 404)
                self.send_header("content-type", "text/plain; charset=utf-8")
                self.send_header("referrer-policy", "no-referrer")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_words: Any) -> None:
                """Says nothing: a code stands in the address."""

        return Coming
