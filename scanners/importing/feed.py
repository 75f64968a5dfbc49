"""A feed: cash registers, scales and ERP hand in rows over HTTP, on this machine alone."""

import json
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from scanners.importing.columns import find_headings
from scanners.importing.keeping import NotAllKept, keep_rows
from scanners.importing.rows import Common, understand_row
from scanners.importing.tables import HEADING_ROWS, BadFile, json_rows
from scanners.tape import Tape

BODY_BYTES_MAX = 8 * 1024 * 1024
# Who has begun to send and stalls must not keep the next till waiting.
SILENCE_S = 10
LOOPBACK = "127.0.0.1"

Tell = Callable[[dict[str, Any]], None]


def feed_server(
    tape: Tape, common: Callable[[], Common], port: int, tell: Tell, *, silence_s: float = SILENCE_S
) -> HTTPServer:
    """Returns a server that keeps the rows of each `POST /rows` on a tape before it answers.

    `common` says for whom and when; `tell` hears what became of each call. On loopback alone: who
    reaches this port speaks for the connector. Raises `OSError` for a port that is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        """One call."""

        timeout = silence_s

        def do_POST(self) -> None:
            """Takes rows as JSON: a list of objects, one object, or one a line."""
            status, told = self._take()
            body = json.dumps(told, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            tell(told)

        def log_message(self, *_: Any) -> None:
            """Says nothing: `tell` does."""

        def _take(self) -> tuple[int, dict[str, Any]]:
            if self.path != "/rows":
                return 404, {"problem": f"rows go to /rows, not to {self.path[:80]}"}
            length = self.headers.get("content-length", "")
            if not (length.isascii() and length.isdigit()):
                return 411, {"problem": "say with content-length how much comes"}
            if int(length) > BODY_BYTES_MAX:
                words = f"at most {BODY_BYTES_MAX} bytes at a time, not {length}: send fewer rows"
                return 413, {"problem": words}
            try:
                return _keep(tape, self.rfile.read(int(length)), common())
            except TimeoutError:
                return 408, {"problem": f"{length} bytes were announced and did not come"}

    return HTTPServer((LOOPBACK, port), Handler)


def _keep(tape: Tape, body: bytes, common: Common) -> tuple[int, dict[str, Any]]:
    seen: Counter[str] = Counter()
    try:
        rows = [row for row in json_rows(body) if row.problem or any(row.cells)]
        index, columns = find_headings(rows[:HEADING_ROWS], {})
        understood = (understand_row(row, columns, common, seen) for row in rows[index + 1 :])
        kept = keep_rows(tape, understood)
    except BadFile as error:
        return 422, {"problem": str(error)}
    except NotAllKept as error:
        return 507, {"problem": f"{error}; send the same again when that is mended"}
    errors = [{"row": row.row.number, "problem": row.problem} for row in kept.bad]
    told = {"rows": kept.rows, "kept": len(kept.numbers), "known": kept.known, "errors": errors}
    return (422 if errors else 200), told
