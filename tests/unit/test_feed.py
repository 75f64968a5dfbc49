"""A feed: what a cash register hands in is on the tape before it hears of it, and once."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from ledger.events.catalogue import read_report
from ledger.events.reports import GoodsSold
from scanners.cards import CardBox
from scanners.importing.feed import feed_server
from scanners.importing.rows import Common
from scanners.tape import Tape
from tests.support.make import MILK, TODAY, clock
from tests.unit.test_tape import make

LINE: dict[str, Any] = {"id": "K1-1", "gtin": MILK, "quantity": 2, "date": str(TODAY)}


JSON = {"content-type": "application/json"}
HEAD = b"POST /rows HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


class Till:
    """A cash register at a feed."""

    def __init__(self, tape: Tape, port: int) -> None:
        self.tape = tape
        self.port = port

    def sends(
        self, body: bytes, path: str = "/rows", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", path, body=body, headers=JSON | (headers or {}))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def kept(self) -> list[Any]:
        return [read_report(kept.report) for kept in self.tape.since(2)]


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    tape = make(tmp_path / "till.tape")

    def common() -> Common:
        session = "00000000-0000-4000-8000-000000000001"
        return Common("m-1", "p-1", TODAY, session, clock(), "sell", CardBox(tape))

    server = feed_server(tape, common, 0, lambda told: None, silence_s=1)
    running = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    running.start()
    yield Till(tape, server.server_address[1])
    server.shutdown()
    server.server_close()
    tape.close()


def lines(*rows: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def test_rows_are_on_the_tape_when_the_till_hears_of_them_and_once(till: Till) -> None:
    first = till.sends(lines(LINE, LINE | {"id": "K1-2", "quantity": 3}))
    again = till.sends(json.dumps([LINE, LINE | {"id": "K1-3"}]).encode())

    assert first == (200, {"rows": 2, "kept": 2, "known": 0, "errors": []})
    assert again == (200, {"rows": 2, "kept": 1, "known": 1, "errors": []})
    assert [(type(r), int(r.quantity.amount)) for r in till.kept()] == [
        (GoodsSold, 2), (GoodsSold, 3), (GoodsSold, 2),
    ]  # fmt: skip


def test_a_bad_row_is_told_and_the_others_are_kept(till: Till) -> None:
    broken = lines(LINE, LINE | {"id": "K1-2", "quantity": "1e300"}) + b'\n{"id": "K1-3", "gt'

    status, told = till.sends(broken)

    assert (status, told["kept"], [e["row"] for e in told["errors"]]) == (422, 1, [2, 3])
    assert all(error["problem"] for error in told["errors"])


def test_another_row_under_a_used_number_is_an_error_and_replaces_nothing(till: Till) -> None:
    till.sends(lines(LINE))

    status, told = till.sends(lines(LINE | {"quantity": 9}))

    assert status == 422
    assert "used for another row" in told["errors"][0]["problem"]
    assert [int(r.quantity.amount) for r in till.kept()] == [2]


@pytest.mark.parametrize(
    ("body", "path", "status"),
    [(b"", "/rows", 422), (b"[]", "/rows", 422), (b"{", "/rows", 422), (b"\xff\xfe\x00", "/rows", 422),
     (b"[1,2]", "/rows", 422), (lines(LINE), "/elsewhere", 404)],
)  # fmt: skip
def test_what_is_no_row_is_told_so(till: Till, body: bytes, path: str, status: int) -> None:
    answer, told = till.sends(body, path)

    assert (answer, bool(told["problem"])) == (status, True)
    assert till.kept() == []


def test_a_row_without_a_number_is_refused_since_two_alike_could_not_be_told_apart(
    till: Till,
) -> None:
    bare = {name: value for name, value in LINE.items() if name != "id"}

    status, told = till.sends(lines(bare, LINE))

    assert (status, told["kept"], told["errors"][0]["row"]) == (422, 1, 1)


def test_a_row_sent_again_among_rows_with_more_columns_is_known(till: Till) -> None:
    till.sends(lines(LINE))

    told = till.sends(lines(LINE, LINE | {"id": "K1-2", "lot": "L9", "unit": "瓶"}))

    assert told == (200, {"rows": 2, "kept": 1, "known": 1, "errors": []})


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"content-length: 99999999", b" 413 "),
        (b"content-length: " + b"9" * 5000, b" 413 "),
        (b"content-length: 5\r\ncontent-length: 6", b" 411 "),
        (b"content-length: 5\r\ntransfer-encoding: chunked", b" 411 "),
        (b"x: y", b" 411 "),
    ],
)
def test_a_message_of_unclear_or_too_great_length_is_refused_unread(
    till: Till, head: bytes, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", till.port), timeout=10) as wire:
        wire.sendall(HEAD + head + b"\r\n\r\n12345")

        assert status in wire.recv(200)
    assert till.kept() == []


def test_a_message_cut_in_the_middle_is_not_kept_in_part(till: Till) -> None:
    body = lines(LINE, LINE | {"id": "K1-2"})
    with socket.create_connection(("127.0.0.1", till.port), timeout=10) as wire:
        head = HEAD + f"content-length: {len(body)}\r\n\r\n".encode()
        wire.sendall(head + lines(LINE) + b"\n")
        wire.shutdown(socket.SHUT_WR)

        assert b" 408 " in wire.recv(200)
    assert till.kept() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"host": "evil.example"}, 403),
        ({"content-type": "text/plain"}, 415),
    ],
    ids=str,
)
def test_a_web_page_in_the_tills_browser_writes_nothing(
    till: Till, headers: dict[str, str], status: int
) -> None:
    answer, told = till.sends(lines(LINE), headers=headers)

    assert (answer, bool(told["problem"]), till.kept()) == (status, True, [])


def test_who_trickles_bytes_is_cut_off_in_time(till: Till) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", till.port), timeout=10) as slow:
        slow.sendall(HEAD + b"content-length: 100\r\n\r\n")
        for _ in range(3):
            time.sleep(0.25)
            slow.sendall(b"x")

        assert till.sends(lines(LINE))[0] == 200
    assert time.monotonic() - began < 3


def test_a_till_that_stalls_does_not_keep_the_next_waiting_for_ever(till: Till) -> None:
    with socket.create_connection(("127.0.0.1", till.port), timeout=20) as stalled:
        stalled.sendall(HEAD + b"content-length: 10\r\n\r\nhalf")

        assert till.sends(lines(LINE))[0] == 200
        assert b" 408 " in stalled.recv(200)
