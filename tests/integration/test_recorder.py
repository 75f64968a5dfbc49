"""The recorder passes the library's own test case, and refuses what loses events."""

import os
import threading
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresDatastore
from eventsourcing.tests.persistence import ApplicationRecorderTestCase
from psycopg.conninfo import conninfo_to_dict

from ledger.errors import BadSetting
from ledger.journal.personal import MemoryPersons, RememberedSalts
from ledger.journal.postgres import PgReader
from ledger.journal.recorder import LedgerRecorder
from ledger.journal.sealing import Sealer
from tests.support.databases import Database


def recorder_on(database: Database, **options: object) -> LedgerRecorder:
    parts = conninfo_to_dict(database.dsn("suyuan_writer"))
    store = PostgresDatastore(
        str(parts["dbname"]), str(parts["host"]), str(parts["port"]), str(parts["user"]), "",
        pool_size=1, max_overflow=12, schema="ledger", **options,  # type: ignore[arg-type]
    )  # fmt: skip
    sealer = Sealer(
        "test", entropy=os.urandom, persons=RememberedSalts(MemoryPersons(os.urandom).meet)
    )
    return LedgerRecorder(store, sealer=sealer, now=lambda: datetime.now(UTC))


@pytest.fixture
def recorder(database: Database):  # type: ignore[no-untyped-def]
    made = recorder_on(database)
    yield made
    made.datastore.close()


LIBRARY_TESTS = [name for name in dir(ApplicationRecorderTestCase) if name.startswith("test_")]


@pytest.mark.parametrize("name", LIBRARY_TESTS)
def test_it_passes_the_librarys_application_recorder_test_case(
    name: str, recorder: LedgerRecorder
) -> None:
    class Case(ApplicationRecorderTestCase):  # type: ignore[type-arg]
        def create_recorder(self) -> LedgerRecorder:
            return recorder

    case = Case(name)
    getattr(case, name)()


def test_the_setting_that_loses_events_is_refused(database: Database) -> None:
    with pytest.raises(BadSetting, match="loses events"):
        recorder_on(database, enable_db_functions=True)


def test_a_batch_above_the_hanging_size_is_impossible(recorder: LedgerRecorder) -> None:
    events = [StoredEvent(uuid4(), 1, "t", b"s") for _ in range(1001)]

    with pytest.raises(BadSetting, match="at most 1000"):
        recorder.insert_events(events)
    assert recorder.insert_events(events[:1000]) == list(range(1, 1001))


def test_eight_writers_get_gapless_positions_in_commit_order(
    database: Database, recorder: LedgerRecorder
) -> None:
    seen: list[int] = []
    ended = threading.Event()

    def write(stream: UUID) -> None:
        for number in range(1, 41):
            recorder.insert_events([StoredEvent(stream, number, "t", b"s")])

    def tail() -> None:
        with psycopg.connect(database.dsn("suyuan_follower"), autocommit=True) as connection:
            reader = PgReader(connection)
            while not ended.is_set() or len(seen) < 320:
                seen.extend(row.position for row in reader.page(seen[-1] if seen else 0, 50))

    reading = threading.Thread(target=tail)
    reading.start()
    writers = [threading.Thread(target=write, args=[uuid4()]) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    ended.set()
    reading.join(30)

    assert seen == list(range(1, 321))


def test_two_writers_of_one_case_cannot_both_be_first(recorder: LedgerRecorder) -> None:
    stream = uuid4()
    outcomes: Counter[str] = Counter()

    def write() -> None:
        try:
            recorder.insert_events([StoredEvent(stream, 1, "t", b"s")])
            outcomes["written"] += 1
        except IntegrityError:
            outcomes["conflict"] += 1

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert outcomes == {"written": 1, "conflict": 5}


@pytest.mark.parametrize("statement", ["UPDATE ledger.events SET topic = 'x'", "DELETE FROM ledger.events", "TRUNCATE ledger.events", "UPDATE ledger.batches SET key = 'x'"])  # fmt: skip
def test_the_record_refuses_change_even_to_its_owner(
    database: Database, recorder: LedgerRecorder, statement: str
) -> None:
    recorder.insert_events([StoredEvent(uuid4(), 1, "t", b"s")])

    with (
        psycopg.connect(database.dsn()) as owner,
        pytest.raises(psycopg.Error, match="append-only"),
    ):
        owner.execute(statement)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("suyuan_writer", "DELETE FROM ledger.events"),
        ("suyuan_writer", "UPDATE ledger.batches SET key = 'x'"),
        ("suyuan_follower", "INSERT INTO ledger.head VALUES (false, 0, 'x')"),
        ("suyuan_reader", "SELECT state FROM ledger.events"),
        ("suyuan_reader", "SELECT seed FROM ledger.events"),
        ("suyuan_reader", "SELECT * FROM personal.subjects"),
        ("suyuan_reader", "UPDATE ledger.head SET position = 0"),
    ],
)
def test_each_service_may_do_its_own_and_nothing_else(
    database: Database, role: str, statement: str
) -> None:
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with psycopg.connect(database.dsn(role)) as connection, refused:
        connection.execute(statement)  # type: ignore[call-overload]
