"""Project: microseconds per event of each projection and their sum, against raw COPY."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from ledger.follower import (
    Follower,
    Pages,
    entries_of,
    fold_page,
    make_views,
    without_collector,
)
from ledger.journal.interface import Stored
from ledger.journal.postgres import PgReader
from ledger.projections.fold import Entry, Fold
from ledger.projections.groups import GROUPS, Group
from ledger.projections.movements import GoodsReport, legs_of
from ledger.projections.postgres import PgStore
from ledger.projections.table import Key, MemoryStore, Rows, Table
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.work import RAW_TABLE, SIZES, Work, bench_cluster, raw_copy

PAGE = 5000


def project(size: str) -> dict[str, Any]:
    """The bench's own ratio is the sum's: all followers, reading and decoding included."""
    with bench_cluster() as cluster, psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        work = Work(SIZES[size])
        events = work.register(cluster.dsn("suyuan_writer")) + work.reports
        work.ingest(cluster.dsn("suyuan_writer"))

        def connect() -> psycopg.Connection[Any]:
            return psycopg.connect(cluster.dsn("suyuan_follower"), autocommit=True)

        pages = Pages()
        followers = [Follower(group, connect, pages=pages) for group in GROUPS]
        for follower in followers:
            follower.prepare()
        rows = PgReader(admin).page(0, events)
        costs: defaultdict[str, list[float]] = defaultdict(list)
        copied = []
        for number, start in enumerate(range(0, len(rows), PAGE)):
            page = rows[start : start + PAGE]
            begun = time.perf_counter()
            for follower in followers:
                follower.step(limit=PAGE)
            costs["all projections"].append((time.perf_counter() - begun) / len(page) * 1e6)
            for name, spent in _each(admin, page, new=number == 0).items():
                costs[name].append(spent / len(page) * 1e6)
            copied.append(_copy_us(admin, number, page))
        equal = all(_same_rows(admin, group, rows) for group in GROUPS)
        for follower in followers:
            follower.close()
    name = "raw COPY of the same events, 1,000 a commit"
    parts = [
        comparison(
            what, ours=spent, anchor=copied, anchor_name=name, unit="µs/event", equal=equal,
            n=len(rows),
        )
        for what, spent in costs.items()
    ]  # fmt: skip
    return bench("project", parts)


def _copy_us(admin: psycopg.Connection[Any], number: int, page: Sequence[Stored]) -> float:
    table = f"ledger.raw{number}"
    admin.execute(RAW_TABLE.format(table))
    begun = time.perf_counter()
    raw_copy(admin, table, page)
    return (time.perf_counter() - begun) / len(page) * 1e6


class _Timed:
    """A store that notes how long each table's reading and writing took."""

    def __init__(self, store: PgStore, spent: defaultdict[str, float]) -> None:
        self._store = store
        self._spent = spent

    def load(self, table: Table, keys: Sequence[Key]) -> list[Any]:
        begun = time.perf_counter()
        found = self._store.load(table, keys)
        self._spent[table.name] += time.perf_counter() - begun
        return found

    def write(self, table: Table, rows: Sequence[Any]) -> None:
        begun = time.perf_counter()
        self._store.write(table, rows)
        self._spent[table.name] += time.perf_counter() - begun

    def erase(self, table: Table, keys: Sequence[Key]) -> None:
        begun = time.perf_counter()
        self._store.erase(table, keys)
        self._spent[table.name] += time.perf_counter() - begun

    def select(
        self,
        table: Table,
        equal: Mapping[str, Any],
        at_most: Mapping[str, Any],
        limit: int | None = None,
    ) -> list[Any]:
        begun = time.perf_counter()
        found = self._store.select(table, equal, at_most, limit)
        self._spent[table.name] += time.perf_counter() - begun
        return found


def _each(admin: psycopg.Connection[Any], page: Sequence[Stored], *, new: bool) -> dict[str, float]:
    """Seconds of each projection: its fold, and the rows of its tables read and written."""
    spent: defaultdict[str, float] = defaultdict(float)
    in_tables: defaultdict[str, float] = defaultdict(float)
    for group in GROUPS:
        schema = f"{group.name}_parts"
        if new:
            make_views(admin, schema, group)
        with without_collector(), admin.transaction():
            rows = Rows(_Timed(PgStore(admin, schema), in_tables))
            _fold(group, rows, entries_of(page), spent, in_tables)
            rows.flush()
    for group in GROUPS:
        for projection in group.projections:
            spent[projection.name] += sum(in_tables[table.name] for table in projection.tables)
    return spent


def _fold(
    group: Group,
    rows: Rows,
    entries: Sequence[Entry],
    spent: defaultdict[str, float],
    in_tables: Mapping[str, float],
) -> None:
    for entry in entries:
        begun = time.perf_counter()
        if isinstance(entry.event, GoodsReport):
            # Whoever asks first would pay for what all share.
            legs_of(entry, entry.event)
            spent["movements"] += time.perf_counter() - begun
    for projection in group.projections:
        begun, stored = time.perf_counter(), sum(in_tables.values())
        rows.prefetch(wanted for entry in entries for wanted in projection.keys(entry, rows))
        taken = time.perf_counter() - begun
        spent[projection.name] += taken - (sum(in_tables.values()) - stored)
    for entry in entries:
        fold = Fold(rows, entry)
        for projection in group.projections:
            begun, stored = time.perf_counter(), sum(in_tables.values())
            projection.fold(fold)
            inside = sum(in_tables.values()) - stored
            spent[projection.name] += time.perf_counter() - begun - inside


def _same_rows(admin: psycopg.Connection[Any], group: Group, page: Sequence[Stored]) -> bool:
    """Tells whether the live rows are those of a fold in memory."""
    memory = MemoryStore()
    fold_page(group, memory, entries_of(page))
    live = PgStore(admin, group.name)
    with admin.transaction(force_rollback=True):
        return all(
            {table.key_of(row): row for row in live.select(table, {}, {})}
            == memory.tables.get(table.name, {})
            for table in group.tables
        )
