"""One suite for both journals: in memory and on PostgreSQL they answer alike."""

import os
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from ledger.errors import Conflict
from ledger.events import wire
from ledger.intake.verify import Verifier
from ledger.journal.erasing import Erasure, erase
from ledger.journal.interface import CheckAgain, Recorded, TapeBatch
from ledger.journal.opening import Openings, PgKnownPersons
from ledger.journal.personal import PgPersonalStore
from ledger.journal.postgres import PgAppender, PgReader
from ledger.journal.sealing import Sealer
from tests.support.databases import Database
from tests.support.line import Line
from tests.support.make import NOON, FakeTape, received, sold


class PgJournal:
    """The PostgreSQL journal with the reading that the suite needs."""

    def __init__(self, database: Database, sealer: Any) -> None:
        self.appender = PgAppender(database.dsn("suyuan_writer"), sealer)
        self.connection = psycopg.connect(database.dsn(), autocommit=True)
        reader = PgReader(self.connection)
        self.append_batches = self.appender.append_batches
        self.keep_stranger = self.appender.keep_stranger
        self.head, self.page = reader.head, reader.page
        self._dsn = database.dsn()

    def erase(self, ref: str, openings: Openings, persons: Any) -> int:
        """Erases as `suyuan erase` does; what the other journal is given it finds by itself."""
        return erase(self._dsn, Erasure(ref, "officer-1", "asked", NOON))

    def count(self, table: str) -> int:
        row = self.connection.execute(f"SELECT count(*) FROM ledger.{table}").fetchone()
        return int(row[0]) if row else 0

    @property
    def quarantine_items(self) -> range:
        return range(self.count("quarantine"))

    @property
    def strangers(self) -> range:
        return range(self.count("strangers"))

    @property
    def batches(self) -> range:
        return range(self.count("batches"))

    def close(self) -> None:
        self.appender.close()
        self.connection.close()


@pytest.fixture(params=["memory", "postgres"])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    if request.param == "memory":
        yield Line()
        return
    database = request.getfixturevalue("database")
    persons = PgPersonalStore(database.dsn("suyuan_writer"), os.urandom)
    sealer = Sealer("test", entropy=os.urandom, persons=persons.remembered)
    journal = PgJournal(database, sealer)
    yield Line(journal=journal, sealer=sealer)
    journal.close()


def openings(line: Line) -> Openings:
    """Returns what opens the events of a journal."""
    if isinstance(line.journal, PgJournal):
        return Openings("test", PgKnownPersons(line.journal.connection))
    return Openings("test", line.persons)


def assert_every_leaf_opens(line: Line) -> None:
    rows = line.journal.page(0, 1000)
    opened = openings(line).open_all(rows)
    assert [one.public().leaf() for one in opened] == [row.leaf for row in rows]


def kinds(line: Line) -> list[str]:
    return [row.name for row in line.journal.page(0, 1000)]


def test_a_batch_is_recorded_once_and_answered_twice_alike(line: Line) -> None:
    tape = line.enroll(FakeTape())
    tape.add(received(3), sold(1))

    first = line.send(tape.batch())
    second = line.send(tape.batch())

    assert isinstance(first, wire.Receipt)
    assert isinstance(second, wire.Receipt)
    assert [v.position for v in first.verdicts] == [1, 2, 3]
    assert first.verdicts == second.verdicts
    assert line.journal.head() == 3
    assert len(line.journal.batches) == 1


def test_what_was_sealed_before_an_erasure_is_sealed_again(line: Line) -> None:
    ref, verifier = str(uuid.uuid4()), Verifier(line.devices, line.sealer)
    tape = line.enroll(FakeTape())
    tape.add(received(1, counterparty_card=ref))
    line.send(tape.batch(1))
    tape.add(received(2, counterparty_card=ref))
    before = verifier.verify(tape.batch(3), NOON)
    assert isinstance(before, TapeBatch)
    assert line.journal.erase(ref, openings(line), line.persons) == 1
    # Somebody else of this process hears of it first, as the recorder of a request does.
    line.sealer.catch_up(1)

    assert line.journal.append_batches([before], NOON) == [CheckAgain()]
    again = verifier.verify(tape.batch(3), NOON)
    assert isinstance(again, TapeBatch)
    (outcome,) = line.journal.append_batches([again], NOON)
    assert isinstance(outcome, Recorded)
    assert_every_leaf_opens(line)


def test_who_was_erased_is_nobody_to_later_events_and_cannot_be_erased_again(line: Line) -> None:
    ref, other = str(uuid.uuid4()), str(uuid.uuid4())
    tape = line.enroll(FakeTape())
    tape.add(received(1, counterparty_card=ref), received(1, counterparty_card=other))
    line.send(tape.batch(1))
    assert line.journal.erase(ref, openings(line), line.persons) == 1
    tape.add(received(1, counterparty_card=ref), received(1, counterparty_card=other))
    line.send(tape.batch(4))

    assert_every_leaf_opens(line)
    assert line.journal.erase(other, openings(line), line.persons) == 2
    assert_every_leaf_opens(line)
    with pytest.raises(Conflict, match="erased before"):
        line.journal.erase(ref, openings(line), line.persons)


def test_a_batch_that_does_not_join_is_neither_stored_nor_receipted(line: Line) -> None:
    tape = line.enroll(FakeTape())
    tape.add(*[received() for _ in range(5)])
    line.send(tape.batch(1, 2))

    answer = line.send(tape.batch(5, 6))

    assert isinstance(answer, wire.Resend)
    assert answer.number == 3
    assert line.journal.head() == 2


def test_overlapping_batches_cut_otherwise_are_harmless(line: Line) -> None:
    tape = line.enroll(FakeTape())
    tape.add(*[received() for _ in range(7)])
    line.send(tape.batch(1, 4))

    answer = line.send(tape.batch(2, 8))

    assert isinstance(answer, wire.Receipt)
    assert [(v.number, v.position) for v in answer.verdicts] == [(n, n) for n in range(2, 9)]


def test_one_number_with_two_contents_is_a_fork_and_the_tape_stops(line: Line) -> None:
    tape = line.enroll(FakeTape())
    tape.add(received(1), received(2))
    line.send(tape.batch())
    clone = FakeTape(tape.device, tape.key)
    clone.id, clone.reports = tape.id, tape.reports[:2]
    clone.add(received(9))

    assert isinstance(line.send(clone.batch(3)), wire.Fork)
    tape.add(received(4))
    answer = line.send(tape.batch(4))

    assert isinstance(answer, wire.Fork)
    assert kinds(line).count("tape-forked.v1") == 1
    assert line.journal.head() == 4
    assert len(line.journal.quarantine_items) == 2


def test_a_clone_that_keeps_shouting_does_not_fill_the_disk(line: Line) -> None:
    tape = line.enroll(FakeTape())
    tape.add(received(1))
    line.send(tape.batch())
    for units in range(20):
        clone = FakeTape(tape.device, tape.key)
        clone.id, clone.reports = tape.id, tape.reports[:1]
        clone.add(received(units + 50))
        assert isinstance(line.send(clone.batch(2)), wire.Fork)

    assert len(line.journal.quarantine_items) == 8


def test_a_chain_that_differs_before_the_batch_is_a_fork_too(line: Line) -> None:
    tape = line.enroll(FakeTape())
    tape.add(received(1))
    line.send(tape.batch())
    other = FakeTape(tape.device, tape.key)
    other.id = tape.id
    other.add(received(7), received(8))

    assert isinstance(line.send(other.batch(3)), wire.Fork)


def test_a_signed_report_nobody_understands_keeps_its_number_and_its_bytes(line: Line) -> None:
    tape = line.enroll(FakeTape())
    tape.add(received(1), b'{"type":"goods-teleported.v9"}', b"\xff\xfe not even text", sold(1))

    answer = line.send(tape.batch())

    assert isinstance(answer, wire.Receipt)
    codes = [v.code for v in answer.verdicts]
    assert codes == ["recorded", "recorded", "unreadable", "unreadable", "recorded"]
    assert len(line.journal.quarantine_items) == 2


def test_a_new_tape_closes_the_old_one_with_a_lasting_note(line: Line) -> None:
    old = line.enroll(FakeTape())
    old.add(received(1))
    line.send(old.batch())
    new = FakeTape(old.device, old.key)

    line.send(new.batch())
    old.add(sold(1))
    late = line.send(old.batch(3))

    assert kinds(line).count("tape-lost.v1") == 1
    assert isinstance(late, wire.Receipt), "what arrives late from a known device is not lost"


@pytest.mark.parametrize("case", ["stranger", "other key", "forged", "truncated", "no opening"])
def test_what_comes_from_a_stranger_is_counted_and_never_recorded(line: Line, case: str) -> None:
    tape = FakeTape()
    if case != "stranger":
        line.enroll(tape)
    envelope = tape.batch()
    if case == "other key":
        envelope = FakeTape(tape.device).batch()
    if case == "forged":
        tape.add(received(1))
        fields = wire.decode_batch(tape.batch())
        wrong = (*fields.reports[:-1], fields.reports[-1].replace(b"1", b"2"))
        import msgspec

        envelope = wire.encode(msgspec.structs.replace(fields, reports=wrong))
    if case == "truncated":
        envelope = envelope[:-20]
    if case == "no opening":
        tape.reports = []
        tape.add(received(1))
        envelope = tape.batch()

    answer = line.send(envelope)

    assert answer is None if case == "truncated" else isinstance(answer, wire.Refused)
    assert line.journal.head() == 0
    assert len(line.journal.strangers) == 1


def test_a_flood_of_strangers_is_counted_and_costs_a_bounded_number_of_commits(
    line: Line,
) -> None:
    for number in range(120):
        line.send(b"junk %d" % number)
    line.now += timedelta(seconds=2)
    line.send(b"x" * (2 * wire.BATCH_BYTES_MAX))

    assert line.committer.counters["strangers"] == 121
    assert line.committer.counters["strangers_kept"] == len(line.journal.strangers) == 51


def test_a_revoked_device_is_refused_at_once_and_keeps_its_past(line: Line) -> None:
    import msgspec

    tape = line.enroll(FakeTape())
    line.send(tape.batch())
    case = line.known.cases[tape.device]
    line.known.cases[tape.device] = msgspec.structs.replace(case, revoked=True)
    line.devices.forget(tape.device)
    tape.add(received(1))

    answer = line.send(tape.batch(2))

    assert isinstance(answer, wire.Refused)
    assert answer.code == "revoked-device"
    assert line.journal.head() == 1


def test_two_intakes_on_one_database_record_every_report_once(database: Database) -> None:
    lines = [Line(seed=n, journal=None) for n in (1, 2)]
    tapes = []
    for number in range(8):
        tape = FakeTape(f"scanner-{number}")
        tape.add(*[received() for _ in range(40)])
        tapes.append(tape)
        for line in lines:
            line.enroll(tape)
    journals = [PgJournal(database, line.sealer) for line in lines]
    for line, journal in zip(lines, journals, strict=True):
        line.committer._journal = journal.appender

    def send(line: Line) -> None:
        for first in range(1, 42, 3):
            for tape in tapes:
                line.send(tape.batch(first, min(41, first + 4)))

    threads = [threading.Thread(target=send, args=[line]) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    rows = journals[0].page(0, 1000)
    assert [row.position for row in rows] == list(range(1, 8 * 41 + 1))
    assert len({(row.stream, row.number) for row in rows}) == 8 * 41
    for journal in journals:
        journal.close()


def test_a_tape_that_begins_with_a_chain_of_its_own_is_refused_and_intake_lives_on(
    line: Line,
) -> None:
    import msgspec

    from ledger.values.chain import batch_message, chain_over

    tape = line.enroll(FakeTape())
    fields = wire.decode_batch(tape.batch())
    previous = bytes(32)
    head = chain_over(previous, 1, fields.reports)[-1]
    signature = tape.key.sign(batch_message(tape.id, 1, 1, previous, head))
    odd = msgspec.structs.replace(fields, previous=previous, signature=signature)

    answer = line.send(wire.encode(odd))

    assert isinstance(answer, wire.Refused)
    assert answer.code == "bad-opening"
    assert isinstance(line.send(tape.batch()), wire.Receipt)


def test_a_report_whose_error_would_quote_a_nul_is_kept_aside_and_intake_lives_on(
    line: Line,
) -> None:
    tape = line.enroll(FakeTape())
    tape.add(b'{"type":"goods-sold.v1","a\\u0000b":1}', b'{"type":"x\\u0000\\ud800"}')

    answer = line.send(tape.batch())

    assert isinstance(answer, wire.Receipt)
    assert [v.code for v in answer.verdicts] == ["recorded", "unreadable", "unreadable"]


def test_a_tape_takes_nothing_from_another_device_and_is_not_stopped_by_it(line: Line) -> None:
    tape, other = line.enroll(FakeTape()), line.enroll(FakeTape("scanner-2"))
    line.send(tape.batch())
    other.id = tape.id

    stolen = line.send(other.batch())
    tape.add(received(1))

    assert isinstance(stolen, wire.Refused)
    assert stolen.code == "tape-of-another"
    assert isinstance(line.send(tape.batch(2)), wire.Receipt)


def test_old_tape_new_tape_and_the_old_again_in_one_transaction_number_rightly(line: Line) -> None:
    old = line.enroll(FakeTape())
    old.add(received(1), received(2))
    new = FakeTape(old.device, old.key)
    answers: list[wire.AnswerBody] = []
    for envelope in (old.batch(), new.batch(), old.batch(2)):
        line.committer.submit(envelope, lambda _t, a: answers.append(wire.decode_answer(a)[1]))

    while line.committer.step(0.001):
        pass

    rows = line.journal.page(0, 100)
    assert len({(row.stream, row.number) for row in rows}) == len(rows) == 5
    assert all(isinstance(answer, wire.Receipt) for answer in answers)
    (lost,) = [row for row in rows if row.name == "tape-lost.v1"]
    assert b'"last_stored":3' in lost.state


def test_a_tape_id_with_a_line_end_from_a_stranger_leaves_intake_alive(line: Line) -> None:
    tape = line.enroll(FakeTape())
    sent = tape.batch().replace(tape.id.encode(), tape.id.encode() + b"\\n")

    assert line.send(sent) is None
    assert isinstance(line.send(tape.batch()), wire.Receipt)
