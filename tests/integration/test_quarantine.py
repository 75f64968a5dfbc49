"""A report put aside as unreadable counts once the ledger can read it, and only then."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ledger.errors import Malformed
from ledger.events.cases import DayBegan, MarketRegistered, MerchantRegistered, PremisesAdded
from ledger.events.catalogue import decode
from ledger.follower import entries_of, fold_page
from ledger.intake import verify
from ledger.intake.__main__ import datastore
from ledger.intake.committer import Committer
from ledger.intake.days import DayKeeper
from ledger.intake.devices import Devices
from ledger.intake.requests import Requests
from ledger.intake.verify import Verifier
from ledger.journal.cases import Cases
from ledger.journal.personal import MemoryPersons, RememberedSalts
from ledger.journal.postgres import PgAppender, PgReader
from ledger.journal.quarantine import PgQuarantine
from ledger.journal.recorder import LedgerRecorder
from ledger.journal.sealing import Sealer
from ledger.projections.groups import GROUPS
from ledger.projections.table import MemoryStore
from ledger.rules.device import EnrollDevice, GrantMandate
from ledger.rules.quarantine import ReadmitReport
from ledger.rules.refusal import Refusal
from ledger.rules.requests import AddPremises, RegisterMarket, RegisterMerchant
from ledger.values.ids import stream_of_tape
from ledger.values.keys import SigningKey
from suyuan.audit_rows import RowsCheck
from tests.support.databases import Database
from tests.support.make import MILK, NOON, TODAY, FakeTape, received, sold


class Ledger:
    """Intake over PostgreSQL without its transports, on a clock of the test's own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOON
        dsn = database.dsn("suyuan_writer")
        sealer = Sealer(
            "test", entropy=os.urandom, persons=RememberedSalts(MemoryPersons(os.urandom).meet)
        )
        self.recorder = LedgerRecorder(datastore(dsn), sealer=sealer, now=lambda: self.now)
        cases = Cases(self.recorder)
        devices = Devices(cases)
        key = SigningKey(os.urandom(32))
        held = PgQuarantine(dsn).find
        self.requests = Requests(
            cases, (key.public,), devices.forget, lambda: self.now, held, ledger="test"
        )
        self.appender = PgAppender(dsn, sealer)
        self.committer = Committer(
            "test", self.appender, Verifier(devices, sealer), devices, key=key,
            now=lambda: self.now,
        )  # fmt: skip

    def send(self, envelope: bytes) -> None:
        self.committer.submit(envelope, lambda _tape, _answer: None)
        while self.committer.step(0.001):
            pass

    def folded(self) -> dict[str, MemoryStore]:
        stores = {group.name: MemoryStore() for group in GROUPS}
        with psycopg.connect(self.database.dsn(), autocommit=True) as connection:
            page = PgReader(connection).page(0, 1000)
        for group in GROUPS:
            fold_page(group, stores[group.name], entries_of(page))
        return stores

    def events(self) -> list[object]:
        with psycopg.connect(self.database.dsn(), autocommit=True) as connection:
            return [decode(r.name, r.state) for r in PgReader(connection).page(0, 1000)]


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    made = Ledger(database)
    yield made
    made.appender.close()
    made.recorder.datastore.close()


def stream_of(tape: FakeTape) -> str:
    return str(stream_of_tape(tape.id))


def put_aside(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> FakeTape:
    """A scanner whose second report this ledger was too old to read."""
    tape = FakeTape()
    ledger.requests.take(EnrollDevice(device=tape.device, key=tape.key.public, name="x"))
    ledger.requests.take(
        GrantMandate(device=tape.device, merchant="m-1", valid_from=TODAY - timedelta(days=9))
    )
    tape.add(received(5), sold(2))
    new = tape.reports[1]

    def too_old(report: bytes) -> object:
        if report == new:
            raise Malformed("no event is called so here")
        return read(report)

    read = verify.read_report
    with monkeypatch.context() as patched:
        patched.setattr(verify, "read_report", too_old)
        ledger.send(tape.batch())
    return tape


def test_a_report_of_a_newer_device_counts_after_the_ledgers_update(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = put_aside(ledger, monkeypatch)
    before = ledger.folded()["trade"].tables
    assert [row.amount for row in before["stock"].values()] == [-2000]
    aside = before["alerts"]["report-unreadable", f"{stream_of(tape)}|2"]
    assert aside.closed_at is None

    assert ledger.requests.take(ReadmitReport(stream=stream_of(tape), number=2)) is None
    assert ledger.requests.take(ReadmitReport(stream=stream_of(tape), number=2)) is None, (
        "twice is once"
    )

    stores = ledger.folded()
    aside = stores["trade"].tables["alerts"]["report-unreadable", f"{stream_of(tape)}|2"]
    assert aside.closed_at is not None
    ((key, row),) = stores["trade"].tables["stock"].items()
    assert (key[2], row.amount) == (MILK, 3000)
    (gap,) = stores["edge"].tables["gaps"].values()
    assert "re-admitted at position" in gap.note
    (tape_row,) = stores["edge"].tables["tapes"].values()
    assert tape_row.last_number == 3, "the tape went back"
    assert RowsCheck(ledger.database.dsn()).run().problems == []


def test_what_cannot_be_read_or_was_changed_in_quarantine_is_not_readmitted(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = put_aside(ledger, monkeypatch)
    tape.add(b'{"type":"goods-dreamt.v9"}')
    ledger.send(tape.batch(4))
    with psycopg.connect(ledger.database.dsn()) as owner:
        owner.execute("UPDATE ledger.quarantine SET content = content || ' ' WHERE number = 2")

    codes = []
    for number in (2, 3, 4):
        refusal = ledger.requests.take(ReadmitReport(stream=stream_of(tape), number=number))
        assert isinstance(refusal, Refusal)
        codes.append(refusal.code)

    assert codes == ["quarantine-damaged", "not-in-quarantine", "still-unreadable"]


def test_a_markets_day_begins_at_midnight_of_its_own_zone(ledger: Ledger) -> None:
    entry = MerchantRegistered(merchant="m-1", name="x", kind="retailer", district="d")
    ledger.requests.take(RegisterMerchant(entry))
    for number, market in enumerate(("east", "west")):
        place = PremisesAdded(merchant="m-1", premises=f"p-{number}", name="x", market=market)
        ledger.requests.take(AddPremises(place))
    west = MarketRegistered(market="west", name="西", zone="Europe/Lisbon")
    assert ledger.requests.take(RegisterMarket(west)) is None
    keeper = DayKeeper(ledger.recorder, ledger.requests, lambda: ledger.now)

    # 01:30 on the 23rd in Shanghai is still the 22nd in Lisbon.
    for hour in (12, 17, 23):
        ledger.now = datetime(2026, 11, 22, hour, 30, tzinfo=UTC)
        keeper.step()
    ledger.now = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    keeper.step()

    days = [(e.market, str(e.day)[8:], e.zone) for e in ledger.events() if isinstance(e, DayBegan)]
    assert days == [
        ("east", "22", "Asia/Shanghai"), ("west", "22", "Europe/Lisbon"),
        ("east", "23", "Asia/Shanghai"), ("west", "23", "Europe/Lisbon"),
    ]  # fmt: skip


def test_a_market_of_no_zone_there_is_is_refused(ledger: Ledger) -> None:
    nowhere = MarketRegistered(market="west", name="x", zone="Mars/Olympus")

    refusal = ledger.requests.take(RegisterMarket(nowhere))

    assert isinstance(refusal, Refusal)
    assert refusal.code == "zone-unknown"
