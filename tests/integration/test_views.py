"""Followers on PostgreSQL: exactly once, with two of each; replay, rebuild, verify."""

import hashlib
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from ledger.errors import BadSetting, JournalDamaged
from ledger.follower import Follower, entries_of, fold_page, make_views
from ledger.journal.postgres import PgReader
from ledger.projections.groups import GROUPS, TRADE, VIEWS_VERSION
from ledger.projections.merchants import MERCHANTS, PREMISES
from ledger.projections.postgres import PgStore, create_tables
from ledger.projections.shelves import STOCK, Stock
from ledger.projections.table import MemoryStore, Table
from suyuan.audit_rows import RowsCheck
from suyuan.bench.work import Work
from suyuan.upkeep import Upkeep
from tests.support.asked import fill
from tests.support.databases import Database
from tests.support.line import Line
from tests.support.make import NOON, FakeTape, corrected, received
from tests.support.wild import examples, wild_reports

Connection = psycopg.Connection[Any]


def follower_of(database: Database, group: Any) -> Follower:
    def connect() -> Any:
        return psycopg.connect(database.dsn("suyuan_follower"), autocommit=True)

    return Follower(group, connect)


def follow_all(database: Database) -> None:
    for group in GROUPS:
        follower = follower_of(database, group)
        follower.prepare()
        while follower.step(limit=700):
            pass
        follower.close()


@pytest.fixture(scope="module")
def work() -> Work:
    return Work(2000, ledger="test")


def test_two_followers_of_each_group_fold_every_event_once(database: Database, work: Work) -> None:
    work.ingest(database.dsn("suyuan_writer"))
    folded: list[int] = []

    def follow(group: Any) -> None:
        follower = follower_of(database, group)
        follower.prepare()
        while (count := follower.step(limit=97)) != 0:
            folded.append(max(0, count))
        follower.close()

    threads = [threading.Thread(target=follow, args=[group]) for group in GROUPS * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(folded) == work.reports * len(GROUPS)
    assert all(
        c.missing == c.unexpected == 0 for c in Upkeep(database.dsn("suyuan_follower")).compare()
    )


def test_the_views_equal_the_simulators_truth(database: Database, work: Work) -> None:
    work.register(database.dsn("suyuan_writer"))
    work.ingest(database.dsn("suyuan_writer"))
    follow_all(database)

    with psycopg.connect(database.dsn("suyuan_reader")) as reader:
        reader.execute("SET LOCAL suyuan.reach = 'everything'")
        query = "SELECT premises, product, lot, unit, amount FROM trade.stock WHERE amount <> 0"
        stored = {tuple(row[:4]): int(row[4]) for row in reader.execute(query)}
    wanted: dict[tuple[str, ...], int] = {k: v for k, v in work.trade.truth.stock.items() if v}
    # The work cuts the trade after 2,000 reports; compare a premises that was done by then.
    producers = {m.premises for m in work.trade.merchants if m.kind in ("producer", "processor")}
    assert {k: v for k, v in stored.items() if k[0] in producers} == {
        k: v for k, v in wanted.items() if k[0] in producers
    }


def test_a_rebuild_swaps_tables_and_position_while_somebody_follows(
    database: Database, work: Work
) -> None:
    half = len(work.envelopes) // 2
    work.ingest(database.dsn("suyuan_writer"), work.envelopes[:half])
    follow_all(database)
    ended = threading.Event()
    errors: list[Exception] = []

    def keep_following() -> None:
        follower = follower_of(database, TRADE)
        try:
            while not ended.is_set():
                follower.step(limit=50)
        except Exception as error:
            errors.append(error)
        finally:
            follower.close()

    thread = threading.Thread(target=keep_following)
    thread.start()
    work.ingest(database.dsn("suyuan_writer"), work.envelopes[half:])
    upkeep = Upkeep(database.dsn("suyuan_follower"))
    for _ in range(3):
        upkeep.rebuild(TRADE)
    ended.set()
    thread.join()
    follow_all(database)

    assert errors == []
    assert all(c.missing == c.unexpected == 0 for c in upkeep.compare())


def test_verify_finds_a_row_that_was_changed_behind_our_back(
    database: Database, work: Work
) -> None:
    work.ingest(database.dsn("suyuan_writer"), work.envelopes[:3])
    follow_all(database)
    with psycopg.connect(database.dsn(), autocommit=True) as owner:
        owner.execute("UPDATE trade.stock SET amount = amount + 1 WHERE ctid = '(0,1)'")

    differing = [
        c for c in Upkeep(database.dsn("suyuan_follower")).compare() if c.missing or c.unexpected
    ]

    assert [c.table for c in differing] == ["trade.stock"]
    assert (differing[0].missing, differing[0].unexpected) == (1, 1)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE ledger.events SET state = state || ' '::bytea WHERE notification_id = 5", "leaf"),
        ("UPDATE ledger.events SET leaf = seed WHERE notification_id = 5", "leaf"),
        ("UPDATE ledger.events SET flags = '{late}' WHERE notification_id = 5", "leaf"),
        ("UPDATE ledger.events SET chain = seed WHERE notification_id = 5", "chain"),
        ("DELETE FROM ledger.events WHERE notification_id = 5", "missing"),
        ("UPDATE ledger.batches SET signature = decode(repeat('00', 64), 'hex')", "signature"),
    ],
)
def test_verify_finds_a_record_that_was_changed_behind_our_back(
    database: Database, work: Work, change: str, found: str
) -> None:
    work.ingest(database.dsn("suyuan_writer"), work.envelopes[:1])
    # The devices of this work are known by hand; their signatures are checked where enrolled.
    clean = [p for p in RowsCheck(database.dsn()).run().problems if "signature" not in p]
    assert clean == []
    with psycopg.connect(database.dsn(), autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(change)  # type: ignore[call-overload]

    problems = RowsCheck(database.dsn()).run().problems

    assert any(found in problem for problem in problems)


def test_a_fold_that_fails_stops_its_follower_at_that_position_and_skips_nothing(
    database: Database, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.ingest(database.dsn("suyuan_writer"), work.envelopes[:5])
    follower = follower_of(database, TRADE)
    follower.prepare()
    follower.step(limit=100)

    def fail(fold: Any) -> None:
        if fold.entry.position == 150:
            raise ValueError("a bug")

    (stock,) = [p for p in TRADE.projections if p.name == "stock"]
    monkeypatch.setattr(stock, "fold", fail)
    with pytest.raises(JournalDamaged, match="stock at position 150"):
        follower.step(limit=100)

    assert follower.position() == 100
    follower.close()


def test_rows_in_memory_and_in_postgresql_are_the_same_rows(database: Database, work: Work) -> None:
    work.ingest(database.dsn("suyuan_writer"))
    follow_all(database)
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        page = PgReader(connection).page(0, 10_000)
        for group in GROUPS:
            memory = MemoryStore()
            for start in range(0, len(page), 333):
                fold_page(group, memory, entries_of(page[start : start + 333]))
            store = PgStore(connection, group.name)
            for table in group.tables:
                held = memory.tables.get(table.name, {})
                stored = store.load(table, list(held))
                assert {table.key_of(row): row for row in stored} == held
                count = connection.execute(f"SELECT count(*) FROM {group.name}.{table.name}")  # type: ignore[call-overload]
                assert count.fetchone() == (len(held),)


def test_a_voided_delivery_of_nobody_named_is_voided_whole(database: Database) -> None:
    """Farm produce of an unregistered farmer: the delivery has no counterparty."""
    line = Line()
    tape = line.report(*(received(n, delivery="F-1") for n in (1, 2, 3)))
    line.report(corrected(tape.id, 3, "delivery"), tape=tape)
    line.follow()

    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        make_views(connection, "trade_void", TRADE)
        with connection.transaction():
            store = PgStore(connection, "trade_void")
            for entry in entries_of(line.journal.page(0, 100)):
                fold_page(TRADE, store, [entry])
        found = connection.execute("SELECT amount FROM trade_void.stock").fetchall()

    assert found == []
    assert line.stock() == {}


def test_a_store_finds_rows_alike_in_memory_and_in_postgresql(database: Database) -> None:
    table = Table("things", Thing, ("name",))
    day = date(2026, 11, 22)
    rows = [Thing("a", None, day), Thing("b", "x", None), Thing("c", "x", day), Thing("d", "", day)]
    questions: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}), ({"kind": None}, {}), ({"kind": "x"}, {}), ({"kind": ""}, {"due": day}),
        ({"kind": "x"}, {"due": day}), ({"kind": None}, {"due": date(2026, 11, 21)}),
    ]  # fmt: skip
    memory = MemoryStore()
    memory.write(table, rows)
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        create_tables(connection, "things", [table])
        stored = PgStore(connection, "things")
        stored.write(table, rows)
        answers = [
            [sorted(row.name for row in store.select(table, *question)) for question in questions]
            for store in (memory, stored)
        ]

    assert answers[0] == answers[1]
    assert answers[0] == [["a", "b", "c", "d"], ["a"], ["b", "c"], ["d"], ["c"], []]


class Thing(msgspec.Struct):
    name: str
    kind: str | None
    due: date | None


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=wild_reports())
def test_what_intake_accepts_postgresql_takes_as_rows(raw: bytes, views: Connection) -> None:
    """The same law as in memory, where a column of the database might be narrower."""
    line = Line()
    tape = line.enroll(FakeTape())
    tape.add(raw, raw)
    line.send(tape.batch())
    page = entries_of(line.journal.page(0, 100))

    with views.transaction(force_rollback=True):
        for group in GROUPS:
            fold_page(group, PgStore(views, f"{group.name}_wild"), page)


@pytest.fixture
def views(database: Database) -> Iterator[Connection]:
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        for group in GROUPS:
            make_views(connection, f"{group.name}_wild", group)
        yield connection
        for group in GROUPS:
            connection.execute(f"DROP SCHEMA {group.name}_wild CASCADE")


def test_a_lot_at_thousands_of_places_does_not_slow_what_each_of_them_reports(
    database: Database,
) -> None:
    with psycopg.connect(database.dsn("suyuan_follower"), autocommit=True) as connection:
        create_tables(connection, "popular", [STOCK, MERCHANTS, PREMISES])
        store = PgStore(connection, "popular")
        keys = [(f"m-{n}", f"p-{n}", "1", "L:1", "piece") for n in range(3000)]
        store.write(STOCK, [Stock(*key, 1, 0, 0, None, 0, 0, 0, "", 0, NOON, 0, 0) for key in keys])
        connection.execute("ANALYZE popular.stock")
        # So few rows it would read all at once.
        connection.execute("SET enable_seqscan = off")
        before = _rows_read(connection)

        found = store.load(STOCK, keys[1000:1050])

        assert len(found) == 50
        # Which index PostgreSQL takes is its own to choose; none may go through the lot's places.
        assert _rows_read(connection) - before <= 100
        connection.execute("DROP SCHEMA popular CASCADE")


def _rows_read(connection: Connection) -> int:
    """Rows that this transaction and those before it read of the popular lot, by any way."""
    connection.execute("SELECT pg_stat_force_next_flush()")
    row = connection.execute(
        "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_user_tables"
        " WHERE schemaname = 'popular'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def fingerprint() -> str:
    """What the tables of all views look like, in one short word."""
    tables = [
        (group.name, t.name, t.columns, t.column_types, t.primary, t.indexes, t.seen)
        for group in GROUPS
        for t in group.tables
    ]
    return hashlib.sha256(repr(tables).encode()).hexdigest()[:16]


def test_whoever_changes_a_table_of_the_views_counts_their_version_up() -> None:
    known = {14: "36d836564fc72c0c"}

    assert known.get(VIEWS_VERSION) == fingerprint(), (
        f"count VIEWS_VERSION up and write its fingerprint {fingerprint()!r} beside it"
    )


def test_views_of_an_older_form_are_made_anew_and_newer_ones_refused(database: Database) -> None:
    follower = follower_of(database, TRADE)
    with psycopg.connect(database.dsn("suyuan_follower"), autocommit=True) as old:
        old.execute("CREATE SCHEMA trade")
        old.execute("CREATE TABLE trade.position (only_row boolean, position bigint)")
        old.execute("INSERT INTO trade.position VALUES (true, 41)")
        old.execute("CREATE TABLE trade.stock (nothing int)")

    follower.prepare()

    assert follower.position() == 0
    with psycopg.connect(database.dsn("suyuan_follower"), autocommit=True) as newer:
        assert newer.execute("SELECT count(amount) FROM trade.stock").fetchone() == (0,)
        newer.execute("UPDATE trade.position SET version = version + 1")
    with pytest.raises(BadSetting, match="update it"):
        follower.prepare()
    follower.close()


def test_a_receipt_with_papers_is_folded_into_postgresql_too(database: Database) -> None:
    """The follower stopped at the first receipt that a picture came with."""
    line = Line()
    line.report(received(1, documents=("0" * 64,)), *examples())
    line.follow()

    fill(database, line)

    with psycopg.connect(database.dsn()) as connection:
        for group in GROUPS:
            store = PgStore(connection, group.name)
            for table in group.tables:
                live = {table.key_of(row): row for row in store.select(table, {}, {})}
                assert live == line.stores[group.name].tables.get(table.name, {}), table.name
