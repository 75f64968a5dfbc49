"""Joining a ledger: what is kept while nobody knows the outcome, and what another intake did."""

from datetime import date
from pathlib import Path

import httpx
import pytest

from ledger.events import wire
from ledger.rules.device import DeviceCase, Mandate
from scanners import asking
from scanners.agent import Agent, Home, enroll, keep_document
from scanners.asking import EnrolmentRefused, LedgerAway
from scanners.identity import Clocks
from scanners.tape import Tape
from tests.support.line import Line
from tests.support.make import FakeTape

HOME = Home(
    ledger="test", keys=("ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",),
    intake_url="http://ledger", mqtt_host="127.0.0.1", mqtt_port=1,
)  # fmt: skip
SINCE = date(2026, 1, 1)


def answering(monkeypatch: pytest.MonkeyPatch, status: int, body: object) -> list[str]:
    """Lets the ledger answer so; returns the idempotency keys it was asked under."""
    keys: list[str] = []

    def post(*_: object, headers: dict[str, str], **__: object) -> httpx.Response:
        keys.append(headers["idempotency-key"])
        return httpx.Response(status, json=body)

    monkeypatch.setattr(asking, "ASK_PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(httpx, "post", post)
    return keys


def test_a_key_the_ledger_may_have_recorded_is_not_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tape"
    keys = answering(monkeypatch, 503, {"title": "unavailable", "detail": "the database is away"})
    with pytest.raises(LedgerAway, match="away"):
        enroll(path, "scanner-1", HOME, [], since=SINCE)
    kept = Tape.open(path)
    assert len(keys) == 2
    assert len(set(keys)) == 1, "asked again, it is the same question"

    answering(monkeypatch, 200, [{"granted": True}])
    joined = enroll(path, "scanner-1", HOME, [], since=SINCE)

    assert joined.key.public == kept.key.public
    for tape in (kept, joined):
        tape.close()


def test_a_refused_device_leaves_no_tape_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"granted": False, "code": "device-taken", "advice": "Take another name."}]
    answering(monkeypatch, 422, rows)

    with pytest.raises(EnrolmentRefused, match=r"Take another name. \(device-taken\)"):
        enroll(tmp_path / "a.tape", "scanner-1", HOME, [], since=SINCE)

    assert not (tmp_path / "a.tape").exists()


@pytest.mark.parametrize(
    ("status", "title", "told", "waiting"),
    [
        (400, "document-refused", ["no picture"], 0),
        (413, "too-large", ["no picture"], 0),
        (404, "not-here", [], 1),
        (503, "unavailable", [], 1),
    ],
)
def test_a_picture_the_ledger_will_never_take_is_told_and_any_other_waits(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    title: str,
    told: list[str],
    waiting: int,
) -> None:
    answering(monkeypatch, 200, [{"granted": True}])
    tape = enroll(tmp_path / "a.tape", "scanner-1", HOME, [], since=SINCE)
    keep_document(tape, "image/png", b"\x89PNG")
    answer = httpx.Response(status, json={"title": title, "detail": "no picture"})
    monkeypatch.setattr(httpx, "put", lambda *_, **__: answer)

    refused = Agent(tape, Clocks()).send_documents()

    assert refused == told
    assert len(tape.documents_waiting()) == waiting
    keep_document(tape, "image/png", b"\x89PNG")
    assert len(tape.documents_waiting()) == 1, "filed again, it is tried again"
    tape.close()


def test_a_new_key_that_another_intake_recorded_is_taken_here() -> None:
    line = Line()
    old = line.enroll(FakeTape())
    assert isinstance(line.send(old.batch()), wire.Receipt)
    new = FakeTape(old.device)
    mandates = (Mandate("m-1", date(2020, 1, 1), None),)
    # Recorded behind this intake's back: nobody told it to forget the device.
    line.known.cases[old.device] = DeviceCase(old.device, 0, new.key.public, mandates)

    assert isinstance(line.send(new.batch()), wire.Receipt)
