"""The tape: numbered, chained, on disk before the hand is told."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from ledger.events import wire
from ledger.events.reports import TapeOpened
from ledger.values.chain import answer_message, chain_over, chain_start
from ledger.values.keys import SigningKey
from scanners.link import BrokerAddress, Link, Retained
from scanners.sending import Sending
from scanners.tape import NoTape, Tape, TapeFull
from tests.support.make import NOON, clock, sold

TAPE = "11111111-1111-4111-8111-111111111111"


def make(path: Path) -> Tape:
    return Tape.create(
        path, TAPE, "scanner-1", bytes(32),
        opening=lambda: TapeOpened(device="scanner-1", clock=clock()),
    )  # fmt: skip


def test_numbers_are_gapless_and_chained(tmp_path: Path) -> None:
    tape = make(tmp_path / "a.tape")
    kept = [tape.append(sold()) for _ in range(5)]

    reports = [k.report for k in tape.since(1)]
    assert [k.number for k in kept] == [2, 3, 4, 5, 6]
    assert kept[-1].chain == chain_over(chain_start(TAPE), 1, reports)[-1]


def test_a_new_tape_never_overwrites_an_old_one(tmp_path: Path) -> None:
    make(tmp_path / "a.tape").close()

    with pytest.raises(FileExistsError, match="new tape needs a new file"):
        make(tmp_path / "a.tape")


def test_receipts_are_noted_and_nothing_is_deleted(tmp_path: Path) -> None:
    tape = make(tmp_path / "a.tape")
    tape.append(sold())
    verdict = wire.Verdict(number=1, code="recorded", position=7, leaf=bytes(32))

    assert tape.receipted((verdict,)) == 1
    assert tape.receipted((verdict,)) == 0

    assert tape.position_of(1) == 7
    assert [k.number for k in tape.waiting()] == [2]
    assert len(tape.since(1)) == 2


def test_a_report_the_ledger_could_not_read_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    tape = make(tmp_path / "a.tape")

    with pytest.raises(Exception, match="control characters"):
        tape.append(sold(delivery="a\x00b"))

    assert tape.last() == 1


def test_a_full_disk_is_said_and_what_was_kept_stays(tmp_path: Path) -> None:
    tape = make(tmp_path / "a.tape")
    tape._db.execute(
        f"PRAGMA max_page_count = {tape._db.execute('PRAGMA page_count').fetchone()[0]}"
    )

    with pytest.raises(TapeFull, match="disk"):
        for _ in range(200):
            tape.append(sold())

    tape.close()
    again = Tape.open(tmp_path / "a.tape")
    assert again.last() >= 1
    assert [k.number for k in again.since(1)] == list(range(1, min(again.last(), 200) + 1))


WRITER = """
import sys
from pathlib import Path
from scanners.tape import Tape
from tests.support.make import sold
tape = Tape.open(Path(sys.argv[1]))
while True:
    print(tape.append(sold()).number, flush=True)
"""


def test_kill_9_at_any_moment_loses_nothing_the_hand_was_told(tmp_path: Path) -> None:
    make(tmp_path / "a.tape").close()
    told = 1
    for moment in (0.05, 0.21, 0.37):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "a.tape")],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert writer.stdout is not None
        told = int(writer.stdout.readline())
        time.sleep(moment)
        os.kill(writer.pid, signal.SIGKILL)
        for line in writer.stdout:
            told = int(line) if line.endswith("\n") and line.strip() else told
        writer.wait()

    tape = Tape.open(tmp_path / "a.tape")
    kept = []
    while batch := tape.since(len(kept) + 1):
        kept += batch
    assert tape.last() >= told
    assert [k.number for k in kept] == list(range(1, tape.last() + 1))
    chains = chain_over(chain_start(TAPE), 1, [k.report for k in kept])
    assert chains == [k.chain for k in kept]


def test_a_file_that_is_no_tape_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "a.tape").write_bytes(b"not a database, but long enough to look at" * 50)

    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE theirs (n)")

    for name in ("a.tape", "other.db", "."):
        with pytest.raises(NoTape, match="is no tape"):
            Tape.open(tmp_path / name)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        names = other.execute("SELECT name FROM sqlite_master").fetchall()
    assert names == [("theirs",)], "somebody else's database got our tables"
    with pytest.raises(FileNotFoundError, match="suyuan enroll"):
        Tape.open(tmp_path / "none.tape")


def test_the_tape_says_how_full_it_is(tmp_path: Path) -> None:
    assert 0 <= make(tmp_path / "a.tape").fill_percent() <= 100


def test_a_report_is_fsynced_and_only_receipts_are_not(tmp_path: Path) -> None:
    tape = make(tmp_path / "a.tape")

    # 2 is FULL: the log is fsynced at every commit; 1 is NORMAL.
    assert tape._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert tape._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert tape._notes.execute("PRAGMA synchronous").fetchone() == (1,)


def test_a_tape_is_whole_under_its_name_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"

    def power_cut() -> TapeOpened:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Tape.create(path, TAPE, "scanner-1", bytes(32), opening=power_cut)
    assert not path.exists()

    assert make(path).last() == 1
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.endswith(".new")) == []


def test_a_scanner_whose_disk_was_full_hears_the_ledger_again_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = make(tmp_path / "a.tape")
    ledger = SigningKey(bytes(32))
    link = Link(
        tape, Sending(tape, [ledger.public]), ledger="t", broker=BrokerAddress("127.0.0.1", 1),
        retained=Retained({"t/full": lambda _payload: tape.put("a", "b") is None}, lambda: 0),
    )  # fmt: skip
    body = wire.encode(
        wire.Receipt(
            ledger="t", tape=TAPE, chain=tape.chain_at(1) or b"", time=NOON,
            verdicts=(wire.Verdict(number=1, code="recorded", position=7, leaf=bytes(32)),),
        )
    )  # fmt: skip
    signature = ledger.sign(answer_message(body))
    receipt = mqtt.MQTTMessage(topic=b"answers")
    receipt.payload = wire.encode(wire.Answer(body=body, key=ledger.id, signature=signature))
    stop = mqtt.MQTTMessage(topic=b"t/full")
    stop.payload = b"x"

    def full(*_about: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(tape, "_notes", Refusing(full))
        patched.setattr(tape, "_db", Refusing(full, tape._db))
        link._arrived(None, None, receipt)
        link._arrived(None, None, stop)
    assert tape.count_waiting() == 1

    link._arrived(None, None, receipt)
    assert tape.count_waiting() == 0


class Refusing:
    """A connection to a disk that is full: what writes is refused, what reads is not."""

    def __init__(self, refuse: Callable[..., None], real: sqlite3.Connection | None = None) -> None:
        self._refuse, self._real = refuse, real

    def __enter__(self) -> "Refusing":
        return self

    def __exit__(self, *_about: object) -> None:
        return None

    def executemany(self, *about: object) -> None:
        self._refuse(*about)

    def execute(self, query: str, *about: Any) -> Any:
        if self._real is not None and query.lstrip().startswith("SELECT"):
            return self._real.execute(query, *about)
        return self._refuse(query)
