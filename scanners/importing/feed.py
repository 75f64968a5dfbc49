"""A feed: cash registers, scales and ERP hand in rows over HTTP, on this machine alone."""

import json
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from scanners.importing.columns import Columns, find_headings
from scanners.importing.keeping import NotAllKept, keep_rows
from scanners.importing.rows import Common, Understood, understand_row
from scanners.importing.tables import HEADING_ROWS, BadFile, json_rows
from scanners.tape import Tape

BODY_BYTES_MAX = 8 * 1024 * 1024
# Who has begun to send and stalls must not keep the next till waiting.
SILENCE_S = 10
LOOPBACK = "127.0.0.1"
# What no web page may send elsewhere without being asked first.
JSON_TYPES = ("application/json", "application/x-ndjson")

Tell = Callable[[dict[str, Any]], None]
# A status of HTTP and what is said with it.
Answer = tuple[int, dict[str, Any]]


def feed_server(
    tape: Tape, common: Callable[[], Common], port: int, tell: Tell, *, silence_s: float = SILENCE_S
) -> "FeedServer":
    """Returns a server that keeps the rows of each `POST /rows` on a tape before it answers.

    `common` says for whom and when; `tell` hears what became of each call. On loopback alone: who
    reaches this port speaks for the connector. Raises `OSError` for a port that is taken.
    """

    def take(body: bytes) -> Answer:
        status, told = _keep(tape, body, common())
        tell(told)
        return status, told

    return FeedServer(port, take, silence_s)


class FeedServer(HTTPServer):
    """Listens for rows; one call after the other."""

    def __init__(self, port: int, take: Callable[[bytes], Answer], silence_s: float) -> None:
        self.take = take
        self.silence_s = silence_s
        super().__init__((LOOPBACK, port), _Call)


class _Call(BaseHTTPRequestHandler):
    """One call: its body is read whole and in time, or nothing of it is kept."""

    server: FeedServer

    def setup(self) -> None:
        """Gives a sender so long to speak."""
        self.request.settimeout(self.server.silence_s)
        super().setup()

    def do_POST(self) -> None:
        """Takes rows as JSON: a list of objects, one object, or one a line."""
        self._answer(*self._taken())

    def do_GET(self) -> None:
        """Says how it is done."""
        self._answer(405, {"problem": "rows come by POST to /rows"})

    def log_message(self, *_: Any) -> None:
        """Says nothing: `tell` does."""

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _taken(self) -> Answer:
        if self.path != "/rows":
            return 404, {"problem": f"rows go to /rows, not to {self.path[:80]}"}
        host = self.headers.get("host", "").partition(":")[0]
        if "origin" in self.headers or host not in (LOOPBACK, "localhost"):
            # A page in the till's browser reaches this port as well, and speaks for nobody here.
            return 403, {"problem": "rows come from a program on this machine, not from a web page"}
        if self.headers.get_content_type() not in JSON_TYPES:
            return 415, {"problem": f"say content-type: {' or '.join(JSON_TYPES)}"}
        lengths = set(self.headers.get_all("content-length", []))
        length = next(iter(lengths), "")
        plain = len(lengths) == 1 and length.isascii() and length.isdigit()
        if not plain or "transfer-encoding" in self.headers:
            return 411, {"problem": "say with one content-length how much comes, and send it plain"}
        if len(length) > len(str(BODY_BYTES_MAX)) or int(length) > BODY_BYTES_MAX:
            words = f"at most {BODY_BYTES_MAX} bytes at a time, not {length[:20]}: send fewer rows"
            return 413, {"problem": words}
        body = self._read(int(length))
        if len(body) < int(length):
            # Half a message may end in half a row; nothing of it is kept.
            words = f"{length} bytes were announced and {len(body)} came: send all of it again"
            return 408, {"problem": words}
        return self.server.take(body)

    def _read(self, length: int) -> bytes:
        """Returns what comes of a body until its time is up."""
        until, body = time.monotonic() + self.server.silence_s, b""
        while len(body) < length and (left := until - time.monotonic()) > 0:
            self.connection.settimeout(left)
            try:
                part = self.rfile.read1(length - len(body))
            except TimeoutError:
                break
            if not part:
                break
            body += part
        return body


def _numbered(row: Understood, columns: Columns) -> Understood:
    """Refuses a row without a number: sent again, nobody could tell it from another like it."""
    place = columns.places.get("id")
    if row.problem or (place is not None and row.row.cells[place]):
        return row
    return row._replace(event=None, problem="a row of a feed bears its sender's own number: id")


def _keep(tape: Tape, body: bytes, common: Common) -> Answer:
    seen: Counter[str] = Counter()
    try:
        rows = [row for row in json_rows(body) if row.problem or any(row.cells)]
        index, columns = find_headings(rows[:HEADING_ROWS], {})
        understood = [
            _numbered(understand_row(row, columns, common, seen), columns)
            for row in rows[index + 1 :]
        ]
        kept = keep_rows(tape, understood)
    except BadFile as error:
        return 422, {"problem": str(error)}
    except NotAllKept as error:
        return 507, {"problem": f"{error}; send the same again when that is mended"}
    errors = [{"row": row.row.number, "problem": row.problem} for row in kept.bad]
    told = {"rows": kept.rows, "kept": len(kept.numbers), "known": kept.known, "errors": errors}
    return (422 if errors else 200), told
