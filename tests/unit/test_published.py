"""Reading a published log over HTTP: what is no log's file is said to be none, and nothing fills memory."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ledger.log.files import FILE_BYTES_MAX
from suyuan.published import NotReadable, PublishedLog

Answer = tuple[int, str, bytes]


class _Answering(BaseHTTPRequestHandler):
    answers: dict[str, Answer]

    def do_GET(self) -> None:
        status, kind, content = self.answers.get(self.path, (404, "text/plain", b""))
        self.send_response(status)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_words: object) -> None:
        """Says nothing: the test does."""


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, Answer]], str]]:
    servers: list[ThreadingHTTPServer] = []

    def begin(answers: dict[str, Answer]) -> str:
        server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Answering", (_Answering,), {"answers": answers})
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, "text/html; charset=utf-8", b"<html>sign in</html>"), "answered with a web page"),
        ((500, "text/plain", b"no"), "answered 500"),
        ((200, "text/plain", bytes(FILE_BYTES_MAX + 1)), "larger than any file of a log"),
    ],
    ids=["a sign-in page", "a fault", "too much"],
)
def test_what_is_no_file_of_a_log_is_said_to_be_none(
    serve: Callable[[dict[str, Answer]], str], answer: Answer, words: str
) -> None:
    url = serve({"/checkpoint": answer})
    with PublishedLog(url) as log, pytest.raises(NotReadable, match=words):
        log.read(["checkpoint"])


def test_a_file_that_is_not_there_is_none_and_the_rest_is_read(
    serve: Callable[[dict[str, Answer]], str],
) -> None:
    with PublishedLog(serve({"/checkpoint": (200, "text/plain", b"it")})) as log:
        assert log.read(["checkpoint", "tile/0/000"]) == [b"it", None]
