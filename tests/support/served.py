"""Files over HTTP from a server of the test's own, good ones and others."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Answer(NamedTuple):
    """What a server answers for a path."""

    status: int
    kind: str
    content: bytes


class _Answering(BaseHTTPRequestHandler):
    answers: Mapping[str, Answer | bytes]

    def do_GET(self) -> None:
        found = self.answers.get(self.path, Answer(404, "text/plain", b""))
        answer = Answer(200, "text/plain", found) if isinstance(found, bytes) else found
        self.send_response(answer.status)
        self.send_header("content-type", answer.kind)
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_words: object) -> None:
        """Says nothing: the test does."""


@contextlib.contextmanager
def served(answers: Mapping[str, Answer | bytes]) -> Iterator[str]:
    """Serves contents by path; yields the address."""
    kind = type("Answering", (_Answering,), {"answers": answers})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
